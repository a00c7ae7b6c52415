//! Speculative decoding: a small model drafts, the large one accepts or corrects, and the result is as if the large one had
//! drawn alone.
//!
//! A token drafted with probability q, to which the target gives p, is accepted with min(1, p/q); where one is rejected, the
//! token is drawn from max(p − q, 0), normalized. Together every token comes with probability p:
//! q·min(1, p/q) + (1 − Σ min(p, q))·max(p − q, 0) / Σ max(p − q, 0) = min(p, q) + max(p − q, 0) = p.
//!
//! Leviathan et al. 2023, arXiv:2211.17192, algorithm 1 and appendix A.1; Chen et al. 2023, arXiv:2302.01318, algorithm 2.

use super::sampler::draw;
use super::{Analysis, Draw, TokenId};

/// What was proposed at a step, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proposal {
    /// The pass of the target that decided, from 0.
    pub round: usize,
    /// The token that was drafted; `None` for the one that the target adds of its own when all were accepted.
    pub drafted: Option<Drafted>,
}

/// A drafted token before the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drafted {
    /// The token.
    pub token: TokenId,
    /// q: its probability under the draft model, after the chain.
    pub draft_prob: f64,
    /// p: its probability under the target, after the chain.
    pub target_prob: f64,
    /// The probability that it is accepted.
    pub acceptance: f64,
    /// The number in [0, 1) that decided: below `acceptance` accepts. `None` where nothing was drawn.
    pub u: Option<f64>,
    /// What was decided.
    pub verdict: Verdict,
}

/// What the target made of a drafted token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next token.
    Accepted,
    /// Another one is.
    Rejected,
}

/// min(1, p/q), the probability that a token drafted with q > 0 is accepted where the target gives it p.
#[must_use]
pub fn acceptance(p: f64, q: f64) -> f64 {
    if p < q { p / q } else { 1.0 }
}

/// The draw of the token in the place of a rejected one: from max(p − q, 0), normalized, the target's most probable first. Where
/// rounding leaves nothing of it, from p.
#[must_use]
pub fn correction(target: &Analysis, draft: &Analysis, u: f64) -> Draw {
    let rest = |id: TokenId| (target.sampling_prob(id) - draft.sampling_prob(id)).max(0.0);
    let mass: f64 = target.kept().iter().map(|&id| rest(id)).sum();
    let drawn = draw(u, target.kept().iter().map(|&id| (id, rest(id) / mass)));
    drawn.unwrap_or_else(|| target.draw(u))
}
