//! Tensors by name and shape, as the parts of a decoder use them.

use super::names::{Storage, TensorNames};
use super::spec::{DecoderSpec, Norm, NormKind};
use crate::model::kernels::{Isa, Linear};
use crate::model::weights::{Matrix, Weights};
use crate::model::{DtypeChoice, ModelError};

/// Where tensors come from and the type that matrices are kept in.
pub(super) struct Source<'a> {
    weights: &'a Weights,
    dtype: DtypeChoice,
    norm: Norm,
    storage: Storage,
    prefix: &'static str,
}

/// A linear map.
#[derive(Debug)]
pub(super) struct Projection {
    weight: Matrix,
    bias: Option<Vec<f32>>,
}

/// A norm over `width` numbers.
#[derive(Debug)]
pub(super) struct NormWeights {
    pub(super) norm: Norm,
    pub(super) width: usize,
    /// One vector of `width` numbers, or one for each head.
    pub(super) weight: Vec<f32>,
    /// As long as `weight`, or empty.
    pub(super) bias: Vec<f32>,
}

/// Whether a projection or a norm has a bias.
#[derive(Clone, Copy)]
pub(super) enum Bias {
    With,
    Without,
}

impl Bias {
    pub(super) fn when(has_bias: bool) -> Self {
        if has_bias { Self::With } else { Self::Without }
    }
}

impl TensorNames {
    /// What stands before the names in these weights.
    fn prefix(&self, weights: &Weights) -> &'static str {
        let fits = |prefix: &&&str| weights.contains(&format!("{prefix}{}.weight", self.embedding));
        self.prefixes.iter().find(fits).or(self.prefixes.first()).copied().unwrap_or_default()
    }

    /// The name of the head in these weights.
    pub(super) fn head(&self, weights: &Weights) -> &'static str {
        let fits = |head: &&&str| weights.contains(&format!("{head}.weight"));
        self.heads.iter().find(fits).or(self.heads.first()).copied().unwrap_or_default()
    }
}

impl<'a> Source<'a> {
    pub(super) fn new(spec: &DecoderSpec, weights: &'a Weights, dtype: DtypeChoice) -> Self {
        let TensorNames { storage, .. } = spec.names;
        Self { weights, dtype, norm: spec.norm, storage, prefix: spec.names.prefix(weights) }
    }

    /// A table, stored row by row.
    pub(super) fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Matrix, ModelError> {
        self.weights.matrix(&format!("{}{name}.weight", self.prefix), shape, self.dtype)
    }

    fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        self.weights.vector(&format!("{}{name}", self.prefix), length)
    }

    /// A map from `shape[1]` numbers to `shape[0]`.
    pub(super) fn projection(&self, name: &str, shape: [usize; 2], bias: Bias) -> Result<Projection, ModelError> {
        let weight = match self.storage {
            Storage::OutputsFirst => self.matrix(name, shape)?,
            Storage::InputsFirst => {
                let name = format!("{}{name}.weight", self.prefix);
                let stored = self.weights.matrix(&name, [shape[1], shape[0]], DtypeChoice::Auto)?;
                stored.transposed().converted(self.dtype)
            }
        };
        let bias = match bias {
            Bias::With => Some(self.vector(&format!("{name}.bias"), shape[0])?),
            Bias::Without => None,
        };
        Ok(Projection { weight, bias })
    }

    /// A norm over `width` numbers; a layer norm has a bias.
    pub(super) fn norm(&self, name: &str, width: usize) -> Result<NormWeights, ModelError> {
        self.norm_with(name, width, Bias::With)
    }

    /// A norm over `width` numbers, where `bias` says whether a layer norm has one.
    pub(super) fn norm_with(&self, name: &str, width: usize, bias: Bias) -> Result<NormWeights, ModelError> {
        let mut weight = self.vector(&format!("{name}.weight"), width)?;
        let bias = match (self.norm.kind, bias) {
            (NormKind::Layer, Bias::With) => self.vector(&format!("{name}.bias"), width)?,
            _ => Vec::new(),
        };
        if self.norm.kind == NormKind::RmsPlusOne {
            for weight in &mut weight {
                *weight += 1.0;
            }
        }
        Ok(NormWeights { norm: self.norm, width, weight, bias })
    }

    /// `count` norms over `width` numbers, tensors `NAME.0`, `NAME.1` and so on, that take turns.
    pub(super) fn norms(&self, name: &str, count: usize, width: usize, bias: Bias) -> Result<NormWeights, ModelError> {
        let mut all = NormWeights { norm: self.norm, width, weight: Vec::new(), bias: Vec::new() };
        for index in 0..count {
            let one = self.norm_with(&format!("{name}.{index}"), width, bias)?;
            all.weight.extend(one.weight);
            all.bias.extend(one.bias);
        }
        Ok(all)
    }
}

impl Projection {
    pub(super) fn linear(&self) -> Linear<'_> {
        self.weight.linear(self.bias.as_deref())
    }

    pub(super) fn weight(&self) -> &Matrix {
        &self.weight
    }

    /// The same map in the form that products take.
    pub(super) fn packed(self, pack: &impl Fn(Matrix) -> Matrix) -> Self {
        Self { weight: pack(self.weight), ..self }
    }

    /// The map whose output `i` is output `rows[i]` of this one.
    pub(super) fn gathered(&self, rows: &[usize]) -> Self {
        let bias = self.bias.as_ref().map(|bias| rows.iter().map(|row| bias[*row]).collect());
        Self { weight: self.weight.gathered(rows), bias }
    }

    pub(super) fn parameters(&self) -> usize {
        self.weight.elements().len() + self.bias.as_ref().map_or(0, Vec::len)
    }
}

impl NormWeights {
    /// Normalizes every `width` numbers of `values`.
    pub(super) fn apply(&self, isa: Isa, values: &mut [f32]) {
        match self.norm.kind {
            NormKind::Rms | NormKind::RmsPlusOne => {
                isa.rms_norm(values, self.width, &self.weight, self.norm.epsilon);
            }
            NormKind::Layer => {
                isa.layer_norm(values, self.width, &self.weight, &self.bias, self.norm.epsilon);
            }
        }
    }

    pub(super) fn parameters(&self) -> usize {
        self.weight.len() + self.bias.len()
    }
}
