//! The chain as a row of knobs: stages that can be turned, switched off and kept at hand.

use std::iter::Peekable;
use std::slice::Iter;

use super::action::Action;
use crate::decode::{Chain, DecodeError, Direction, Kind, PROCESSORS, ProcessorRow, Stage, StageTrace};

/// Processors with keys of their own: lower, higher.
pub const KNOB_KEYS: [(&str, [Action; 2]); 4] = [
    ("temperature", [Action::Cooler, Action::Warmer]),
    ("top_k", [Action::FewerK, Action::MoreK]),
    ("top_p", [Action::FewerP, Action::MoreP]),
    ("min_p", [Action::LowerMin, Action::HigherMin]),
];

/// The processor that an action turns, and which way.
#[must_use]
pub fn turned_by(action: Action) -> Option<(&'static str, Direction)> {
    let direction = |[lower, _]: [Action; 2]| if action == lower { Direction::Down } else { Direction::Up };
    let (name, actions) = KNOB_KEYS.iter().find(|(_, actions)| actions.contains(&action))?;
    Some((name, direction(*actions)))
}

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By a draw from what the chain leaves.
    #[default]
    Sampling,
    /// The most probable one after the penalties.
    Greedy,
}

/// Whether a stage takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It does.
    On,
    /// It waits, with its value.
    Off,
}

/// A stage and its switch.
#[derive(Clone, Debug, PartialEq)]
pub struct Knob {
    /// Processor and value.
    pub stage: Stage,
    /// Whether it takes part.
    pub switch: Switch,
}

/// Why a stage of the list is not in the chain that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Switched off.
    Off,
    /// Greedy doesn't use it.
    Unused,
    /// The chain that ran was another one.
    Pending,
}

/// All stages, in their order, with one of them selected.
#[derive(Clone, Debug, PartialEq)]
pub struct Knobs {
    list: Vec<Knob>,
    selected: usize,
    mode: Mode,
}

impl Knobs {
    /// The stages of a chain, and beside them the knobs that every class asks for, switched off.
    #[must_use]
    pub fn new(chain: &Chain, mode: Mode) -> Self {
        let list = chain.stages().iter().map(|stage| Knob { stage: stage.clone(), switch: Switch::On }).collect();
        let mut all = Self { list, selected: 0, mode };
        for row in PROCESSORS.iter().filter(|row| AT_HAND.contains(&row.name)) {
            if !all.list.iter().any(|knob| knob.stage.row().name == row.name) {
                all.insert(row, Switch::Off);
            }
        }
        all.selected = 0;
        all
    }

    /// Exactly these stages, with one of them selected.
    #[must_use]
    pub fn of(list: Vec<Knob>, selected: usize, mode: Mode) -> Self {
        Self { selected: selected.min(list.len().saturating_sub(1)), list, mode }
    }

    /// The stages, first to last.
    #[must_use]
    pub fn list(&self) -> &[Knob] {
        &self.list
    }

    /// Which stage the keys turn.
    #[must_use]
    pub fn selected(&self) -> usize {
        self.selected
    }

    /// How the next token is chosen.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Greedy to sampling, or back.
    pub fn toggle_mode(&mut self) {
        self.mode = match self.mode {
            Mode::Sampling => Mode::Greedy,
            Mode::Greedy => Mode::Sampling,
        };
    }

    /// The chain that decides the next token.
    ///
    /// # Errors
    /// More stages than a chain can have.
    pub fn chain(&self) -> Result<Chain, DecodeError> {
        let chain = self.whole_chain()?;
        Ok(match self.mode {
            Mode::Sampling => chain,
            Mode::Greedy => chain.before_sampling(),
        })
    }

    /// The chain of all stages that are switched on: a strategy takes the part that it uses.
    ///
    /// # Errors
    /// More stages than a chain can have.
    pub fn whole_chain(&self) -> Result<Chain, DecodeError> {
        let mut chain = Chain::default();
        for knob in self.list.iter().filter(|knob| knob.switch == Switch::On) {
            chain.push(knob.stage.clone())?;
        }
        Ok(chain)
    }

    /// What each stage of the list did in a chain that ran, or why it did nothing.
    #[must_use]
    pub fn traces<'a>(&self, ran: &'a [StageTrace]) -> Vec<Result<&'a StageTrace, Idle>> {
        let mut ran = ran.iter().peekable();
        let trace = |knob: &Knob| match knob.switch {
            Switch::Off => Err(Idle::Off),
            Switch::On => match next_of(&mut ran, knob.stage.row().name) {
                None if self.mode == Mode::Greedy => Err(Idle::Unused),
                Some(trace) if trace.name == knob.stage.row().name => ran.next().ok_or(Idle::Pending),
                _ => Err(Idle::Pending),
            },
        };
        self.list.iter().map(trace).collect()
    }

    /// Selects the stage after the selected one, or before it, around the ends.
    pub fn select(&mut self, direction: Direction) {
        let length = self.list.len().max(1);
        self.selected = match direction {
            Direction::Up => (self.selected + 1) % length,
            Direction::Down => (self.selected + length - 1) % length,
        };
    }

    /// Turns the selected knob to its next value, which also switches it on.
    pub fn turn(&mut self, direction: Direction) {
        if let Some(knob) = self.list.get_mut(self.selected) {
            // A stage that is switched on by turning begins with the value that it shows.
            if knob.switch == Switch::On {
                knob.stage = knob.stage.nudge(direction);
            }
            knob.switch = Switch::On;
        }
    }

    /// Turns the first knob of that processor, and selects it.
    pub fn turn_named(&mut self, name: &str, direction: Direction) {
        if self.select_named(name) {
            self.turn(direction);
        }
    }

    /// Selects the first knob of that processor, if there is one.
    pub fn select_named(&mut self, name: &str) -> bool {
        let found = self.list.iter().position(|knob| knob.stage.row().name == name);
        self.selected = found.unwrap_or(self.selected);
        found.is_some()
    }

    /// Puts a stage in the place of the selected one, and switches it on.
    pub fn set(&mut self, stage: Stage) {
        if let Some(knob) = self.list.get_mut(self.selected) {
            *knob = Knob { stage, switch: Switch::On };
        }
    }

    /// Switches the selected stage on or off.
    pub fn toggle(&mut self) {
        if let Some(knob) = self.list.get_mut(self.selected) {
            knob.switch = match knob.switch {
                Switch::On => Switch::Off,
                Switch::Off => Switch::On,
            };
        }
    }

    /// Adds a stage with its usual value where the options would put it, and selects it.
    pub fn add(&mut self, row: &'static ProcessorRow) {
        self.insert(row, Switch::On);
    }

    /// Moves the selected stage one place down the chain, or up to the one before. Returns the stage that it has passed; none at
    /// the ends.
    pub fn shift(&mut self, direction: Direction) -> Option<&Knob> {
        let to = match direction {
            Direction::Up => self.selected + 1,
            Direction::Down => self.selected.checked_sub(1)?,
        };
        if to >= self.list.len() {
            return None;
        }
        self.list.swap(self.selected, to);
        let from = std::mem::replace(&mut self.selected, to);
        self.list.get(from)
    }

    /// Takes the selected stage out of the list.
    pub fn remove(&mut self) {
        if self.selected < self.list.len() {
            self.list.remove(self.selected);
            self.selected = self.selected.min(self.list.len().saturating_sub(1));
        }
    }

    /// The processors that a knob can be made of: those with a single number, which need no second reading of the model.
    pub fn addable() -> impl Iterator<Item = &'static ProcessorRow> {
        let turns = |row: &&ProcessorRow| row.usual_value().is_some() && !row.grid.is_empty();
        PROCESSORS.iter().filter(turns).filter(|row| row.kind != Kind::Guidance)
    }

    fn insert(&mut self, row: &'static ProcessorRow, switch: Switch) {
        let Some(stage) = row.usual_value().and_then(|value| Stage::new(row, value).ok()) else { return };
        let place = |row: &ProcessorRow| PROCESSORS.iter().position(|other| other.name == row.name);
        let later = |knob: &Knob| place(knob.stage.row()) > place(row);
        self.selected = self.list.iter().position(later).unwrap_or(self.list.len());
        self.list.insert(self.selected, Knob { stage, switch });
    }
}

/// The processors that are in the list from the start.
const AT_HAND: [&str; 4] = ["temperature", "top_k", "top_p", "min_p"];

/// The trace that comes next, without those that no knob asked for: what the model rules out is suppressed beside the chain.
fn next_of<'a>(ran: &mut Peekable<Iter<'a, StageTrace>>, name: &str) -> Option<&'a StageTrace> {
    while ran.peek().is_some_and(|trace| trace.name == "suppress_tokens" && trace.name != name) {
        ran.next();
    }
    ran.peek().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knobs(chain: &str) -> Knobs {
        Knobs::new(&Chain::parse(chain).unwrap(), Mode::Sampling)
    }

    #[test]
    fn the_usual_knobs_are_at_hand_in_the_order_of_the_options() {
        let knobs = knobs("top_k=40");
        let names: Vec<_> = knobs.list().iter().map(|knob| (knob.stage.row().name, knob.switch)).collect();
        assert_eq!(
            names,
            [("temperature", Switch::Off), ("top_k", Switch::On), ("top_p", Switch::Off), ("min_p", Switch::Off)]
        );
        assert_eq!(knobs.chain().unwrap().to_string(), "top_k=40");
    }

    #[test]
    fn turning_switches_on_and_then_moves() {
        let mut knobs = knobs("top_k=40");
        knobs.turn(Direction::Up);
        assert_eq!(knobs.chain().unwrap().to_string(), "temperature=0.8,top_k=40");
        knobs.turn(Direction::Up);
        assert_eq!(knobs.chain().unwrap().to_string(), "temperature=0.9,top_k=40");
        knobs.toggle();
        assert_eq!(knobs.chain().unwrap().to_string(), "top_k=40");
        knobs.turn_named("top_k", Direction::Down);
        assert_eq!(knobs.selected(), 1);
        knobs.select(Direction::Down);
        knobs.select(Direction::Down);
        assert_eq!(knobs.selected(), 3);
    }

    #[test]
    fn a_stage_is_moved_and_stays_selected() {
        let mut knobs = knobs("temperature=0.8,top_k=40,top_p=0.9,min_p=0.1");
        assert_eq!(knobs.shift(Direction::Down), None);
        assert_eq!(knobs.shift(Direction::Up).unwrap().stage.row().name, "top_k");
        assert_eq!(knobs.selected(), 1);
        assert_eq!(knobs.chain().unwrap().to_string(), "top_k=40,temperature=0.8,top_p=0.9,min_p=0.1");
        knobs.select(Direction::Down);
        knobs.select(Direction::Down);
        assert_eq!((knobs.selected(), knobs.shift(Direction::Up)), (3, None));
    }

    #[test]
    fn greedy_leaves_out_what_comes_from_temperature_on() {
        let mut knobs = knobs("repetition_penalty=1.2,temperature=0.8,top_k=40");
        knobs.toggle_mode();
        assert_eq!(knobs.chain().unwrap().to_string(), "repetition_penalty=1.2");
        let traces = knobs.traces(&[]);
        assert_eq!(traces[1], Err(Idle::Unused));
        assert_eq!(traces[3], Err(Idle::Off));
    }

    #[test]
    fn every_addable_processor_can_be_added_turned_and_removed() {
        for row in Knobs::addable() {
            let mut knobs = Knobs::new(&Chain::default(), Mode::Sampling);
            let before = knobs.list().len();
            knobs.add(row);
            assert_eq!(knobs.list()[knobs.selected()].stage.row().name, row.name);
            knobs.turn(Direction::Up);
            knobs.remove();
            assert_eq!(knobs.list().len(), before);
        }
    }
}
