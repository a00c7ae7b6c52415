"""Writes the first inputs of every target into corpus/: python3 fuzz/seeds.py PROGRAM, with the program for what it records itself.

The rest of the corpora was found by fuzzing. Nothing here is needed to run the tests.
"""

import json
import pathlib
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "fuzz" / "corpus"
MOST = 8000


def write(target, name, content):
    data = content.encode() if isinstance(content, str) else content
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(data[:MOST])


def constant(name):
    """A text of the targets, which are the other half of some inputs."""
    source = (ROOT / "fuzz/src/targets/model.rs").read_text()
    return source.split(f'pub const {name}: &str = r#"')[1].split('"#;')[0]


def numbers(count):
    return b"".join(struct.pack("<f", 0.1 * ((7 * i) % 11 - 5)) for i in range(count))


def tiny_tensors():
    shapes = {"model.embed_tokens.weight": [6, 4], "model.norm.weight": [4]}
    layer = {
        "input_layernorm": [4], "post_attention_layernorm": [4], "self_attn.q_proj": [4, 4], "self_attn.k_proj": [2, 4],
        "self_attn.v_proj": [2, 4], "self_attn.o_proj": [4, 4], "mlp.gate_proj": [4, 4], "mlp.up_proj": [4, 4], "mlp.down_proj": [4, 4],
    }
    return shapes | {f"model.layers.0.{name}.weight": shape for name, shape in layer.items()}


def size(shape):
    product = 1
    for length in shape:
        product *= length
    return product


def safetensors():
    header, at, data = {}, 0, b""
    for name, shape in tiny_tensors().items():
        count = size(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * count]}
        at, data = at + 4 * count, data + numbers(count)
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def gguf_text(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_value(value):
    if isinstance(value, bool):
        return 7, struct.pack("<B", value)
    if isinstance(value, int):
        return 4, struct.pack("<I", value)
    if isinstance(value, float):
        return 6, struct.pack("<f", value)
    if isinstance(value, str):
        return 8, gguf_text(value)
    kind = gguf_value(value[0])[0] if value else 4
    return 9, struct.pack("<IQ", kind, len(value)) + b"".join(gguf_value(one)[1] for one in value)


NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "model.layers.0": "blk.0", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def gguf(tokenizer, more=None):
    pairs = {
        "general.architecture": "llama", "llama.context_length": 16, "llama.embedding_length": 4, "llama.block_count": 1,
        "llama.feed_forward_length": 4, "llama.attention.head_count": 2, "llama.attention.head_count_kv": 1,
        "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.dimension_count": 2, "llama.rope.freq_base": 10000.0,
    } | tokenizer | (more or {})
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tiny_tensors()), len(pairs))
    for key, value in pairs.items():
        kind, data = gguf_value(value)
        out += gguf_text(key) + struct.pack("<I", kind) + data
    data = b""
    for name, shape in tiny_tensors().items():
        for theirs, ours in NAMES.items():
            name = name.replace(theirs, ours)
        data += b"\0" * (-len(data) % 32)
        out += gguf_text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", n) for n in reversed(shape))
        out += struct.pack("<IQ", 0, len(data))
        data += numbers(size(shape))
    return out + b"\0" * (-len(out) % 32) + data


BYTE_PAIRS = {
    "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.tokens": ["a", "b", "Ġ", "ab", "1", "<s>"],
    "tokenizer.ggml.token_type": [1, 1, 1, 1, 1, 3], "tokenizer.ggml.merges": ["a b"], "tokenizer.ggml.eos_token_id": 5,
}
SENTENCE_PIECES = {
    "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": ["<unk>", "<s>", "▁", "a", "b", "ab"],
    "tokenizer.ggml.scores": [0.0, 0.0, -1.0, -2.0, -3.0, -0.5], "tokenizer.ggml.token_type": [2, 3, 1, 1, 1, 1],
    "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 1, "tokenizer.ggml.add_bos_token": True,
}


def models():
    write("safetensors", "whole", safetensors())
    write("safetensors", "cut", safetensors()[:200])
    write("gguf", "byte-pairs", gguf(BYTE_PAIRS))
    write("gguf", "sentence-pieces", gguf(SENTENCE_PIECES, {"tokenizer.chat_template": "{{ bos_token }}{{ messages[0].content }}"}))
    write("gguf", "metadata-alone", gguf(BYTE_PAIRS)[:600])
    write("config", "tiny", constant("CONFIG"))
    write("tokenizer", "tiny", constant("TOKENIZER") + "\0abab 1<s>")
    for folder in sorted((ROOT / "tests/golden").iterdir()):
        if (folder / "config.json").is_file():
            write("config", folder.name, json.dumps(json.loads((folder / "config.json").read_text())))
    for one in json.loads((ROOT / "tests/golden/tokenizers.json").read_text()):
        text = json.dumps(one["tokenizer"], ensure_ascii=False)
        if len(text.encode()) < MOST:
            write("tokenizer", one["name"].replace("/", "-").replace(" ", "-"), text)
    vocab = {"[UNK]": 0, "a": 1, "##b": 2, "ab": 3, " ": 4, "▁a": 5}
    plain = {"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None}
    for name, more in {
        "wordpiece": {"normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
                      "pre_tokenizer": {"type": "BertPreTokenizer"}, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
                      "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab}},
        "unigram": {"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}, "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
                    "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["▁a", -1.0], ["b", -2.0]], "byte_fallback": False}},
        "words": {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}, {"type": "Replace", "pattern": {"Regex": "a+"}, "content": "a"}]},
                  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Digits", "individual_digits": True}, {"type": "Split", "pattern": {"Regex": "(a|b)+"}, "behavior": "Isolated", "invert": False}]},
                  "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "a", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {"a": {"id": "a", "ids": [1], "tokens": ["a"]}}},
                  "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"}},
        "bytes": {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}, "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
                  "post_processor": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
                  "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": "</w>", "fuse_unk": True, "byte_fallback": True, "ignore_merges": True, "vocab": {"a": 0, "Ġ": 1, "b</w>": 2, "Ġa": 3, "<0x0A>": 4}, "merges": ["Ġ a"]}},
    }.items():
        write("tokenizer", name, json.dumps(plain | more, ensure_ascii=False) + "\0ab a aab")
    seen = set()
    for one in json.loads((ROOT / "tests/golden/chat.json").read_text()):
        if one["template"] not in seen and len(one["template"]) < 3000:
            seen.add(one["template"])
            write("chat_template", f"golden-{len(seen)}", one["template"])
    for name, template in {
        "long-text": '{{ "x" * 10**9 }}',
        "ranges": "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "list": "{{ range(100000)|list|tojson }}",
        "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "indent": '{{ "a\n" * 10000 | indent(10000) }}', "power": "{{ 10**10**10 }}",
        "center": '{{ "x"|center(1000000000) }}', "ljust": '{{ "x".ljust(1000000000) }}', "replace": '{{ ("x" * 1000).replace("x", "y" * 1000).replace("y", "z" * 1000) }}',
    }.items():
        write("chat_template", name, template)


def servers():
    for dialect in ["llama_cpp", "vllm", "completions"]:
        exchanges = json.loads((ROOT / f"tests/fixtures/server/{dialect}.json").read_text())
        lines = [json.dumps(exchange["response"]) for exchange in exchanges if "response" in exchange]
        write("server", dialect, "\n".join(lines))
        for name, place in {"first": 1, "second": 2}.items():
            write("server", f"{dialect}-{name}", "\n".join(lines[:place]))
    # In the order in which llama.cpp's server is asked.
    token = lambda id, piece: json.dumps({"tokens": [{"id": id, "piece": piece}]})
    step = {"id": 2, "bytes": [97], "logprob": -0.7}
    listed = json.dumps({"completion_probabilities": [step | {"top_logprobs": [step, {"id": 3, "bytes": [98], "logprob": -1.2}]}]})
    models = {"data": [{"id": "m", "owned_by": "llamacpp", "meta": {"n_vocab": 8, "n_ctx": 16}}]}
    ends = [token(i, "</s>") for i in range(9)]
    write("server", "llama_cpp-asked", "\n".join([json.dumps(models), '{"bos_token":"","eos_token":""}', *ends, token(2, "a")] + [token(2, "a")] * 18 + [listed] * 9))
    models["data"][0]["meta"]["n_vocab"] = 2**60
    write("server", "absurd-vocabulary", json.dumps(models) + '\n{"total_slots": 1000000000}')
    answer = {"choices": [{"logprobs": {"tokens": ["a", "b"], "top_logprobs": [{"a": -0.7, "b": -1.2}]}}]}
    write("server", "completions-one", "\n".join(['{"data":[{"id":"m"}]}'] + [json.dumps(answer)] * 30))


def texts():
    for file in sorted((ROOT / "themes").glob("*.toml")):
        write("theme", file.stem, file.read_text())
    for file in sorted((ROOT / "lessons").glob("*.toml")):
        text = file.read_text()
        pages = text.split("[[page]]")
        write("lesson", file.stem, "[[page]]".join(pages[:2]))
    for file in sorted((ROOT / "examples/tables").glob("*.toml")):
        write("table", file.stem, file.read_text())
    for name, line in {
        "sum": "d.a + 1 * (2 - 3)\nd.a > d.b and 1 < 2", "functions": 'exp(ln(abs(-2))) / log2(4)\n"a" = "a"', "texts": "d.best\nd.entropy >= 0",
        "deep": "(" * 60 + "1" + ")" * 60 + "\n1 = 1", "minus": "-" * 80 + "1\n1 = 1", "large": "1e308 * 1e308\n1/0 > 0",
    }.items():
        write("expression", name, line)
    for name, line in {
        "sampling": "temperature=0.8,top_k=40,top_p=0.95,min_p=0.05", "penalties": "logit_bias=1=2.5,2=-inf,suppress_tokens=0,1,repetition_penalty=1.2,presence_penalty=0.5,frequency_penalty=0.5,no_repeat_ngram_size=3",
        "cutoffs": "typical_p=0.9,epsilon_cutoff=0.001,eta_cutoff=0.001,top_n_sigma=1.5", "more": "xtc=0.1:0.5,dry=0.8:1.75:2,mirostat=5:0.1,dynamic_temperature=0.5:1.5:1,guidance_scale=1.5",
        "regex": "regex=(a|b)+[0-9]{1%2C3}", "large-regex": "regex=((a{1000}){1000}){1000}", "words": "regex=\\w+(?-u:\\b)é*", "extreme": "temperature=1e-300,top_n_sigma=1e308",
    }.items():
        write("chain", name, line)
    for name, line in {
        "plain": '{"logits": [3.0, 1.0, null, "-inf"], "chain": "temperature=0.5,top_p=0.9", "history": [0, 1], "prompt_length": 1}',
        "labels": '{"logits": [1, 2], "labels": ["a", "b"], "versus": "top_k=1"}', "several": '{"logits": [1]}\n\n{"logits": [NaN]}\nx\n{"logits": []}',
    }.items():
        write("logits", name, line)
    keymap = 'theme = "dark"\ncolors = "256"\nascii = true\nmouse = false\n[keys.everywhere]\n'
    write("configuration", "usual", keymap)
    write("configuration", "keys", '[keys.everywhere]\nhelp = ["?", "F1"]\nquit = "Ctrl-Q"\n[keys.step]\nforward = []\n')


def sessions():
    node = lambda token, parent, ahead: {"token": token, "parent": parent, "how": {"sampled": {"u": 0.5, "low": 0.2, "high": 0.7}}, "logprob": -0.9, "sampling_logprob": -0.4, "rank": 1, "ahead": ahead}
    session = {
        "format": "logitscope.session", "version": 1, "model": "builtin", "prompt": "A", "bos": "auto", "chat": False,
        "tree": {"prompt": [5, 0], "nodes": [node(1, 1, 3), node(0, 2, None)], "cursor": 2, "ahead": 2}, "chains": ["top_k=3"], "made_with": [0, 0],
        "stages": [{"stage": "top_k=3", "on": True}], "selected": 0, "mode": "sampling", "seed": 1, "redrawn": [[2, 1]], "view": "step", "theme": "dark",
    }
    write("saved", "session", json.dumps(session))
    write("saved", "prompts", '{"format":"logitscope.history","version":1,"prompts":["a","b","a"]}')
    write("saved", "models", '{"format":"logitscope.models-opened","version":1,"models":["builtin"]}')


def keys():
    for name, data in {
        "steps": b"\0sss\0\x87\x87\x86\0 \0", "views": b"\x001\x002\x003\x004\x005\x006\x007\x00", "help": b"\0?\0jjj\x81\0q", "sizes": b"\0\x04\x00\x00\x00\x04\x01\x01\x00\x04\xff\xff\x00\x04\x05\xc8\x00",
        "palette": b"\0:tem\x80\0\x81\0", "prompt": b"\0e\0AB\x80\0", "chain": b"\0a\0\x84\x84\x80\x002\0kkjj\0", "mouse": b"\0\x0a\x05\x05\x0e\x05\x05\x0f\x05\x05\0", "paste": b"\0e\x05\x05\x1b[31m\x80\0",
        "beam": b"\x003\0sss\0\x87\x87+-\0r\0", "ascii": b"\x01" + b"12345671\0", "lesson": b"\x007\0\x80\0\x87\x87\0", "leave": b"\0\x02\0\x03\0", "run": b"\0r\0r\x01\x01\0",
    }.items():
        write("keys", name, data)


def traces(program):
    table = "examples/tables/abc.toml"
    run = lambda *options: subprocess.run([program, "run", "A", "--model", table, "--format", "jsonl", "--max-new-tokens", "2", "--top", "3", *options], capture_output=True, check=True, cwd=ROOT).stdout
    for name, options in {"greedy": [], "sample": ["--chain", "temperature=0.8,top_k=2", "--seed", "3"], "beam": ["--num-beams", "2"], "samples": ["--temperature", "1", "--num-return-sequences", "2"]}.items():
        trace = run(*options)
        for target in ["trace", "recording"]:
            write(target, name, trace)
    for target in ["trace", "recording"]:
        write(target, "cut", run()[:900])


if __name__ == "__main__":
    models()
    servers()
    texts()
    sessions()
    keys()
    traces(sys.argv[1])
