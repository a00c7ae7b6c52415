//! The search: all groups, one step at a time.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::group::{Group, Turn};
use super::settings::{BeamSettings, BeamTask};
use super::step::{Beam, BeamStep, BeamStop, Hypothesis};
use crate::decode::{Chain, DecodeError, Distribution, TokenBytes, TokenId};

/// Whether an output, given as token ids, ends here though its last token is no end id.
pub type StopCheck<'a> = &'a dyn Fn(&[TokenId]) -> bool;

/// A [`StopCheck`] that never stops.
#[must_use]
pub fn run_on(_: &[TokenId]) -> bool {
    false
}

/// What a step may know of the texts that its tokens stand for.
#[derive(Clone, Copy)]
pub struct BeamText<'a> {
    /// Looks at what each continuation makes of the output.
    pub stops: StopCheck<'a>,
    /// What the tokens say, for processors that look at text.
    pub bytes: Option<&'a dyn TokenBytes>,
}

impl Default for BeamText<'_> {
    /// Nothing is known, and nothing stops.
    fn default() -> Self {
        Self { stops: &run_on, bytes: None }
    }
}

/// A beam search that advances one step at a time. See the module for its rules.
#[derive(Clone, Debug)]
pub struct BeamSearch {
    settings: BeamSettings,
    task: BeamTask,
    groups: Vec<Group>,
    step: usize,
    numbers: u32,
}

impl BeamSearch {
    /// A search with one live beam for each group: the prompt.
    ///
    /// # Errors
    /// Settings that [`BeamSettings::check`] refuses, or a task of 0 tokens.
    pub fn new(settings: BeamSettings, task: BeamTask) -> Result<Self, DecodeError> {
        settings.check()?;
        if task.max_new_tokens == 0 {
            let wrong = "out of range: it must be at least 1".into();
            return Err(DecodeError::BadValue { name: "max_new_tokens".into(), value: "0".into(), wrong });
        }
        let groups = (0..settings.groups).map(|index| Group::new(index, &task.prompt)).collect();
        Ok(Self { settings, task, groups, step: 0, numbers: 0 })
    }

    /// The options.
    #[must_use]
    pub fn settings(&self) -> &BeamSettings {
        &self.settings
    }

    /// Steps made so far.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.step
    }

    /// The beams that wait for the model's distribution, group by group, each group's best first; none when the search is over.
    pub fn live(&self) -> impl Iterator<Item = &Beam> {
        self.groups.iter().flat_map(Group::live)
    }

    /// Why the search is over (with several groups, why the last one is); `None` while any group goes on.
    #[must_use]
    pub fn stopped(&self) -> Option<BeamStop> {
        let stops: Option<Vec<BeamStop>> = self.groups.iter().map(Group::stop).collect();
        stops.and_then(|stops| stops.last().copied())
    }

    /// The best hypotheses so far, of all groups, best first; equal ones by group, the earlier first. At most as many as are to
    /// be returned.
    #[must_use]
    pub fn ranked(&self) -> Vec<&Hypothesis> {
        let mut all: Vec<&Hypothesis> = self.groups.iter().flat_map(Group::finished).collect();
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        all.truncate(self.settings.returned);
        all
    }

    /// Extends every live beam by one token. `models` has the model's distribution after each of [`BeamSearch::live`], in that
    /// order; `chain` is applied to its log-probabilities; `text` is what the tokens say, where that is known.
    ///
    /// # Errors
    /// Another number of distributions than of live beams, a search that is over, a processor that names a token outside of the
    /// vocabulary, or a chain that leaves no token to any beam before anything has finished. The search can't go on after one.
    pub fn advance<M: Borrow<Distribution>>(
        &mut self,
        models: &[M],
        chain: &Chain,
        text: BeamText<'_>,
    ) -> Result<BeamStep, DecodeError> {
        let live = self.live().count();
        if live == 0 || models.len() != live {
            return Err(DecodeError::BeamModels { live, given: models.len() });
        }
        let mut models = models.iter().map(Borrow::borrow);
        let mut taken: BTreeMap<TokenId, usize> = BTreeMap::new();
        let mut made = BeamStep {
            step: self.step,
            candidates: Vec::new(),
            evicted: Vec::new(),
            abandoned: Vec::new(),
            bounds: Vec::new(),
        };
        for group in self.groups.iter_mut().filter(|group| group.stop().is_none()) {
            let models: Vec<&Distribution> = models.by_ref().take(group.live().len()).collect();
            let (settings, task, step) = (&self.settings, &self.task, self.step);
            let turn = Turn { settings, task, step, chain, text, taken: &taken };
            let decided = group.advance(&models, &turn, &mut self.numbers)?;
            for chosen in decided.candidates.iter().filter(|candidate| candidate.verdict.is_chosen()) {
                *taken.entry(chosen.token).or_default() += 1;
            }
            made.candidates.extend(decided.candidates);
            made.evicted.extend(decided.evicted);
            made.abandoned.extend(decided.abandoned);
            made.bounds.push(decided.bound);
        }
        self.step += 1;
        if self.stopped().is_some() && self.ranked().is_empty() {
            return Err(DecodeError::NothingLeft { stage: chain.to_string() });
        }
        Ok(made)
    }
}
