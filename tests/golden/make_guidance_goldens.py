#!/usr/bin/env python3
"""Writes guidance.json: what transformers generates greedily under classifier-free guidance, and the processed scores of every
step as log-probabilities, on the models that make_model_goldens.py made.

    python tests/golden/make_guidance_goldens.py

Every scale comes with a negative prompt and without one (which is then the last token of the prompt alone), and on every model
once beside a repetition penalty. Models are loaded in f32.
"""

import json
import random

import torch
import transformers
from make_model_goldens import HERE
from transformers import AutoModelForCausalLM

MODELS = ["llama-gqa", "llama-tied-llama3", "llama-biases", "llama-several-ends", "llama-bf16"]
SCALES = [0.0, 0.5, 1.5, 3.0]
STEPS = 10
TOP = 4


def case(model, name, scale, with_negative, penalty, choose):
    draw = lambda most: [choose.randrange(1, model.config.vocab_size) for _ in range(choose.randint(1, most))]
    prompt, negative = draw(12), draw(9) if with_negative else None
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [] if ends is None else [ends]
    options = {"repetition_penalty": penalty} if penalty else {}
    if negative:
        options["negative_prompt_ids"] = torch.tensor([negative])
    out = model.generate(
        torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), do_sample=False,
        max_new_tokens=STEPS, guidance_scale=scale, pad_token_id=0, return_dict_in_generate=True, output_scores=True,
        **options)
    tokens = out.sequences[0, len(prompt):].tolist()
    steps = []
    for scores in out.scores:
        logprobs = torch.log_softmax(scores[0].double(), -1)
        values, ids = logprobs.topk(TOP)
        watched = ids.tolist() + [0, model.config.vocab_size - 1]
        steps.append([[id, round(float(logprobs[id]), 6)] for id in watched])
    chain = [f"guidance_scale={scale:g}"] + ([f"repetition_penalty={penalty}"] if penalty else [])
    return {
        "model": name, "prompt": prompt, "negative": negative, "max_new_tokens": STEPS, "chain": ",".join(chain),
        "eos_token_ids": ends, "tokens": tokens, "steps": steps}


def main():
    torch.set_num_threads(1)
    choose = random.Random(2026)
    cases = []
    for name in MODELS:
        model = AutoModelForCausalLM.from_pretrained(HERE / name, dtype=torch.float32).eval()
        for scale in SCALES:
            for with_negative in [True, False]:
                cases.append(case(model, name, scale, with_negative, None, choose))
        cases.append(case(model, name, 2.0, True, 1.3, choose))
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases)
    out = HERE / "guidance.json"
    out.write_text(f'{{"transformers":"{transformers.__version__}","cases":[\n{lines}\n]}}\n')
    print(f"{len(cases)} runs, {sum(len(one['tokens']) for one in cases)} steps; {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
