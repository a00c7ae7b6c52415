//! What happens to the interface, and what it asks for.

use std::time::Duration;

use ratatui::crossterm::event::KeyEvent;

use crate::engine::{Command, Event};

/// Something that happened.
pub enum Message {
    /// A key went down, or repeats.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The screen has this many columns and rows.
    Resize(u16, u16),
    /// The engine has something to tell.
    Engine(Event),
    /// The time asked for by [`Effect::Wake`] is over.
    Tick,
    /// The system asks the program to stop for the shell.
    Suspend,
    /// The system asks the program to end.
    Terminate,
}

/// Something to be done outside.
pub enum Effect {
    /// A command for the engine.
    Engine(Command),
    /// A [`Message::Tick`] after this time, unless one comes sooner.
    Wake(Duration),
    /// Give the terminal back until the shell continues the program.
    Suspend,
    /// Leave.
    Quit(Exit),
}

/// Who ends the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The user.
    Asked,
    /// The system.
    Told,
}
