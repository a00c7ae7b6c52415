#!/usr/bin/env python3
"""Makes the goldens of the families that candle-transformers runs: tiny random models, and what transformers says about them.

    python tests/golden/make_stepped_goldens.py          # all
    python tests/golden/make_stepped_goldens.py mamba    # some
"""

import random
import shutil
import sys

import torch
from transformers import AutoModelForCausalLM, MambaConfig, MambaForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

from make_model_goldens import HERE, TEXT, VOCAB, make_tokenizer, randomize, write_golden

MOE = dict(
    vocab_size=VOCAB, hidden_size=32, intermediate_size=48, moe_intermediate_size=24, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, head_dim=8, num_experts=6, num_experts_per_tok=2,
    max_position_embeddings=256, eos_token_id=0, bos_token_id=0,
)

# name: how the model is made
VARIANTS = {
    "mamba": lambda: MambaForCausalLM(MambaConfig(
        vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, eos_token_id=0, bos_token_id=0, pad_token_id=0)),
    "qwen3-moe": lambda: Qwen3MoeForCausalLM(Qwen3MoeConfig(**MOE, norm_topk_prob=True, tie_word_embeddings=True)),
    "qwen3-moe-mixed": lambda: Qwen3MoeForCausalLM(Qwen3MoeConfig(
        **(MOE | dict(num_hidden_layers=3)), norm_topk_prob=False, decoder_sparse_step=2, attention_bias=True)),
}


def randomize_experts(model, seed):
    """Weights of experts are stacked, [experts][out][in]: their width is the last dimension."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            noise = torch.randn(tensor.shape, generator=generator)
            if "experts" in name:
                tensor.copy_(1.6 * noise / tensor.shape[-1] ** 0.5)
            elif name.endswith("A_log"):
                tensor.copy_(noise.abs().clamp(0.1, 2.0))
            elif name.endswith("conv1d.weight"):
                tensor.copy_(0.5 * noise)


def make_variant(name):
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    seed = sorted(VARIANTS).index(name) + 101
    torch.manual_seed(seed)
    tokenizer = make_tokenizer(directory / "tokenizer.json")
    model = VARIANTS[name]()
    randomize(model, seed)
    randomize_experts(model, seed)
    model.save_pretrained(directory)
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    choose = random.Random(seed)
    prompts = [[choose.randrange(1, VOCAB) for _ in range(40)], tokenizer.encode(TEXT).ids[:12], [0]]
    write_golden(directory / "golden.json", model, prompts, [0], 32, every=3)


def main():
    torch.set_num_threads(1)
    for name in sys.argv[1:] or VARIANTS:
        make_variant(name)


if __name__ == "__main__":
    main()
