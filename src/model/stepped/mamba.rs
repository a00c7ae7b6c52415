//! Mamba (Gu and Dao, 2023): a recurrent state in the place of attention.
//!
//! The reference is transformers' `modeling_mamba.py`; candle-transformers' `mamba` runs it.

use candle_core::{DType, Device, Tensor};
use candle_transformers::models::mamba::{Config as Shape, Model, State};

use super::{Family, Files, Sizes, Stepped, Stepper, tensors};
use crate::decode::TokenId;
use crate::model::decoder::Identity;
use crate::model::families::Config;
use crate::model::{LanguageModel, ModelError};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "mamba", architecture: "MambaForCausalLM", load };

/// A recurrence has no last position. This is the length that the models were trained with, many times over.
const CONTEXT: usize = 1 << 17;
/// Numbers in the state of a channel, and inputs of its convolution, as candle-transformers has them.
const STATE_SIZE: usize = 16;
const CONV_KERNEL: usize = 4;

struct Mamba {
    model: Model,
    shape: Shape,
    dtype: DType,
    device: Device,
}

/// candle's state, which can't be cloned itself.
struct Remembered(State);

impl Clone for Remembered {
    fn clone(&self) -> Self {
        let State { hs, prev_xs, pos } = &self.0;
        Self(State { hs: hs.clone(), prev_xs: prev_xs.clone(), pos: *pos })
    }
}

impl Stepper for Mamba {
    type State = Remembered;

    fn start(&self) -> candle_core::Result<Remembered> {
        State::new(1, &self.shape, self.dtype, &self.device).map(Remembered)
    }

    fn step(&self, state: &mut Remembered, token: TokenId, _: usize) -> candle_core::Result<Tensor> {
        self.model.forward(&Tensor::new(&[token], &self.device)?, &mut state.0)
    }

    fn state_bytes(&self, _: usize) -> usize {
        let channels = 2 * self.shape.d_model;
        self.shape.n_layer * channels * (STATE_SIZE + CONV_KERNEL) * self.dtype.size_in_bytes()
    }
}

fn load(files: &Files<'_>, identity: Identity) -> Result<Box<dyn LanguageModel>, ModelError> {
    Ok(Box::new(stepped(files, identity)?))
}

pub(super) fn stepped(files: &Files<'_>, identity: Identity) -> Result<Stepped<impl Stepper + use<>>, ModelError> {
    let shape = describe(files.config)?;
    let dtype = tensors::kept_type(files, "backbone.embeddings.weight")?;
    let builder = tensors::builder(files, dtype, rename);
    let model = Model::new(&shape, builder).map_err(|error| tensors::failed(&identity.name, &error))?;
    let sizes = Sizes {
        vocab_size: shape.vocab_size,
        context_length: CONTEXT,
        dtype,
        device: files.device.clone(),
        parameters: files.weights.parameters(),
    };
    let model = Mamba { model, shape, dtype: tensors::candle_type(dtype), device: files.device.clone() };
    Ok(Stepped::new(model, &sizes, identity))
}

fn rename(name: &str) -> String {
    let name = name.strip_prefix("embedding.").map_or(name.to_owned(), |rest| format!("embeddings.{rest}"));
    format!("backbone.{name}")
}

/// # Errors
/// A size is missing, or the model differs from what candle-transformers runs.
fn describe(config: &Config) -> Result<Shape, ModelError> {
    let d_model = config.required_count("hidden_size")?;
    for (key, only) in [
        ("state_size", STATE_SIZE),
        ("conv_kernel", CONV_KERNEL),
        ("expand", 2),
        ("intermediate_size", 2 * d_model),
        ("time_step_rank", d_model.div_ceil(16)),
    ] {
        match config.get(key).and_then(serde_json::Value::as_str) {
            Some("auto") => {}
            _ => {
                if let Some(value) = config.count(key)?.filter(|value| *value != only) {
                    return Err(config.invalid(format!("{key} is {value}; only {only} can be run")));
                }
            }
        }
    }
    for (key, only) in [("use_bias", false), ("use_conv_bias", true), ("tie_word_embeddings", true)] {
        if let Some(value) = config.flag(key)?.filter(|value| *value != only) {
            return Err(config.invalid(format!("{key} is {value}; only {only} can be run")));
        }
    }
    if let Some(epsilon) = config.positive("layer_norm_epsilon")?.filter(|epsilon| (epsilon - 1e-5).abs() > 1e-12) {
        return Err(config.invalid(format!("layer_norm_epsilon is {epsilon}; only 1e-5 can be run")));
    }
    if let Some(other) = config.text("hidden_act")?.filter(|act| act != "silu") {
        return Err(config.invalid(format!("hidden_act {other:?} is not known; known: silu")));
    }
    Ok(Shape {
        d_model,
        n_layer: config.required_count("num_hidden_layers")?,
        vocab_size: config.required_count("vocab_size")?,
        pad_vocab_size_multiple: 1,
    })
}
