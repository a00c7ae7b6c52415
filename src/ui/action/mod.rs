//! What can be done: the one table of actions. Dispatch, footer, help and documentation come from it.

mod key;
mod keymap;
mod table;

pub use key::Key;
pub use keymap::Keymap;
pub use table::ACTIONS;

use crate::ui::views::View;

/// Something that a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Commits the pending decision.
    Step,
    /// One token back.
    Back,
    /// One token forward along the text that is there, whatever the draw.
    Redo,
    /// Chooses the selected token.
    Force,
    /// Draws another random number.
    Redraw,
    /// Steps on at a pace that can be followed, or stops.
    Run,
    /// Steps on as fast as the model can, or stops.
    RunFast,
    /// Stops whatever is going on.
    Stop,
    /// Greedy or sampling.
    Mode,
    /// Row up.
    RowUp,
    /// Row down.
    RowDown,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Most probable token.
    First,
    /// Least probable token.
    Last,
    /// The row of the drawn token.
    ToDrawn,
    /// Looks for a token.
    Find,
    /// A linear or a logarithmic scale.
    Scale,
    /// Draws a thousand times.
    Many,
    /// Opens the tree of branches.
    Branches,
    /// Next stage of the chain.
    NextStage,
    /// Previous stage of the chain.
    PreviousStage,
    /// Selected stage: higher value.
    Raise,
    /// Selected stage: lower value.
    Lower,
    /// Types the selected stage's value, or a view's options.
    Value,
    /// Selected stage: on or off.
    Toggle,
    /// Adds a stage.
    Add,
    /// Takes the selected stage away.
    Remove,
    /// Selected stage: earlier in the chain.
    Earlier,
    /// Selected stage: later in the chain.
    Later,
    /// Temperature down.
    Cooler,
    /// Temperature up.
    Warmer,
    /// `top_k` down.
    FewerK,
    /// `top_k` up.
    MoreK,
    /// `top_p` down.
    FewerP,
    /// `top_p` up.
    MoreP,
    /// `min_p` down.
    LowerMin,
    /// `min_p` up.
    HigherMin,
    /// Fewer beams.
    FewerBeams,
    /// More beams.
    MoreBeams,
    /// Length penalty down.
    LowerAlpha,
    /// Length penalty up.
    HigherAlpha,
    /// The next length norm.
    LengthNorm,
    /// The next rule of early stopping.
    EarlyStopping,
    /// Shorter sequences.
    Shorter,
    /// Longer sequences.
    Longer,
    /// The next kind of beam search.
    BeamKind,
    /// Fewer groups of beams.
    FewerGroups,
    /// More groups of beams.
    MoreGroups,
    /// Diversity penalty down.
    LowerDiversity,
    /// Diversity penalty up.
    HigherDiversity,
    /// Folds or unfolds a branch.
    Fold,
    /// Hypotheses or the ledger of candidates.
    Ledger,
    /// Searches for the most probable sequence of all.
    Optimum,
    /// Seed down.
    LowerSeed,
    /// Seed up.
    HigherSeed,
    /// The next column.
    NextColumn,
    /// The previous column.
    PreviousColumn,
    /// Another column, or another completion.
    New,
    /// The next strategy.
    Strategy,
    /// One draw for all columns, or one for each.
    SharedDraws,
    /// Edits the selected line or chain.
    EditSelected,
    /// The audit of usual mistakes.
    Audit,
    /// Shows an answer.
    Reveal,
    /// Shows a view.
    Show(View),
    /// Edits the prompt.
    Edit,
    /// Shows how the text is cut into tokens.
    Pieces,
    /// Opens the list of everything that can be done.
    Palette,
    /// Copies the command that gives the same without the interface.
    Copy,
    /// Writes the path as a trace.
    WriteTrace,
    /// Saves the screen as a picture.
    Picture,
    /// Tries what the model promises.
    Checkup,
    /// Brings the kept session back.
    Restore,
    /// Few words and large bars, or everything.
    Present,
    /// Gives the mouse to the program or back to the terminal.
    Mouse,
    /// Opens another model.
    Models,
    /// Opens the list of prompts that were typed.
    History,
    /// A newer one.
    Newer,
    /// An older one.
    Older,
    /// Opens the list of themes.
    Theme,
    /// Opens help.
    Help,
    /// Stops the program for the shell.
    Suspend,
    /// Leaves the program.
    Quit,
    /// Leaves an overlay without effect.
    Close,
    /// Takes what an overlay offers.
    Accept,
    /// Up in an overlay.
    Up,
    /// Down in an overlay.
    Down,
    /// To the left in an overlay.
    Left,
    /// To the right in an overlay.
    Right,
}

/// A group of keys. A view has several groups, a window has one: [`App::contexts`](crate::ui::app::App::contexts).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// The text: stepping through it.
    Session,
    /// The chain of processors.
    Chain,
    /// The list of tokens.
    Step,
    /// The view of temperature.
    Temperature,
    /// The beam tree.
    Beam,
    /// Strategies side by side.
    Compare,
    /// Scored completions.
    Score,
    /// The view of costs.
    Cost,
    /// The list of lessons.
    LessonList,
    /// A lesson.
    Lessons,
    /// Every view.
    Everywhere,
    /// The help window.
    Help,
    /// The line in which the prompt is edited.
    Prompt,
    /// Any other line being typed.
    Line,
    /// The list of processors to add.
    Picker,
    /// The line in which a token is looked for.
    Find,
    /// The tree of branches.
    Branches,
    /// The tokens of the text.
    Pieces,
    /// A list that is searched by typing.
    Finder,
    /// The list of themes.
    Themes,
}

impl Context {
    /// Every group, in the order of help.
    pub const ALL: &[Self] = &[
        Self::Session,
        Self::Chain,
        Self::Step,
        Self::Temperature,
        Self::Beam,
        Self::Compare,
        Self::Score,
        Self::Cost,
        Self::LessonList,
        Self::Lessons,
        Self::Everywhere,
        Self::Prompt,
        Self::Line,
        Self::Picker,
        Self::Find,
        Self::Branches,
        Self::Pieces,
        Self::Finder,
        Self::Themes,
        Self::Help,
    ];

    /// How a configuration calls it.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Whether it is that of a window, which has the keys alone.
    #[must_use]
    pub fn is_window(self) -> bool {
        let views = [Self::Session, Self::Chain, Self::Step, Self::Temperature, Self::Beam, Self::Compare];
        let others = [Self::Score, Self::Cost, Self::LessonList, Self::Lessons, Self::Everywhere];
        !views.contains(&self) && !others.contains(&self)
    }

    /// Whether characters are typed there.
    #[must_use]
    pub fn has_a_line(self) -> bool {
        matches!(self, Self::Prompt | Self::Line | Self::Find | Self::Finder)
    }

    /// How help calls it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Session => "The text",
            Self::Chain => "The chain",
            Self::Step => "The list of tokens",
            Self::Temperature => "Temperature",
            Self::Beam => "The beam tree",
            Self::Compare => "Comparing",
            Self::Score => "Scoring",
            Self::Cost => "Cost",
            Self::LessonList => "The list of lessons",
            Self::Lessons => "A lesson",
            Self::Everywhere => "Everywhere",
            Self::Help => "In this window",
            Self::Prompt => "While editing the prompt",
            Self::Line => "While typing a line",
            Self::Picker => "While adding a stage",
            Self::Find => "While looking for a token",
            Self::Branches => "In the tree of branches",
            Self::Pieces => "Among the tokens of the text",
            Self::Finder => "While searching a list",
            Self::Themes => "While choosing colours",
        }
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct Entry {
    /// What happens.
    pub action: Action,
    /// Where.
    pub context: Context,
    /// On which keys, where nobody has changed them; without one it is done from the list of actions.
    pub keys: &'static [Key],
    /// In the footer, in a word; empty where it isn't shown there. Neighbours with the same label share it: `t/T temp`.
    pub label: &'static str,
    /// In help, in a sentence.
    pub help: &'static str,
}

impl Entry {
    /// How a configuration calls it: `RunFast` is `run-fast`, `Show(Step)` is `show-step`.
    #[must_use]
    pub fn name(&self) -> String {
        let mut name = String::new();
        for letter in format!("{:?}", self.action).chars().filter(char::is_ascii_alphanumeric) {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}

/// The rows of a group.
pub fn entries(context: Context) -> impl Iterator<Item = &'static Entry> {
    ACTIONS.iter().filter(move |entry| entry.context == context)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::key::{char, control, key};
    use super::*;
    use crate::glyph::Charset;

    #[test]
    fn every_key_means_one_thing_in_its_context_and_is_reachable() {
        for entry in ACTIONS {
            assert!(!entry.help.is_empty(), "{:?}", entry.action);
            for key in entry.keys {
                assert_eq!(
                    Keymap::default().lookup(&[entry.context], *key),
                    Some(entry.action),
                    "{} in {:?}",
                    key.name(Charset::Unicode),
                    entry.context
                );
                assert_eq!(Key::of(key.event()), *key, "{}", key.name(Charset::Unicode));
            }
        }
    }

    #[test]
    fn no_action_comes_twice_in_a_context() {
        let mut seen = BTreeSet::new();
        assert!(ACTIONS.iter().all(|entry| seen.insert((entry.context, entry.action))));
    }

    #[test]
    fn keys_are_read_by_the_names_that_are_shown() {
        for entry in ACTIONS {
            for key in entry.keys {
                for charset in [Charset::Unicode, Charset::Ascii] {
                    let name = key.name(charset);
                    assert_eq!(Key::parse(&name), Some(*key), "{name}");
                }
            }
        }
        assert_eq!(Key::parse("Right"), Some(key(KeyCode::Right)));
        assert_eq!(Key::parse("Ctrl-C"), Some(control('c')));
        assert_eq!(Key::parse("-"), Some(char('-')));
        assert_eq!(Key::parse("nonsense"), None);
    }

    #[test]
    fn shift_is_in_the_character_and_backtab_is_shift_tab() {
        let event = KeyEvent::new(KeyCode::Char('T'), KeyModifiers::SHIFT);
        assert_eq!(Keymap::default().lookup(&[Context::Chain], Key::of(event)), Some(Action::Warmer));
        let event = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(Keymap::default().lookup(&[Context::Chain], Key::of(event)), Some(Action::PreviousStage));
    }
}
