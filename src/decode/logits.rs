//! Logits in the numbers that they came in.

use std::sync::Arc;

use super::passes::{Look, Survey, look, survey};

/// The logits of a model are f32, those that were computed or written by hand f64. They are widened where they are looked at.
#[derive(Clone, Debug)]
pub enum Logits {
    /// As a model gives them.
    Narrow(Arc<[f32]>),
    /// Of anything else.
    Wide(Vec<f64>),
}

/// A number that logits come in.
pub trait Logit: Copy + Into<f64> {
    /// A copy of them.
    fn keep(z: &[Self]) -> Logits;
}

impl Logit for f32 {
    fn keep(z: &[Self]) -> Logits {
        Logits::Narrow(z.into())
    }
}

impl Logit for f64 {
    fn keep(z: &[Self]) -> Logits {
        Logits::Wide(z.to_vec())
    }
}

/// The same done with the numbers of either type.
macro_rules! numbers {
    ($logits:expr, $z:ident => $value:expr) => {
        match $logits {
            $crate::decode::logits::Logits::Narrow($z) => $value,
            $crate::decode::logits::Logits::Wide($z) => $value,
        }
    };
}
pub(super) use numbers;

fn widened(z: impl Into<f64>) -> f64 {
    z.into()
}

impl Logits {
    pub(super) fn len(&self) -> usize {
        numbers!(self, z => z.len())
    }

    pub(super) fn get(&self, at: usize) -> Option<f64> {
        numbers!(self, z => z.get(at).map(|&z| widened(z)))
    }

    /// The logit of a token of the vocabulary.
    pub(super) fn at(&self, at: usize) -> f64 {
        numbers!(self, z => widened(z[at]))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.len()).map(|at| self.at(at))
    }

    pub(super) fn widened(&self) -> Vec<f64> {
        numbers!(self, z => z.iter().map(|&z| widened(z)).collect())
    }

    pub(super) fn look(&self) -> Look {
        numbers!(self, z => look(z))
    }

    pub(super) fn survey(&self) -> Survey {
        numbers!(self, z => survey(z))
    }
}
