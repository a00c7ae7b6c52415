//! Models of named shapes with random weights: the sizes of models that everybody knows, for measuring without a download.

use std::fmt;
use std::sync::Arc;

use super::decoder::{Decoder, Identity, Storage};
use super::families::{self, Config};
use super::tokenizer::ByteTokenizer;
use super::weights::Weights;
use super::{LoadedModel, ModelError, OpenOptions, StoredType};

/// What stands before the name of a shape in `--model`.
pub const PREFIX: &str = "shape:";

/// A shape by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedShape {
    /// As `--model shape:NAME` writes it.
    pub name: &'static str,
    /// The model that has this shape, with its number of weights.
    pub like: &'static str,
    /// Its `config.json`, as the family reads it.
    config: &'static str,
}

/// Every shape that is known, the smallest first.
pub const SHAPES: &[NamedShape] = &[
    NamedShape {
        name: "S",
        like: "Llama, 15M",
        config: r#"{"model_type": "llama", "hidden_size": 288, "num_hidden_layers": 6, "num_attention_heads": 6,
            "num_key_value_heads": 6, "intermediate_size": 768, "vocab_size": 32000, "tie_word_embeddings": true,
            "rms_norm_eps": 1e-5, "rope_theta": 1e4, "max_position_embeddings": 2048}"#,
    },
    NamedShape {
        name: "M",
        like: "GPT-2, 124M",
        config: r#"{"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_inner": 3072,
            "vocab_size": 50257, "tie_word_embeddings": true, "layer_norm_epsilon": 1e-5, "n_positions": 1024}"#,
    },
    NamedShape {
        name: "L",
        like: "SmolLM2, 135M",
        config: r#"{"model_type": "llama", "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9,
            "num_key_value_heads": 3, "intermediate_size": 1536, "vocab_size": 49152, "tie_word_embeddings": true,
            "rms_norm_eps": 1e-5, "rope_theta": 1e5, "max_position_embeddings": 2048}"#,
    },
    NamedShape {
        name: "XL",
        like: "Qwen2.5, 0.5B",
        config: r#"{"model_type": "qwen2", "hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14,
            "num_key_value_heads": 2, "intermediate_size": 4864, "vocab_size": 151936, "tie_word_embeddings": true,
            "rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 32768}"#,
    },
];

impl fmt::Display for NamedShape {
    /// As `--model` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.name)
    }
}

impl NamedShape {
    /// The shape that `--model` names, in capitals or not; none where it names no shape at all.
    ///
    /// # Errors
    /// There is no shape of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Result<&'static Self, ModelError>> {
        let name = text.strip_prefix(PREFIX)?;
        Some(SHAPES.iter().find(|shape| shape.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let known: Vec<String> = SHAPES.iter().map(|shape| format!("{} ({})", shape.name, shape.like)).collect();
            ModelError::Request(format!("--model {text:?}: no shape has this name; there are {}", known.join(", ")))
        }))
    }

    /// Makes the model: its weights drawn, its tokens bytes and numbers, and no token that ends a text.
    ///
    /// # Errors
    /// Its weights don't fit into memory.
    pub(super) fn open(&self, options: &OpenOptions) -> Result<LoadedModel, ModelError> {
        let name = self.to_string();
        let config = Config::parse(&name, self.config.as_bytes())?;
        let family = families::family(&config)?;
        let mut spec = (family.describe)(&config)?;
        // No file has them another way round.
        spec.names.storage = Storage::OutputsFirst;
        let shape = spec.shape(0);
        let (length, bytes) = options.dtype.apply(StoredType::F32, spec.hidden_size).block();
        let numbers = shape.layers as u64 * shape.layer_weights + shape.head_weights;
        options.fit.check(&name, || numbers / length as u64 * bytes as u64)?;
        let tokenizer = Arc::new(ByteTokenizer::new(spec.vocab_size));
        let identity =
            Identity { name: name.clone(), architecture: family.architecture.to_owned(), eos_token_ids: Vec::new() };
        let model = Decoder::load(spec, &Weights::generated(&name), identity, options.dtype, options.threads)?;
        Ok(LoadedModel { model: Box::new(model), tokenizer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DtypeChoice, LanguageModel, ModelSource, Positions, Run, open, unwatched};

    fn opened(name: &str, dtype: DtypeChoice) -> Box<dyn LanguageModel> {
        let source: ModelSource = name.parse().unwrap();
        open(&source, &OpenOptions { dtype, threads: 1, ..OpenOptions::default() }).unwrap().model
    }

    #[test]
    fn shapes_have_the_sizes_of_their_models() {
        // The published numbers of weights: stories15M, gpt2, SmolLM2-135M, Qwen2.5-0.5B.
        let published = [("S", 15_191_712), ("M", 124_439_808), ("L", 134_515_008), ("XL", 494_032_768)];
        for (shape, (name, numbers)) in SHAPES.iter().zip(published) {
            assert_eq!(shape.name, name);
            let config = Config::parse(name, shape.config.as_bytes()).unwrap();
            let spec = (families::family(&config).unwrap().describe)(&config).unwrap();
            let cost = spec.shape(0);
            let matrices = cost.layers as u64 * cost.layer_weights + cost.head_weights;
            // Learned positions, norms and biases are all that is missing.
            assert!(matrices <= numbers && numbers - matrices < numbers / 100, "{name}: {matrices} of {numbers}");
        }
        assert_eq!(opened("shape:S", DtypeChoice::Auto).info().parameters, published[0].1);
        assert_eq!(opened("shape:M", DtypeChoice::Q8_0).info().parameters, published[1].1);
    }

    #[test]
    fn names_are_read_and_unknown_ones_answered_with_those_there_are() {
        assert_eq!("shape:xl".parse::<ModelSource>().unwrap().name(), "shape:XL");
        let error = "shape:huge".parse::<ModelSource>().unwrap_err().to_string();
        assert_eq!(
            error,
            "--model \"shape:huge\": no shape has this name; there are S (Llama, 15M), M (GPT-2, 124M), L (SmolLM2, 135M), XL \
             (Qwen2.5, 0.5B)"
        );
    }

    #[test]
    fn logits_are_sane_and_the_same_each_time() {
        let logits = |dtype| {
            let mut model = opened("shape:S", dtype);
            let run = Run { after: None, tokens: &[1, 2, 3], logits: Positions::Last };
            model.forward(&[run], &mut unwatched).unwrap()[0].logits[0].to_vec()
        };
        let plain = logits(DtypeChoice::Auto);
        assert_eq!(plain, logits(DtypeChoice::F32));
        let deviation = (plain.iter().map(|x| x * x).sum::<f32>() / plain.len() as f32).sqrt();
        // 288 products of a number of deviation 0.02 with one of 1.
        assert!((0.3..0.4).contains(&deviation), "{deviation}");
        let far = logits(DtypeChoice::Q8_0).iter().zip(&plain).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far > 0.0 && far < 0.1, "{far}");
    }
}
