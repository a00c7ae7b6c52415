//! Models: those of the goldens converted, and quantized ones.

use std::fs;
use std::path::Path;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use logitscope::model::{
    DtypeChoice, LoadedModel, ModelSource, OpenOptions, Positions, Run, SpecialTokens, StoredType, open, unwatched,
};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use super::writer::Writer;
use crate::model_golden::{check, golden_path, read_golden};

/// Names of transformers and of llama.cpp.
const NAMES: &[(&str, &str)] = &[
    ("model.embed_tokens.", "token_embd."),
    ("model.norm.", "output_norm."),
    ("lm_head.", "output."),
    ("model.layers.", "blk."),
    ("post_attention_layernorm", "ffn_norm"),
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];

/// Rows `i` and `i + half` of every head become neighbours, as the conversion of Llama has it.
fn neighbouring(bytes: &[u8], heads: usize, rows: usize) -> Vec<u8> {
    let (row, head) = (bytes.len() / rows, rows / heads);
    let order = (0..rows).map(|at| at / head * head + at % head / 2 + at % 2 * (head / 2));
    order.flat_map(|from| bytes[from * row..][..row].to_vec()).collect()
}

/// A tokenizer of byte pairs as metadata.
fn tokenizer(writer: &mut Writer, directory: &Path) {
    let file: Value = serde_json::from_slice(&fs::read(directory.join("tokenizer.json")).unwrap()).unwrap();
    let vocabulary = file["model"]["vocab"].as_object().unwrap();
    let added = file["added_tokens"].as_array().unwrap();
    let named = vocabulary.iter().map(|(token, id)| (token.clone(), id.as_u64().unwrap() as usize));
    let special: Vec<(String, usize)> = added
        .iter()
        .map(|token| (token["content"].as_str().unwrap().to_owned(), token["id"].as_u64().unwrap() as usize))
        .collect();
    let size = 1 + named.clone().chain(special.clone()).map(|(_, id)| id).max().unwrap();
    let (mut tokens, mut types) = (vec![String::new(); size], vec![1; size]);
    for (token, id) in named {
        tokens[id] = token;
    }
    for (token, id) in special {
        tokens[id] = token;
        types[id] = 3;
    }
    let merge = |merge: &Value| match merge {
        Value::String(line) => line.clone(),
        pair => format!("{} {}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap()),
    };
    let merges: Vec<String> = file["model"]["merges"].as_array().unwrap().iter().map(merge).collect();
    writer.pair("tokenizer.ggml.model", "gpt2").pair("tokenizer.ggml.pre", "gpt-2");
    writer.pair("tokenizer.ggml.tokens", tokens).pair("tokenizer.ggml.token_type", types);
    writer.pair("tokenizer.ggml.merges", merges);
}

/// A golden Llama in GGUF, as stored.
fn converted(name: &str) -> Writer {
    let directory = golden_path(name);
    let config: Value = serde_json::from_slice(&fs::read(directory.join("config.json")).unwrap()).unwrap();
    let count = |key: &str| config[key].as_u64().unwrap() as usize;
    let (heads, kv_heads) = (count("num_attention_heads"), count("num_key_value_heads"));
    let head_dim = config["head_dim"].as_u64().map_or(count("hidden_size") / heads, |dim| dim as usize);
    let mut writer = Writer::new();
    writer.pair("general.architecture", "llama");
    for (key, name) in [
        ("context_length", "max_position_embeddings"),
        ("embedding_length", "hidden_size"),
        ("block_count", "num_hidden_layers"),
        ("feed_forward_length", "intermediate_size"),
        ("attention.head_count", "num_attention_heads"),
        ("attention.head_count_kv", "num_key_value_heads"),
        ("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
    ] {
        writer.pair(&format!("llama.{key}"), config[name].clone());
    }
    writer.pair("llama.attention.key_length", head_dim).pair("llama.rope.dimension_count", head_dim);
    let rope = &config["rope_parameters"];
    writer.pair("llama.rope.freq_base", rope["rope_theta"].as_f64().unwrap());
    match rope["rope_type"].as_str() {
        Some("linear") => {
            writer.pair("llama.rope.scaling.type", "linear");
            writer.pair("llama.rope.scaling.factor", rope["factor"].as_f64().unwrap());
        }
        Some("llama3") => {
            let factors = llama3_factors(rope, head_dim).into_iter().flat_map(f32::to_le_bytes).collect();
            writer.tensor("rope_freqs.weight", &[head_dim / 2], 0, factors);
        }
        _ => {}
    }
    tokenizer(&mut writer, &directory);
    writer.pair("tokenizer.ggml.eos_token_id", config["eos_token_id"].clone());
    let bytes = fs::read(directory.join("model.safetensors")).unwrap();
    for (name, tensor) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
        let name_there = NAMES.iter().fold(name.clone(), |name, (from, to)| name.replace(from, to));
        let kind = match tensor.dtype() {
            Dtype::F16 => 1,
            Dtype::BF16 => 30,
            _ => 0,
        };
        let rows = tensor.shape()[0];
        let data = match name {
            name if name.contains("q_proj") => neighbouring(tensor.data(), heads, rows),
            name if name.contains("k_proj") => neighbouring(tensor.data(), kv_heads, rows),
            _ => tensor.data().to_vec(),
        };
        writer.tensor(&name_there, tensor.shape(), kind, data);
    }
    writer
}

/// What llama.cpp's conversion writes for Llama 3.1.
fn llama3_factors(rope: &Value, head_dim: usize) -> Vec<f32> {
    let number = |key: &str| rope[key].as_f64().unwrap();
    let (factor, low, high) = (number("factor"), number("low_freq_factor"), number("high_freq_factor"));
    let context = number("original_max_position_embeddings");
    let of_pair = |pair: usize| {
        let wavelength = std::f64::consts::TAU * number("rope_theta").powf((2 * pair) as f64 / head_dim as f64);
        if wavelength < context / high {
            1.0
        } else if wavelength > context / low {
            factor as f32
        } else {
            let smooth = (context / wavelength - low) / (high - low);
            (1.0 / ((1.0 - smooth) / factor + smooth)) as f32
        }
    };
    (0..head_dim / 2).map(of_pair).collect()
}

/// The smallest of the goldens.
pub(super) fn tiny() -> Writer {
    converted("llama-gqa")
}

/// Writes a file and opens it.
fn opened(writer: &Writer, dtype: DtypeChoice) -> LoadedModel {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.gguf");
    fs::write(&path, writer.finish()).unwrap();
    open(&ModelSource::Gguf(path), &OpenOptions { dtype, threads: 2, ..OpenOptions::default() }).unwrap()
}

#[test]
fn converted_models_say_what_transformers_says() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["llama-gqa", "llama-tied-llama3", "llama-biases", "llama-linear", "llama-bf16", "llama-f16"] {
        let path = directory.path().join(format!("{name}.gguf"));
        fs::write(&path, converted(name).finish()).unwrap();
        check(&ModelSource::Gguf(path), &read_golden(&golden_path(name).join("golden.json")));
    }
}

#[test]
fn a_converted_model_cuts_text_as_its_directory_does() {
    let source = ModelSource::Directory(golden_path("llama-gqa"));
    let directory = open(&source, &OpenOptions::default()).unwrap().tokenizer;
    let gguf = opened(&tiny(), DtypeChoice::Auto).tokenizer;
    for text in ["", "Once upon a time", "  two\n\nlines, 123 — «ünï» 世界 🙂<|endoftext|>"] {
        let ids = gguf.encode(text, SpecialTokens::Auto).unwrap();
        assert_eq!(ids, directory.encode(text, SpecialTokens::Auto).unwrap(), "{text}");
        for id in ids {
            assert_eq!(gguf.piece(id), directory.piece(id));
        }
    }
}

#[test]
fn information_comes_from_the_metadata() {
    let loaded = opened(&tiny(), DtypeChoice::Auto);
    let info = loaded.model.info();
    assert_eq!((info.architecture.as_str(), info.vocab_size), ("LlamaForCausalLM", 320));
    assert_eq!(
        (info.context_length, info.dtype, info.eos_token_ids.as_slice()),
        (256, Some(StoredType::F32), &[0][..])
    );
    let text = opened(tiny().pair("tokenizer.ggml.eot_token_id", 5), DtypeChoice::Auto);
    assert_eq!(text.model.info().eos_token_ids, [0, 5]);
}

/// A model of one layer whose matrices have rows of 256 numbers, each matrix as `stored` makes it: number of ggml's type and bytes.
fn wide(stored: impl Fn(&Tensor) -> (u32, Vec<u8>)) -> Writer {
    let mut writer = Writer::new();
    writer.pair("general.architecture", "llama").pair("llama.context_length", 64).pair("llama.block_count", 1);
    for key in ["embedding_length", "feed_forward_length"] {
        writer.pair(&format!("llama.{key}"), 256);
    }
    writer.pair("llama.attention.head_count", 4).pair("llama.attention.layer_norm_rms_epsilon", 1e-5);
    tokenizer(&mut writer, &golden_path("llama-gqa"));
    let ones = || (0..256).flat_map(|_| 1.0_f32.to_le_bytes()).collect::<Vec<u8>>();
    for name in ["output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"] {
        writer.tensor(&format!("{name}.weight"), &[256], 0, ones());
    }
    let layer = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];
    let names = layer.iter().map(|name| (format!("blk.0.{name}.weight"), 256));
    for (seed, (name, rows)) in names.chain([("token_embd.weight".to_owned(), 320)]).enumerate() {
        let uniform = |i: usize| logitscope::decode::uniform(seed as u64, 0, i as u64) as f32;
        let numbers: Vec<f32> = (0..rows * 256).map(|i| (2.0 * uniform(i) - 1.0) * 0.2).collect();
        let (kind, bytes) = stored(&Tensor::from_vec(numbers, (rows, 256), &Device::Cpu).unwrap());
        writer.tensor(&name, &[rows, 256], kind, bytes);
    }
    writer
}

fn f32_bytes(tensor: &Tensor) -> Vec<u8> {
    let numbers: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
    numbers.into_iter().flat_map(f32::to_le_bytes).collect()
}

fn logits(loaded: &mut LoadedModel) -> Vec<Vec<u32>> {
    let run = Run { after: None, tokens: &[1, 50, 300, 7, 7, 12], logits: Positions::All };
    let output = loaded.model.forward(&[run], &mut unwatched).unwrap().remove(0);
    output.logits.iter().map(|logits| logits.iter().map(|logit| logit.to_bits()).collect()).collect()
}

/// Largest difference of log-probabilities.
fn difference(a: &[Vec<u32>], b: &[Vec<u32>]) -> f64 {
    let logprobs = |bits: &Vec<u32>| -> Vec<f64> {
        let logits: Vec<f64> = bits.iter().map(|bits| f64::from(f32::from_bits(*bits))).collect();
        let total = logits.iter().map(|logit| logit.exp()).sum::<f64>().ln();
        logits.iter().map(|logit| logit - total).collect()
    };
    let pairs = a.iter().zip(b).flat_map(|(a, b)| logprobs(a).into_iter().zip(logprobs(b)));
    pairs.fold(0.0, |largest, (a, b)| largest.max((a - b).abs()))
}

#[test]
fn a_quantized_model_gives_the_log_probabilities_of_its_numbers_in_f32() {
    for (kind, dtype, name) in [
        (2, GgmlDType::Q4_0, "q4_0"),
        (3, GgmlDType::Q4_1, "q4_1"),
        (6, GgmlDType::Q5_0, "q5_0"),
        (7, GgmlDType::Q5_1, "q5_1"),
        (8, GgmlDType::Q8_0, "q8_0"),
        (10, GgmlDType::Q2K, "q2_k"),
        (11, GgmlDType::Q3K, "q3_k"),
        (12, GgmlDType::Q4K, "q4_k"),
        (13, GgmlDType::Q5K, "q5_k"),
        (14, GgmlDType::Q6K, "q6_k"),
        (15, GgmlDType::Q8K, "q8_k"),
    ] {
        let quantize = |tensor: &Tensor| QTensor::quantize(tensor, dtype).unwrap();
        let mut quantized =
            opened(&wide(|tensor| (kind, quantize(tensor).data().unwrap().into_owned())), DtypeChoice::Auto);
        let plain = wide(|tensor| (0, f32_bytes(&quantize(tensor).dequantize(&Device::Cpu).unwrap())));
        assert_eq!(quantized.model.info().dtype.map(StoredType::name), Some(name));
        // Activations have 16 bits there.
        let difference = difference(&logits(&mut quantized), &logits(&mut opened(&plain, DtypeChoice::Auto)));
        println!("{name}: {difference:.1e} nats");
        assert!(difference < 1e-3, "{name}: {difference} nats");
    }
}

#[test]
fn quantizing_while_opening_is_opening_the_quantized_file() {
    let plain = wide(|tensor| (0, f32_bytes(tensor)));
    let quantized =
        wide(|tensor| (8, QTensor::quantize(tensor, GgmlDType::Q8_0).unwrap().data().unwrap().into_owned()));
    let mut opened_plain = opened(&plain, DtypeChoice::Q8_0);
    assert_eq!(opened_plain.model.info().dtype, Some(StoredType::Q8_0));
    assert_eq!(logits(&mut opened_plain), logits(&mut opened(&quantized, DtypeChoice::Auto)));
    assert_eq!(opened(&quantized, DtypeChoice::F16).model.info().dtype, Some(StoredType::F16));
}

#[test]
fn what_the_metadata_lack_is_named() {
    let message = |writer: &Writer| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.gguf");
        fs::write(&path, writer.finish()).unwrap();
        let error = open(&ModelSource::Gguf(path), &OpenOptions::default()).err().unwrap().to_string();
        assert!(!error.contains('\n'), "{error}");
        error
    };
    for (key, part) in [
        ("general.architecture", "no general.architecture"),
        ("llama.context_length", "no llama.context_length"),
        ("llama.block_count", "no llama.block_count"),
        ("llama.attention.head_count", "no llama.attention.head_count"),
        ("tokenizer.ggml.model", "no tokenizer.ggml.model"),
        ("tokenizer.ggml.tokens", "no tokenizer.ggml.tokens"),
        ("tokenizer.ggml.merges", "no tokenizer.ggml.merges"),
    ] {
        let error = message(tiny().remove(key));
        assert!(error.contains(part), "{error}");
    }
    for (key, value, part) in [
        ("general.architecture", json!("mamba"), "\"mamba\" is not known; known: llama, "),
        ("llama.block_count", json!([1, 2]), "llama.block_count is a list"),
        ("llama.embedding_length", json!(0), "llama.embedding_length is 0"),
        ("llama.embedding_length", json!(96), "token_embd.weight has shape [320, 48]"),
        ("llama.block_count", json!(3), "tensor blk.2."),
        ("llama.expert_count", json!(8), "mixtures of experts"),
        ("tokenizer.ggml.model", json!("bert"), "\"bert\" is not known; known: gpt2, llama"),
        ("tokenizer.ggml.pre", json!("klingon"), "\"klingon\" is not known"),
        ("tokenizer.ggml.eos_token_id", json!(9999), "eos_token_id is 9999"),
        ("tokenizer.ggml.token_type", json!([1]), "1 values for 320 tokens"),
        ("tokenizer.ggml.merges", json!(["a"]), "merge 0, \"a\""),
        ("tokenizer.ggml.merges", json!(["a zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"]), "joins no two tokens"),
    ] {
        let error = message(tiny().pair(key, value));
        assert!(error.contains(part), "{error}");
    }
}
