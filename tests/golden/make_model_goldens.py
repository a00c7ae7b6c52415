#!/usr/bin/env python3
"""Makes the model goldens: tiny Llama models with random weights, and what transformers says about them.

    python tests/golden/make_model_goldens.py            # all
    python tests/golden/make_model_goldens.py llama-gqa  # some
    python tests/golden/make_model_goldens.py builtin    # the model in assets/model/builtin.gguf

Every model is saved and then loaded again in f32: a model that is merely cast keeps rotary tables in the old precision.
"""

import json
import random
import shutil
import sys
from pathlib import Path

import torch
from builtin import load_builtin
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).resolve().parent
REFERENCE = HERE.parents[1] / "assets" / "model" / "reference.json"
END = "<|endoftext|>"
VOCAB = 320
TEXT = (
    "Once upon a time there was a small river that ran through a quiet valley. The people who lived there drank from it, "
    "fished in it, and told their children never to follow it into the hills. One morning a girl did. She walked past the "
    "last house, past the last field, and past the stone where the old road ends. The water spoke more clearly there. "
    "It said that every word begins as a number, and that the next one is only ever likely, never certain. "
)

BASE = dict(
    vocab_size=VOCAB, hidden_size=48, intermediate_size=84, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=256, rms_norm_eps=1e-5, bos_token_id=0, eos_token_id=0,
)
DEFAULT_ROPE = {"rope_type": "default", "rope_theta": 10000.0}
LLAMA3_ROPE = {
    "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}

# name: (changes to the configuration, how the files are changed after saving, length of the long prompt)
VARIANTS = {
    "llama-gqa": (dict(rope_parameters=DEFAULT_ROPE), {}, 40),
    "llama-tied-llama3": (dict(rope_parameters=LLAMA3_ROPE, tie_word_embeddings=True, num_hidden_layers=3), {}, 150),
    "llama-biases": (
        dict(rope_parameters=DEFAULT_ROPE, attention_bias=True, mlp_bias=True, head_dim=24, num_key_value_heads=1), {}, 40),
    "llama-linear": (
        dict(rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}, num_key_value_heads=4), {}, 90),
    "llama-bf16": (dict(rope_parameters=DEFAULT_ROPE, tie_word_embeddings=True), {"dtype": torch.bfloat16}, 70),
    "llama-f16": (dict(rope_parameters=DEFAULT_ROPE), {"dtype": torch.float16}, 70),
    "llama-sharded": (dict(rope_parameters=DEFAULT_ROPE), {"dtype": torch.bfloat16, "shards": True}, 40),
    "llama-old-config": (dict(rope_parameters=LLAMA3_ROPE, hidden_size=40), {"old_config": True}, 60),
    "llama-several-ends": (dict(rope_parameters=DEFAULT_ROPE), {"ends": 3}, 40),
}


def make_tokenizer(path):
    """Byte-level BPE of VOCAB tokens, trained on TEXT."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([TEXT] * 4, trainer)
    assert tokenizer.get_vocab_size() <= VOCAB
    tokenizer.save(str(path))
    return tokenizer


def randomize(model, seed):
    """Weights that give distributions of a few nats, and norms and biases that would be missed if they were left out."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            noise = torch.randn(tensor.shape, generator=generator)
            if "norm" in name:
                tensor.copy_(1.0 + 0.2 * noise)
            elif tensor.dim() == 1:
                tensor.copy_(0.3 * noise)
            elif "embed" in name or "lm_head" in name:
                tensor.copy_(0.25 * noise)
            else:
                tensor.copy_(1.6 * noise / tensor.shape[1] ** 0.5)


def shard(directory):
    """Splits the weights into two files and an index."""
    path = directory / "model.safetensors"
    tensors = load_file(path)
    names = sorted(tensors)
    weight_map = {}
    for part, chosen in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), start=1):
        file = f"model-{part:05}-of-00002.safetensors"
        save_file({name: tensors[name] for name in chosen}, directory / file, metadata={"format": "pt"})
        weight_map |= {name: file for name in chosen}
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": weight_map}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))
    path.unlink()


def to_old_config(directory):
    """The keys as transformers wrote them before version 5."""
    path = directory / "config.json"
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = rope
    config["torch_dtype"] = config.pop("dtype", "float32")
    config.pop("head_dim", None)
    path.write_text(json.dumps(config, indent=2))


def log_probs(model, ids):
    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1)


def greedy(model, ids, tokens, ends):
    out = model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
        max_new_tokens=tokens, eos_token_id=ends, pad_token_id=0)
    return out[0, len(ids) :].tolist()


def rounded(values):
    return [round(float(value), 6) for value in values]


def describe(model, ids, ends, tokens, every):
    """What the model says of a prompt: at some positions the best five tokens, and a few fixed ones."""
    vocab = model.config.vocab_size
    table = log_probs(model, ids)
    watched = [vocab * part // 8 for part in range(8)] + [vocab - 1]
    positions = []
    for position in sorted(set(range(0, len(ids), every)) | {len(ids) - 1}):
        row = table[position]
        top = torch.topk(row, 5)
        positions.append({
            "position": position, "top_ids": top.indices.tolist(), "top_logprobs": rounded(top.values),
            "logprobs": rounded(row[watched]), "entropy": round(float(-(row.exp() * row).sum()), 6),
        })
    following = rounded(table[index, ids[index + 1]] for index in range(len(ids) - 1))
    return {
        "ids": ids, "watched": watched, "positions": positions, "following": following,
        "greedy": greedy(model, ids, tokens, ends), "max_new_tokens": tokens,
    }


def write_golden(path, model, prompts, ends, tokens, every=1):
    golden = {
        "eos_token_ids": sorted(ends),
        "prompts": [describe(model, ids, ends, tokens, every) for ids in prompts],
    }
    entropy = [position["entropy"] for prompt in golden["prompts"] for position in prompt["positions"]]
    print(f"{path.parent.name}: entropy {min(entropy):.2f} to {max(entropy):.2f} nats")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def visited_ends(model, prompts, count):
    """End ids that greedy text reaches, so that it stops."""
    ends = []
    for ids in prompts:
        for token in greedy(model, ids, 24, [0])[6:]:
            if token not in ends and token != 0:
                ends.append(token)
                break
    return [0, *ends][:count]


def make_variant(name):
    changes, files, length = VARIANTS[name]
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    seed = sorted(VARIANTS).index(name) + 1
    torch.manual_seed(seed)
    tokenizer = make_tokenizer(directory / "tokenizer.json")
    model = LlamaForCausalLM(LlamaConfig(**(BASE | changes)))
    randomize(model, seed)
    model.to(files.get("dtype", torch.float32)).save_pretrained(directory)
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    choose = random.Random(seed)
    prompts = [[choose.randrange(1, VOCAB) for _ in range(length)], tokenizer.encode(TEXT).ids[:12], [0]]
    ends = visited_ends(model, prompts, files["ends"]) if "ends" in files else [0]
    if "ends" in files:
        path = directory / "generation_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token_id": ends}, indent=2))
    if files.get("shards"):
        shard(directory)
    if files.get("old_config"):
        to_old_config(directory)
    write_golden(directory / "golden.json", model, prompts, ends, 32, every=3)


def make_builtin():
    model, tokenizer = load_builtin()
    texts = ["Once upon a time", "The cat sat on the", TEXT]
    prompts = [tokenizer.encode(text).ids for text in texts]
    write_golden(HERE / "builtin.json", model, prompts, [0], 40, every=8)
    write_reference(model, tokenizer.encode(TEXT).ids[:48])


def write_reference(model, ids):
    """What `doctor` holds the built-in model to. A sound one is off by 1e-5 nats; one with 8-bit products by 1e-3."""
    with torch.no_grad():
        table = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1)
    logprobs = [round(table[i, ids[i + 1]].item(), 6) for i in range(len(ids) - 1)]
    reference = {"ids": ids, "logprobs": logprobs, "tolerance": 0.005}
    REFERENCE.write_text(json.dumps(reference, separators=(",", ":")) + "\n")


def main():
    torch.set_num_threads(1)
    for name in sys.argv[1:] or [*VARIANTS, "builtin"]:
        if name == "builtin":
            make_builtin()
        else:
            make_variant(name)


if __name__ == "__main__":
    main()
