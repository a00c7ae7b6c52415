#!/usr/bin/env python3
"""Writes beam.json: what transformers' beam search returns, for every combination of 2 to 8 beams, five length penalties and
the three kinds of early stopping, with models, prompts, end ids and processors that go round.

    python tests/golden/make_beam_goldens.py                             # the committed file: 105 settings
    python tests/golden/make_beam_goldens.py --cases 600 --seed 7 --out FILE   # more of them, drawn at random
    python tests/golden/make_beam_goldens.py --groups                    # beam_groups.json: diverse beam search
    python tests/golden/make_beam_goldens.py --families                  # beam_families.json: every model family

Diverse beam search left transformers with version 5: that file is made with 4.49.

End ids are taken from what the beams visit, so that hypotheses really finish. Models are loaded in f32.
"""

import argparse
import itertools
import json
import random
from pathlib import Path

import torch
import transformers
from builtin import load_builtin
from transformers import AutoModelForCausalLM

HERE = Path(__file__).resolve().parent
MODELS = ["llama-gqa", "llama-tied-llama3", "llama-biases", "llama-several-ends", "llama-bf16"]
FAMILIES = [
    "mistral", "qwen2", "qwen3", "smollm3", "gemma", "gemma2", "gemma3", "phi", "phi-norms", "phi3", "olmo2", "stablelm",
    "stablelm-parallel", "gpt-neox", "gpt-neox-sequential", "gpt2", "llama-yarn", "llama-dynamic", "mamba", "qwen3-moe"]
TEXTS = ["Once upon a time", "The cat sat on the", "One day, a little girl named"]
DTYPE = "dtype" if int(transformers.__version__.split(".")[0]) >= 5 else "torch_dtype"
PENALTIES = [0.0, 0.6, 1.0, 2.0, -1.0]
EARLY = [True, False, "never"]


def generate(model, ids, ends, tokens, **options):
    return model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
        max_new_tokens=tokens, eos_token_id=ends, pad_token_id=0, return_dict_in_generate=True, output_scores=True,
        **options)


def visited(model, ids, tokens, beams, count, choose):
    """Ids that the beams of a search without ends come by, the first two tokens left out."""
    found = generate(model, ids, [model.config.vocab_size - 1], tokens, num_beams=beams, num_return_sequences=beams)
    tokens = sorted({token for row in found.sequences for token in row[len(ids) + 2 :].tolist()})
    return sorted(choose.sample(tokens, min(count, len(tokens))))


def trimmed(row, ends):
    """Without the padding: up to and with the first end id."""
    for place, token in enumerate(row):
        if token in ends:
            return row[: place + 1]
    return row


def case(models, tokenizer, name, beams, penalty, early, choose, grouped):
    model = models[name]
    if name == "builtin":
        ids = tokenizer.encode(choose.choice(TEXTS)).ids
    else:
        ids = [choose.randrange(1, model.config.vocab_size) for _ in range(choose.randint(1, 12))]
    tokens = choose.choice([1, 6, 12, 16, 20]) if choose.random() < 0.9 else 32
    ends = visited(model, ids, max(tokens, 8), beams, choose.choice([1, 1, 2, 3, 4]), choose)
    options, chain = {}, []
    if choose.random() < 0.3:
        options["repetition_penalty"] = choose.choice([1.1, 1.3, 0.9])
        chain.append(f"repetition_penalty={options['repetition_penalty']}")
    if choose.random() < 0.3:
        options["no_repeat_ngram_size"] = choose.choice([1, 2, 3])
        chain.append(f"no_repeat_ngram_size={options['no_repeat_ngram_size']}")
    minimum = choose.choice([0, 0, 0, 0, 3])
    if minimum:
        options["min_new_tokens"] = min(minimum, tokens)
    returned = choose.choice([1, 2, beams, beams])
    if grouped:
        # At an end, 4.49 had rules of its own (which end id it wrote, what still finished at the last step): nothing ends.
        ends = ends[:1]
        options["suppress_tokens"] = ends
        chain.append(f"suppress_tokens={ends[0]}")
        groups = choose.choice([g for g in range(2, beams + 1) if beams % g == 0])
        options |= {"num_beam_groups": groups, "diversity_penalty": choose.choice([0.3, 0.5, 1.0, 2.5])}
    found = generate(
        model, ids, ends, tokens, num_beams=beams, length_penalty=penalty, early_stopping=early,
        num_return_sequences=returned, **options)
    return {
        "model": name, "prompt": ids, "max_new_tokens": tokens, "min_new_tokens": options.get("min_new_tokens", 0),
        "num_beams": beams, "length_penalty": penalty, "early_stopping": str(early).lower(), "eos_token_ids": ends,
        "num_return_sequences": returned, "chain": ",".join(chain),
        **({"num_beam_groups": groups, "diversity_penalty": options["diversity_penalty"]} if grouped else {}),
        "sequences": [trimmed(row[len(ids) :].tolist(), ends) for row in found.sequences],
        "scores": [round(float(score), 6) for score in found.sequences_scores],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--groups", action="store_true")
    parser.add_argument("--families", action="store_true")
    arguments = parser.parse_args()
    default = "beam_groups.json" if arguments.groups else "beam_families.json" if arguments.families else "beam.json"
    out = arguments.out or HERE / default
    torch.set_num_threads(1)
    choose = random.Random(arguments.seed)
    models = {
        name: AutoModelForCausalLM.from_pretrained(HERE / name, **{DTYPE: torch.float32}).eval()
        for name in (FAMILIES if arguments.families else MODELS)}
    models["builtin"], tokenizer = load_builtin()
    settings = list(itertools.product(range(2, 9), PENALTIES, EARLY))
    if arguments.cases:
        more = [*PENALTIES, -2.0, -0.3, 0.3, 1.5, 5.0]
        draw = lambda: (choose.choice([2, 4, 6, 8] if arguments.groups else range(1, 9)), choose.choice(more), choose.choice(EARLY))
        settings = [draw() for _ in range(arguments.cases)]
    if arguments.groups:
        # transformers 4 does not read the rotary parameters of models saved by 5; those of llama-gqa are its defaults.
        models = {name: models[name] for name in ["llama-gqa", "llama-biases", "llama-several-ends", "llama-bf16", "builtin"]}
    names = itertools.cycle([*list(models)[:-1] * 2, "builtin"])
    if arguments.families:
        names, settings = itertools.cycle(FAMILIES), settings[:: len(settings) // (2 * len(FAMILIES))][: 2 * len(FAMILIES)]
    cases = []
    for beams, penalty, early in settings:
        # One beam is greedy search to transformers.
        cases.append(case(models, tokenizer, next(names), max(beams, 2), penalty, early, choose, arguments.groups))
    finished = sum(1 for one in cases for row in one["sequences"] if row[-1] in one["eos_token_ids"])
    total = sum(len(one["sequences"]) for one in cases)
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases)
    out.write_text(f'{{"transformers":"{transformers.__version__}","cases":[\n{lines}\n]}}\n')
    print(f"{len(cases)} settings, {total} sequences, {finished} of them finished; {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
