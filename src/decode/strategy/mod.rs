//! Strategies: how a token is chosen from an analysed distribution. Each advances by one step, so that it can be watched.

mod beam;
mod beam_sample;
mod contrastive;
mod diverse_beam;
mod exact;
mod greedy;
mod sampling;
mod speculative;

use super::beam::Selection;
use super::{Analysis, Chain, Draw, TokenId};

pub use greedy::Greedy;

/// What a strategy chose at a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The token.
    pub token: TokenId,
    /// The random draw, where there was one.
    pub draw: Option<Draw>,
}

/// A way to choose the next token of one sequence.
///
/// ```
/// use std::sync::Arc;
/// use logitscope::decode::strategy::{Choice, Strategy, strategy};
/// use logitscope::decode::{Analysis, Chain, Context, Distribution};
///
/// /// The best and the second best in turn.
/// struct Turns;
///
/// impl Strategy for Turns {
///     fn effective_chain(&self, chain: &Chain) -> Chain {
///         chain.before_sampling()
///     }
///
///     fn choose(&self, analysis: &Analysis, _sequence: u64, step: u64) -> Choice {
///         let best = analysis.best(2);
///         Choice { token: best[step as usize % best.len()], draw: None }
///     }
/// }
///
/// let model = Arc::new(Distribution::from_logits(&[1.0, 3.0, 2.0])?);
/// let analysis = Analysis::new(model, &Chain::default(), Context::default())?;
/// assert_eq!([0, 1, 2].map(|step| Turns.choose(&analysis, 0, step).token), [1, 2, 1]);
///
/// // Those of the program are found by name; a draw is a function of seed, sequence and step.
/// let sample = strategy("sample").and_then(|row| row.single(7)).unwrap();
/// assert_eq!(sample.choose(&analysis, 0, 5), sample.choose(&analysis, 0, 5));
/// # Ok::<(), logitscope::decode::DecodeError>(())
/// ```
pub trait Strategy: Send + Sync {
    /// The part of a chain that this strategy uses.
    fn effective_chain(&self, chain: &Chain) -> Chain;

    /// Chooses from the distribution of a step. `step` counts generated tokens from 0, `sequence` the samples drawn from one
    /// prompt.
    fn choose(&self, analysis: &Analysis, sequence: u64, step: u64) -> Choice;

    /// The random number of a step for processors that act by chance; a strategy without randomness gives 0.
    fn chance(&self, _sequence: u64, _step: u64) -> f64 {
        0.0
    }
}

/// The declaration of a strategy.
#[derive(Debug)]
pub struct StrategyRow {
    /// As in `--strategy`.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What it works on.
    pub kind: StrategyKind,
}

/// What a strategy works on.
#[derive(Clone, Copy, Debug)]
pub enum StrategyKind {
    /// One sequence; makes the strategy, `seed` is used by those that draw.
    Single(fn(seed: u64) -> Box<dyn Strategy>),
    /// Several beams at once.
    Beams(BeamKind),
    /// One sequence, of whose next tokens several are read at once: [`super::contrastive`].
    Contrastive,
    /// The whole tree of sequences, as far as its bound and its budget reach: [`super::exact`].
    Exact,
    /// One sequence, by two models: [`super::speculative`].
    Speculative,
}

/// A kind of beam search.
#[derive(Clone, Copy, Debug)]
pub struct BeamKind {
    /// How continuations are chosen; `seed` is used where they are drawn.
    pub selection: fn(seed: u64) -> Selection,
    /// The groups and the diversity penalty (nats) of B beams, where the caller names none.
    pub groups: fn(beams: usize) -> (usize, f64),
    /// The part of a chain that it uses.
    pub effective_chain: fn(&Chain) -> Chain,
}

impl StrategyRow {
    /// The strategy, where it works on one sequence.
    #[must_use]
    pub fn single(&self, seed: u64) -> Option<Box<dyn Strategy>> {
        match self.kind {
            StrategyKind::Single(build) => Some(build(seed)),
            StrategyKind::Beams(_) | StrategyKind::Contrastive | StrategyKind::Exact | StrategyKind::Speculative => {
                None
            }
        }
    }

    /// The beam search, where it is one.
    #[must_use]
    pub fn beams(&self) -> Option<BeamKind> {
        match self.kind {
            StrategyKind::Single(_) | StrategyKind::Contrastive | StrategyKind::Exact | StrategyKind::Speculative => {
                None
            }
            StrategyKind::Beams(kind) => Some(kind),
        }
    }

    /// The part of a chain that the strategy uses.
    #[must_use]
    pub fn effective_chain(&self, chain: &Chain) -> Chain {
        match self.kind {
            StrategyKind::Single(build) => build(0).effective_chain(chain),
            StrategyKind::Beams(kind) => (kind.effective_chain)(chain),
            StrategyKind::Contrastive | StrategyKind::Exact => chain.before_sampling(),
            // Where it samples, all of it; where it is greedy, nothing of it is about sampling.
            StrategyKind::Speculative => chain.clone(),
        }
    }
}

/// Every strategy.
pub static STRATEGIES: &[StrategyRow] = &[
    greedy::ROW,
    sampling::ROW,
    beam::ROW,
    beam_sample::ROW,
    diverse_beam::ROW,
    contrastive::ROW,
    exact::ROW,
    speculative::ROW,
];

/// Finds a strategy by its name.
#[must_use]
pub fn strategy(name: &str) -> Option<&'static StrategyRow> {
    STRATEGIES.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::decode::{Context, Distribution, uniform};

    fn choose(name: &str, chain: &str, step: u64) -> Choice {
        let strategy = strategy(name).unwrap().single(3).unwrap();
        let chain = strategy.effective_chain(&Chain::parse(chain).unwrap());
        let model = Arc::new(Distribution::from_logits(&[1.0, 2.0, 2.0, 0.0]).unwrap());
        strategy.choose(&Analysis::new(model, &chain, Context::default()).unwrap(), 0, step)
    }

    #[test]
    fn greedy_takes_the_lowest_id_among_the_best() {
        assert_eq!(choose("greedy", "", 0), Choice { token: 1, draw: None });
        assert_eq!(choose("greedy", "suppress_tokens=1,temperature=9,top_k=1", 0).token, 2);
    }

    #[test]
    fn only_what_draws_uses_the_warpers() {
        let chain = Chain::parse("repetition_penalty=1.2,temperature=0.8").unwrap();
        for row in STRATEGIES {
            let warps = row.effective_chain(&chain) == chain;
            assert_eq!(warps, ["sample", "beam-sample", "speculative"].contains(&row.name), "{}", row.name);
            let either = row.single(0).is_some() != row.beams().is_some();
            let apart = matches!(row.kind, StrategyKind::Contrastive | StrategyKind::Exact | StrategyKind::Speculative);
            assert_eq!(either, !apart);
        }
    }

    #[test]
    fn sampling_shows_its_draw() {
        for step in 0..50 {
            let draw = choose("sample", "top_k=2", step).draw.unwrap();
            assert_eq!(draw.u, uniform(3, 0, step));
            assert_eq!(draw.token, if draw.u < 0.5 { 1 } else { 2 });
        }
    }
}
