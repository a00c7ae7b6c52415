//! From hidden states to logits.

use std::sync::Arc;

use super::{Pass, Scratch};
use crate::model::RunOutput;
use crate::model::decoder::batch::Wanted;
use crate::model::kernels::softcap;

/// Logits vectors computed together.
pub(super) const ROWS: usize = 16;

impl Pass<'_> {
    /// Appends the logits of the rows that want them, and the hidden states that they are made from.
    pub(super) fn head(&mut self, outputs: &mut [RunOutput]) {
        let weights = self.weights;
        self.expect_layer(0);
        let (hidden_size, vocab_size) = (self.spec.hidden_size, self.spec.vocab_size);
        let mut wanted = 0;
        for (index, _) in self.rows.iter().enumerate().filter(|(_, row)| row.logits == Wanted::Yes) {
            self.scratch.hidden.copy_within(index * hidden_size..(index + 1) * hidden_size, wanted * hidden_size);
            wanted += 1;
        }
        self.norm(Some(&weights.final_norm));
        let Scratch { normed, logits, .. } = &mut *self.scratch;
        let needed = wanted.min(ROWS) * vocab_size;
        if logits.len() < needed {
            logits.resize(needed, 0.0);
        }
        let mut rows = self.rows.iter().filter(|row| row.logits == Wanted::Yes);
        for states in normed[..wanted * hidden_size].chunks(ROWS * hidden_size) {
            let logits = &mut logits[..states.len() / hidden_size * vocab_size];
            self.kernels.project(&[weights.head()], states, hidden_size, logits);
            if let Some(cap) = self.spec.head.softcap {
                for logit in &mut *logits {
                    *logit = softcap(*logit, cap);
                }
            }
            let made = states.chunks_exact(hidden_size).zip(logits.chunks_exact(vocab_size));
            for ((hidden, logits), row) in made.zip(&mut rows) {
                outputs[row.run].hidden.push(Arc::from(hidden));
                outputs[row.run].logits.push(Arc::from(logits));
            }
        }
    }
}
