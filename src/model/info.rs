//! What a model says of itself.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::ModelError;
use super::kernels::BlockFormat;
use crate::decode::cost::Shape;
use crate::decode::{DecodeError, Distribution, TokenId};

/// The format that weights are stored and multiplied in.
///
/// Those with a number in their name are ggml's: blocks of 32 or, with a K, 256 numbers of so many bits that share their scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoredType {
    /// 32-bit floating point.
    F32,
    /// 16-bit brain floating point: the upper half of an f32.
    Bf16,
    /// 16-bit IEEE floating point.
    F16,
    /// 8 bits, in blocks of 32.
    Q8_0,
    /// 8 bits, in blocks of 256.
    Q8K,
    /// 6 bits, in blocks of 256.
    Q6K,
    /// 5 bits, in blocks of 32.
    Q5_0,
    /// 5 bits and a minimum, in blocks of 32.
    Q5_1,
    /// 5 bits, in blocks of 256.
    Q5K,
    /// 4 bits, in blocks of 32.
    Q4_0,
    /// 4 bits and a minimum, in blocks of 32.
    Q4_1,
    /// 4 bits, in blocks of 256.
    Q4K,
    /// 3 bits, in blocks of 256.
    Q3K,
    /// 2 bits, in blocks of 256.
    Q2K,
}

impl StoredType {
    /// Every type, with its name as `--dtype` and the JSON write it.
    pub const NAMES: [(Self, &str); 14] = [
        (Self::F32, "f32"),
        (Self::Bf16, "bf16"),
        (Self::F16, "f16"),
        (Self::Q8_0, "q8_0"),
        (Self::Q8K, "q8_k"),
        (Self::Q6K, "q6_k"),
        (Self::Q5_0, "q5_0"),
        (Self::Q5_1, "q5_1"),
        (Self::Q5K, "q5_k"),
        (Self::Q4_0, "q4_0"),
        (Self::Q4_1, "q4_1"),
        (Self::Q4K, "q4_k"),
        (Self::Q3K, "q3_k"),
        (Self::Q2K, "q2_k"),
    ];

    /// The name as `--dtype` and the JSON write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(stored, _)| *stored == self).map_or("?", |(_, name)| name)
    }

    /// The type of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(stored, _)| *stored)
    }

    /// The numbers of a block and the bytes that they take; a floating-point number is a block of its own.
    #[must_use]
    pub fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::Bf16 | Self::F16 => (1, 2),
            quantized => BlockFormat::of(quantized).map_or((1, 1), |format| (format.length, format.bytes)),
        }
    }
}

impl Serialize for StoredType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What a model says of itself: the `model` object of every JSON document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelInfo {
    /// `builtin`, or the directory as the user named it.
    pub name: String,
    /// The architecture as `config.json` has it, for example `LlamaForCausalLM`.
    pub architecture: String,
    /// Length of a logits vector.
    pub vocab_size: usize,
    /// The most tokens of prompt and output together.
    pub context_length: usize,
    /// Type of most weights in the matrices; a server does not tell.
    pub dtype: Option<StoredType>,
    /// Where it runs: `cpu`, `cuda:N`, `metal`, or `server`.
    pub device: String,
    /// Ids that end a text, ascending; may be empty, may be several.
    pub eos_token_ids: Vec<TokenId>,
    /// Ids that have a place among the logits but are never chosen: the begin token of a table and its unlisted rest.
    /// Everything that chooses suppresses them; log-probabilities stay what they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub never_chosen: Vec<TokenId>,
    /// The id that stands for all tokens together that the model does not list, where it gives its most probable ones only.
    /// The logits of what is not listed are minus infinity.
    #[serde(skip)]
    pub unlisted: Option<TokenId>,
    /// Number of weights.
    pub parameters: u64,
    /// What its arithmetic follows from; none for a table.
    #[serde(skip)]
    pub shape: Option<Box<Shape>>,
}

impl ModelInfo {
    /// The distribution of the model's logits, which it shares and which may be those of a list. Shape: `[vocab_size]`.
    ///
    /// # Errors
    /// Logits that are no distribution: the weights are damaged.
    pub fn distribution(&self, logits: &Arc<[f32]>) -> Result<Distribution, ModelError> {
        let no_logits = |error: DecodeError| {
            let name = &self.name;
            ModelError::Request(format!("{name} gives what no model should: {error}: its weights may be damaged"))
        };
        Ok(Distribution::shared(logits).map_err(no_logits)?.with_rest(self.unlisted))
    }
}
