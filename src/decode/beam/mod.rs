//! Beam search: several continuations of a prompt side by side, the best of all their extensions kept at every step.
//!
//! The rules are those of transformers' `GenerationMixin._beam_search`, read as follows for B beams:
//!
//! * Processors work on the model's log-probabilities, with no renormalization, and the result is added to the running sum. A
//!   repetition penalty therefore acts on log-probabilities here, while greedy search and sampling apply it to logits.
//! * A step looks at the best max(2, 1 + number of end ids)·B continuations of all live beams together. Equal sums are ordered
//!   by the rank of their beam, then by token id. Beam sampling draws them instead, without replacement, and takes them in the
//!   order in which they were drawn.
//! * A continuation that ends becomes a hypothesis only if it is among the first B of them; otherwise it is dropped. The best B
//!   of the others run on, ranked by their sum. At the last step the others among the first B become hypotheses too.
//! * A hypothesis scores sum / divisor, see [`LengthNorm`]. The best B hypotheses are kept.
//! * [`EarlyStopping`] says when B hypotheses are enough.
//!
//! Diverse beam search (Vijayakumar et al. 2016, arXiv:1610.02424) runs G such searches of B/G beams in step, one group after
//! the other: before its processors work, each group loses λ from the log-probability of a token for every beam of an earlier
//! group that chose this token at this step and goes on with it (the Hamming dissimilarity). The sums keep what was taken off, as transformers'
//! `HammingDiversityLogitsProcessor` had it; the hypotheses of all groups are ranked together at the end.
//!
//! ```
//! use logitscope::decode::{Chain, Distribution};
//! use logitscope::decode::beam::{BeamSearch, BeamSettings, BeamText, BeamTask};
//!
//! let task = BeamTask { prompt: vec![0], end_ids: vec![2], max_new_tokens: 2 };
//! let mut search = BeamSearch::new(BeamSettings { beams: 2, ..BeamSettings::default() }, task)?;
//! while search.stopped().is_none() {
//!     let models = search.live().map(|_| Distribution::from_logits(&[1.0, 0.5, 0.2])).collect::<Result<Vec<_>, _>>()?;
//!     search.advance(&models, &Chain::default(), BeamText::default())?;
//! }
//! assert_eq!(search.ranked().len(), 1);
//! # Ok::<(), logitscope::decode::DecodeError>(())
//! ```

mod expand;
mod group;
mod norm;
mod reign;
mod search;
mod settings;
mod step;
#[cfg(test)]
mod tests;

pub use norm::{Length, LengthNorm};
pub use reign::{Contender, Reign, reigns};
pub use search::{BeamSearch, BeamText, StopCheck, run_on};
pub use settings::{BeamSettings, BeamTask, EarlyStopping, PENALTIES, Selection};
pub use step::{
    Beam, BeamCandidate, BeamNode, BeamStep, BeamStop, BeamToken, Ending, Hypothesis, Standing, StoppingBound, Verdict,
};
