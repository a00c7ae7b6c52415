//! What a model says of itself.

use serde::Serialize;

use crate::decode::cost::Shape;
use crate::decode::{DecodeError, Distribution, TokenId};

/// The number format that weights are stored and multiplied in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StoredType {
    /// 32-bit floating point.
    F32,
    /// 16-bit brain floating point: the upper half of an f32.
    Bf16,
    /// 16-bit IEEE floating point.
    F16,
}

impl StoredType {
    /// Bytes of a number.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::Bf16 | Self::F16 => 2,
        }
    }

    /// The name as `--dtype` and the JSON write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
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
    /// Type of the weight matrices; a server does not tell.
    pub dtype: Option<StoredType>,
    /// `cpu`.
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
    /// The distribution of the model's logits, which may be those of a list. Shape: `[vocab_size]`.
    ///
    /// # Errors
    /// Logits that are no distribution.
    pub fn distribution(&self, logits: &[f32]) -> Result<Distribution, DecodeError> {
        Ok(Distribution::from_logits(logits)?.with_rest(self.unlisted))
    }
}
