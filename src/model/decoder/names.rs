//! What the tensors of a family are called, and how they are stored.

/// Names without `.weight` and `.bias`.
#[derive(Clone, Copy, Debug)]
pub struct TensorNames {
    /// What may stand before all names but those of the head: the first with which the embedding is there.
    pub prefixes: &'static [&'static str],
    /// The embedding.
    pub embedding: &'static str,
    /// The table of learned positions.
    pub positions: &'static str,
    /// What stands before a layer's number; the names down to `down` follow after the number and a dot.
    pub layer: &'static str,
    /// The norm before attention.
    pub attention_norm: &'static str,
    /// The query projection.
    pub query: &'static str,
    /// The key projection.
    pub key: &'static str,
    /// The value projection.
    pub value: &'static str,
    /// These three as one.
    pub query_key_value: &'static str,
    /// The norm of queries.
    pub query_norm: &'static str,
    /// The norm of keys.
    pub key_norm: &'static str,
    /// The projection of what attention gathered.
    pub attention_output: &'static str,
    /// The norm after attention.
    pub attention_post_norm: &'static str,
    /// The norm before the feed-forward network.
    pub mlp_norm: &'static str,
    /// The gate of a gated feed-forward network.
    pub gate: &'static str,
    /// The projection up.
    pub up: &'static str,
    /// Gate and projection up as one.
    pub gate_up: &'static str,
    /// The projection down.
    pub down: &'static str,
    /// The norm after the feed-forward network.
    pub mlp_post_norm: &'static str,
    /// The norm after the last layer.
    pub final_norm: &'static str,
    /// What the matrix of an own head may be called: the first that is there.
    pub heads: &'static [&'static str],
    /// How the matrices of a layer are stored.
    pub storage: Storage,
}

/// How a matrix is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// `[outputs][inputs]`.
    OutputsFirst,
    /// `[inputs][outputs]`, as GPT-2's `Conv1D` has it.
    InputsFirst,
}
