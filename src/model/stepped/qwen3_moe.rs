//! Qwen3 with a mixture of experts (Qwen team, 2025): for every token, a few of many feed-forward networks.
//!
//! The reference is transformers' `modeling_qwen3_moe.py`; candle-transformers' `qwen3_moe` runs it.

use candle_core::{Device, Tensor};
use candle_nn::Activation;
use candle_transformers::models::qwen3_moe::{Config as Shape, ModelForCausalLM};

use super::{Family, Files, Sizes, Stepped, Stepper, tensors};
use crate::decode::TokenId;
use crate::model::decoder::Identity;
use crate::model::families::Config;
use crate::model::{LanguageModel, ModelError};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "qwen3_moe", architecture: "Qwen3MoeForCausalLM", load };

struct Qwen3Moe {
    /// Before its first token. A clone shares the weights, and its keys and values are never changed in place.
    fresh: ModelForCausalLM,
    /// Bytes of keys and values of a token.
    token_bytes: usize,
    device: Device,
}

impl Stepper for Qwen3Moe {
    type State = ModelForCausalLM;

    fn start(&self) -> candle_core::Result<ModelForCausalLM> {
        Ok(self.fresh.clone())
    }

    fn step(&self, state: &mut ModelForCausalLM, token: TokenId, position: usize) -> candle_core::Result<Tensor> {
        state.forward(&Tensor::new(&[[token]], &self.device)?, position)
    }

    fn state_bytes(&self, length: usize) -> usize {
        length * self.token_bytes
    }
}

fn load(files: &Files<'_>, identity: Identity) -> Result<Box<dyn LanguageModel>, ModelError> {
    let shape = describe(files.config)?;
    let dtype = tensors::kept_type(files, "model.embed_tokens.weight")?;
    let builder = tensors::builder(files, dtype, str::to_owned);
    let fresh = ModelForCausalLM::new(&shape, builder).map_err(|error| tensors::failed(&identity.name, &error))?;
    let sizes = Sizes {
        vocab_size: shape.vocab_size,
        context_length: shape.max_position_embeddings,
        dtype,
        device: files.device.clone(),
        parameters: files.weights.parameters(),
    };
    let number = tensors::candle_type(dtype).size_in_bytes();
    let token_bytes = 2 * shape.num_hidden_layers * shape.num_key_value_heads * shape.head_dim * number;
    Ok(Box::new(Stepped::new(Qwen3Moe { fresh, token_bytes, device: files.device.clone() }, &sizes, identity)))
}

/// # Errors
/// A size is missing, or the model differs from what candle-transformers runs.
fn describe(config: &Config) -> Result<Shape, ModelError> {
    let hidden_size = config.required_count("hidden_size")?;
    let heads = config.required_count("num_attention_heads")?;
    let kv_heads = config.count("num_key_value_heads")?.unwrap_or(heads);
    if heads % kv_heads != 0 {
        return Err(
            config.invalid(format!("num_attention_heads, {heads}, does not divide by num_key_value_heads, {kv_heads}"))
        );
    }
    // transformers 5 writes it by the name that all mixtures share.
    let experts = match config.count("num_local_experts")? {
        Some(experts) => experts,
        None => config.required_count("num_experts")?,
    };
    let chosen = config.required_count("num_experts_per_tok")?;
    if chosen > experts {
        return Err(config.invalid(format!("num_experts_per_tok is {chosen}, but num_experts is {experts}")));
    }
    refuse_what_candle_lacks(config)?;
    Ok(Shape {
        vocab_size: config.required_count("vocab_size")?,
        hidden_size,
        intermediate_size: config.required_count("intermediate_size")?,
        num_hidden_layers: config.required_count("num_hidden_layers")?,
        num_attention_heads: heads,
        head_dim: config.count("head_dim")?.unwrap_or(hidden_size / heads),
        attention_bias: config.flag("attention_bias")?.unwrap_or(false),
        num_key_value_heads: kv_heads,
        max_position_embeddings: config.required_count("max_position_embeddings")?,
        sliding_window: None,
        max_window_layers: 0,
        tie_word_embeddings: config.flag("tie_word_embeddings")?.unwrap_or(false),
        rope_theta: rope_theta(config)?,
        rms_norm_eps: config.positive("rms_norm_eps")?.unwrap_or(1e-6),
        use_sliding_window: false,
        hidden_act: Activation::Silu,
        decoder_sparse_step: config.count("decoder_sparse_step")?.unwrap_or(1),
        moe_intermediate_size: config.required_count("moe_intermediate_size")?,
        num_experts_per_tok: chosen,
        num_experts: experts,
        norm_topk_prob: config.flag("norm_topk_prob")?.unwrap_or(false),
    })
}

fn refuse_what_candle_lacks(config: &Config) -> Result<(), ModelError> {
    if config.flag("use_sliding_window")?.unwrap_or(false) {
        return Err(config.invalid("use_sliding_window is true; this family can't be run with a sliding window"));
    }
    if let Some(other) = config.text("hidden_act")?.filter(|act| act != "silu") {
        return Err(config.invalid(format!("hidden_act {other:?} is not known; known: silu")));
    }
    let dense = config.get("mlp_only_layers").and_then(serde_json::Value::as_array);
    if dense.is_some_and(|layers| !layers.is_empty()) {
        return Err(config.invalid("mlp_only_layers is not empty; layers without experts can't be run there"));
    }
    Ok(())
}

/// The base of the rotary angles, from either generation of `config.json`.
fn rope_theta(config: &Config) -> Result<f64, ModelError> {
    for key in ["rope_parameters", "rope_scaling"] {
        let Some(section) = config.section(key)? else { continue };
        if let Some(other) = section.text("rope_type")?.or(section.text("type")?).filter(|kind| kind != "default") {
            return Err(config.invalid(format!("{key}.rope_type {other:?} can't be run for this family")));
        }
        if let Some(theta) = section.positive("rope_theta")? {
            return Ok(theta);
        }
    }
    Ok(config.positive("rope_theta")?.unwrap_or(10_000.0))
}
