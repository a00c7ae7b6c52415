#!/usr/bin/env python3
"""Writes contrastive.json: what transformers' contrastive search returns, step by step.

    python tests/golden/make_contrastive_goldens.py

Contrastive search left transformers with version 5: the file is made with 4.49. That version does not read the rotary
parameters of models saved by 5; the models here have its defaults, or the old keys. Models are loaded in f32.

The figures of a step are those that transformers' own ranking works with: they are noted down on the way into it. A setting with
a step whose two best scores are closer than single precision can tell apart is left out and counted.
"""

import itertools
import json
import random
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM
from transformers.generation import utils

HERE = Path(__file__).resolve().parent
MODELS = ["llama-gqa", "llama-biases", "llama-several-ends", "llama-bf16", "llama-f16", "llama-old-config"]
WIDTHS = [2, 4, 6]
ALPHAS = [0.0, 0.3, 0.6, 0.9]
PENALTIES = [1.0, 1.3]
CLOSE = 2e-5

rank = utils._ranking_fast
steps = []


def noted(context, following, probs, mask, alpha, width):
    """Ranks as transformers does, and keeps probability, similarity and score of the choice, and its lead."""
    chosen = int(rank(context, following, probs, mask, alpha, width)[0])
    cosine = torch.nn.functional.cosine_similarity(context.double(), following.double(), dim=-1).max(dim=-1).values
    scores = (1 - alpha) * probs[0].double() - alpha * cosine
    ordered = scores.sort(descending=True).values
    assert int(scores.argmax()) == chosen or float(ordered[0] - ordered[1]) < CLOSE
    figures = (probs[0, chosen], cosine[chosen], scores[chosen])
    steps.append((*map(float, figures), chosen, float(ordered[0] - ordered[1])))
    return torch.tensor([chosen])


def case(models, name, width, alpha, penalty, choose):
    model = models[name]
    ids = [choose.randrange(1, model.config.vocab_size) for _ in range(choose.choice([1, 5, 12, 40]))]
    tokens = choose.choice([8, 16, 24])
    options = {} if penalty == 1.0 else {"repetition_penalty": penalty}

    def generate(end):
        steps.clear()
        return model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
            penalty_alpha=alpha, top_k=width, max_new_tokens=tokens, eos_token_id=end, pad_token_id=0, **options,
        )[0, len(ids) :].tolist()

    end = model.config.vocab_size - 1
    found = generate(end)
    if choose.random() < 1 / 3:
        # An end that the text comes by.
        end = found[len(found) // 2]
        found = generate(end)
    if any(lead < CLOSE for *_, lead in steps):
        return None
    return {
        "model": name, "prompt": ids, "max_new_tokens": tokens, "top_k": width, "penalty_alpha": alpha,
        "eos_token_ids": [end], "chain": "" if penalty == 1.0 else f"repetition_penalty={penalty}", "tokens": found,
        "places": [place for *_, place, _ in steps],
        "figures": [[round(figure, 6) for figure in step[:3]] for step in steps],
    }


def main():
    torch.set_num_threads(1)
    utils._ranking_fast = noted
    choose = random.Random(2026)
    models = {
        name: AutoModelForCausalLM.from_pretrained(HERE / name, torch_dtype=torch.float32).eval() for name in MODELS}
    names = itertools.cycle(MODELS)
    asked = list(itertools.product(WIDTHS, ALPHAS, PENALTIES)) * 2
    choose.shuffle(asked)
    cases = [case(models, next(names), *setting, choose) for setting in asked]
    kept = [one for one in cases if one]
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in kept)
    out = HERE / "contrastive.json"
    out.write_text(f'{{"transformers":"{transformers.__version__}","cases":[\n{lines}\n]}}\n')
    places = [place for one in kept for place in one["places"]]
    passed = sum(1 for place in places if place > 0)
    print(f"{len(kept)} settings, {len(cases) - len(kept)} too close; {len(places)} ranked steps, {passed} passed over the "
          f"most probable token; {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
