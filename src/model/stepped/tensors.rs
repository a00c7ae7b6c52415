//! Tensors of weight files as candle wants them.

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

use super::Files;
use crate::model::device;
use crate::model::weights::Weights;
use crate::model::{DtypeChoice, ModelError, StoredType};

/// What a family calls a tensor in its files, from what candle-transformers calls it.
pub(super) type Rename = fn(&str) -> String;

/// Weight files as a source of tensors.
struct Source<'a> {
    weights: &'a Weights,
    rename: Rename,
}

/// A builder that takes tensors out of a model's files, in the type `dtype`, and copies them to its device.
pub(super) fn builder<'a>(files: &Files<'a>, dtype: StoredType, rename: Rename) -> VarBuilder<'a> {
    let source = Source { weights: files.weights, rename };
    VarBuilder::from_backend(Box::new(source), candle_type(dtype), files.device.clone())
}

/// The type that a model's tensors are kept in, from that of one of them.
///
/// # Errors
/// candle's models can't be quantized on the way.
pub(super) fn kept_type(files: &Files<'_>, name: &str) -> Result<StoredType, ModelError> {
    if files.dtype == DtypeChoice::Q8_0 {
        let reason = "--dtype q8_0: this family is run by candle, which can't quantize it; take auto, f32, bf16 or f16";
        return Err(ModelError::Unsupported(reason.into()));
    }
    Ok(files.dtype.apply(files.weights.stored_type(name).unwrap_or(StoredType::F32), 1))
}

/// candle's name of a type; safetensors have no other ones.
pub(super) fn candle_type(dtype: StoredType) -> DType {
    match dtype {
        StoredType::Bf16 => DType::BF16,
        StoredType::F16 => DType::F16,
        _ => DType::F32,
    }
}

impl SimpleBackend for Source<'_> {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        let name = (self.rename)(name);
        let (stored, bytes) = self.weights.raw(&name, shape.dims()).map_err(candle_core::Error::wrap)?;
        Tensor::from_raw_buffer(bytes, candle_type(stored), shape.dims(), device)?.to_dtype(dtype)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("tensor {name}: its shape is not known")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.weights.contains(&(self.rename)(name))
    }
}

/// An error of loading: ours where one of ours is inside, with the tensor's name and shapes.
pub(super) fn failed(file: &str, error: &candle_core::Error) -> ModelError {
    ModelError::invalid(file, device::first_line(error))
}
