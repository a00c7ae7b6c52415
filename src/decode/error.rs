//! What the mathematics refuses.

use super::TokenId;

/// Why a decision can't be computed. Every message names the value that was wrong and what would be right.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// A logits vector without an entry.
    #[error("no logits: at least one is needed")]
    NoLogits,
    /// A logit that is not a number or plus infinity.
    #[error("the logit of token {id} is {value}: logits must be numbers or minus infinity")]
    BadLogit {
        /// The position in the vector.
        id: TokenId,
        /// `NaN` or `inf`.
        value: f64,
    },
    /// Every logit is minus infinity.
    #[error("every logit is minus infinity: there is no distribution")]
    AllMinusInfinity,
    /// A stage of the chain removed what was left.
    #[error("{stage} leaves no token: relax it")]
    NothingLeft {
        /// The stage as it is written, for example `suppress_tokens=0,1`.
        stage: String,
    },
    /// A processor that is not in the table.
    #[error("no processor is called `{name}`; there are {known}")]
    UnknownProcessor {
        /// What was asked for.
        name: String,
        /// The names in the table.
        known: String,
    },
    /// A preset that is not in the table.
    #[error("no preset is called `{0}`; there are transformers, llama.cpp, vllm")]
    UnknownPreset(String),
    /// A preset has no place for a processor.
    #[error("the {preset} preset has no {name}: leave it out, or give the order with --chain")]
    NotInPreset {
        /// The preset.
        preset: &'static str,
        /// The processor.
        name: &'static str,
    },
    /// A value that can't be read or is out of range.
    #[error("{name}: `{value}` is {wrong}")]
    BadValue {
        /// The processor.
        name: String,
        /// The value as it was written.
        value: String,
        /// For example `not between 0 and 1`.
        wrong: String,
    },
    /// A chain that is not `name=value,name=value`.
    #[error("`{0}` is not name=value")]
    BadChain(String),
    /// Guidance without anything to steer away from.
    #[error(
        "guidance_scale steers by what follows a negative prompt, and there is none: give `negative` logits, or use run"
    )]
    NoNegative,
    /// Logits after the negative prompt of another vocabulary.
    #[error("guidance_scale: {given} logits after the negative prompt for a vocabulary of {vocab_size}")]
    OtherNegative {
        /// Number of logits.
        vocab_size: usize,
        /// Number of logits after the negative prompt.
        given: usize,
    },
    /// A token id outside of the vocabulary.
    #[error("{what}: token {id} is outside of the vocabulary of {vocab_size}")]
    BadToken {
        /// Where the id came from.
        what: &'static str,
        /// The id.
        id: TokenId,
        /// Number of logits.
        vocab_size: usize,
    },
    /// A beam search was given another number of distributions than it has live beams.
    #[error("beam search has {live} live beams and was given {given} distributions: give one for each")]
    BeamModels {
        /// Beams that wait; 0 when the search is over.
        live: usize,
        /// Distributions.
        given: usize,
    },
}
