//! Names of tensors that most families share.

use crate::model::decoder::{Storage, TensorNames};

/// The names that transformers gave Llama's tensors, and those that other families add to them.
pub(super) const LLAMA: TensorNames = TensorNames {
    prefixes: &["model."],
    embedding: "embed_tokens",
    positions: "",
    layer: "layers.",
    attention_norm: "input_layernorm",
    query: "self_attn.q_proj",
    key: "self_attn.k_proj",
    value: "self_attn.v_proj",
    query_key_value: "self_attn.qkv_proj",
    query_norm: "self_attn.q_norm",
    key_norm: "self_attn.k_norm",
    attention_output: "self_attn.o_proj",
    attention_post_norm: "post_attention_layernorm",
    mlp_norm: "post_attention_layernorm",
    gate: "mlp.gate_proj",
    up: "mlp.up_proj",
    gate_up: "mlp.gate_up_proj",
    down: "mlp.down_proj",
    mlp_post_norm: "post_feedforward_layernorm",
    final_norm: "norm",
    heads: &["lm_head"],
    storage: Storage::OutputsFirst,
};
