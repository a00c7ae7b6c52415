//! What a beam search shows: its beams, and everything that a step decided.

use std::fmt;

use super::norm::Length;
use super::settings::{BeamSettings, EarlyStopping};
use crate::decode::TokenId;

/// A token in the tree of a search: every continuation that a step looked at has a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BeamNode(pub(super) u32);

impl BeamNode {
    /// The node of a number.
    #[must_use]
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number, from 0, ascending with the steps.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl BeamStop {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Enough, Self::NoBetter, Self::Length, Self::NothingRuns];
}

impl fmt::Display for BeamNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A token on the way of a beam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeamToken {
    /// Its id.
    pub id: TokenId,
    /// log p under the model alone, in nats.
    pub logprob: f64,
    /// What it added to the sum: log p after the processors, not renormalized, in nats.
    pub sampling_logprob: f64,
    /// Rank under the model alone, from 1.
    pub rank: usize,
}

/// A sequence that runs on.
#[derive(Clone, Debug, PartialEq)]
pub struct Beam {
    /// Its last token; none before the first step.
    pub node: Option<BeamNode>,
    /// The token before; none for the first.
    pub parent: Option<BeamNode>,
    /// Its group, from 0.
    pub group: usize,
    /// The output so far.
    pub tokens: Vec<BeamToken>,
    /// Token ids of prompt and output.
    pub history: Vec<TokenId>,
    /// Σ of what the search adds up, in nats: beams are ranked by it.
    pub sum: f64,
    /// Σ log p under the model alone, in nats.
    pub sum_logprob: f64,
}

impl Beam {
    /// Tokens generated so far.
    #[must_use]
    pub fn length(&self) -> usize {
        self.tokens.len()
    }
}

/// How a hypothesis ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an end id.
    End,
    /// With a text that the caller stops at.
    Stop,
    /// At the last step.
    Length,
}

/// A finished sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// Its last token.
    pub node: BeamNode,
    /// Its group, from 0.
    pub group: usize,
    /// The output, an end token included.
    pub tokens: Vec<BeamToken>,
    /// Σ of what the search added up, in nats.
    pub sum: f64,
    /// Σ log p under the model alone, in nats.
    pub sum_logprob: f64,
    /// The sum under the length norm: hypotheses are ranked by it.
    pub score: f64,
    /// How it ended.
    pub ending: Ending,
}

/// What became of a continuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It runs on.
    Kept,
    /// It is a hypothesis, among the best B so far.
    Finished(Ending),
    /// It did not end, and B better ones run on (or, at the last step, were looked at first).
    BelowCut,
    /// It ended, but B others were looked at before it.
    EndedOutside(Ending),
    /// It ended in time, but B finished ones score higher.
    Outscored(Ending),
}

impl Verdict {
    /// Whether its group chose its token to go on with: it runs on, or would if this were not the last step.
    pub(super) fn is_chosen(self) -> bool {
        matches!(self, Self::Kept | Self::Finished(Ending::Length) | Self::Outscored(Ending::Length))
    }

    /// How it ended; none for what did not.
    #[must_use]
    pub fn ending(self) -> Option<Ending> {
        match self {
            Self::Kept | Self::BelowCut => None,
            Self::Finished(ending) | Self::EndedOutside(ending) | Self::Outscored(ending) => Some(ending),
        }
    }

    /// Why it is out; none for what runs on or finished.
    #[must_use]
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Kept | Self::Finished(_) => None,
            Self::BelowCut => Some("below the cut"),
            Self::EndedOutside(_) => Some("ended outside the first B"),
            Self::Outscored(_) => Some("evicted by better finished ones"),
        }
    }
}

/// A continuation that a step looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeamCandidate {
    /// Its number.
    pub node: BeamNode,
    /// The beam that it continues; none at the first step.
    pub parent: Option<BeamNode>,
    /// Its group, from 0.
    pub group: usize,
    /// Its token.
    pub token: TokenId,
    /// log p of the token under the model alone, in nats.
    pub logprob: f64,
    /// What the token adds to the sum, in nats.
    pub sampling_logprob: f64,
    /// Σ log p under the model alone, with this token, in nats.
    pub sum_logprob: f64,
    /// The sum that beams are ranked by, with this token, in nats.
    pub sum: f64,
    /// Tokens generated, with this one.
    pub length: usize,
    /// The sum under the length norm at this length.
    pub score: f64,
    /// What became of it.
    pub verdict: Verdict,
    /// The random number that chose it, where one did.
    pub draw: Option<f64>,
}

impl BeamCandidate {
    /// What counts as its length after a prompt of so many tokens.
    #[must_use]
    pub fn counted(&self, prompt: usize) -> Length {
        let end_tokens = usize::from(self.verdict.ending() == Some(Ending::End));
        Length { prompt, generated: self.length, end_tokens }
    }
}

/// What a group compares to know whether it may stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoppingBound {
    /// The group, from 0.
    pub group: usize,
    /// Hypotheses that have finished, at most `needed`.
    pub finished: usize,
    /// B of the group: nothing stops before as many have finished.
    pub needed: usize,
    /// The best score that a running beam is credited with; none where nothing runs.
    pub attainable: Option<f64>,
    /// The worst score among the finished; none where nothing has finished.
    pub worst_finished: Option<f64>,
    /// Why the group is over; none where it goes on.
    pub stop: Option<BeamStop>,
}

/// What a group's stopping bound is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The group, from 0.
    pub group: usize,
    /// The best sum among the running beams, in nats; none where nothing runs.
    pub best_running: Option<f64>,
    /// Hypotheses that have finished.
    pub finished: usize,
    /// The worst score among them; none where nothing has finished.
    pub worst_finished: Option<f64>,
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Tokens generated so far.
    pub length: usize,
    /// The most tokens to generate.
    pub max_new_tokens: usize,
}

impl StoppingBound {
    /// Compares the running with the finished: the best running sum under the length norm at the present length, or for
    /// [`EarlyStopping::Never`] and α > 0 at the greatest one. Source: transformers,
    /// `GenerationMixin._check_early_stop_heuristic`.
    #[must_use]
    pub fn of(settings: &BeamSettings, standing: &Standing) -> Self {
        let Standing { group, finished, worst_finished, prompt, length, max_new_tokens, .. } = *standing;
        let needed = settings.group_size();
        let generated = match settings.early_stopping {
            EarlyStopping::Never if settings.length_penalty > 0.0 => max_new_tokens,
            _ => length,
        };
        let hoped_for = Length { prompt, generated, end_tokens: 0 };
        let attainable = standing.best_running.map(|sum| settings.score(sum, hoped_for));
        let full = finished == needed;
        let stop = match (attainable, worst_finished) {
            _ if length >= max_new_tokens => Some(BeamStop::Length),
            (None, _) => Some(BeamStop::NothingRuns),
            (Some(_), Some(_)) if full && settings.early_stopping == EarlyStopping::True => Some(BeamStop::Enough),
            (Some(attainable), Some(worst)) if full && attainable <= worst => Some(BeamStop::NoBetter),
            _ => None,
        };
        Self { group, finished, needed, attainable, worst_finished, stop }
    }
}

/// Why a search is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeamStop {
    /// Early stopping is true, and enough have finished.
    Enough,
    /// No running beam can get above the worst finished one, as far as early stopping looks.
    NoBetter,
    /// The last step was made.
    Length,
    /// Every continuation ended.
    NothingRuns,
}

/// Everything that a step decided.
#[derive(Clone, Debug, PartialEq)]
pub struct BeamStep {
    /// Steps before it.
    pub step: usize,
    /// Every continuation that was looked at: group by group, in the order in which they were looked at.
    pub candidates: Vec<BeamCandidate>,
    /// Hypotheses of earlier steps that better ones displaced in this step.
    pub evicted: Vec<BeamNode>,
    /// Beams that ran until now, and none of whose continuations runs on or finished.
    pub abandoned: Vec<BeamNode>,
    /// One for each group that was still searching.
    pub bounds: Vec<StoppingBound>,
}

impl BeamStep {
    /// The continuations that run on: group by group, each group's best first.
    #[must_use]
    pub fn running(&self) -> Vec<&BeamCandidate> {
        let kept = |candidate: &&BeamCandidate| candidate.verdict == Verdict::Kept;
        let mut running: Vec<&BeamCandidate> = self.candidates.iter().filter(kept).collect();
        running.sort_by(|a, b| a.group.cmp(&b.group).then(b.sum.total_cmp(&a.sum)));
        running
    }

    /// The continuations that finished in this step.
    pub fn finished(&self) -> impl Iterator<Item = &BeamCandidate> {
        self.candidates.iter().filter(|candidate| matches!(candidate.verdict, Verdict::Finished(_)))
    }

    /// The continuations that are out, with the reason.
    pub fn pruned(&self) -> impl Iterator<Item = (&BeamCandidate, &'static str)> {
        self.candidates.iter().filter_map(|candidate| Some((candidate, candidate.verdict.reason()?)))
    }
}
