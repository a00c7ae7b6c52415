//! What llama.cpp calls tensors, whatever the architecture (`gguf-py/gguf/constants.py` there).

use crate::model::decoder::TensorNames;

/// Names without `.weight` and `.bias`.
pub(super) const NAMES: TensorNames = TensorNames {
    embedding: "token_embd",
    layer: "blk.",
    attention_norm: "attn_norm",
    query: "attn_q",
    key: "attn_k",
    value: "attn_v",
    attention_output: "attn_output",
    mlp_norm: "ffn_norm",
    gate: "ffn_gate",
    up: "ffn_up",
    down: "ffn_down",
    final_norm: "output_norm",
    head: "output",
};
