//! The scores of a chain: the model's logits until one of them changes by itself.

use std::sync::{Arc, OnceLock};

use crate::decode::passes::BLOCK;
use crate::decode::{Distribution, Logits, TokenId};

/// Scores by token, of which those that no stage before `since` has removed are divided when they are looked at.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    base: Base,
    pub(super) divisor: f64,
    pub(super) since: u8,
    peaks: OnceLock<Vec<f64>>,
}

#[derive(Clone, Debug)]
enum Base {
    Model(Arc<Distribution>),
    Own(Logits),
}

impl Scores {
    pub(super) fn own(scores: Vec<f64>) -> Self {
        Self { base: Base::Own(Logits::Wide(scores)), divisor: 1.0, since: 0, peaks: OnceLock::new() }
    }

    /// The logits of a model.
    pub(super) fn of(model: &Arc<Distribution>) -> Self {
        Self { base: Base::Model(Arc::clone(model)), divisor: 1.0, since: 0, peaks: OnceLock::new() }
    }

    /// The model, where these are still its logits.
    pub(super) fn model(&self) -> Option<&Distribution> {
        match &self.base {
            Base::Model(model) => Some(model),
            Base::Own(_) => None,
        }
    }

    pub(super) fn base(&self) -> &Logits {
        match &self.base {
            Base::Model(model) => model.logits(),
            Base::Own(scores) => scores,
        }
    }

    /// Gives one of them another value.
    pub(super) fn put(&mut self, id: TokenId, score: f64) {
        if let Base::Model(model) = &self.base {
            let scores = Logits::Wide(model.logits().widened());
            self.peaks = OnceLock::from(model.peaks().to_vec());
            self.base = Base::Own(scores);
        }
        let Base::Own(Logits::Wide(scores)) = &mut self.base else { return };
        scores[id as usize] = score;
        let block = id as usize / BLOCK;
        if let Some(peaks) = self.peaks.get_mut() {
            let block_scores = &scores[block * BLOCK..scores.len().min((block + 1) * BLOCK)];
            peaks[block] = block_scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        }
    }

    /// The largest of every block, before the division.
    pub(super) fn peaks(&self) -> &[f64] {
        match &self.base {
            Base::Model(model) => model.peaks(),
            Base::Own(scores) => self.peaks.get_or_init(|| scores.look().peaks),
        }
    }
}
