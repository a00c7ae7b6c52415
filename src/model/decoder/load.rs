//! The tensors of a decoder, taken out of its weight files.

use std::collections::BTreeMap;

use super::spec::{DecoderSpec, Head};
use crate::model::kernels::Linear;
use crate::model::weights::{Matrix, Weights};
use crate::model::{DtypeChoice, ModelError, StoredType};

/// All tensors of a decoder.
#[derive(Debug)]
pub(super) struct DecoderWeights {
    /// `[vocab_size][hidden_size]`.
    pub(super) embedding: Matrix,
    pub(super) layers: Vec<LayerWeights>,
    pub(super) final_norm: Vec<f32>,
    /// `[vocab_size][hidden_size]`; none where the embedding serves.
    own_head: Option<Matrix>,
}

/// The tensors of a layer.
#[derive(Debug)]
pub(super) struct LayerWeights {
    pub(super) attention_norm: Vec<f32>,
    pub(super) query: Projection,
    pub(super) key: Projection,
    pub(super) value: Projection,
    pub(super) attention_output: Projection,
    pub(super) mlp_norm: Vec<f32>,
    pub(super) gate: Projection,
    pub(super) up: Projection,
    pub(super) down: Projection,
}

/// A linear map.
#[derive(Debug)]
pub(super) struct Projection {
    weight: Matrix,
    bias: Option<Vec<f32>>,
}

impl Projection {
    pub(super) fn linear(&self) -> Linear<'_> {
        self.weight.linear(self.bias.as_deref())
    }

    fn parameters(&self) -> usize {
        self.weight.elements().len() + self.bias.as_ref().map_or(0, Vec::len)
    }
}

/// Where tensors come from and the type that matrices are kept in.
struct Source<'a> {
    weights: &'a Weights,
    dtype: DtypeChoice,
}

/// Whether a projection has a bias.
#[derive(Clone, Copy)]
enum Bias {
    With,
    Without,
}

impl Bias {
    fn when(has_bias: bool) -> Self {
        if has_bias { Self::With } else { Self::Without }
    }
}

impl Source<'_> {
    fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Matrix, ModelError> {
        self.weights.matrix(&format!("{name}.weight"), shape, self.dtype)
    }

    fn norm(&self, name: &str, size: usize) -> Result<Vec<f32>, ModelError> {
        self.weights.vector(&format!("{name}.weight"), size)
    }

    /// A map from `shape[1]` numbers to `shape[0]`.
    fn projection(&self, name: &str, shape: [usize; 2], bias: Bias) -> Result<Projection, ModelError> {
        let bias = match bias {
            Bias::With => Some(self.weights.vector(&format!("{name}.bias"), shape[0])?),
            Bias::Without => None,
        };
        Ok(Projection { weight: self.matrix(name, shape)?, bias })
    }

    fn layer(&self, spec: &DecoderSpec, index: usize) -> Result<LayerWeights, ModelError> {
        let names = &spec.names;
        let name = |part: &str| format!("{}{index}.{part}", names.layer);
        let (hidden, inner) = (spec.hidden_size, spec.mlp.size);
        let (queries, keys) = (spec.attention.query_size(), spec.attention.kv_size());
        let attention_bias = Bias::when(spec.attention.bias);
        let mlp_bias = Bias::when(spec.mlp.bias);
        Ok(LayerWeights {
            attention_norm: self.norm(&name(names.attention_norm), hidden)?,
            query: self.projection(&name(names.query), [queries, hidden], attention_bias)?,
            key: self.projection(&name(names.key), [keys, hidden], attention_bias)?,
            value: self.projection(&name(names.value), [keys, hidden], attention_bias)?,
            attention_output: self.projection(&name(names.attention_output), [hidden, queries], attention_bias)?,
            mlp_norm: self.norm(&name(names.mlp_norm), hidden)?,
            gate: self.projection(&name(names.gate), [inner, hidden], mlp_bias)?,
            up: self.projection(&name(names.up), [inner, hidden], mlp_bias)?,
            down: self.projection(&name(names.down), [hidden, inner], mlp_bias)?,
        })
    }
}

impl LayerWeights {
    fn projections(&self) -> [&Projection; 7] {
        [&self.query, &self.key, &self.value, &self.attention_output, &self.gate, &self.up, &self.down]
    }

    fn parameters(&self) -> usize {
        let norms = self.attention_norm.len() + self.mlp_norm.len();
        norms + self.projections().map(Projection::parameters).iter().sum::<usize>()
    }
}

impl DecoderWeights {
    /// # Errors
    /// A tensor is missing, or has another shape or type than `spec` says.
    pub(super) fn load(spec: &DecoderSpec, weights: &Weights, dtype: DtypeChoice) -> Result<Self, ModelError> {
        let source = Source { weights, dtype };
        let table = [spec.vocab_size, spec.hidden_size];
        Ok(Self {
            embedding: source.matrix(spec.names.embedding, table)?,
            layers: (0..spec.layers).map(|index| source.layer(spec, index)).collect::<Result<_, _>>()?,
            final_norm: source.norm(spec.names.final_norm, spec.hidden_size)?,
            own_head: match spec.head {
                Head::Tied => None,
                Head::Own => Some(source.matrix(spec.names.head, table)?),
            },
        })
    }

    /// The matrix that turns a hidden state into logits.
    pub(super) fn head(&self) -> &Matrix {
        self.own_head.as_ref().unwrap_or(&self.embedding)
    }

    fn matrices(&self) -> impl Iterator<Item = &Matrix> {
        let tables = [Some(&self.embedding), self.own_head.as_ref()].into_iter().flatten();
        tables.chain(self.layers.iter().flat_map(LayerWeights::projections).map(|projection| &projection.weight))
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
        let head = self.own_head.as_ref().map_or(0, |head| head.elements().len());
        (self.embedding.elements().len() + layers + self.final_norm.len() + head) as u64
    }
}
