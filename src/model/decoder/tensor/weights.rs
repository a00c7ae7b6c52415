//! A decoder's weights on a device.

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{D, DType, Device, Result, Tensor};

use crate::model::StoredType;
use crate::model::decoder::load::{DecoderWeights, LayerWeights};
use crate::model::decoder::source::{NormWeights, Projection};
use crate::model::decoder::spec::NormKind;
use crate::model::kernels::{Elements, Linear};
use crate::model::weights::Matrix;

/// Numbers of a matrix that are widened at once, 256 MB of them: a head with a large vocabulary comes in several bands. So do the
/// small matrices of tests.
const BAND: usize = if cfg!(test) { 1 << 10 } else { 1 << 26 };

/// All tensors of a decoder.
pub(super) struct DeviceWeights {
    /// `[vocab_size][hidden_size]`, in the processor's memory.
    pub(super) embedding: Matrix,
    /// `[context_length][hidden_size]`, where positions are learned; there too.
    pub(super) positions: Option<Matrix>,
    pub(super) layers: Vec<DeviceLayer>,
    pub(super) final_norm: DeviceNorm,
    pub(super) head: Map,
}

/// The tensors of a layer, as [`LayerWeights`] has them.
pub(super) struct DeviceLayer {
    pub(super) attention_norm: Option<DeviceNorm>,
    pub(super) query_key_value: Vec<Map>,
    pub(super) query_norm: Option<DeviceNorm>,
    pub(super) key_norm: Option<DeviceNorm>,
    pub(super) attention_output: Map,
    pub(super) attention_post_norm: Option<DeviceNorm>,
    pub(super) mlp_norm: Option<DeviceNorm>,
    pub(super) gate_up: Vec<Map>,
    pub(super) down: Map,
    pub(super) mlp_post_norm: Option<DeviceNorm>,
}

impl DeviceWeights {
    /// Copies all but the tables that are looked up; a layer that had to be converted leaves the processor's memory once it is copied.
    pub(super) fn new(weights: DecoderWeights, device: &Device) -> Result<Self> {
        let head = Map::new(&weights.head(), device)?;
        let final_norm = DeviceNorm::new(&weights.final_norm, device)?;
        let DecoderWeights { embedding, positions, layers, .. } = weights;
        let layers = layers.into_iter().map(|layer| DeviceLayer::new(&layer, device)).collect::<Result<_>>()?;
        Ok(Self { embedding, positions, layers, final_norm, head })
    }
}

impl DeviceLayer {
    fn new(layer: &LayerWeights, device: &Device) -> Result<Self> {
        let norm = |norm: &Option<NormWeights>| norm.as_ref().map(|norm| DeviceNorm::new(norm, device)).transpose();
        let map = |map: &Projection| Map::new(&map.linear(), device);
        Ok(Self {
            attention_norm: norm(&layer.attention_norm)?,
            query_key_value: layer.query_key_value.iter().map(map).collect::<Result<_>>()?,
            query_norm: norm(&layer.query_norm)?,
            key_norm: norm(&layer.key_norm)?,
            attention_output: map(&layer.attention_output)?,
            attention_post_norm: norm(&layer.attention_post_norm)?,
            mlp_norm: norm(&layer.mlp_norm)?,
            gate_up: layer.gate_up.iter().map(map).collect::<Result<_>>()?,
            down: map(&layer.down)?,
            mlp_post_norm: norm(&layer.mlp_post_norm)?,
        })
    }
}

/// A linear map `y = W·x + bias`.
pub(super) struct Map {
    /// The rows of its matrix, in order.
    bands: Vec<Band>,
    /// `[rows]`.
    bias: Option<Tensor>,
}

/// Some rows of a matrix, `[rows][columns]`.
enum Band {
    Numbers(Tensor),
    Blocks(QTensor),
}

impl Map {
    pub(super) fn new(map: &Linear<'_>, device: &Device) -> Result<Self> {
        let columns = map.weight.len() / map.rows;
        let step = (BAND / columns).max(1);
        let band = |first| Band::new(map.weight, [first, (first + step).min(map.rows)], columns, device);
        Ok(Self {
            bands: (0..map.rows).step_by(step).map(band).collect::<Result<_>>()?,
            bias: map.bias.map(|bias| Tensor::new(bias, device)).transpose()?,
        })
    }

    /// `[positions][columns]` to `[positions][rows]`.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let bands = self.bands.iter().map(|band| band.product(x)).collect::<Result<_>>()?;
        let y = joined(bands, 1)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }
}

/// The outputs of maps of the same inputs, side by side.
pub(super) fn side_by_side(maps: &[Map], x: &Tensor) -> Result<Tensor> {
    joined(maps.iter().map(|map| map.apply(x)).collect::<Result<_>>()?, 1)
}

/// Tensors one after the other; a single one is not copied.
pub(super) fn joined(mut tensors: Vec<Tensor>, dimension: usize) -> Result<Tensor> {
    match tensors.len() {
        1 => Ok(tensors.remove(0)),
        _ => Tensor::cat(&tensors, dimension),
    }
}

impl Band {
    /// The rows from one to another of a matrix, in its type.
    fn new(weight: Elements<'_>, [first, end]: [usize; 2], columns: usize, device: &Device) -> Result<Self> {
        let shape = [end - first, columns];
        let numbers = first * columns..end * columns;
        let (bytes, dtype) = match weight {
            Elements::F32(values) => (bytemuck::cast_slice(&values[numbers]), DType::F32),
            Elements::Bf16(values) => (bytemuck::cast_slice(&values[numbers]), DType::BF16),
            Elements::F16(values) => (bytemuck::cast_slice(&values[numbers]), DType::F16),
            Elements::Blocks(blocks) => {
                let (stored, bytes) = blocks.stored();
                let (length, size) = stored.block();
                let bytes = &bytes[numbers.start / length * size..numbers.end / length * size];
                return QTensor::new(on_device(bytes, stored, device)?, &shape[..]).map(Self::Blocks);
            }
            Elements::Tiles(_) => {
                let mut values = vec![0.0; numbers.len()];
                weight.widen_into(numbers.start, &mut values);
                return Tensor::from_vec(values, &shape[..], device).map(Self::Numbers);
            }
        };
        Tensor::from_raw_buffer(bytes, dtype, &shape, device).map(Self::Numbers)
    }

    /// `x · Wᵀ`, with the numbers widened to `f32`, which is exact.
    ///
    /// candle's products with blocks round `x` to 8 bits, except on Metal; there they are taken, since it widens blocks on the
    /// processor alone.
    fn product(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Numbers(numbers) => x.matmul(&numbers.to_dtype(DType::F32)?.t()?),
            Self::Blocks(blocks) if blocks.device().is_metal() => x.apply_op1_no_bwd(blocks),
            Self::Blocks(blocks) => x.matmul(&blocks.dequantize(&blocks.device())?.t()?),
        }
    }
}

/// Copies blocks; candle takes them from where a number of 32 bits may lie.
fn on_device(blocks: &[u8], stored: StoredType, device: &Device) -> Result<QStorage> {
    let mut aligned = vec![0_u32; blocks.len().div_ceil(4)];
    let bytes = &mut bytemuck::cast_slice_mut(&mut aligned)[..blocks.len()];
    bytes.copy_from_slice(blocks);
    QStorage::from_data(Cow::Borrowed(bytes), device, ggml_type(stored))
}

/// candle's name of a type; it has all of them.
fn ggml_type(stored: StoredType) -> GgmlDType {
    match stored {
        StoredType::F32 => GgmlDType::F32,
        StoredType::Bf16 => GgmlDType::BF16,
        StoredType::F16 => GgmlDType::F16,
        StoredType::Q8_0 => GgmlDType::Q8_0,
        StoredType::Q8K => GgmlDType::Q8K,
        StoredType::Q6K => GgmlDType::Q6K,
        StoredType::Q5_0 => GgmlDType::Q5_0,
        StoredType::Q5_1 => GgmlDType::Q5_1,
        StoredType::Q5K => GgmlDType::Q5K,
        StoredType::Q4_0 => GgmlDType::Q4_0,
        StoredType::Q4_1 => GgmlDType::Q4_1,
        StoredType::Q4K => GgmlDType::Q4K,
        StoredType::Q3K => GgmlDType::Q3K,
        StoredType::Q2K => GgmlDType::Q2K,
    }
}

/// A norm; the formulas are those of [`NormKind`].
pub(super) struct DeviceNorm {
    kind: NormKind,
    epsilon: f32,
    /// `[width]`: the only vector of weights, or ones.
    scale: Tensor,
    /// `[vectors][width]`: weights that take turns.
    weights: Option<Tensor>,
    /// `[vectors][width]`.
    bias: Option<Tensor>,
    vectors: usize,
}

impl DeviceNorm {
    pub(super) fn new(norm: &NormWeights, device: &Device) -> Result<Self> {
        let vectors = norm.weight.len() / norm.width;
        let table = |numbers: &[f32]| Tensor::from_slice(numbers, (vectors, norm.width), device);
        let (scale, weights) = match vectors {
            1 => (Tensor::new(&norm.weight[..], device)?, None),
            _ => (Tensor::ones(norm.width, DType::F32, device)?, Some(table(&norm.weight)?)),
        };
        let bias = (!norm.bias.is_empty()).then(|| table(&norm.bias)).transpose()?;
        Ok(Self { kind: norm.norm.kind, epsilon: norm.norm.epsilon, scale, weights, bias, vectors })
    }

    /// Normalizes every `width` numbers of `x`, which keeps its shape.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let mut y = x.reshape(((), self.vectors, self.scale.dim(0)?))?;
        // What is left of a layer norm once the mean is 0 is the other one; candle's own subtracts squares, which cancels.
        if self.kind == NormKind::Layer {
            y = y.broadcast_sub(&y.mean_keepdim(D::Minus1)?)?;
        }
        y = candle_nn::ops::rms_norm(&y.contiguous()?, &self.scale, self.epsilon)?;
        if let Some(weights) = &self.weights {
            y = y.broadcast_mul(weights)?;
        }
        if let Some(bias) = &self.bias {
            y = y.broadcast_add(bias)?;
        }
        y.reshape(x.shape())
    }
}
