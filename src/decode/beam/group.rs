//! One group of beams: all of them in plain beam search.

use std::collections::BTreeMap;

use super::expand::{Continuation, Expansion};
use super::norm::Length;
use super::search::BeamText;
use super::settings::{BeamSettings, BeamTask};
use super::step::{
    Beam, BeamCandidate, BeamNode, BeamStop, BeamToken, Ending, Hypothesis, Standing, StoppingBound, Verdict,
};
use crate::decode::{Chain, DecodeError, Distribution, TokenId};

/// What all groups share in a step.
pub(super) struct Turn<'a> {
    pub(super) settings: &'a BeamSettings,
    pub(super) task: &'a BeamTask,
    pub(super) step: usize,
    pub(super) chain: &'a Chain,
    pub(super) text: BeamText<'a>,
    /// How many beams of earlier groups chose each token in this step.
    pub(super) taken: &'a BTreeMap<TokenId, usize>,
}

/// What a group decided in a step.
pub(super) struct Decided {
    pub(super) candidates: Vec<BeamCandidate>,
    pub(super) evicted: Vec<BeamNode>,
    pub(super) abandoned: Vec<BeamNode>,
    pub(super) bound: StoppingBound,
}

/// Beams that compete with each other.
#[derive(Clone, Debug)]
pub(super) struct Group {
    index: usize,
    live: Vec<Beam>,
    finished: Vec<Hypothesis>,
    stop: Option<BeamStop>,
}

impl Group {
    /// One beam, the prompt.
    pub(super) fn new(index: usize, prompt: &[TokenId]) -> Self {
        let root = Beam {
            node: None,
            parent: None,
            group: index,
            tokens: Vec::new(),
            history: prompt.to_vec(),
            sum: 0.0,
            sum_logprob: 0.0,
        };
        Self { index, live: vec![root], finished: Vec::new(), stop: None }
    }

    /// The beams that run on, best first; none when the group is over.
    pub(super) fn live(&self) -> &[Beam] {
        if self.stop.is_some() { &[] } else { &self.live }
    }

    /// The best finished ones, best first.
    pub(super) fn finished(&self) -> &[Hypothesis] {
        &self.finished
    }

    pub(super) fn stop(&self) -> Option<BeamStop> {
        self.stop
    }

    /// Extends every live beam by one token. `numbers` is the number of the next node.
    pub(super) fn advance(
        &mut self,
        models: &[&Distribution],
        turn: &Turn<'_>,
        numbers: &mut u32,
    ) -> Result<Decided, DecodeError> {
        let Turn { settings, task, .. } = *turn;
        let expansion = Expansion {
            chain: turn.chain,
            prompt_length: task.prompt.len(),
            bytes: turn.text.bytes,
            end_ids: &task.end_ids,
            taken: turn.taken,
            diversity_penalty: settings.diversity_penalty,
        };
        let wanted = task.looked_at_per_beam() * settings.group_size();
        let beams: Vec<(&Beam, &Distribution)> = self.live.iter().zip(models.iter().copied()).collect();
        let looked_at = expansion.look(&beams, wanted, settings.selection, turn.step)?;
        let verdicts = self.judge(&looked_at, turn);
        let first = BeamNode(*numbers);
        let mut candidates = Vec::with_capacity(looked_at.len());
        for (continuation, verdict) in looked_at.iter().zip(verdicts) {
            candidates.push(self.candidate(continuation, verdict, models, turn, BeamNode(*numbers)));
            *numbers += 1;
        }
        let evicted = self.finish(&looked_at, &mut candidates, models, first, settings.group_size());
        let abandoned = self.run_on(&looked_at, &candidates, models);
        let bound = self.bound(turn);
        self.stop = bound.stop;
        Ok(Decided { candidates, evicted, abandoned, bound })
    }

    /// What becomes of each continuation, before the finished ones are compared with each other.
    fn judge(&self, looked_at: &[Continuation], turn: &Turn<'_>) -> Vec<Verdict> {
        let size = turn.settings.group_size();
        let last_step = turn.step + 1 >= turn.task.max_new_tokens;
        let mut verdicts: Vec<Verdict> = Vec::with_capacity(looked_at.len());
        for (place, continuation) in looked_at.iter().enumerate() {
            let ending = self.ending(continuation, turn);
            verdicts.push(match ending {
                Some(ending) if place < size => Verdict::Finished(ending),
                Some(ending) => Verdict::EndedOutside(ending),
                None if last_step && place < size => Verdict::Finished(Ending::Length),
                None if last_step => Verdict::BelowCut,
                None => Verdict::Kept,
            });
        }
        // What was drawn is not in order.
        let mut running: Vec<usize> = (0..looked_at.len()).filter(|&i| verdicts[i] == Verdict::Kept).collect();
        running.sort_by(|&a, &b| Continuation::order(&looked_at[a], &looked_at[b]));
        for &below in running.iter().skip(size) {
            verdicts[below] = Verdict::BelowCut;
        }
        verdicts
    }

    fn ending(&self, continuation: &Continuation, turn: &Turn<'_>) -> Option<Ending> {
        if turn.task.end_ids.contains(&continuation.token) {
            return Some(Ending::End);
        }
        let mut output = self.live[continuation.beam].history[turn.task.prompt.len()..].to_vec();
        output.push(continuation.token);
        (turn.text.stops)(&output).then_some(Ending::Stop)
    }

    fn candidate(
        &self,
        continuation: &Continuation,
        verdict: Verdict,
        models: &[&Distribution],
        turn: &Turn<'_>,
        node: BeamNode,
    ) -> BeamCandidate {
        let beam = &self.live[continuation.beam];
        let logprob = models[continuation.beam].logprob(continuation.token);
        let end = matches!(verdict, Verdict::Finished(Ending::End) | Verdict::EndedOutside(Ending::End));
        let length = beam.length() + 1;
        let counted = Length { prompt: turn.task.prompt.len(), generated: length, end_tokens: usize::from(end) };
        BeamCandidate {
            node,
            parent: beam.node,
            group: self.index,
            token: continuation.token,
            logprob,
            sampling_logprob: continuation.sampling_logprob,
            sum_logprob: beam.sum_logprob + logprob,
            sum: continuation.sum,
            length,
            score: turn.settings.score(continuation.sum, counted),
            verdict,
            draw: continuation.draw,
        }
    }

    /// The output of a beam with one more token.
    fn extended(
        &self,
        continuation: &Continuation,
        candidate: &BeamCandidate,
        models: &[&Distribution],
    ) -> Vec<BeamToken> {
        let mut tokens = self.live[continuation.beam].tokens.clone();
        tokens.push(BeamToken {
            id: candidate.token,
            logprob: candidate.logprob,
            sampling_logprob: candidate.sampling_logprob,
            rank: models[continuation.beam].rank(candidate.token),
        });
        tokens
    }

    /// Adds what finished, keeps the best `size` (among equals the earlier), and gives the older ones that had to go.
    fn finish(
        &mut self,
        looked_at: &[Continuation],
        candidates: &mut [BeamCandidate],
        models: &[&Distribution],
        first: BeamNode,
        size: usize,
    ) -> Vec<BeamNode> {
        for (continuation, candidate) in looked_at.iter().zip(&*candidates) {
            let Verdict::Finished(ending) = candidate.verdict else { continue };
            self.finished.push(Hypothesis {
                node: candidate.node,
                group: self.index,
                tokens: self.extended(continuation, candidate, models),
                sum: candidate.sum,
                sum_logprob: candidate.sum_logprob,
                score: candidate.score,
                ending,
            });
        }
        self.finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        let gone = self.finished.split_off(size.min(self.finished.len()));
        let (now, before): (Vec<&Hypothesis>, Vec<&Hypothesis>) = gone.iter().partition(|one| one.node >= first);
        for hypothesis in now {
            if let Some(candidate) = candidates.iter_mut().find(|candidate| candidate.node == hypothesis.node) {
                candidate.verdict = Verdict::Outscored(hypothesis.ending);
            }
        }
        before.into_iter().map(|hypothesis| hypothesis.node).collect()
    }

    /// Makes the kept continuations the live beams, best first, and gives the beams that nothing came of.
    fn run_on(
        &mut self,
        looked_at: &[Continuation],
        candidates: &[BeamCandidate],
        models: &[&Distribution],
    ) -> Vec<BeamNode> {
        let mut kept: Vec<(&Continuation, &BeamCandidate)> =
            looked_at.iter().zip(candidates).filter(|(_, candidate)| candidate.verdict == Verdict::Kept).collect();
        kept.sort_by(|a, b| Continuation::order(a.0, b.0));
        let beam = |&(continuation, candidate): &(&Continuation, &BeamCandidate)| {
            let mut history = self.live[continuation.beam].history.clone();
            history.push(candidate.token);
            Beam {
                node: Some(candidate.node),
                parent: candidate.parent,
                group: self.index,
                tokens: self.extended(continuation, candidate, models),
                history,
                sum: candidate.sum,
                sum_logprob: candidate.sum_logprob,
            }
        };
        let live: Vec<Beam> = kept.iter().map(beam).collect();
        let survives = |node: BeamNode| {
            let of_node = |candidate: &&BeamCandidate| candidate.parent == Some(node);
            candidates.iter().filter(of_node).any(|candidate| candidate.verdict.reason().is_none())
        };
        let before = std::mem::replace(&mut self.live, live);
        before.into_iter().filter_map(|beam| beam.node).filter(|&node| !survives(node)).collect()
    }

    /// Compares the running with the finished, and tells whether the group may stop.
    fn bound(&self, turn: &Turn<'_>) -> StoppingBound {
        let standing = Standing {
            group: self.index,
            best_running: self.live.first().map(|best| best.sum),
            finished: self.finished.len(),
            worst_finished: self.finished.last().map(|worst| worst.score),
            prompt: turn.task.prompt.len(),
            length: turn.step + 1,
            max_new_tokens: turn.task.max_new_tokens,
        };
        StoppingBound::of(turn.settings, &standing)
    }
}
