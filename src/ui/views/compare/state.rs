//! What is compared, and what has come of it.

use super::contrast::Origin;
use crate::decode::scoring::Totals;
use crate::decode::strategy::{STRATEGIES, StrategyRow};
use crate::decode::{Chain, Direction, Stage, processor, uniform};
use crate::engine::{ColumnAsked, ColumnEnd, ColumnMade, Compared, ComparedToken};
use crate::model::Tokenizer;

/// Columns, at least and at most.
pub const COLUMNS: (usize, usize) = (2, 4);
/// The most beams of a column.
const MOST_BEAMS: usize = 16;
/// Tokens, at least and at most, and by how many a key changes them.
const LENGTHS: (usize, usize, usize) = (10, 200, 10);

/// What a key may have to say instead of doing something.
pub(super) type Said = Result<(), String>;

/// A column.
pub struct Column {
    /// The number by which its news finds it.
    id: u64,
    /// Where it comes from.
    pub origin: Origin,
    /// Its strategy, chain, own seed and beams.
    pub asked: ColumnAsked,
    /// What was generated, mostly as asked.
    made: Option<Made>,
}

struct Made {
    asked: ColumnAsked,
    length: usize,
    column: ColumnMade,
}

/// The state of the view.
pub struct State {
    columns: Vec<Column>,
    selected: usize,
    /// The seed that all columns share, where they do.
    shared: Option<u64>,
    length: usize,
    step: usize,
    epoch: u64,
    /// What the newest job was asked for: the most tokens, and the columns.
    under_way: (usize, Vec<(u64, ColumnAsked)>),
    last_id: u64,
}

impl Default for State {
    /// No columns: the session is not there yet.
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            selected: 0,
            shared: None,
            length: 40,
            step: 0,
            epoch: 0,
            under_way: (0, Vec::new()),
            last_id: 0,
        }
    }
}

impl Column {
    /// Its tokens so far.
    #[must_use]
    pub fn tokens(&self) -> &[ComparedToken] {
        self.made.as_ref().map_or(&[], |made| &made.column.tokens)
    }

    /// How it ended; none while it goes on, or waits.
    #[must_use]
    pub fn end(&self) -> Option<&ColumnEnd> {
        self.made.as_ref().and_then(|made| made.column.end.as_ref())
    }

    /// What its first tokens come to, under the model's own probabilities.
    #[must_use]
    pub fn totals(&self, tokens: usize, tokenizer: &dyn Tokenizer) -> Totals {
        let bytes = |token: &ComparedToken| tokenizer.piece(token.token.id).bytes.len();
        Totals::of(self.tokens().iter().take(tokens).map(|token| (token.token.logprob, bytes(token))))
    }

    /// The step at which it leaves another column, as `compare` has it: its token is another one, or one of the two has ended.
    #[must_use]
    pub fn parts(&self, from: &Self) -> Option<usize> {
        let (a, b) = (from.tokens(), self.tokens());
        let agreed = a.iter().zip(b).take_while(|(a, b)| a.token.id == b.token.id).count();
        let over = |column: &Self| column.end().is_some();
        let both = agreed < a.len() && agreed < b.len();
        let longer = agreed < a.len().max(b.len()) && over(from) && over(self);
        (both || longer).then_some(agreed)
    }
}

impl State {
    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column that the keys are about.
    #[must_use]
    pub fn selected(&self) -> usize {
        self.selected
    }

    /// The most tokens of a column.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The seed that all columns share, where they do.
    #[must_use]
    pub fn shared(&self) -> Option<u64> {
        self.shared
    }

    /// The draw that all columns share at the step.
    #[must_use]
    pub fn shared_draw(&self) -> Option<f64> {
        self.shared.map(|seed| uniform(seed, 0, self.step() as u64))
    }

    /// The step that is looked at, from 0: that of the token which comes after so many others.
    #[must_use]
    pub fn step(&self) -> usize {
        self.step
    }

    /// What a column is asked for: with the seed that counts.
    #[must_use]
    pub fn asked(&self, column: &Column) -> ColumnAsked {
        ColumnAsked { seed: self.shared.unwrap_or(column.asked.seed), ..column.asked.clone() }
    }

    /// Tokens of the longest column.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.columns.iter().map(|column| column.tokens().len()).max().unwrap_or(0)
    }

    /// Goes to a step, or as near as it can get.
    pub fn go(&mut self, step: usize) {
        // Before there are columns, nobody knows how far they will get.
        let over = !self.columns.is_empty() && self.columns.iter().all(|column| column.end().is_some());
        let most = if over { self.longest() } else { self.length() };
        self.step = step.min(most.saturating_sub(1));
    }

    /// Selects the column to the right or to the left, around the ends.
    pub fn select(&mut self, direction: Direction) {
        let count = self.columns.len().max(1);
        self.selected = match direction {
            Direction::Up => (self.selected + 1) % count,
            Direction::Down => (self.selected + count - 1) % count,
        };
    }

    /// The next strategy that can be stepped.
    pub(super) fn next_strategy(&mut self) -> Said {
        let able = |row: &&'static StrategyRow| row.single(0).is_some() || row.beams().is_some();
        let rows: Vec<_> = STRATEGIES.iter().filter(able).collect();
        self.with_selected(|asked| {
            let now = rows.iter().position(|row| row.name == asked.strategy.name).unwrap_or(0);
            asked.strategy = rows[(now + 1) % rows.len()];
            Ok(())
        })
    }

    /// One draw for all, or a seed for each.
    pub(super) fn share_draws(&mut self) {
        let seed = self.columns.get(self.selected).map_or(0, |column| column.asked.seed);
        self.shared = if self.shared.is_some() { None } else { Some(seed) };
    }

    /// A copy of the selected column to its right, with a seed that no other column has.
    pub(super) fn add(&mut self) -> Said {
        let (_, most) = COLUMNS;
        if self.columns.len() >= most {
            return Err(format!("here are {most} columns already: Del takes the selected one away"));
        }
        let Some(column) = self.columns.get(self.selected) else { return Ok(()) };
        let seed = self.columns.iter().map(|column| column.asked.seed).max().map_or(0, |seed| seed.saturating_add(1));
        let asked = ColumnAsked { seed, ..column.asked.clone() };
        self.push(Origin::Own, asked);
        let last = self.columns.len() - 1;
        self.columns[self.selected + 1..].rotate_right(1);
        self.selected = (self.selected + 1).min(last);
        Ok(())
    }

    /// Takes the selected column away.
    pub(super) fn remove(&mut self) -> Said {
        let (least, _) = COLUMNS;
        if self.columns.len() <= least {
            return Err(format!("a comparison needs {least} columns: n adds one"));
        }
        self.columns.remove(self.selected);
        self.selected = self.selected.min(self.columns.len() - 1);
        Ok(())
    }

    /// Turns a knob of the selected column; one that is not in its chain comes in with its usual value.
    pub(super) fn turn(&mut self, name: &str, direction: Direction) -> Said {
        self.with_selected(|asked| {
            let row = processor(name).map_err(|error| error.to_string())?;
            let place = asked.chain.stages().iter().position(|stage| stage.row().name == name);
            let chain = asked.chain.clone();
            let turned = match (place, row.usual_value()) {
                (Some(place), _) => {
                    let stage = chain.stages()[place].nudge(direction);
                    chain.with_stage(place, stage)
                }
                (None, Some(usual)) => chain.with_in_order(Stage::new(row, usual).map_err(|error| error.to_string())?),
                (None, None) => chain,
            };
            let before = asked.strategy.effective_chain(&asked.chain);
            if turned != asked.chain && asked.strategy.effective_chain(&turned) == before {
                return Err(format!("{} uses no {name}: s changes the strategy", asked.strategy.name));
            }
            asked.chain = turned;
            Ok(())
        })
    }

    /// Fewer or more beams.
    pub(super) fn turn_beams(&mut self, direction: Direction) -> Said {
        self.with_selected(|asked| {
            if asked.strategy.beams().is_none() {
                return Err(format!("{} has no beams: s changes the strategy", asked.strategy.name));
            }
            asked.beams = match direction {
                Direction::Up => asked.beams + 1,
                Direction::Down => asked.beams.saturating_sub(1),
            }
            .clamp(1, MOST_BEAMS);
            Ok(())
        })
    }

    /// Another seed: that of the selected column, or the shared one.
    pub(super) fn turn_seed(&mut self, direction: Direction) -> Said {
        let turned = |seed: u64| match direction {
            Direction::Up => seed.saturating_add(1),
            Direction::Down => seed.saturating_sub(1),
        };
        match self.shared {
            Some(seed) => self.shared = Some(turned(seed)),
            None => {
                return self.with_selected(|asked| {
                    asked.seed = turned(asked.seed);
                    Ok(())
                });
            }
        }
        Ok(())
    }

    /// Shorter or longer columns.
    pub(super) fn turn_length(&mut self, direction: Direction) {
        let (least, most, by) = LENGTHS;
        let length = match direction {
            Direction::Up => self.length() + by,
            Direction::Down => self.length().saturating_sub(by),
        };
        self.length = length.clamp(least, most);
        self.go(self.step);
    }

    /// Gives the selected column another chain.
    pub(super) fn set_chain(&mut self, chain: Chain) -> Said {
        self.with_selected(|asked| {
            asked.chain = chain;
            Ok(())
        })
    }

    fn with_selected(&mut self, change: impl FnOnce(&mut ColumnAsked) -> Said) -> Said {
        let Some(column) = self.columns.get_mut(self.selected) else { return Ok(()) };
        let before = column.asked.clone();
        change(&mut column.asked)?;
        if column.asked != before {
            column.origin = Origin::Own;
        }
        Ok(())
    }

    fn push(&mut self, origin: Origin, asked: ColumnAsked) {
        self.last_id += 1;
        self.columns.push(Column { id: self.last_id, origin, asked, made: None });
    }

    /// What nobody has changed follows the session: these columns, from the first on.
    pub(super) fn follow_session(&mut self, wanted: Vec<(Origin, ColumnAsked)>) {
        if self.columns.is_empty() {
            for (origin, asked) in wanted {
                self.push(origin, asked);
            }
            return;
        }
        for column in &mut self.columns {
            if let Some((_, asked)) = column.origin.place().and_then(|place| wanted.get(place)) {
                column.asked = asked.clone();
            }
        }
    }

    /// What belongs to another prompt is forgotten.
    pub fn follow(&mut self, epoch: u64) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.under_way.1.clear();
            self.columns.iter_mut().for_each(|column| column.made = None);
        }
    }

    /// The columns whose text is not there as it is asked for.
    #[must_use]
    pub fn missing(&self) -> Vec<(u64, ColumnAsked)> {
        let there = |column: &Column, asked: &ColumnAsked| {
            let made = column.made.as_ref();
            made.is_some_and(|made| made.asked == *asked && made.length == self.length && made.column.end.is_some())
        };
        let one = |column: &Column| (column.id, self.asked(column), there(column, &self.asked(column)));
        self.columns.iter().map(one).filter(|(.., there)| !there).map(|(id, asked, _)| (id, asked)).collect()
    }

    /// Whether a job that is under way brings what is missing.
    #[must_use]
    pub fn has_asked_for(&self, missing: &[(u64, ColumnAsked)]) -> bool {
        let (length, columns) = &self.under_way;
        *length == self.length && missing.iter().all(|one| columns.contains(one))
    }

    /// Remembers what a job was asked for.
    pub fn asks_for(&mut self, missing: Vec<(u64, ColumnAsked)>) {
        self.under_way = (self.length, missing);
    }

    /// Takes in what the newest job has made.
    pub fn take(&mut self, compared: Compared) {
        let (length, columns) = &self.under_way;
        for ((id, asked), column) in columns.iter().zip(compared.columns) {
            if let Some(place) = self.columns.iter_mut().find(|column| column.id == *id) {
                place.made = Some(Made { asked: asked.clone(), length: *length, column });
            }
        }
    }
}
