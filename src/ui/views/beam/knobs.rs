//! The knobs of a search: what the keys turn.

use crate::decode::Direction;
use crate::decode::beam::{BeamSettings, EarlyStopping, LengthNorm, PENALTIES};
use crate::decode::strategy::{BeamKind, STRATEGIES, StrategyRow};
use crate::engine::RecordedBeams;

/// The tokens that a search goes on for, unless one asks for others.
const LENGTH: usize = 24;
/// What the length goes through.
pub(super) const LENGTHS: [usize; 14] = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 200];
/// The most beams that the keys reach.
pub(super) const MOST_BEAMS: usize = 16;
/// The highest diversity penalty that the keys reach, in nats.
const MOST_DIVERSITY: f64 = 5.0;

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
    /// Groups and diversity penalty, where they were turned: as usual for the strategy where they were not.
    groups: Option<usize>,
    diversity: Option<f64>,
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
            groups: None,
            diversity: None,
        }
    }
}

/// What comes after one of these values, around the end.
fn next<T: Copy + PartialEq>(all: &[T], value: T) -> T {
    let place = all.iter().position(|other| *other == value).map_or(0, |place| place + 1);
    all[place % all.len()]
}

/// The next tenth.
fn tenth(value: f64, direction: Direction) -> f64 {
    // What is not a tenth goes to the nearest one in this direction.
    match direction {
        Direction::Up => ((10.0 * value + 1e-9).floor() + 1.0) / 10.0,
        Direction::Down => ((10.0 * value - 1e-9).ceil() - 1.0) / 10.0,
    }
}

/// The strategies that are beam searches.
fn kinds() -> impl Iterator<Item = (&'static StrategyRow, BeamKind)> {
    STRATEGIES.iter().filter_map(|row| Some((row, row.beams()?)))
}

impl Knobs {
    /// As a recorded search had them.
    #[must_use]
    pub fn of(recorded: &RecordedBeams) -> Self {
        let settings = &recorded.settings;
        Self {
            beams: settings.beams,
            alpha: settings.length_penalty,
            norm: settings.length_norm,
            early: settings.early_stopping,
            length: recorded.length,
            kind: kinds().position(|(row, _)| row.name == recorded.strategy).unwrap_or(0),
            groups: Some(settings.groups),
            diversity: Some(settings.diversity_penalty),
        }
    }

    /// The strategy, with what makes it a beam search.
    #[must_use]
    pub fn kind(&self) -> Option<(&'static StrategyRow, BeamKind)> {
        kinds().nth(self.kind)
    }

    /// Groups and diversity penalty (nats), where the strategy has groups. There are never more groups than were asked for: of
    /// the divisors of B, the greatest that is not above.
    #[must_use]
    pub fn groups(&self) -> Option<(usize, f64)> {
        let (_, kind) = self.kind()?;
        let (groups, diversity) = (kind.groups)(self.beams);
        if diversity == 0.0 {
            return None;
        }
        let wanted = self.groups.unwrap_or(groups);
        let groups = (1..=wanted).rev().find(|groups| self.beams.is_multiple_of(*groups)).unwrap_or(1);
        Some((groups, self.diversity.unwrap_or(diversity)))
    }

    /// The options of a search; `seed` is that of the session.
    #[must_use]
    pub fn settings(&self, seed: u64) -> BeamSettings {
        let kind = self.kind().map(|(_, kind)| kind);
        let (groups, diversity_penalty) = self.groups().unwrap_or((1, 0.0));
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

    /// α by a tenth.
    pub fn turn_alpha(&mut self, direction: Direction) {
        self.alpha = tenth(self.alpha, direction).clamp(*PENALTIES.start(), *PENALTIES.end());
    }

    /// The next number of groups that divides B.
    pub fn turn_groups(&mut self, direction: Direction) {
        let Some((groups, _)) = self.groups() else { return };
        let beams = self.beams;
        let other = match direction {
            Direction::Up => (groups + 1..=beams).find(|other| beams.is_multiple_of(*other)),
            Direction::Down => (1..groups).rev().find(|other| beams.is_multiple_of(*other)),
        };
        self.groups = Some(other.unwrap_or(groups));
    }

    /// λ by a tenth.
    pub fn turn_diversity(&mut self, direction: Direction) {
        if let Some((_, diversity)) = self.groups() {
            self.diversity = Some(tenth(diversity, direction).clamp(0.0, MOST_DIVERSITY));
        }
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
        self.kind = (self.kind + 1) % kinds().count().max(1);
    }
}
