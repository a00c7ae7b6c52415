#!/usr/bin/env python3
"""Measures a model as it is stored: a GGUF file or a directory in Hugging Face layout.

    python training/evaluate.py assets/model/builtin.gguf --text heldout.txt
"""

import argparse
import math
from pathlib import Path

import prompts
import torch
from gguf_file import read
from text import CONTEXT, byte_lengths, load_tokenizer, read_documents
from transformers import AutoModelForCausalLM


def load(path):
    if Path(path).is_dir():
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        return model, load_tokenizer(Path(path) / "tokenizer.json")
    return read(path)


def bits_per_byte(model, tokenizer, path):
    """Each document by itself, begin-of-text first, at most 511 of its tokens: nats per token and bits per byte."""
    lengths = byte_lengths(tokenizer)
    nats, tokens, size = 0.0, 0, 0
    for document in read_documents(path):
        ids = torch.tensor(tokenizer.encode(document).ids[:CONTEXT])
        logits = model(ids[None, :-1]).logits[0].double()
        nats += torch.nn.functional.cross_entropy(logits, ids[1:], reduction="sum").item()
        tokens += len(ids) - 1
        size += int(lengths[ids[1:]].sum())
    return nats / tokens, nats / math.log(2) / size


def ranks(model, tokenizer):
    """The rank of each expected word; of its first token where it has several."""
    for prompt, word in prompts.EXPECTED:
        expected = tokenizer.encode(" " + word, add_special_tokens=False).ids[0]
        logits = model(torch.tensor([tokenizer.encode(prompt).ids])).logits[0, -1]
        best = [tokenizer.decode([token]).strip() for token in logits.topk(10).indices]
        yield prompt, word, int((logits > logits[expected]).sum()) + 1, best


def generate(model, ids, **options):
    tokens = torch.tensor([ids])
    return model.generate(tokens, attention_mask=torch.ones_like(tokens), do_sample=False, eos_token_id=0, pad_token_id=0, **options)


def distinct_trigrams(model, tokenizer):
    """The share of different ones among all three-token runs of 64 greedy tokens, over all openings."""
    distinct = total = 0
    for prompt in prompts.OPENINGS:
        ids = tokenizer.encode(prompt).ids
        text = generate(model, ids, max_new_tokens=64)[0, len(ids) :].tolist()
        runs = list(zip(text, text[1:], text[2:]))
        distinct, total = distinct + len(set(runs)), total + len(runs)
        print(f"  {prompt}|{tokenizer.decode(text)!r}")
    return distinct, total


def endings(model, tokenizer):
    """For how many closings at least one of 4 hypotheses ends within 40 tokens."""
    count = 0
    for prompt in prompts.CLOSINGS:
        ids = tokenizer.encode(prompt).ids
        found = generate(model, ids, max_new_tokens=40, num_beams=4, num_return_sequences=4)
        ended = [row for row in found[:, len(ids) :].tolist() if 0 in row]
        count += bool(ended)
        print(f"  {len(ended)} {prompt}|{tokenizer.decode(found[0, len(ids) :].tolist(), skip_special_tokens=False)!r}")
    return count


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--text", help="documents that were never trained on, parted by lines of <|endoftext|>")
    parser.add_argument("--only-text", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(2)
    model, tokenizer = load(given.model)
    if given.text:
        nats, bits = bits_per_byte(model, tokenizer, given.text)
        print(f"{nats:.4f} nats/token, perplexity {math.exp(nats):.3f}, {bits:.4f} bits/byte")
    if given.only_text:
        return
    found = list(ranks(model, tokenizer))
    for prompt, word, rank, best in found:
        print(f"  {rank:5} {prompt} {word} ({', '.join(best)})")
    print(f"expected word among the first 10: {sum(rank <= 10 for _, _, rank, _ in found)} of {len(found)}")
    distinct, total = distinct_trigrams(model, tokenizer)
    print(f"distinct 3-grams in greedy text: {distinct} of {total}")
    print(f"a hypothesis of 4 beams ends: {endings(model, tokenizer)} of {len(prompts.CLOSINGS)}")


if __name__ == "__main__":
    main()
