#!/usr/bin/env python3
"""Writes tokenizers.json: small tokenizers of the kinds that models have, and the ids that transformers cuts texts into.

Every tokenizer is trained here on the texts below; the split expressions are those of the models that the kinds are named after.
Run with a Python that has transformers 5: python tests/golden/make_tokenizer_goldens.py
"""

import json
import tempfile
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXTS = [
    "Hello world, this is a small test. Don't we've I'm THEY'LL 1234567 3.14",
    "  two spaces,   three    four\n\n\nnewlines\t\ttabs  \n  end  ",
    "def f(x):\n    return x ** 2  # comment\n",
    "Grüße aus Köln, élève, naïve façade; e\u0301 and é",
    "Привет, мир! 你好,世界。こんにちは 안녕하세요 שלום עולם مرحبا",
    "emoji 👩‍🚀🇫🇷👍🏽 and ∑ ∞ ≠ 𝒳",
    "",
    " ",
    "a",
    " a",
    "\n",
    "<s> in the text </s><|endoftext|><eos>",
    "zero\u0000byte \u200bwidth \ufeffmark",
]

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def special(*names):
    return [AddedToken(name, special=True, normalized=False) for name in names]


def byte_level(regex, specials, size=420, normalizer=None):
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    if regex is None:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    else:
        split = pre_tokenizers.Split(Regex(regex), behavior="isolated", invert=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special(*specials), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def sentencepiece(specials, prepend, size=420):
    """BPE over characters with a token for each byte, as the conversions of SentencePiece models have it."""
    pieces = list(specials) + [f"<0x{byte:02X}>" for byte in range(256)]
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.pre_tokenizer = pre_tokenizers.Split(Regex("▁"), behavior="merged_with_next")
    trainer = trainers.BpeTrainer(vocab_size=size - 256, limit_alphabet=60, show_progress=False)
    trained.train_from_iterator(TEXTS * 3, trainer)
    model = json.loads(trained.to_str())["model"]
    vocab = {piece: index for index, piece in enumerate(pieces)}
    for piece in sorted(model["vocab"], key=model["vocab"].get):
        vocab.setdefault(piece, len(vocab))
    merges = [tuple(merge) for merge in model["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.add_special_tokens(special(*specials))
    replace = normalizers.Replace(" ", "▁")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), replace]) if prepend else replace
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(steps + ([decoders.Strip(" ", 1, 0)] if prepend else []))
    return tokenizer


def begins_with(tokenizer, name):
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{name} $A", pair=f"{name} $A {name} $B", special_tokens=[(name, tokenizer.token_to_id(name))]
    )
    return tokenizer


def gemma():
    tokenizer = begins_with(sentencepiece(["<pad>", "<eos>", "<bos>", "<unk>"], prepend=False), "<bos>")
    runs = ["\n" * n for n in (2, 3)] + ["▁" * n for n in (2, 3, 4)]
    tokenizer.add_tokens([AddedToken(run, normalized=False) for run in runs])
    return tokenizer


def pythia():
    tokenizer = byte_level(None, ["<|endoftext|>", "<|padding|>"], normalizer=normalizers.NFC())
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)])
    return tokenizer


def kinds():
    """Name, tokenizer, and what its tokenizer_config.json says."""
    gpt2 = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    llama2 = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    llama3 = {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"}
    make_llama2 = lambda: sentencepiece(["<unk>", "<s>", "</s>"], prepend=True)
    make_llama3 = lambda: byte_level(LLAMA3, ["<|begin_of_text|>", "<|end_of_text|>"])
    yield "gpt2", byte_level(None, ["<|endoftext|>"]), gpt2
    yield "gpt2, add_bos_token", byte_level(None, ["<|endoftext|>"]), {**gpt2, "add_bos_token": True}
    yield "llama-2", begins_with(make_llama2(), "<s>"), llama2
    yield "llama-2, both flags", begins_with(make_llama2(), "<s>"), {**llama2, "add_bos_token": True, "add_eos_token": False}
    yield "llama-2, no post-processor", make_llama2(), {**llama2, "add_bos_token": True, "add_eos_token": True}
    yield "llama-2, no bos", begins_with(make_llama2(), "<s>"), {**llama2, "add_bos_token": False}
    yield "llama-2, null", begins_with(make_llama2(), "<s>"), {**llama2, "add_bos_token": None}
    yield "llama-2, eos alone", begins_with(make_llama2(), "<s>"), {**llama2, "add_eos_token": True}
    yield "llama-3", begins_with(make_llama3(), "<|begin_of_text|>"), llama3
    yield "qwen2.5", byte_level(QWEN2, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], normalizer=normalizers.NFC()), {
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "add_bos_token": False,
    }
    yield "gemma", gemma(), {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "add_bos_token": True, "add_eos_token": False}
    yield "pythia", pythia(), gpt2


def golden(name, tokenizer, config):
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(f"{folder}/tokenizer.json")
        text = json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **config})
        Path(folder, "tokenizer_config.json").write_text(text)
        reference = PreTrainedTokenizerFast.from_pretrained(folder)
        # What transformers adds to the file in memory has to be in the file already.
        assert len(reference) == tokenizer.get_vocab_size(), name
        cases = [{"text": text, "ids": reference(text)["input_ids"]} for text in TEXTS]
        file = json.loads(Path(folder, "tokenizer.json").read_text())
        return {"name": name, "tokenizer": file, "config": config, "cases": cases}


def main():
    lines = [json.dumps(golden(*kind), ensure_ascii=True) for kind in kinds()]
    Path(__file__).with_name("tokenizers.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
