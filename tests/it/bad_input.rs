//! Bad input of every kind: each is answered with exit code 1 or 2 and one line that names what is wrong, and with no document.
//!
//! Options that are out of range are in `cli.rs` and beside each feature; here are files, servers, and what a user is likely to get wrong.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::corpus::targets::model::{CONFIG, TOKENIZER};
use super::gguf::writer::Writer;
use super::scripted::{Reply, Scripted};

/// A kind of bad input.
struct Bad {
    name: String,
    /// Files and what is in them, in a directory of their own; a name that ends in a slash is a folder.
    files: Vec<(String, Vec<u8>)>,
    /// The command line; `DIR` stands for the directory.
    command: String,
    code: i32,
    /// What the one line must say: the offending value first.
    says: Vec<&'static str>,
}

fn bad(name: &str, command: &str, code: i32, says: &[&'static str]) -> Bad {
    Bad { name: name.into(), files: Vec::new(), command: command.into(), code, says: says.to_vec() }
}

/// One file that is called `file`, and a command that is given it.
fn file(name: &str, (file, content): (&str, impl Into<Vec<u8>>), command: &str, says: &[&'static str]) -> Bad {
    Bad { files: vec![(file.into(), content.into())], ..bad(name, command, 2, says) }
}

/// A command line without anything that needs a file.
fn arguments() -> Vec<Bad> {
    let row = |name, command, says| bad(name, command, 2, says);
    vec![
        row("no such command", "frobnicate now", &["now"]),
        row("no such option", "run x --temprature 1", &["--temprature", "'--temperature'"]),
        row("a shell that is not known", "completions tcsh5", &["tcsh5", "possible values: bash"]),
        row("negative threads", "run x --threads -3", &["-3", "--threads"]),
        row("a number that is none", "run x --temperature warm", &["warm", "--temperature"]),
        row("probability above 1", "run x --top-p 1.5 --format json", &["1.5", "at most 1"]),
        row("an unknown processor", "run x --chain temperature=1,top_q=3", &["top_q", "no processor is called"]),
        row("a chain without a value", "run x --chain temperature", &["temperature", "name=value"]),
        row("a chain beside its options", "run x --chain top_k=1 --top-p 0.5", &["--top-p", "beside --chain"]),
        row("a pattern that is none", "run x --regex 'a(b'", &["a(b", "unclosed group"]),
        row("a pattern that explodes", r"run x --regex '(\w{300}){300}'", &[r"(\w{300}){300}", "too large a pattern"]),
        row("too many beams", "run x --num-beams 9999", &["9999", "from 1 to 256"]),
        row("groups that don't divide", "run x --num-beams 4 --num-beam-groups 3", &["3", "must divide"]),
        row(
            "more sequences than beams",
            "run x --num-beams 4 --num-return-sequences 5",
            &["5", "num_return_sequences"],
        ),
        row("beams of one that has none", "run x --strategy greedy --num-beams 4", &["greedy has no beams"]),
        row("a length penalty beyond reason", "run x --num-beams 2 --length-penalty 99", &["99", "from -2 to 5"]),
        row("least above most", "run x --min-new-tokens 9 --max-new-tokens 3", &["9", "--min-new-tokens", "the 3"]),
        row("a bias for no token", "run x --logit-bias 99999999=1", &["99999999", "outside of the vocabulary"]),
        row("an end that is no token", "run x --eos-token-id 99999", &["99999", "outside of the vocabulary"]),
        row("an empty prompt", "run '' --bos never --format json", &["no token"]),
        row("an empty completion", "score --prompt a --completion '' --format json", &["completion 1 is empty"]),
        row("nothing to score", "score --text '' --format json", &["nothing to score"]),
        row("a window of nothing", "score --text abc --stride 0", &["0", "--stride", "between 1"]),
        row("no draft", "run x --strategy speculative", &["--draft-model"]),
        row("one strategy to compare", "compare x --strategy greedy", &["2 to 8"]),
        row("a logit that is none", "logits 1 NaN", &["token 1 is NaN"]),
        row("no such device", "run x --device tpu", &["tpu", "there are auto, cpu"]),
        row("no such type", "run x --dtype q9", &["q9", "supported are auto"]),
        row("no such shape", "run x --model shape:huge", &["shape:huge", "no shape has this name"]),
        row("no such lesson", "lesson nothing", &["nothing", "use one of softmax"]),
        row("a model that is nowhere", "run x --model ./nowhere", &["./nowhere", "supported are builtin"]),
        row("a path that climbs", "run x --model owner/../../x", &["owner/../../x", "supported are builtin"]),
    ]
}

/// The same with some changes; `null` takes a key away.
fn changed(base: &str, changes: &Value) -> Vec<u8> {
    let mut whole: Value = serde_json::from_str(base).unwrap();
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(whole.as_object_mut().unwrap().remove(key)),
            value => whole[key] = value.clone(),
        }
    }
    whole.to_string().into_bytes()
}

/// Names and shapes of the tensors of a model of [`CONFIG`].
const TENSORS: [(&str, &[usize]); 11] = [
    ("model.embed_tokens.weight", &[6, 4]),
    ("model.norm.weight", &[4]),
    ("model.layers.0.input_layernorm.weight", &[4]),
    ("model.layers.0.post_attention_layernorm.weight", &[4]),
    ("model.layers.0.self_attn.q_proj.weight", &[4, 4]),
    ("model.layers.0.self_attn.k_proj.weight", &[2, 4]),
    ("model.layers.0.self_attn.v_proj.weight", &[2, 4]),
    ("model.layers.0.self_attn.o_proj.weight", &[4, 4]),
    ("model.layers.0.mlp.gate_proj.weight", &[4, 4]),
    ("model.layers.0.mlp.up_proj.weight", &[4, 4]),
    ("model.layers.0.mlp.down_proj.weight", &[4, 4]),
];

/// A safetensors file of this header and these bytes.
fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

/// The weights of [`CONFIG`], all of them the same number, with a header that was changed.
fn weights(number: f32, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (mut header, mut end) = (json!({}), 0);
    for (name, shape) in TENSORS {
        let start = end;
        end += 4 * shape.iter().product::<usize>();
        header[name] = json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, end] });
    }
    change(&mut header);
    safetensors(&header.to_string(), &number.to_le_bytes().repeat(end / 4))
}

const GENERATE: &str = "run ab --max-new-tokens 2 --format json --model DIR/m";

/// A model directory of which one file is another.
fn directory(name: &str, (file, content): (&str, impl Into<Vec<u8>>), says: &[&'static str]) -> Bad {
    let whole = [
        ("m/config.json".to_owned(), CONFIG.as_bytes().to_vec()),
        ("m/tokenizer.json".to_owned(), TOKENIZER.as_bytes().to_vec()),
        ("m/model.safetensors".to_owned(), weights(0.5, |_| {})),
    ];
    let other = format!("m/{file}");
    let mut files: Vec<_> = whole.into_iter().filter(|(name, _)| *name != other.trim_end_matches('/')).collect();
    files.push((other, content.into()));
    Bad { files, ..bad(name, GENERATE, 2, says) }
}

fn without(row: Bad, file: &str) -> Bad {
    let files = row.files.into_iter().filter(|(name, _)| name != file).collect();
    Bad { files, ..row }
}

fn configurations() -> Vec<Bad> {
    let config = |name, changes, says| directory(name, ("config.json", changed(CONFIG, &changes)), says);
    vec![
        directory(
            "configuration cut short",
            ("config.json", "{\"model_type\": \"llama\","),
            &["config.json", "EOF", "line 1"],
        ),
        directory("configuration is a list", ("config.json", "[]"), &["config.json", "not a JSON object"]),
        directory("configuration is empty", ("config.json", ""), &["config.json", "not JSON", "line 1"]),
        directory(
            "configuration is no UTF-8",
            ("config.json", b"{\"a\": \"\xff\"}".to_vec()),
            &["config.json", "line 1"],
        ),
        directory("configuration is a folder", ("config.json/", ""), &["config.json", "can't read"]),
        config("no family", json!({"model_type": null}), &["model_type", "known: llama"]),
        config("an unknown family", json!({"model_type": "whisper"}), &["\"whisper\"", "known: llama"]),
        config("layers without end", json!({"num_hidden_layers": 1_000_000}), &["1000000", "num_hidden_layers"]),
        config("a size beyond any", json!({"hidden_size": 1_u64 << 40}), &["1099511627776", "hidden_size"]),
        config("a size that is a text", json!({"hidden_size": "4"}), &["\"4\"", "hidden_size"]),
        config(
            "heads that don't divide",
            json!({"num_attention_heads": 3, "num_key_value_heads": 2}),
            &["3", "num_key_value_heads, 2"],
        ),
        config(
            "positions of an unknown kind",
            json!({"rope_scaling": {"rope_type": "axial"}}),
            &["\"axial\"", "known: default"],
        ),
        config("an unknown activation", json!({"hidden_act": "relu7"}), &["\"relu7\"", "known: silu"]),
        config("quantized weights", json!({"quantization_config": {"bits": 4}}), &["quantization_config", "only f32"]),
        config("a vocabulary too small", json!({"vocab_size": 3}), &["vocab_size is 3", "6 tokens"]),
        config("an end outside of the vocabulary", json!({"eos_token_id": 99}), &["99", "vocabulary of 6"]),
        config("shapes that don't fit", json!({"hidden_size": 8}), &["[6, 4]", "makes it [6, 8]"]),
        directory(
            "generation settings with a word",
            ("generation_config.json", "{\"eos_token_id\": \"x\"}"),
            &["\"x\"", "generation_config.json"],
        ),
    ]
}

fn tensors() -> Vec<Bad> {
    let file = |name, content, says| directory(name, ("model.safetensors", content), says);
    let twice = |h: &mut Value| h["model.norm.weight"]["data_offsets"] = json!([0, 16]);
    let index = |name, content: &str, says| {
        without(directory(name, ("model.safetensors.index.json", content), says), "m/model.safetensors")
    };
    vec![
        without(directory("no weights", ("other", ""), &["no weights here"]), "m/model.safetensors"),
        file("weights are empty", Vec::new(), &["0 bytes", "truncated"]),
        file("weights cut short in the header", weights(0.5, |_| {})[..100].to_vec(), &["100 bytes", "truncated"]),
        file(
            "weights cut short",
            {
                let w = weights(0.5, |_| {});
                w[..w.len() - 4].to_vec()
            },
            &["bytes", "download it again"],
        ),
        file("a header of four exabytes", (1_u64 << 62).to_le_bytes().repeat(2), &["larger than 100 MB"]),
        file("a page in place of weights", b"<!DOCTYPE html><html>404".to_vec(), &["not a safetensors file"]),
        file("a header that is no JSON", safetensors("{nonsense}", &[]), &["damaged", "line 1"]),
        file(
            "a tensor beyond the file",
            weights(0.5, |h| h["model.norm.weight"]["data_offsets"] = json!([0, 1_u64 << 60])),
            &["model.norm.weight"],
        ),
        file("two tensors in one place", weights(0.5, twice), &["invalid offset", "damaged"]),
        file(
            "a shape beyond any",
            weights(0.5, |h| h["model.norm.weight"]["shape"] = json!([1_u64 << 62, 1_u64 << 62])),
            &["overflow"],
        ),
        file(
            "numbers of a type without products",
            weights(0.5, |h| h["model.norm.weight"]["dtype"] = json!("I32")),
            &["I32", "model.norm.weight", "supported are F32"],
        ),
        file(
            "a tensor is missing",
            weights(0.5, |h| {
                let t = h.as_object_mut().unwrap().remove("model.norm.weight");
                h["x"] = t.unwrap();
            }),
            &["model.norm.weight [4]", "missing"],
        ),
        file("weights that are no numbers", weights(f32::NAN, |_| {}), &["may be damaged", "token 0 is NaN"]),
        index(
            "an index that climbs",
            "{\"weight_map\": {\"a\": \"../../etc/passwd\"}}",
            &["../../etc/passwd", "plain file name"],
        ),
        index(
            "an index without its files",
            "{\"weight_map\": {\"a\": \"part-1.safetensors\"}}",
            &["part-1.safetensors", "can't read"],
        ),
        index("an index that is none", "{\"weights\": 3}", &["weight_map", "index.json"]),
    ]
}

fn tokenizers() -> Vec<Bad> {
    let tokenizer = |name, from: &str, to: &str, says| {
        assert!(TOKENIZER.contains(from));
        directory(name, ("tokenizer.json", TOKENIZER.replace(from, to)), says)
    };
    let chat = |row: Bad| Bad { command: format!("{GENERATE} --chat"), ..row };
    let template = |name, template: &str, says| chat(directory(name, ("chat_template.jinja", template), says));
    vec![
        without(directory("no tokenizer", ("other", ""), &["tokenizer.json", "is missing"]), "m/tokenizer.json"),
        directory("tokenizer is empty", ("tokenizer.json", ""), &["tokenizer.json", "line 1"]),
        directory("tokenizer without a model", ("tokenizer.json", "{}"), &["tokenizer.json", "Model missing"]),
        tokenizer(
            "a merge longer than any token",
            "[[\"a\", \"b\"]]",
            "[[\"ab\", \"ab\"]]",
            &["\"ab\" and \"ab\"", "longer than any token"],
        ),
        tokenizer("a merge of no token", "[[\"a\", \"b\"]]", "[[\"a\", \"z\"]]", &["`z`", "out of vocabulary"]),
        tokenizer("an absurd id", "\"1\": 4", "\"1\": 4000000000", &["4000000000", "beyond any vocabulary"]),
        directory("settings that are no JSON", ("tokenizer_config.json", "nope"), &["tokenizer_config.json", "line 1"]),
        chat(directory(
            "a template that is a number",
            ("tokenizer_config.json", "{\"chat_template\": 7}"),
            &["chat_template", "neither a text"],
        )),
        template("a template that is none", "{% for x in %}", &["line 1", "unexpected end of block"]),
        template(
            "a template that never ends",
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            &["fuel"],
        ),
        template("a template that wants all memory", "{{ \"x\" * 10**9 }}", &["too large"]),
        template(
            "a template that doubles a text",
            "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
            &["chat template", "takes more than 256 MB of memory", "leave --chat out"],
        ),
        template(
            "a template that compares without end",
            "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}\
             {% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
            &["chat template", "within 5 seconds"],
        ),
    ]
}

/// A GGUF file of one layer, whole and right.
fn gguf() -> Writer {
    let mut writer = Writer::new();
    writer.pair("general.architecture", "llama").pair("llama.rope.freq_base", 10_000.5);
    writer.pair("llama.attention.layer_norm_rms_epsilon", 0.00001);
    for (key, value) in [
        ("context_length", 16),
        ("embedding_length", 4),
        ("block_count", 1),
        ("feed_forward_length", 4),
        ("attention.head_count", 2),
        ("attention.head_count_kv", 1),
        ("rope.dimension_count", 2),
    ] {
        writer.pair(&format!("llama.{key}"), value);
    }
    writer.pair("tokenizer.ggml.model", "gpt2").pair("tokenizer.ggml.pre", "gpt-2");
    writer.pair("tokenizer.ggml.tokens", json!(["a", "b", "Ġ", "ab", "1", "<s>"]));
    writer.pair("tokenizer.ggml.token_type", json!([1, 1, 1, 1, 1, 3])).pair("tokenizer.ggml.merges", json!(["a b"]));
    writer.tensor("token_embd.weight", &[6, 4], 0, vec![0; 96]);
    writer
}

fn gguf_files() -> Vec<Bad> {
    let command = "run ab --max-new-tokens 2 --format json --model DIR/m.gguf";
    let row = |name, content: Vec<u8>, says| file(name, ("m.gguf", content), command, says);
    let with = |name, key, value: Value, says| row(name, gguf().pair(key, value).finish(), says);
    let whole = gguf().finish();
    let counts = [&whole[..8], &(1_u64 << 60).to_le_bytes().repeat(2), &whole[24..]].concat();
    vec![
        row("GGUF is empty", Vec::new(), &["m.gguf", "does not begin with GGUF"]),
        row("GGUF of another name", Writer { magic: *b"GGML", ..gguf() }.finish(), &["does not begin with GGUF"]),
        row("GGUF too old", Writer { version: 1, ..gguf() }.finish(), &["GGUF version 1", "2 and 3"]),
        row("GGUF from the future", Writer { version: 9, ..gguf() }.finish(), &["GGUF version 9", "2 and 3"]),
        row("GGUF the wrong way round", Writer { version: 3_u32.swap_bytes(), ..gguf() }.finish(), &["big-endian"]),
        row("GGUF cut short", whole[..300].to_vec(), &["300", "truncated"]),
        row("GGUF without its tensors", whole[..whole.len() - 96].to_vec(), &["token_embd.weight", "beyond the end"]),
        row("GGUF with counts beyond any", counts, &["truncated or damaged"]),
        row(
            "GGUF with a second tensor",
            gguf().tensor("token_embd.weight", &[4], 0, vec![0; 16]).finish(),
            &["token_embd.weight", "second"],
        ),
        with("GGUF of an unknown architecture", "general.architecture", json!("t5"), &["\"t5\"", "known: llama"]),
        with(
            "GGUF with a tokenizer of another kind",
            "tokenizer.ggml.model",
            json!("rwkv"),
            &["\"rwkv\"", "known: gpt2, llama"],
        ),
        with(
            "GGUF that cuts words unheard of",
            "tokenizer.ggml.pre",
            json!("martian"),
            &["\"martian\"", "known: default"],
        ),
        with("GGUF with no alignment", "general.alignment", json!(0), &["general.alignment is 0"]),
        with("GGUF of three parts", "split.count", json!(3), &["one of 3 parts", "gguf-split --merge"]),
        with("GGUF with layers that it has not", "llama.block_count", json!(7), &["tensor", "missing"]),
        row("GGUF without a vocabulary", gguf().remove("tokenizer.ggml.tokens").finish(), &["tokenizer.ggml.tokens"]),
        bad("GGUF that is not there", "run ab --model DIR/gone.gguf", 2, &["gone.gguf", "can't read"]),
    ]
}

fn tables() -> Vec<Bad> {
    let command = "run ab --max-new-tokens 2 --format json --model DIR/t.toml";
    let row = |name, content: &[u8], says| file(name, ("t.toml", content), command, says);
    vec![
        row("a table of nothing", b"", &["line 1", "vocabulary"]),
        row("a table that is no TOML", b"vocabulary = [\"a\"\n", &["line 1", "unclosed"]),
        row("a table with an unknown key", b"vocabulary = [\"a\"]\nvocab = 3\n", &["`vocab`", "line 2"]),
        row(
            "a table whose row sums to more",
            b"vocabulary = ['a', 'b']\n[[row]]\ncontext = []\nnext = { a = 0.5, b = 0.75 }\n",
            &["1.25", "row 1"],
        ),
        row(
            "a table with an unknown token",
            b"vocabulary = ['a']\n[[row]]\ncontext = []\nnext = { z = 0.5 }\n",
            &["`z`", "line 4"],
        ),
        row(
            "a table below nothing",
            b"vocabulary = ['a']\n[[row]]\ncontext = []\nnext = { a = -0.5 }\n",
            &["-0.5", "row 1"],
        ),
        row(
            "a table with a context without end",
            b"vocabulary = ['a']\ncontext_length = 99999999999\n",
            &["99999999999", "line 2"],
        ),
        row("a table with a token twice", b"vocabulary = ['a', 'a']\n", &["`a`", "line 1"]),
        row("a table that is no UTF-8", b"vocabulary = ['\xff']\n", &["t.toml", "UTF-8"]),
        row(
            "a prompt that no table has",
            b"vocabulary = ['x']\n[[row]]\ncontext = []\nnext = { x = 1.0 }\n",
            &["ab", "vocabulary"],
        ),
        row(
            "a prompt longer than the context",
            b"vocabulary = ['a', 'b']\ncontext_length = 2\n[[row]]\ncontext = []\nnext = { a = 1.0 }\n",
            &["context of 2", "shorten it"],
        ),
    ]
}

/// Themes, lessons, traces, prompts.
fn texts() -> Vec<Bad> {
    let theme = |name, text: &str, says| file(name, ("t.toml", text), "theme check DIR/t.toml", says);
    let lesson = |name, text: &str, says| {
        file(name, ("l.toml", format!("title = 't'\nsummary = 's'\n{text}")), "lesson check DIR/l.toml", says)
    };
    let trace = |name, text: &[u8], says| file(name, ("t.jsonl", text), "replay DIR/t.jsonl --format json", says);
    let prompts =
        |name, text: &str, says| file(name, ("p.jsonl", text), "run --prompts DIR/p.jsonl --format json", says);
    vec![
        theme(
            "a colour that is none",
            "inherits = 'dark'\n[styles]\nfuture = { fg = '#12' }\n",
            &["#12", ":3:", "no colour"],
        ),
        theme(
            "a style that is none",
            "inherits = 'dark'\n[styles]\nfutur = { fg = '#123456' }\n",
            &["futur", "did you mean"],
        ),
        theme("a theme that inherits itself", "inherits = 't.toml'\n", &["t.toml", "circle"]),
        bad("a theme that is not there", "theme check DIR/gone.toml", 2, &["gone.toml", "can't read"]),
        lesson("a lesson with a computation unheard of", "[figures.f]\ncompute = 'magic'\n", &["\"magic\"", ":4:"]),
        lesson("a lesson about no figure", "[[page]]\ntitle = 'p'\ntext = '{f.x}'\n", &["`f`", ":5:"]),
        lesson("a lesson that breaks off", "[[page]]\ntitle = 'p'\ntext = '{1 +}'\n", &["`1 +`", ":5:"]),
        lesson("a lesson with an unknown key", "[[page]]\ntitle = 'p'\ntext = 'x'\ncolour = 3\n", &["`colour`", ":6:"]),
        trace("a trace of nothing", b"", &["no trace"]),
        trace(
            "a trace of another version",
            b"{\"type\": \"header\", \"format\": \"logitscope.trace\", \"version\": 2}\n",
            &["version 2", "line 1"],
        ),
        trace(
            "a trace of another program",
            b"{\"type\": \"header\", \"format\": \"other\", \"version\": 1}\n",
            &["`other`", "line 1"],
        ),
        trace("a trace of bytes", b"\x7fELF\x00\x01\n\xff\n", &["line 1", "not a record"]),
        trace("a trace nested without end", &b"[".repeat(100_000), &["line 1", "t.jsonl"]),
        bad("a trace that is a folder", "replay DIR --format json", 2, &["can't read"]),
        prompts("a prompt that is a number", "{\"prompt\": \"a\"}\n{\"prompt\": 3}\n", &["3", "line 2"]),
        prompts("no prompts", "", &["p.jsonl", "no prompt"]),
        bad(
            "prompts that are not there",
            "run --prompts DIR/gone.jsonl --format json",
            2,
            &["gone.jsonl", "can't read"],
        ),
        file(
            "a text that is no text",
            ("s.txt", b"\xff\xfe".to_vec()),
            "score --file DIR/s.txt --format json",
            &["s.txt", "UTF-8"],
        ),
        file("a model of another ending", ("m.bin", "x"), "run x --model DIR/m.bin", &["m.bin", "is a file"]),
        bad("an empty folder", "run x --model DIR", 2, &["config.json", "is missing"]),
    ]
}

/// One line, the exit code, what must be said, and no document.
fn check(row: &Bad) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in &row.files {
        let path = directory.path().join(name);
        fs::create_dir_all(if name.ends_with('/') { &path } else { path.parent().unwrap() }).unwrap();
        if !name.ends_with('/') {
            fs::write(path, content).unwrap();
        }
    }
    let place = |argument: String| argument.replace("DIR", directory.path().to_str().unwrap());
    let arguments = shlex::split(&row.command).unwrap().into_iter().map(place);
    let mut program = Command::new(env!("CARGO_BIN_EXE_logitscope"));
    program.env_remove("LOGITSCOPE_API_KEY").env_remove("OPENAI_API_KEY").env("RUST_BACKTRACE", "1");
    let output = program.args(arguments).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let said = stderr.trim_end();
    let wrong = |what: &str| Err(format!("{}: {what}: {:?} {said}", row.name, output.status.code()));
    if output.status.code() != Some(row.code) {
        return wrong("the exit code");
    }
    if !output.stdout.is_empty() {
        return wrong("there is something on standard output");
    }
    if !said.starts_with("logitscope: ") || said.lines().count() != 1 {
        return wrong("it is not one line");
    }
    // What a program says to those who wrote it.
    for noise in ["panicked", "RUST_BACKTRACE", "Some(", "Err(", "Os {", "unwrap", "src/", "    "] {
        if said.contains(noise) {
            return wrong(&format!("it says {noise:?}"));
        }
    }
    match row.says.iter().find(|part| !said.contains(**part)) {
        Some(part) => wrong(&format!("it does not say {part:?}")),
        None => Ok(()),
    }
}

fn check_all(rows: &[Bad]) {
    let wrong: Vec<String> = rows.iter().filter_map(|row| check(row).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn all() -> Vec<Bad> {
    [arguments(), configurations(), tensors(), tokenizers(), gguf_files(), tables(), texts()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn every_kind_is_answered_with_one_line() {
    let rows = all();
    let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rows.len(), "a name is there twice");
    assert!(rows.len() > 100, "{}", rows.len());
    check_all(&rows);
}

#[test]
fn servers_that_lie_are_answered_with_one_line() {
    let models = |meta: Value| json!({ "data": [{ "id": "m", "owned_by": "llamacpp", "meta": meta }] });
    let props = json!({ "total_slots": 1 });
    let listed =
        |logprob: f64| json!({ "choices": [{ "logprobs": { "tokens": ["a"], "top_logprobs": [{ "a": logprob }] } }] });
    let plain = || json!({ "data": [{ "id": "m" }] });
    for (name, first, later, says) in [
        ("no model", json!({ "data": [] }), json!({}), "no model loaded"),
        ("an answer of another kind", json!([1, 2]), json!({}), "can't be read"),
        (
            "a vocabulary beyond any",
            models(json!({ "n_vocab": u64::MAX >> 1 })),
            props.clone(),
            "n_vocab is 9223372036854775807",
        ),
        ("no vocabulary", models(Value::Null), props.clone(), "how large the model's vocabulary is"),
        ("a negative size", models(json!({ "n_vocab": -1 })), props, "-1"),
        ("a probability above 1", plain(), listed(0.7), "0.7"),
        ("no probabilities", plain(), json!({ "choices": [{}] }), "no log-probabilities"),
        ("no choice", plain(), json!({ "choices": [] }), "no choice"),
    ] {
        let server = Scripted::new(move |asked| {
            Reply::Json(if asked.path == "/v1/models" { first.clone() } else { later.clone() })
        });
        let command = format!("run a --max-new-tokens 2 --format json --model {}", server.address);
        check_all(&[bad(&format!("a server with {name}"), &command, 1, &["http://127.0.0.1:", says])]);
    }
    let nobody = "run a --format json --model http://127.0.0.1:9/v1";
    check_all(&[
        bad("a server that is not there", nobody, 1, &["127.0.0.1:9", "nothing listens there"]),
        bad("a server without a host", "run a --model http://:x/v1", 2, &[":x", "no host and port"]),
        bad("a server with a password", "run a --model http://me:x@localhost/v1", 2, &["LOGITSCOPE_API_KEY"]),
        bad(
            "a model that is not in the cache",
            "run a --model owner/nothing-here --offline",
            1,
            &["owner/nothing-here", "--offline"],
        ),
    ]);
}
