//! What a search has made so far, so that any of its steps can be shown.

use std::ops::Range;
use std::sync::Arc;

use crate::decode::TokenId;
use crate::decode::beam::{
    BeamCandidate, BeamNode, BeamSettings, BeamStep, BeamStop, Contender, Ending, Standing, StoppingBound, Verdict,
};
use crate::engine::{BeamsMade, GreedyToken, Rival};

/// A continuation that the search looked at.
#[derive(Clone, Debug)]
pub struct Node {
    /// What was decided of it.
    pub candidate: BeamCandidate,
    /// The step that made it, from 0.
    pub step: usize,
    /// The step that displaced it among the finished ones, or that continued none of its continuations.
    out: Option<usize>,
}

/// What a node is after a number of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It runs on.
    Running,
    /// It is a hypothesis.
    Finished,
    /// It is out.
    Pruned(&'static str),
    /// Others go on from it.
    Passed,
}

/// A hypothesis or a running beam, with its score under the knobs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Which one.
    pub node: BeamNode,
    /// Its sum under the length norm.
    pub score: f64,
}

/// All steps of a search.
pub struct Search {
    settings: BeamSettings,
    prompt_length: usize,
    nodes: Vec<Node>,
    /// Where the nodes of each step are.
    ranges: Vec<Range<usize>>,
    steps: Vec<Arc<BeamsMade>>,
    /// The finished ones that are held after each step.
    held: Vec<Vec<BeamNode>>,
    greedy: Vec<GreedyToken>,
}

impl Search {
    /// Nothing made yet. `prompt_length` is in tokens.
    #[must_use]
    pub fn new(settings: BeamSettings, prompt_length: usize) -> Self {
        Self {
            settings,
            prompt_length,
            nodes: Vec::new(),
            ranges: Vec::new(),
            steps: Vec::new(),
            held: Vec::new(),
            greedy: Vec::new(),
        }
    }

    /// What was searched with.
    #[must_use]
    pub fn settings(&self) -> &BeamSettings {
        &self.settings
    }

    /// Takes the next step in.
    pub fn push(&mut self, made: Arc<BeamsMade>) {
        let step = self.steps.len();
        let begin = self.nodes.len();
        // Nodes are numbered in the order of the candidates of all steps.
        self.nodes.extend(made.step.candidates.iter().map(|candidate| Node { candidate: *candidate, step, out: None }));
        self.ranges.push(begin..self.nodes.len());
        for node in made.step.evicted.iter().chain(&made.step.abandoned) {
            if let Some(node) = self.nodes.get_mut(node.index()) {
                node.out = Some(step);
            }
        }
        let mut held = self.held.last().cloned().unwrap_or_default();
        held.retain(|node| !made.step.evicted.contains(node));
        held.extend(made.step.finished().map(|candidate| candidate.node));
        self.held.push(held);
        self.greedy.extend(made.greedy);
        self.steps.push(made);
    }

    /// Steps made.
    #[must_use]
    pub fn made(&self) -> usize {
        self.steps.len()
    }

    /// Why it is over; none where it goes on.
    #[must_use]
    pub fn stopped(&self) -> Option<BeamStop> {
        self.steps.last().and_then(|made| made.stopped)
    }

    /// A step by its number, from 1.
    #[must_use]
    pub fn step(&self, number: usize) -> Option<&BeamStep> {
        number.checked_sub(1).and_then(|index| self.steps.get(index)).map(|made| &made.step)
    }

    /// A node.
    #[must_use]
    pub fn node(&self, node: BeamNode) -> Option<&Node> {
        self.nodes.get(node.index())
    }

    /// What a node is after so many steps.
    #[must_use]
    pub fn status(&self, node: &Node, steps: usize) -> Status {
        let out = node.out.is_some_and(|out| out < steps);
        match node.candidate.verdict {
            Verdict::Kept if out => Status::Pruned("nothing came of it"),
            Verdict::Kept if node.step + 1 == steps => Status::Running,
            Verdict::Kept => Status::Passed,
            Verdict::Finished(_) if out => Status::Pruned("displaced by better finished ones"),
            Verdict::Finished(_) => Status::Finished,
            verdict => Status::Pruned(verdict.reason().unwrap_or_default()),
        }
    }

    /// From the first token to a node.
    #[must_use]
    pub fn path(&self, node: BeamNode) -> Vec<BeamNode> {
        let parent = |node: &BeamNode| self.node(*node).and_then(|node| node.candidate.parent);
        let mut path: Vec<BeamNode> = std::iter::successors(Some(node), parent).collect();
        path.reverse();
        path
    }

    /// The tokens of a path to a node.
    #[must_use]
    pub fn tokens(&self, node: BeamNode) -> Vec<TokenId> {
        self.path(node).into_iter().filter_map(|node| self.node(node)).map(|node| node.candidate.token).collect()
    }

    /// What competes after so many steps: the finished ones that are held, and the beams that run on.
    #[must_use]
    pub fn contenders(&self, steps: usize) -> Vec<BeamNode> {
        let Some(index) = steps.checked_sub(1) else { return Vec::new() };
        let held = self.held.get(index).cloned().unwrap_or_default();
        let running = self.step(steps).map(BeamStep::running).unwrap_or_default();
        held.into_iter().chain(running.into_iter().map(|candidate| candidate.node)).collect()
    }

    /// The score of a node under these knobs.
    #[must_use]
    pub fn score(&self, node: BeamNode, settings: &BeamSettings) -> f64 {
        self.node(node).map_or(f64::NEG_INFINITY, |Node { candidate, .. }| {
            settings.score(candidate.sum, candidate.counted(self.prompt_length))
        })
    }

    /// The contenders, best first; of equal ones the older.
    #[must_use]
    pub fn ranked(&self, steps: usize, settings: &BeamSettings) -> Vec<Ranked> {
        let ranked = |node| Ranked { node, score: self.score(node, settings) };
        let mut all: Vec<Ranked> = self.contenders(steps).into_iter().map(ranked).collect();
        all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.node.cmp(&b.node)));
        all
    }

    /// The contenders as a norm sees them.
    #[must_use]
    pub fn as_contenders(&self, nodes: &[BeamNode]) -> Vec<Contender> {
        let of = |node: &Node| {
            let candidate = &node.candidate;
            Contender { sum: candidate.sum, length: candidate.counted(self.prompt_length) }
        };
        nodes.iter().filter_map(|&node| self.node(node)).map(of).collect()
    }

    /// What decides whether a group goes on after so many steps, under other knobs too: α, norm and early stopping of
    /// `settings`, and sequences of at most `length` tokens. The last group's where this one is over.
    #[must_use]
    pub fn bound(
        &self,
        (steps, group): (usize, usize),
        settings: &BeamSettings,
        length: usize,
    ) -> Option<StoppingBound> {
        let step = self.step(steps)?;
        let made = step.bounds.iter().find(|bound| bound.group == group).or(step.bounds.last())?;
        let ranks = |settings: &BeamSettings| (settings.length_penalty, settings.length_norm, settings.early_stopping);
        if ranks(settings) == ranks(&self.settings) {
            return Some(*made);
        }
        let of_group = |node: &&BeamNode| self.node(**node).is_some_and(|node| node.candidate.group == made.group);
        let held = self.held.get(steps - 1).map_or(&[][..], Vec::as_slice);
        let scores: Vec<f64> = held.iter().filter(of_group).map(|node| self.score(*node, settings)).collect();
        let running = step.running().into_iter().filter(|candidate| candidate.group == made.group);
        let standing = Standing {
            group: made.group,
            best_running: running.map(|candidate| candidate.sum).reduce(f64::max),
            finished: scores.len(),
            worst_finished: scores.into_iter().reduce(f64::min),
            prompt: self.prompt_length,
            length: steps,
            // The end of the context comes before the length that was asked for.
            max_new_tokens: if made.stop == Some(BeamStop::Length) { steps } else { length.max(steps + 1) },
        };
        let ranked = BeamSettings { beams: self.settings.beams, groups: self.settings.groups, ..*settings };
        Some(StoppingBound::of(&ranked, &standing))
    }

    /// Greedy's path, as far as it was read.
    #[must_use]
    pub fn greedy(&self) -> &[GreedyToken] {
        &self.greedy
    }

    /// The continuation of a node by a token, if the search looked at it; one that went on before others.
    #[must_use]
    pub fn child(&self, parent: Option<BeamNode>, step: usize, token: TokenId) -> Option<BeamNode> {
        let all = self.nodes.get(self.ranges.get(step)?.clone())?;
        let of = |node: &&Node| node.candidate.parent == parent && node.candidate.token == token;
        let goes_on = |node: &&Node| node.candidate.verdict.reason().is_none();
        let found = all.iter().filter(of).find(goes_on).or_else(|| all.iter().find(of));
        found.map(|node| node.candidate.node)
    }

    /// What greedy and the beams have found that is complete at a length: at its end, or exactly as long.
    #[must_use]
    pub fn rivals(&self, length: usize) -> Vec<Rival> {
        let whole = self.greedy.len() < self.steps.len().min(length);
        let greedy = &self.greedy[..length.min(self.greedy.len())];
        let greedy = (greedy.len() == length || whole && !greedy.is_empty()).then(|| Rival {
            name: "greedy".into(),
            tokens: greedy.iter().map(|token| token.token).collect(),
            sum_logprob: greedy.iter().map(|token| token.logprob).sum(),
        });
        let complete = |node: &&Node| match node.candidate.verdict {
            Verdict::Finished(Ending::End) => node.candidate.length <= length,
            Verdict::Kept | Verdict::Finished(_) => node.candidate.length == length,
            _ => false,
        };
        let sum = |node: &Node| node.candidate.sum_logprob;
        let best = self.nodes.iter().filter(complete).max_by(|a, b| sum(a).total_cmp(&sum(b)));
        let beams = best.map(|best| Rival {
            name: "beams".into(),
            tokens: self.tokens(best.candidate.node),
            sum_logprob: sum(best),
        });
        greedy.into_iter().chain(beams).collect()
    }
}
