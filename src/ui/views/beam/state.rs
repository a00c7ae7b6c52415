//! The state of the view: its knobs, the search that is shown, the one that is coming, and where one looks.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::decode::beam::{BeamCandidate, BeamNode, BeamSettings, EarlyStopping, LengthNorm, PENALTIES};
use crate::decode::strategy::{BeamKind, STRATEGIES, StrategyRow};
use crate::decode::{Chain, Direction, TokenId};
use crate::engine::{BeamsMade, OptimumFound, Rival};

use super::search::Search;

/// The tokens that a search goes on for, unless one asks for others.
const LENGTH: usize = 24;
/// What the length goes through.
pub(super) const LENGTHS: [usize; 14] = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 200];
/// The most beams that the keys reach.
pub(super) const MOST_BEAMS: usize = 16;

/// What the keys turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Knobs {
    /// B.
    pub beams: usize,
    /// α.
    pub alpha: f64,
    /// What α is the power of.
    pub norm: LengthNorm,
    /// When enough have finished.
    pub early: EarlyStopping,
    /// The most tokens.
    pub length: usize,
    kind: usize,
}

impl Default for Knobs {
    fn default() -> Self {
        let usual = BeamSettings::default();
        Self {
            beams: usual.beams,
            alpha: usual.length_penalty,
            norm: usual.length_norm,
            early: usual.early_stopping,
            length: LENGTH,
            kind: 0,
        }
    }
}

/// What comes after one of these values, around the end.
fn next<T: Copy + PartialEq>(all: &[T], value: T) -> T {
    let place = all.iter().position(|other| *other == value).map_or(0, |place| place + 1);
    all[place % all.len()]
}

impl Knobs {
    /// The strategy, with what makes it a beam search.
    #[must_use]
    pub fn kind(&self) -> Option<(&'static StrategyRow, BeamKind)> {
        STRATEGIES.iter().filter_map(|row| Some((row, row.beams()?))).nth(self.kind)
    }

    /// The options of a search; `seed` is that of the session.
    #[must_use]
    pub fn settings(&self, seed: u64) -> BeamSettings {
        let kind = self.kind().map(|(_, kind)| kind);
        let (groups, diversity_penalty) = kind.map_or((1, 0.0), |kind| (kind.groups)(self.beams));
        BeamSettings {
            beams: self.beams,
            groups,
            diversity_penalty,
            length_penalty: self.alpha,
            length_norm: self.norm,
            early_stopping: self.early,
            selection: kind.map(|kind| (kind.selection)(seed)).unwrap_or_default(),
            returned: self.beams,
        }
    }

    /// One beam more or less.
    pub fn turn_beams(&mut self, direction: Direction) {
        self.beams = match direction {
            Direction::Up => (self.beams + 1).min(MOST_BEAMS),
            Direction::Down => self.beams.saturating_sub(1).max(1),
        };
    }

    /// α to the next tenth.
    pub fn turn_alpha(&mut self, direction: Direction) {
        // A typed value may lie between two tenths, a turned one a rounding error beside its own.
        let tenths = match direction {
            Direction::Up => (10.0 * self.alpha + 1e-9).floor() + 1.0,
            Direction::Down => (10.0 * self.alpha - 1e-9).ceil() - 1.0,
        };
        self.alpha = (tenths / 10.0).clamp(*PENALTIES.start(), *PENALTIES.end());
    }

    /// The next length of its list.
    pub fn turn_length(&mut self, direction: Direction) {
        let other = match direction {
            Direction::Up => LENGTHS.iter().find(|length| **length > self.length),
            Direction::Down => LENGTHS.iter().rev().find(|length| **length < self.length),
        };
        self.length = other.copied().unwrap_or(self.length);
    }

    /// The next norm.
    pub fn next_norm(&mut self) {
        self.norm = next(&LengthNorm::ALL, self.norm);
    }

    /// The next rule of early stopping.
    pub fn next_early(&mut self) {
        self.early = next(&EarlyStopping::ALL, self.early);
    }

    /// The next strategy.
    pub fn next_kind(&mut self) {
        let kinds = STRATEGIES.iter().filter(|row| row.beams().is_some()).count();
        self.kind = (self.kind + 1) % kinds.max(1);
    }
}

/// What the newest search was asked for: another wish needs another search.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The number of its prompt.
    pub epoch: u64,
    /// Its options.
    pub settings: BeamSettings,
    /// Its processors, and those of greedy.
    pub chains: (Chain, Chain),
    /// Its length.
    pub length: usize,
}

/// What lies below the tree where there is room for one list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Below {
    /// The hypotheses, best first.
    #[default]
    Hypotheses,
    /// The candidates of the step.
    Ledger,
}

impl Below {
    /// The other list.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Hypotheses => Self::Ledger,
            Self::Ledger => Self::Hypotheses,
        }
    }
}

/// The search for the most probable sequence.
#[derive(Clone, Debug)]
pub struct Optimum {
    /// The number of its prompt.
    pub epoch: u64,
    /// Its length.
    pub length: usize,
    /// What it is compared with.
    pub rivals: Vec<Rival>,
    /// What was found so far.
    pub found: Option<Arc<OptimumFound>>,
}

impl Optimum {
    /// The tokens of the best sequence so far.
    #[must_use]
    pub fn tokens(&self) -> &[TokenId] {
        let best = self.found.as_ref().and_then(|found| found.best.as_ref());
        best.map_or(&[], |best| &best.tokens)
    }
}

/// The state.
#[derive(Default)]
pub struct State {
    /// What the keys turn.
    pub knobs: Knobs,
    /// What the newest search was asked for.
    pub asked: Option<Asked>,
    /// The number of steps that one wants to see.
    pub wanted: usize,
    shown: Option<Search>,
    coming: Option<Search>,
    /// The place of the selected candidate in the ledger of the step.
    selected: usize,
    /// Branches that are shut.
    pub folded: BTreeSet<BeamNode>,
    /// The first row of the tree; none follows the selection.
    pub scroll: Option<usize>,
    /// What lies below the tree.
    pub below: Below,
    /// The search for the most probable sequence.
    pub optimum: Option<Optimum>,
}

impl State {
    /// The search that is shown.
    #[must_use]
    pub fn search(&self) -> Option<&Search> {
        self.shown.as_ref()
    }

    /// Whether another search will take the place of the one that is shown.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.coming.is_some()
    }

    /// Steps that are shown.
    #[must_use]
    pub fn step(&self) -> usize {
        self.wanted.min(self.shown.as_ref().map_or(0, Search::made))
    }

    /// The selected candidate of the step.
    #[must_use]
    pub fn candidate(&self) -> Option<&BeamCandidate> {
        let step = self.shown.as_ref()?.step(self.step())?;
        step.candidates.get(self.selected)
    }

    /// The place of the selected candidate in the ledger, from 0.
    #[must_use]
    pub fn selected(&self) -> usize {
        self.selected
    }

    /// Selects a candidate further down the ledger, or up.
    pub fn select(&mut self, by: isize) {
        let step = self.step();
        let count = self.shown.as_ref().and_then(|search| search.step(step)).map_or(0, |step| step.candidates.len());
        self.selected = self.selected.saturating_add_signed(by).min(count.saturating_sub(1));
        self.scroll = None;
    }

    /// Goes to a number of steps.
    pub fn go(&mut self, steps: usize) {
        if steps != self.wanted {
            self.wanted = steps;
            self.selected = 0;
            self.scroll = None;
        }
    }

    /// Another search begins. What is shown stays until the other one is as far, unless it belongs to another prompt.
    pub fn expect(&mut self, search: Search, asked: Asked) {
        if self.asked.as_ref().is_some_and(|before| before.epoch != asked.epoch) {
            self.shown = None;
            self.optimum = None;
        }
        self.coming = Some(search);
        self.asked = Some(asked);
    }

    /// Takes a step of the newest search in.
    pub fn push(&mut self, made: Arc<BeamsMade>) {
        let Some(search) = self.coming.as_mut().or(self.shown.as_mut()) else { return };
        search.push(made);
        let (length, over) = (search.made(), search.stopped().is_some());
        if over || length >= self.wanted || self.shown.is_none() {
            self.arrive();
        }
    }

    /// The newest search is over, or failed: what it has made is all there will be.
    pub fn over(&mut self) {
        if self.coming.as_ref().is_some_and(|search| search.made() > 0) {
            self.arrive();
        }
        self.coming = None;
        if let Some(search) = &self.shown {
            self.wanted = self.wanted.min(search.made());
        }
    }

    fn arrive(&mut self) {
        if let Some(search) = self.coming.take() {
            self.shown = Some(search);
            self.folded.clear();
            self.select(0);
        }
    }
}
