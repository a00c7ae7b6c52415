//! The continuations that a step looks at: the best of all beams, or a draw from them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::settings::Selection;
use super::step::Beam;
use crate::decode::candidates::descending;
use crate::decode::{Candidates, Chain, Context, DecodeError, Distribution, TokenBytes, TokenId, chance, uniform};

/// Below this share of what the best one had, the weights of what is left are taken anew, before they lose digits.
const REWEIGH_BELOW: f64 = 1e-200;

/// A continuation that is not judged yet.
#[derive(Clone, Debug)]
pub(super) struct Continuation {
    /// The index of its beam in the group.
    pub(super) beam: usize,
    pub(super) token: TokenId,
    pub(super) sampling_logprob: f64,
    pub(super) sum: f64,
    pub(super) draw: Option<f64>,
}

impl Continuation {
    /// Descending by sum; equal ones by beam, then by token.
    pub(super) fn order(a: &Self, b: &Self) -> Ordering {
        descending(a.sum, b.sum).then(a.beam.cmp(&b.beam)).then(a.token.cmp(&b.token))
    }
}

/// How the scores of a step come about.
pub(super) struct Expansion<'a> {
    pub(super) chain: &'a Chain,
    pub(super) prompt_length: usize,
    /// What the tokens say, where it is known.
    pub(super) bytes: Option<&'a dyn TokenBytes>,
    pub(super) end_ids: &'a [TokenId],
    /// How many beams of earlier groups chose each token in this step.
    pub(super) taken: &'a BTreeMap<TokenId, usize>,
    /// What each of them costs, in nats.
    pub(super) diversity_penalty: f64,
}

impl Expansion<'_> {
    /// The continuations to look at, at most `wanted`, in the order in which they are looked at.
    pub(super) fn look(
        &self,
        beams: &[(&Beam, &Distribution)],
        wanted: usize,
        selection: Selection,
        step: usize,
    ) -> Result<Vec<Continuation>, DecodeError> {
        let each = match selection {
            Selection::Best => wanted,
            Selection::Drawn { .. } => usize::MAX,
        };
        let mut all = Vec::new();
        for (index, (beam, model)) in beams.iter().enumerate() {
            let chance = match selection {
                Selection::Best => 0.0,
                Selection::Drawn { seed } => chance(seed, index as u64, step as u64),
            };
            let scored = self.scored(beam, model, each, chance)?;
            all.extend(scored.into_iter().map(|(token, sampling_logprob)| Continuation {
                beam: index,
                token,
                sampling_logprob,
                sum: beam.sum + sampling_logprob,
                draw: None,
            }));
        }
        all.sort_unstable_by(Continuation::order);
        match selection {
            Selection::Best => all.truncate(wanted),
            Selection::Drawn { seed } => all = drawn(all, wanted, seed, step),
        }
        Ok(all)
    }

    /// The best tokens after one beam, at most `wanted`, with what each adds to the sum. None where the chain leaves none.
    fn scored(
        &self,
        beam: &Beam,
        model: &Distribution,
        wanted: usize,
        chance: f64,
    ) -> Result<Vec<(TokenId, f64)>, DecodeError> {
        let possible = |(_, score): &(TokenId, f64)| *score > f64::NEG_INFINITY;
        let undisturbed = self.taken.is_empty() || self.diversity_penalty == 0.0;
        if self.chain.stages().is_empty() && undisturbed {
            // The order of log-probabilities is that of the logits: only the few that are wanted need one.
            let best = model.top(wanted).into_iter().map(|id| (id, model.logprob(id)));
            return Ok(best.filter(possible).collect());
        }
        let logprobs: Vec<f64> = (0..model.vocab_size()).map(|id| model.logprob(id as TokenId)).collect();
        let mut candidates = Candidates::scored(model, logprobs);
        for (&token, &count) in self.taken {
            candidates.set_score(token, candidates.score(token) - self.diversity_penalty * count as f64);
        }
        let context = Context {
            history: &beam.history,
            prompt_length: self.prompt_length,
            chance,
            bytes: self.bytes,
            end_ids: self.end_ids,
            ..Context::default()
        };
        for (index, stage) in self.chain.stages().iter().enumerate() {
            candidates.begin_stage(index);
            stage.processor().apply(&mut candidates, context)?;
            if candidates.max_score() == f64::NEG_INFINITY {
                return Ok(Vec::new());
            }
        }
        let best = candidates.ranked(wanted).to_vec();
        Ok(best.into_iter().map(|id| (id, candidates.score(id))).filter(possible).collect())
    }
}

/// Draws at most `wanted` of `urn`, which is in order, as [`Selection::Drawn`] says.
fn drawn(mut urn: Vec<Continuation>, wanted: usize, seed: u64, step: usize) -> Vec<Continuation> {
    let mut weights = weigh(&urn);
    let mut drawn = Vec::new();
    while drawn.len() < wanted && !urn.is_empty() {
        let mut mass: f64 = weights.iter().sum();
        if mass < REWEIGH_BELOW {
            weights = weigh(&urn);
            mass = weights.iter().sum();
        }
        let u = uniform(seed, step as u64, drawn.len() as u64);
        let place = place_of(u * mass, &weights);
        weights.remove(place);
        drawn.push(Continuation { draw: Some(u), ..urn.remove(place) });
    }
    drawn
}

/// Probabilities up to a common factor; the first is 1.
fn weigh(urn: &[Continuation]) -> Vec<f64> {
    let best = urn.first().map_or(0.0, |first| first.sum);
    urn.iter().map(|continuation| (continuation.sum - best).exp()).collect()
}

/// The first whose cumulative weight exceeds `target`; where rounding leaves none, the last that has any weight.
fn place_of(target: f64, weights: &[f64]) -> usize {
    let mut cumulative = 0.0;
    let mut last = 0;
    for (place, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        cumulative += weight;
        last = place;
        if cumulative > target {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urn(sums: &[f64]) -> Vec<Continuation> {
        let one = |(token, &sum): (usize, &f64)| Continuation {
            beam: 0,
            token: token as TokenId,
            sampling_logprob: sum,
            sum,
            draw: None,
        };
        sums.iter().enumerate().map(one).collect()
    }

    #[test]
    fn draws_follow_the_scheme_and_never_repeat() {
        let sums: Vec<f64> = [0.5f64, 0.3, 0.2].iter().map(|p| p.ln()).collect();
        for step in 0..200 {
            let order: Vec<TokenId> = drawn(urn(&sums), 3, 9, step).iter().map(|one| one.token).collect();
            let u = |i| uniform(9, step as u64, i);
            let first = match u(0) {
                u if u < 0.5 => 0,
                u if u < 0.8 => 1,
                _ => 2,
            };
            assert_eq!(order[0], first);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2]);
        }
    }

    /// P(second | first) of drawing without replacement: p₂ / (1 − p₁).
    #[test]
    fn frequencies_are_those_of_drawing_without_replacement() {
        let p = [0.6f64, 0.3, 0.1];
        let sums: Vec<f64> = p.iter().map(|p| p.ln() - 40.0).collect();
        let mut pairs = [[0.0; 3]; 3];
        let n = 20_000;
        for step in 0..n {
            let two = drawn(urn(&sums), 2, 1, step);
            pairs[two[0].token as usize][two[1].token as usize] += 1.0 / n as f64;
        }
        for (a, row) in pairs.iter().enumerate() {
            for (b, &share) in row.iter().enumerate().filter(|(b, _)| *b != a) {
                let want = p[a] * p[b] / (1.0 - p[a]);
                assert!((share - want).abs() < 0.012, "{a} then {b}: {share}, not {want}");
            }
        }
    }

    #[test]
    fn what_is_nearly_impossible_is_drawn_last_but_drawn() {
        let order: Vec<TokenId> =
            drawn(urn(&[0.0, -900.0, -901.0, -5000.0]), 9, 3, 0).iter().map(|c| c.token).collect();
        assert_eq!((order[0], order[3], order.len()), (0, 3, 4));
    }
}
