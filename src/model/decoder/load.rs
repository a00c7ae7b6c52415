//! The tensors of a decoder, taken out of its weight files.

use std::collections::BTreeMap;

use super::source::{Bias, NormWeights, Projection, Source};
use super::spec::{Attention, Block, DecoderSpec, HeadWeight, MlpKind, NormOver, Position, Qkv};
use crate::model::kernels::Linear;
use crate::model::weights::{Arena, Matrix, Place, Weights, arena};
use crate::model::{DtypeChoice, ModelError, StoredType, memory};

/// How the matrices that are multiplied are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As they are stored.
    Stored,
    /// As our kernels take them, see [`Matrix::packed`].
    Packed,
}

/// All tensors of a decoder.
#[derive(Debug)]
pub(super) struct DecoderWeights {
    /// `[vocab_size][hidden_size]`.
    pub(super) embedding: Matrix,
    /// `[context_length][hidden_size]`, where positions are learned.
    pub(super) positions: Option<Matrix>,
    pub(super) layers: Vec<LayerWeights>,
    pub(super) final_norm: NormWeights,
    /// `[vocab_size][hidden_size]`; none where the embedding serves.
    own_head: Option<Matrix>,
    head_bias: Option<Vec<f32>>,
}

/// The tensors of a layer; norms as its block has them.
#[derive(Debug)]
pub(super) struct LayerWeights {
    pub(super) attention_norm: Option<NormWeights>,
    /// One map or three, that give queries, keys and values one after the other.
    pub(super) query_key_value: Vec<Projection>,
    pub(super) query_norm: Option<NormWeights>,
    pub(super) key_norm: Option<NormWeights>,
    pub(super) attention_output: Projection,
    pub(super) attention_post_norm: Option<NormWeights>,
    pub(super) mlp_norm: Option<NormWeights>,
    /// One map or two, that give the gate, where there is one, and what it is multiplied by.
    pub(super) gate_up: Vec<Projection>,
    pub(super) down: Projection,
    pub(super) mlp_post_norm: Option<NormWeights>,
}

impl LayerWeights {
    fn load(source: &Source<'_>, spec: &DecoderSpec, index: usize) -> Result<Self, ModelError> {
        let names = &spec.names;
        let name = |part: &str| format!("{}{index}.{part}", names.layer);
        let norm = |present: bool, part: &str| present.then(|| source.norm(&name(part), spec.hidden_size)).transpose();
        let (before, after, own_mlp_norm) = match spec.block {
            Block::NormBefore | Block::Parallel => (true, false, true),
            Block::NormAfter => (false, true, false),
            Block::NormAround => (true, true, true),
            Block::ParallelOneNorm => (true, false, false),
        };
        let attention = &spec.attention;
        let (hidden, inner) = (spec.hidden_size, spec.mlp.size);
        let mlp_bias = Bias::when(spec.mlp.bias);
        Ok(Self {
            attention_norm: norm(before, names.attention_norm)?,
            query_key_value: query_key_value(source, spec, &name)?,
            query_norm: head_norm(source, attention, attention.heads, &name(names.query_norm))?,
            key_norm: head_norm(source, attention, attention.kv_heads, &name(names.key_norm))?,
            attention_output: source.projection(
                &name(names.attention_output),
                [hidden, attention.query_size()],
                Bias::when(attention.output_bias),
            )?,
            attention_post_norm: norm(after, names.attention_post_norm)?,
            mlp_norm: norm(own_mlp_norm, names.mlp_norm)?,
            gate_up: gate_up(source, spec, &name)?,
            down: source.projection(&name(names.down), [hidden, inner], mlp_bias)?,
            mlp_post_norm: norm(after, names.mlp_post_norm)?,
        })
    }

    /// The same with matrices as products take them.
    fn packed(self, pack: &impl Fn(Matrix) -> Matrix) -> Self {
        let all = |maps: Vec<Projection>| maps.into_iter().map(|map| map.packed(pack)).collect();
        Self {
            query_key_value: all(self.query_key_value),
            attention_output: self.attention_output.packed(pack),
            gate_up: all(self.gate_up),
            down: self.down.packed(pack),
            ..self
        }
    }

    fn projections(&self) -> impl Iterator<Item = &Projection> {
        let single = [&self.attention_output, &self.down];
        self.query_key_value.iter().chain(&self.gate_up).chain(single)
    }

    fn parameters(&self) -> usize {
        let norms = [&self.attention_norm, &self.query_norm, &self.key_norm]
            .into_iter()
            .chain([&self.attention_post_norm, &self.mlp_norm, &self.mlp_post_norm])
            .flatten();
        norms.map(NormWeights::parameters).sum::<usize>()
            + self.projections().map(Projection::parameters).sum::<usize>()
    }
}

fn query_key_value(
    source: &Source<'_>,
    spec: &DecoderSpec,
    name: &impl Fn(&str) -> String,
) -> Result<Vec<Projection>, ModelError> {
    let (names, attention) = (&spec.names, &spec.attention);
    let (queries, keys) = (attention.query_size(), attention.kv_size());
    let bias = Bias::when(attention.qkv_bias);
    let map = |part: &str, rows: usize| source.projection(&name(part), [rows, spec.hidden_size], bias);
    match attention.qkv {
        Qkv::Separate => Ok(vec![map(names.query, queries)?, map(names.key, keys)?, map(names.value, keys)?]),
        Qkv::Stacked => Ok(vec![map(names.query_key_value, queries + 2 * keys)?]),
        Qkv::Interleaved => {
            let interleaved = map(names.query_key_value, 3 * queries)?;
            Ok(vec![interleaved.gathered(&stacked_rows(attention.heads, attention.head_dim))])
        }
    }
}

/// For every row of queries, keys and values one after the other, where it is when they alternate head by head.
fn stacked_rows(heads: usize, head_dim: usize) -> Vec<usize> {
    let rows = |part: usize, head: usize| (0..head_dim).map(move |row| (head * 3 + part) * head_dim + row);
    (0..3).flat_map(|part| (0..heads).flat_map(move |head| rows(part, head))).collect()
}

fn gate_up(
    source: &Source<'_>,
    spec: &DecoderSpec,
    name: &impl Fn(&str) -> String,
) -> Result<Vec<Projection>, ModelError> {
    let (names, inner) = (&spec.names, spec.mlp.size);
    let bias = Bias::when(spec.mlp.bias);
    let map = |part: &str, rows: usize| source.projection(&name(part), [rows, spec.hidden_size], bias);
    match spec.mlp.kind {
        MlpKind::Gated => Ok(vec![map(names.gate, inner)?, map(names.up, inner)?]),
        MlpKind::GatedStacked => Ok(vec![map(names.gate_up, 2 * inner)?]),
        MlpKind::Plain => Ok(vec![map(names.up, inner)?]),
    }
}

fn head_norm(
    source: &Source<'_>,
    attention: &Attention,
    heads: usize,
    name: &str,
) -> Result<Option<NormWeights>, ModelError> {
    let Some(norm) = attention.norm else { return Ok(None) };
    let (size, bias) = (attention.head_dim, Bias::when(norm.bias));
    match norm.over {
        NormOver::Head => source.norm_with(name, size, bias),
        NormOver::All => source.norm_with(name, heads * size, bias),
        NormOver::OwnHead => source.norms(&format!("{name}.norms"), heads, size, bias),
    }
    .map(Some)
}

/// Bytes of the matrices that are multiplied, if all are of one type.
fn estimated_bytes(spec: &DecoderSpec, dtype: StoredType) -> u64 {
    let shape = spec.shape(0);
    let (length, bytes) = dtype.block();
    (shape.layers as u64 * shape.layer_weights + shape.head_weights) / length as u64 * bytes as u64
}

impl DecoderWeights {
    /// # Errors
    /// A tensor is missing, or has another shape or type than `spec` says.
    pub(super) fn load(
        spec: &DecoderSpec,
        weights: &Weights,
        dtype: DtypeChoice,
        form: Form,
    ) -> Result<Self, ModelError> {
        let source = Source::new(spec, weights, dtype);
        let (names, hidden) = (&spec.names, spec.hidden_size);
        let table = [spec.vocab_size, hidden];
        let head_name = names.head(weights);
        let embedding = source.matrix(names.embedding, table)?;
        let arena = Arena::default();
        let place = if arena::pays(estimated_bytes(spec, embedding.dtype()), memory::available) {
            Place::Arena
        } else {
            Place::Kept
        };
        // At once, so that a matrix is in memory twice only while it is packed.
        let multiplied = |matrix: Matrix| if form == Form::Packed { matrix.packed(&arena, place) } else { matrix };
        let layer = |index: usize| -> Result<LayerWeights, ModelError> {
            let layer = LayerWeights::load(&source, spec, index)?;
            Ok(layer.packed(&multiplied))
        };
        Ok(Self {
            embedding: if spec.head.weight == HeadWeight::Tied { multiplied(embedding) } else { embedding },
            positions: match spec.position {
                Position::Learned => Some(source.matrix(names.positions, [spec.context_length, hidden])?),
                Position::Rotary(_) => None,
            },
            layers: (0..spec.layers.len()).map(layer).collect::<Result<_, _>>()?,
            final_norm: source.norm(names.final_norm, hidden)?,
            own_head: match spec.head.weight {
                HeadWeight::Tied => None,
                HeadWeight::Own => Some(multiplied(weights.matrix(&format!("{head_name}.weight"), table, dtype)?)),
            },
            head_bias: if spec.head.bias {
                Some(weights.vector(&format!("{head_name}.bias"), spec.vocab_size)?)
            } else {
                None
            },
        })
    }

    /// What turns a hidden state into logits.
    pub(super) fn head(&self) -> Linear<'_> {
        self.own_head.as_ref().unwrap_or(&self.embedding).linear(self.head_bias.as_deref())
    }

    fn matrices(&self) -> impl Iterator<Item = &Matrix> {
        let tables = [Some(&self.embedding), self.positions.as_ref(), self.own_head.as_ref()].into_iter().flatten();
        tables.chain(self.layers.iter().flat_map(LayerWeights::projections).map(Projection::weight))
    }

    /// The type that most weights of the matrices are of.
    pub(super) fn dtype(&self) -> StoredType {
        let mut numbers = BTreeMap::new();
        for matrix in self.matrices() {
            *numbers.entry(matrix.dtype()).or_insert(0) += matrix.rows() * matrix.columns();
        }
        numbers.into_iter().max_by_key(|(_, numbers)| *numbers).map_or(StoredType::F32, |(dtype, _)| dtype)
    }

    /// Bytes of the matrices.
    pub(super) fn bytes(&self) -> u64 {
        self.matrices().map(Matrix::bytes).sum()
    }

    /// The number of weights, shared ones counted once.
    pub(super) fn parameters(&self) -> u64 {
        let layers: usize = self.layers.iter().map(LayerWeights::parameters).sum();
        let matrices = [Some(&self.embedding), self.positions.as_ref(), self.own_head.as_ref()];
        let tables: usize = matrices.into_iter().flatten().map(|matrix| matrix.elements().len()).sum();
        let bias = self.head_bias.as_ref().map_or(0, Vec::len);
        (tables + layers + self.final_norm.parameters() + bias) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_rows_are_stacked() {
        // Two heads of two rows: q0 q0 k0 k0 v0 v0 q1 q1 k1 k1 v1 v1.
        assert_eq!(stacked_rows(2, 2), [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
    }
}
