//! What can be done: the one table of actions. Dispatch, footer, help and documentation come from it.

use crate::glyph::Charset;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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
    /// Next stage of the chain.
    NextStage,
    /// Previous stage of the chain.
    PreviousStage,
    /// Selected stage: higher value.
    Raise,
    /// Selected stage: lower value.
    Lower,
    /// Selected stage: on or off.
    Toggle,
    /// Adds a stage.
    Add,
    /// Takes the selected stage away.
    Remove,
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
    /// Edits the prompt.
    Edit,
    /// The other theme.
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
}

/// Where a key is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// The screen itself.
    Step,
    /// The help window.
    Help,
    /// The line in which the prompt is edited.
    Prompt,
    /// The list of processors to add.
    Picker,
}

impl Context {
    /// How help calls it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Step => "On the screen",
            Self::Help => "In this window",
            Self::Prompt => "While editing the prompt",
            Self::Picker => "While adding a stage",
        }
    }
}

/// A key as it is pressed. Shift is in the character itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

const fn key(code: KeyCode) -> Key {
    Key { code, modifiers: KeyModifiers::NONE }
}

const fn char(character: char) -> Key {
    key(KeyCode::Char(character))
}

const fn control(character: char) -> Key {
    Key { code: KeyCode::Char(character), modifiers: KeyModifiers::CONTROL }
}

const fn shift(code: KeyCode) -> Key {
    Key { code, modifiers: KeyModifiers::SHIFT }
}

impl Key {
    /// The key of a terminal event, freed from what terminals report differently.
    #[must_use]
    pub fn of(event: KeyEvent) -> Self {
        let known = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT;
        let modifiers = event.modifiers & known;
        match event.code {
            KeyCode::Char(_) => Self { code: event.code, modifiers: modifiers - KeyModifiers::SHIFT },
            KeyCode::BackTab => shift(KeyCode::Tab),
            code => Self { code, modifiers },
        }
    }

    /// The event that a terminal sends for this key.
    #[must_use]
    pub fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }

    /// Reads a key by the name that help shows, or `Right`, `Left`, `Up`, `Down`, `Enter`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (prefix, rest) = match name.split_once('-') {
            Some(("Ctrl", rest)) if !rest.is_empty() => (KeyModifiers::CONTROL, rest),
            Some(("Shift", rest)) if !rest.is_empty() => (KeyModifiers::SHIFT, rest),
            _ => (KeyModifiers::NONE, name),
        };
        let named = NAMES.iter().find(|(_, shown, word)| *shown == rest || word.eq_ignore_ascii_case(rest));
        let mut characters = rest.chars();
        let code = match (named, characters.next(), characters.next()) {
            (Some((code, ..)), ..) => *code,
            (None, Some(character), None) => match prefix {
                KeyModifiers::CONTROL => KeyCode::Char(character.to_ascii_lowercase()),
                _ => KeyCode::Char(character),
            },
            _ => return None,
        };
        Some(Self { code, modifiers: prefix })
    }

    /// The name that help shows.
    #[must_use]
    pub fn name(self, charset: Charset) -> String {
        let plain = match NAMES.iter().find(|(code, ..)| *code == self.code) {
            Some((_, shown, _)) if charset == Charset::Unicode || shown.is_ascii() => (*shown).to_owned(),
            Some((_, _, word)) => (*word).to_owned(),
            None => match self.code {
                KeyCode::Char(character) if self.modifiers == KeyModifiers::CONTROL => {
                    character.to_uppercase().to_string()
                }
                KeyCode::Char(character) => character.to_string(),
                other => other.to_string(),
            },
        };
        match self.modifiers {
            KeyModifiers::CONTROL => format!("Ctrl-{plain}"),
            KeyModifiers::SHIFT => format!("Shift-{plain}"),
            _ => plain,
        }
    }
}

/// Keys without a printable character: code, what help shows, what a script writes.
const NAMES: [(KeyCode, &str, &str); 16] = [
    (KeyCode::Right, "→", "Right"),
    (KeyCode::Left, "←", "Left"),
    (KeyCode::Up, "↑", "Up"),
    (KeyCode::Down, "↓", "Down"),
    (KeyCode::Enter, "Enter", "Return"),
    (KeyCode::Char(' '), "Space", "Space"),
    (KeyCode::Esc, "Esc", "Escape"),
    (KeyCode::Tab, "Tab", "Tab"),
    (KeyCode::PageUp, "PgUp", "PageUp"),
    (KeyCode::PageDown, "PgDn", "PageDown"),
    (KeyCode::Home, "Home", "Home"),
    (KeyCode::End, "End", "End"),
    (KeyCode::Delete, "Del", "Delete"),
    (KeyCode::Backspace, "Backspace", "BackSpace"),
    (KeyCode::Insert, "Ins", "Insert"),
    (KeyCode::BackTab, "Shift-Tab", "BackTab"),
];

/// A row of the table.
#[derive(Debug)]
pub struct Entry {
    /// What happens.
    pub action: Action,
    /// Where.
    pub context: Context,
    /// On which keys; the first is the one that is shown where there is room for one.
    pub keys: &'static [Key],
    /// In the footer, in a word; empty where it isn't shown there.
    pub label: &'static str,
    /// In help, in a sentence.
    pub help: &'static str,
}

macro_rules! actions {
    ($($context:ident $action:ident [$($key:expr),*] $label:literal $help:literal;)*) => {
        /// Every action with its keys, in the order of help. The footer shows those with a label, the first ones first.
        pub const ACTIONS: &[Entry] = &[$(Entry {
            action: Action::$action, context: Context::$context, keys: &[$($key),*], label: $label, help: $help,
        },)*];
    };
}

actions! {
    Step Step [key(KeyCode::Right), char(' ')] "step" "take the token that the draw landed on";
    Step Back [key(KeyCode::Left)] "back" "one token back; nothing is computed again";
    Step Force [key(KeyCode::Enter)] "force" "take the selected token instead";
    Step Redraw [char('r')] "redraw" "draw another random number u for this step";
    Step Run [char('g')] "run" "run on at a pace that can be followed, or stop";
    Step NextStage [key(KeyCode::Tab)] "stage" "select the next stage of the chain";
    Step Raise [char('+'), char('=')] "more" "raise the selected stage's value, or switch it on";
    Step Lower [char('-'), char('_')] "less" "lower the selected stage's value, or switch it on";
    Step Toggle [char('x')] "on/off" "switch the selected stage on or off";
    Step Edit [char('i')] "prompt" "edit the prompt";
    Step Mode [char('s')] "greedy" "greedy or sampling";
    Step Redo [shift(KeyCode::Right), char('f')] "" "forward along the text that is there, whatever the draw";
    Step RunFast [char('G')] "" "run on as fast as the model can, or stop";
    Step Stop [key(KeyCode::Esc)] "" "stop running; clear a message";
    Step RowUp [key(KeyCode::Up)] "" "select the token above";
    Step RowDown [key(KeyCode::Down)] "" "select the token below";
    Step PageUp [key(KeyCode::PageUp)] "" "a page of tokens up";
    Step PageDown [key(KeyCode::PageDown)] "" "a page of tokens down";
    Step First [key(KeyCode::Home)] "" "the most probable token";
    Step Last [key(KeyCode::End)] "" "the least probable token of the vocabulary";
    Step ToDrawn [char('d')] "" "select the token that the draw landed on";
    Step PreviousStage [shift(KeyCode::Tab)] "" "select the previous stage of the chain";
    Step Add [char('a')] "" "add a stage to the chain";
    Step Remove [key(KeyCode::Delete), key(KeyCode::Backspace)] "" "take the selected stage out of the chain";
    Step Cooler [char('t')] "" "lower the temperature";
    Step Warmer [char('T')] "" "raise the temperature";
    Step FewerK [char('k')] "" "lower top_k";
    Step MoreK [char('K')] "" "raise top_k";
    Step FewerP [char('p')] "" "lower top_p";
    Step MoreP [char('P')] "" "raise top_p";
    Step LowerMin [char('m')] "" "lower min_p";
    Step HigherMin [char('M')] "" "raise min_p";
    Step Theme [char('c')] "" "dark or light colours";
    Step Help [char('?'), key(KeyCode::F(1))] "help" "all keys";
    Step Suspend [control('z')] "" "back to the shell; fg continues";
    Step Quit [char('q'), control('c')] "leave" "leave";
    Help Up [key(KeyCode::Up), char('k')] "" "scroll up";
    Help Down [key(KeyCode::Down), char('j'), char(' ')] "" "scroll down";
    Help Close [key(KeyCode::Esc), char('?'), char('q'), key(KeyCode::Enter)] "close" "close help";
    Help Quit [control('c')] "" "leave";
    Prompt Accept [key(KeyCode::Enter)] "accept" "start again from this prompt";
    Prompt Close [key(KeyCode::Esc)] "keep the old one" "keep the old prompt";
    Prompt Quit [control('c')] "" "leave";
    Picker Up [key(KeyCode::Up), char('k')] "" "up";
    Picker Down [key(KeyCode::Down), char('j')] "" "down";
    Picker Accept [key(KeyCode::Enter), char(' ')] "add" "add the stage";
    Picker Close [key(KeyCode::Esc), char('q')] "close" "close without adding";
    Picker Quit [control('c')] "" "leave";
}

/// What a key does in a context.
#[must_use]
pub fn lookup(context: Context, key: Key) -> Option<Action> {
    entries(context).find(|entry| entry.keys.contains(&key)).map(|entry| entry.action)
}

/// The rows of a context.
pub fn entries(context: Context) -> impl Iterator<Item = &'static Entry> {
    ACTIONS.iter().filter(move |entry| entry.context == context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_means_one_thing_in_its_context_and_is_reachable() {
        for entry in ACTIONS {
            assert!(!entry.keys.is_empty() && !entry.help.is_empty(), "{:?}", entry.action);
            for key in entry.keys {
                assert_eq!(
                    lookup(entry.context, *key),
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
                    assert_eq!(Key::parse(&name), if name == "F1" { None } else { Some(*key) }, "{name}");
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
        assert_eq!(lookup(Context::Step, Key::of(event)), Some(Action::Warmer));
        let event = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(lookup(Context::Step, Key::of(event)), Some(Action::PreviousStage));
    }
}
