//! What happens to the interface, and what it asks for.

use std::time::Duration;

use ratatui::crossterm::event::{KeyEvent, MouseEvent};

use super::app::Mouse;
use super::overlays::Offer;
use super::saved::Saved;
use crate::engine::{Command, Event};
use crate::model::{ModelSource, Opening};

/// Something that happened.
pub enum Message {
    /// A key went down, or repeats.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Another model could not be opened, and why.
    NotOpened(String),
    /// How far the opening of a model is.
    Opening(Opening),
    /// The models at hand, as asked for by [`Effect::ListModels`].
    Models(Vec<Offer>),
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
    /// A file was written: its name, or why it was not.
    Written(Result<String, String>),
    /// What was kept of the last session, or why there is none.
    Kept(Result<Box<Saved>, String>),
}

/// Something to be done outside.
pub enum Effect {
    /// A command for the engine.
    Engine(Command),
    /// A [`Message::Tick`] after this time, unless one comes sooner.
    Wake(Duration),
    /// Give the terminal back until the shell continues the program.
    Suspend,
    /// Put this text into the clipboard of the terminal.
    Copy(String),
    /// Write a new file; a [`Message::Written`] follows.
    Save {
        /// The name of the file before its ending.
        stem: &'static str,
        /// The ending.
        ending: &'static str,
        /// What is in it.
        content: Vec<u8>,
    },
    /// Save the screen as a picture; a [`Message::Written`] follows.
    Picture,
    /// Open another model in the place of this one; its events, or a [`Message::NotOpened`], follow.
    Open(ModelSource),
    /// Give up opening it.
    StopOpening,
    /// Look which models are at hand; a [`Message::Models`] follows.
    ListModels,
    /// Give the mouse to the program or to the terminal.
    Mouse(Mouse),
    /// Bring back the session that was kept; a [`Message::Kept`] follows.
    Restore,
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
