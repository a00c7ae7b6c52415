#!/usr/bin/env python3
"""Makes the scoring goldens: log-probabilities and perplexity of given texts, from transformers.

    python tests/golden/make_score_goldens.py

Reads the models that make_model_goldens.py made, in f32, and the built-in one. The strided perplexity is the loop of
"Perplexity of fixed-length models" in the documentation of transformers.
"""

import json

import torch
from builtin import load_builtin
from make_model_goldens import HERE, TEXT
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

MODELS = ["llama-gqa", "llama-tied-llama3", "llama-biases", "llama-linear", "llama-bf16", "llama-f16", "builtin"]
LENGTH = 90
# model, tokens, strides
STRIDED = [("llama-gqa", 700, [1, 64, 128, 200, 256]), ("builtin", 900, [256, 300])]


def load(name):
    if name == "builtin":
        return load_builtin()
    directory = HERE / name
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    return model, Tokenizer.from_file(str(directory / "tokenizer.json"))


def rounded(values):
    return [None if value is None else round(float(value), 6) for value in values]


def whole(model, ids):
    tokens = torch.tensor([ids])
    with torch.no_grad():
        out = model(tokens, labels=tokens)
    table = torch.log_softmax(out.logits[0].double(), -1)
    logprobs = [None] + [table[i, ids[i + 1]] for i in range(len(ids) - 1)]
    return {"logprobs": rounded(logprobs), "perplexity": round(float(out.loss.double().exp()), 6)}


def strided(model, ids, stride):
    """Every window scores what no window before it has scored."""
    max_length, seq_len, prev_end_loc = model.config.max_position_embeddings, len(ids), 0
    logprobs = [None] * seq_len
    for begin_loc in range(0, seq_len, stride):
        end_loc = min(begin_loc + max_length, seq_len)
        with torch.no_grad():
            table = torch.log_softmax(model(torch.tensor([ids[begin_loc:end_loc]])).logits[0].double(), -1)
        for at in range(max(prev_end_loc, begin_loc + 1), end_loc):
            logprobs[at] = table[at - 1 - begin_loc, ids[at]]
        prev_end_loc = end_loc
        if end_loc == seq_len:
            break
    scored = torch.stack([value for value in logprobs if value is not None])
    return {"stride": stride, "logprobs": rounded(logprobs), "perplexity": round(float((-scored.mean()).exp()), 6)}


def main():
    torch.set_num_threads(1)
    golden = {"whole": [], "strided": []}
    for name in MODELS:
        model, tokenizer = load(name)
        ids = tokenizer.encode(TEXT).ids[:LENGTH]
        assert len(ids) == LENGTH
        golden["whole"].append({"model": name, "ids": ids} | whole(model, ids))
        print(f"{name}: perplexity {golden['whole'][-1]['perplexity']:.3f}")
    for name, length, strides in STRIDED:
        model, tokenizer = load(name)
        ids = tokenizer.encode(TEXT * 12).ids[:length]
        assert len(ids) == length
        for stride in strides:
            golden["strided"].append({"model": name, "ids": ids} | strided(model, ids, stride))
            print(f"{name}, stride {stride}: perplexity {golden['strided'][-1]['perplexity']:.3f}")
    (HERE / "score.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
