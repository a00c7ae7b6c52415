//! The mathematics of decoding: logits in, a decision and its full explanation out.

/// The number of a token in a vocabulary.
pub type TokenId = u32;
