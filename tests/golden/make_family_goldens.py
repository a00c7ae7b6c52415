#!/usr/bin/env python3
"""Makes the goldens of every model family: tiny models with random weights, and what transformers says about them.

    python tests/golden/make_family_goldens.py                       # all
    python tests/golden/make_family_goldens.py gemma2 gpt2           # some
    python tests/golden/make_family_goldens.py --random 10 --out DIR # as many configurations at random for each family

Weights are stored as bf16, and a vocabulary of words keeps the tokenizer small. Windows, caps and the context that rotary scalings
were made for are smaller than the prompts, so that they count.
"""

import argparse
import json
import random
import shutil
from pathlib import Path

import torch
from make_model_goldens import HERE, write_golden
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, Gemma3ForConditionalGeneration

VOCAB = 64
BASE = dict(
    vocab_size=VOCAB, hidden_size=32, intermediate_size=44, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=96, bos_token_id=0, eos_token_id=0, pad_token_id=None,
)
GPT2 = dict(
    vocab_size=VOCAB, n_embd=32, n_layer=2, n_head=4, n_positions=96, bos_token_id=0, eos_token_id=0)


def rope(kind="default", base=10000.0, **more):
    return {"rope_type": kind, "rope_theta": base, **more}


# What a file of the older generation calls the base and the share of a head that is turned.
OLD_KEYS = {"gpt_neox": ("rotary_emb_base", "rotary_pct")}

# name: (model_type, configuration, how the files are changed after saving)
VARIANTS = {
    "mistral": ("mistral", dict(sliding_window=12, rope_parameters=rope()), {"old_config"}),
    "qwen2": (
        "qwen2",
        dict(use_sliding_window=True, sliding_window=10, max_window_layers=1, tie_word_embeddings=True, rope_parameters=rope()),
        set()),
    "qwen3": ("qwen3", dict(head_dim=12, rope_parameters=rope(base=1000000.0)), set()),
    "smollm3": (
        "smollm3", dict(no_rope_layer_interval=2, rope_parameters=rope(base=5000.0), tie_word_embeddings=True), set()),
    "gemma": ("gemma", dict(head_dim=12, num_key_value_heads=1, hidden_act="gelu", rope_parameters=rope()), {"old_config"}),
    "gemma2": (
        "gemma2",
        dict(head_dim=12, sliding_window=9, query_pre_attn_scalar=10, attn_logit_softcapping=3.0, final_logit_softcapping=4.0,
             rope_parameters=rope()), set()),
    "gemma3": (
        "gemma3_text",
        dict(head_dim=12, num_hidden_layers=3, sliding_window=8, query_pre_attn_scalar=14,
             layer_types=["sliding_attention", "full_attention", "sliding_attention"],
             rope_parameters={"full_attention": rope("linear", 1000000.0, factor=4.0), "sliding_attention": rope(base=500.0)}),
        set()),
    "gemma3-vision": (
        "gemma3",
        dict(head_dim=12, num_hidden_layers=3, sliding_window=8, query_pre_attn_scalar=14, sliding_window_pattern=2,
             rope_theta=100000.0, rope_local_base_freq=500.0, rope_scaling={"rope_type": "linear", "factor": 4.0}),
        {"old_names"}),
    "phi": ("phi", dict(partial_rotary_factor=0.5, num_key_value_heads=4), {"old_config"}),
    "phi-norms": ("phi", dict(rope_parameters=rope(partial_rotary_factor=0.25), qk_layernorm=True, hidden_act="gelu"), set()),
    "phi3": (
        "phi3",
        dict(sliding_window=20, original_max_position_embeddings=60, rope_parameters=rope(
            "longrope", short_factor=[1.0, 1.25, 2.0, 3.0], long_factor=[2.0, 3.0, 4.0, 5.0])), set()),
    "olmo2": ("olmo2", dict(rope_parameters=rope()), set()),
    "stablelm": ("stablelm", dict(use_qkv_bias=True, rope_parameters=rope(partial_rotary_factor=0.25)), {"old_config"}),
    "stablelm-parallel": (
        "stablelm",
        dict(use_parallel_residual=True, qk_layernorm=True, rope_parameters=rope(partial_rotary_factor=0.5)), set()),
    "gpt-neox": ("gpt_neox", dict(rope_parameters=rope(partial_rotary_factor=0.5)), {"old_config"}),
    "gpt-neox-sequential": (
        "gpt_neox", dict(use_parallel_residual=False, rope_parameters=rope(base=500.0, partial_rotary_factor=0.25)), set()),
    "gpt2": ("gpt2", GPT2, set()),
    "gpt2-bare": ("gpt2", GPT2 | dict(n_inner=44, scale_attn_by_inverse_layer_idx=True), {"no_prefix"}),
    "llama-yarn": (
        "llama", dict(max_position_embeddings=96, rope_parameters=rope(
            "yarn", factor=8.0, original_max_position_embeddings=12, beta_fast=4.0)), set()),
    "llama-dynamic": ("llama", dict(rope_parameters=rope("dynamic", factor=2.0)), {"old_config"}),
}


def make_tokenizer(path):
    """Words of one or two letters; the first is the end of a text."""
    letters = "abcdefgh"
    words = ["<end>"] + [a + b for a in letters for b in letters][: VOCAB - 1]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<end>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<end>"])
    tokenizer.save(str(path), pretty=False)


def randomize(model, seed):
    """Weights that give distributions of a few nats, and norms and biases that would be missed if they were left out."""
    generator = torch.Generator().manual_seed(seed)
    centre = 0.0 if "gemma" in model.config.model_type else 1.0
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            noise = torch.randn(tensor.shape, generator=generator)
            norm = "norm" in name or ".ln_" in name
            if norm and name.endswith("weight"):
                tensor.copy_(centre + 0.2 * noise)
            elif tensor.dim() == 1:
                tensor.copy_(0.3 * noise)
            elif "emb" in name or "lm_head" in name or ".wte" in name or ".wpe" in name:
                tensor.copy_(0.35 * noise)
            else:
                inputs = tensor.shape[0] if ".c_" in name else tensor.shape[1:].numel()
                tensor.copy_(1.6 * noise / inputs**0.5)


def to_old_config(directory, model_type):
    """The keys as transformers wrote them before version 5."""
    path = directory / "config.json"
    config = json.loads(path.read_text())
    section = config.pop("rope_parameters")
    base, share = OLD_KEYS.get(model_type, ("rope_theta", "partial_rotary_factor"))
    config[base] = section.pop("rope_theta")
    if "partial_rotary_factor" in section:
        config[share] = section.pop("partial_rotary_factor")
    section["type"] = section.pop("rope_type")
    config["rope_scaling"] = None if section == {"type": "default"} else section
    config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2))


def rename(directory, change):
    """Renames tensors, or drops those that get no name."""
    path = directory / "model.safetensors"
    tensors = {change(name): tensor for name, tensor in load_file(path).items()}
    tensors.pop(None, None)
    save_file(tensors, path, metadata={"format": "pt"})


def old_gemma3_name(name):
    """As the files of Google have them; what belongs to pictures is left out."""
    for prefix in ["model.language_model.", "language_model.model."]:
        if name.startswith(prefix):
            return "language_model.model." + name.removeprefix(prefix)
    return None


def build(model_type, options):
    if model_type == "gpt2":
        return AutoModelForCausalLM.from_config(AutoConfig.for_model("gpt2", **options))
    options = BASE | options
    if model_type != "gemma3":
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **options))
    vision = dict(
        model_type="siglip_vision_model", hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
        image_size=28, patch_size=14)
    config = AutoConfig.for_model(
        "gemma3", text_config=options, vision_config=vision, mm_tokens_per_image=4, image_token_index=VOCAB - 1,
        bos_token_id=0, eos_token_id=0, pad_token_id=None)
    return Gemma3ForConditionalGeneration(config)


def text_model(model, directory):
    """The part of a model that reads text, from what was saved."""
    if model.config.model_type != "gemma3":
        return AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    text = AutoModelForCausalLM.from_config(model.config.text_config).float().eval()
    state = {"model." + name.removeprefix("model.language_model."): tensor.float()
             for name, tensor in model.state_dict().items() if name.startswith("model.language_model.")}
    missing, unexpected = text.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    text.tie_weights()
    return text


def make(directory, model_type, options, files, seed):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    torch.manual_seed(seed)
    make_tokenizer(directory / "tokenizer.json")
    model = build(model_type, options)
    randomize(model, seed)
    model.to(torch.bfloat16).save_pretrained(directory)
    if "old_config" in files:
        to_old_config(directory, model_type)
    loaded = text_model(model, directory)
    if "no_prefix" in files:
        rename(directory, lambda name: name.removeprefix("transformer."))
    if "old_names" in files:
        rename(directory, old_gemma3_name)
    choose = random.Random(seed)
    prompts = [[choose.randrange(1, VOCAB) for _ in range(length)] for length in (40, 7)] + [[0]]
    loaded.generation_config.eos_token_id = None
    write_golden(directory / "golden.json", loaded, prompts, [0], 16, every=4)


def scaled(choose, model_type, pairs):
    """A rotary scaling at random."""
    base = choose.choice([300.0, 10000.0, 1e6])
    if model_type == "phi3":
        factors = [round(choose.uniform(1, 4), 2) for _ in range(2 * pairs)]
        return choose.choice([rope(base=base), rope(
            "longrope", base, short_factor=factors[:pairs], long_factor=factors[pairs:])])
    # transformers divides by the number of pairs less one.
    dynamic = rope("dynamic", base, factor=4.0) if pairs > 1 else rope(base=base)
    return choose.choice([
        rope(base=base), rope("linear", base, factor=3.0), dynamic,
        rope("llama3", base, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16),
        rope("yarn", base, factor=4.0, original_max_position_embeddings=24, beta_fast=choose.choice([2.0, 32.0]),
             truncate=choose.choice([True, False]), **choose.choice([{}, {"attention_factor": 0.8}])),
    ])


def at_random(choose, model_type):
    """A configuration of a family at random."""
    yes = lambda: choose.random() < 0.5
    heads, dim = choose.choice([1, 2, 3, 4, 6]), choose.choice([4, 8, 16, 20])
    layers = choose.randint(1, 4)
    if model_type == "gpt2":
        return GPT2 | dict(
            n_embd=heads * dim, n_head=heads, n_layer=layers, n_inner=choose.choice([None, 30]), scale_attn_weights=yes(),
            scale_attn_by_inverse_layer_idx=yes(), tie_word_embeddings=yes(),
            activation_function=choose.choice(["gelu", "gelu_new", "silu"]))
    free = model_type in ("llama", "mistral", "qwen3", "gemma", "gemma2", "gemma3_text")
    own_dim = choose.choice([6, 8, 14]) if free else dim
    share = choose.choice([0.5, 1.0]) if model_type in ("phi", "phi3", "stablelm", "gpt_neox") else None
    section = scaled(choose, model_type, int(own_dim * (share or 1.0)) // 2)
    if share:
        section["partial_rotary_factor"] = share
    if model_type == "gemma3_text":
        section = {"full_attention": section, "sliding_attention": rope(base=700.0)}
    options = dict(
        hidden_size=heads * dim, num_attention_heads=heads, num_hidden_layers=layers, intermediate_size=choose.choice([20, 52]),
        num_key_value_heads=choose.choice([k for k in range(1, heads + 1) if heads % k == 0]), tie_word_embeddings=yes(),
        rope_parameters=section)
    if free:
        options["head_dim"] = own_dim
    for key in {
        "llama": ["attention_bias", "mlp_bias"], "qwen3": ["attention_bias", "use_sliding_window"],
        "qwen2": ["use_sliding_window"], "smollm3": ["attention_bias", "mlp_bias", "use_sliding_window"],
        "gemma": ["attention_bias"], "gemma2": ["attention_bias"], "gemma3_text": ["attention_bias"],
        "olmo2": ["attention_bias"], "phi": ["qk_layernorm"],
        "stablelm": ["use_qkv_bias", "qk_layernorm", "use_parallel_residual"],
        "gpt_neox": ["attention_bias", "use_parallel_residual"],
    }.get(model_type, []):
        options[key] = yes()
    if model_type in ("mistral", "phi3", "qwen2", "qwen3", "smollm3", "gemma2", "gemma3_text"):
        options["sliding_window"] = choose.choice([2, 7, 30]) if model_type != "mistral" or yes() else None
    if model_type in ("qwen2", "qwen3"):
        options["max_window_layers"] = choose.randint(0, layers)
    if model_type == "smollm3":
        options["no_rope_layer_interval"] = choose.randint(1, 3)
    if model_type in ("gemma2", "gemma3_text"):
        options |= dict(query_pre_attn_scalar=choose.choice([4, 30]), final_logit_softcapping=choose.choice([None, 5.0]))
    if model_type == "gemma2":
        options["attn_logit_softcapping"] = choose.choice([None, 2.0])
    if model_type == "phi3":
        options["original_max_position_embeddings"] = 64
    if model_type in ("phi", "gpt_neox", "stablelm", "olmo2"):
        options["hidden_act"] = choose.choice(["gelu", "gelu_new", "silu"])
    return options


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--random", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.random:
        choose = random.Random(arguments.seed)
        for model_type in sorted({model_type for model_type, _, _ in VARIANTS.values()} - {"gemma3"}):
            if arguments.names and model_type not in arguments.names:
                continue
            for index in range(arguments.random):
                options = at_random(choose, model_type)
                make(arguments.out / f"{model_type}-{index}", model_type, options, set(), choose.randrange(10**6))
        return
    for name in arguments.names or VARIANTS:
        make(HERE / name, *VARIANTS[name], seed=100 + sorted(VARIANTS).index(name))


if __name__ == "__main__":
    main()
