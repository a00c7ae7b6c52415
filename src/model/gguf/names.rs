//! What llama.cpp calls tensors, whatever the architecture (`gguf-py/gguf/constants.py` there).

use crate::model::decoder::{Storage, TensorNames};

/// Names without `.weight` and `.bias`.
pub(super) const NAMES: TensorNames = TensorNames {
    prefixes: &[""],
    embedding: "token_embd",
    positions: "position_embd",
    layer: "blk.",
    attention_norm: "attn_norm",
    query: "attn_q",
    key: "attn_k",
    value: "attn_v",
    query_key_value: "attn_qkv",
    query_norm: "attn_q_norm",
    key_norm: "attn_k_norm",
    attention_output: "attn_output",
    attention_post_norm: "post_attention_norm",
    mlp_norm: "ffn_norm",
    gate: "ffn_gate",
    up: "ffn_up",
    gate_up: "ffn_up",
    down: "ffn_down",
    mlp_post_norm: "post_ffw_norm",
    final_norm: "output_norm",
    heads: &["output"],
    storage: Storage::OutputsFirst,
};
