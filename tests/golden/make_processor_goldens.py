"""Writes processors.json: random logits, chains and histories with the probabilities that transformers' own logits
processors give for them, applied one after the other in the order of the chain, in float64.

    python tests/golden/make_processor_goldens.py
"""

import json
import pathlib
import random

import torch
import transformers
from transformers import (
    EpsilonLogitsWarper,
    EtaLogitsWarper,
    MinPLogitsWarper,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

CASES = 400
ORDER = [
    "logit_bias", "suppress_tokens", "repetition_penalty", "no_repeat_ngram_size",
    "temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff",
]  # fmt: skip


def draw_stage(name, rng, vocab):
    """A value as it is written in a chain, and the processor of transformers that means the same."""
    if name == "logit_bias":
        biases = {i: round(rng.uniform(-5, 5), 2) for i in rng.sample(range(vocab), 2)}
        text = ",".join(f"{i}={b}" for i, b in biases.items())
        return text, SequenceBiasLogitsProcessor({(i,): b for i, b in biases.items()})
    if name == "suppress_tokens":
        ids = rng.sample(range(vocab), 2)
        return ",".join(map(str, ids)), SuppressTokensLogitsProcessor(ids)
    if name == "repetition_penalty":
        value = round(rng.uniform(0.6, 2.5), 2)
        return str(value), RepetitionPenaltyLogitsProcessor(value)
    if name == "no_repeat_ngram_size":
        value = rng.randint(1, 3)
        return str(value), NoRepeatNGramLogitsProcessor(value)
    if name == "temperature":
        value = round(rng.choice([rng.uniform(0.1, 1), rng.uniform(1, 4)]), 3)
        return str(value), TemperatureLogitsWarper(value)
    if name == "top_k":
        value = rng.randint(1, vocab)
        return str(value), TopKLogitsWarper(value)
    if name == "top_p":
        value = round(rng.uniform(0.05, 0.999), 3)
        return str(value), TopPLogitsWarper(value)
    if name == "min_p":
        value = round(rng.uniform(0.001, 0.5), 4)
        return str(value), MinPLogitsWarper(value)
    if name == "typical_p":
        value = round(rng.uniform(0.1, 0.99), 3)
        return str(value), TypicalLogitsWarper(value)
    value = round(10 ** rng.uniform(-4, -0.7), 5)
    warper = EpsilonLogitsWarper if name == "epsilon_cutoff" else EtaLogitsWarper
    return f"{value:.5f}", warper(value)


def case(rng):
    vocab = rng.choice([5, 12, 24])
    names = rng.sample(ORDER, rng.randint(1, 5))
    if rng.random() < 0.5:
        names.sort(key=ORDER.index)
    # Ties come up where logits are whole numbers. Which of equal tokens top-p keeps is left open by transformers' sort and
    # fixed by us (the lower id), so top-p gets none. Large offsets show overflow and lost digits.
    digits = 3 if "top_p" in names else rng.choice([0, 3, 3])
    spread, shift = rng.choice([1, 3, 8]), rng.choice([0, 0, 100, -1000])
    logits = [round(rng.gauss(shift, spread), digits) for _ in range(vocab)]
    if rng.random() < 0.3:
        logits[rng.randrange(vocab)] = float("-inf")
    history = [rng.randrange(vocab) for _ in range(rng.randint(1, 12))]
    scores = torch.tensor([logits], dtype=torch.float64)
    ids = torch.tensor([history])
    chain = []
    for name in names:
        text, processor = draw_stage(name, rng, vocab)
        chain.append(f"{name}={text}")
        scores = processor(ids, scores)
        if not torch.isfinite(scores).any():
            return None
    probs = torch.softmax(scores, -1)[0].tolist()
    return {
        "logits": [None if z == float("-inf") else z for z in logits],
        "chain": ",".join(chain),
        "history": history,
        "probs": [float(f"{p:.8g}") for p in probs],
    }


def main():
    rng = random.Random(2026)
    cases = []
    while len(cases) < CASES:
        one = case(rng)
        if one is not None:
            cases.append(one)
    path = pathlib.Path(__file__).parent / "processors.json"
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases)
    path.write_text(f'{{"transformers":"{transformers.__version__}","cases":[\n{lines}\n]}}\n')
    print(f"{len(cases)} cases, {path.stat().st_size} bytes")


main()
