//! Strategies: how a token is chosen from an analysed distribution. Each advances by one step, so that it can be watched.

mod greedy;
mod sampling;

use super::{Analysis, Chain, Draw, TokenId};

/// What a strategy chose at a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The token.
    pub token: TokenId,
    /// The random draw, where there was one.
    pub draw: Option<Draw>,
}

/// A way to choose the next token of one sequence.
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
    /// Makes the strategy; `seed` is used by those that draw.
    pub build: fn(seed: u64) -> Box<dyn Strategy>,
}

/// Every strategy.
pub static STRATEGIES: &[StrategyRow] = &[greedy::ROW, sampling::ROW];

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
        let strategy = (strategy(name).unwrap().build)(3);
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
    fn sampling_shows_its_draw() {
        for step in 0..50 {
            let draw = choose("sample", "top_k=2", step).draw.unwrap();
            assert_eq!(draw.u, uniform(3, 0, step));
            assert_eq!(draw.token, if draw.u < 0.5 { 1 } else { 2 });
        }
    }
}
