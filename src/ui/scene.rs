//! Scenes: the real interface without a terminal. Keys go in, and when everything has come to rest there is a picture.
//!
//! Screenshots and tests use the same state, update and view as the program; only the loop is another.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::engine::{Command, Event};

use super::action::Key;
use super::app::{App, Model, Setup};
use super::engines::{Emit, Engines};
use super::message::{Effect, Message};
use super::theme::{ColourDepth, Role};
use super::view::view;
use super::views::View;
use super::{Options, UiError};

/// Longer than any step of a scene takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// After so long without an event the clock ticks.
const QUIET: Duration = Duration::from_millis(2);

/// The interface with its engine, and a screen of a fixed size.
pub struct Scene {
    app: App,
    screen: Rect,
    send: Box<dyn Fn(Command)>,
    inbox: Receiver<Event>,
    ticking: Option<()>,
    outside: Vec<Effect>,
}

impl Scene {
    /// Opens the interface and waits until its first picture is complete.
    ///
    /// # Errors
    /// A theme or a model that can't be opened.
    pub fn open(options: &Options, width: u16, height: u16) -> Result<Self, UiError> {
        let setup = options.setup(options.colours.unwrap_or(ColourDepth::True))?;
        let (sender, inbox) = channel();
        // The scene may be over before the engine is.
        let emit: Emit = Arc::new(move |_, event| sender.send(event).unwrap_or_default());
        let engines = Engines::start(options.source.clone(), options.open, options.recording.clone(), emit)?;
        Self::with(setup, width, height, move |command| engines.send(command), inbox)
    }

    /// The same with an engine of the caller's: a function that takes commands, and its events.
    ///
    /// # Errors
    /// A model that can't be opened.
    pub fn with(
        setup: Setup,
        width: u16,
        height: u16,
        send: impl Fn(Command) + 'static,
        inbox: Receiver<Event>,
    ) -> Result<Self, UiError> {
        let screen = Rect::new(0, 0, width, height);
        let mut scene =
            Self { app: App::new(setup), screen, send: Box::new(send), inbox, ticking: None, outside: Vec::new() };
        scene.handle(Message::Resize(width, height));
        scene.settle()?;
        match (scene.app.model(), scene.app.notice()) {
            (Model::Gone, Some(super::app::Notice::Error(reason))) => Err(UiError::Scene(reason.clone())),
            _ => Ok(scene),
        }
    }

    /// The state.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Presses keys, given by their names with blanks between, and waits after each until everything has come to rest.
    ///
    /// # Errors
    /// A key that doesn't exist.
    pub fn press(&mut self, keys: &str) -> Result<(), UiError> {
        for name in keys.split_whitespace() {
            let key = Key::parse(name).ok_or_else(|| UiError::UnknownKey(name.to_owned()))?;
            self.handle(Message::Key(key.event()));
            self.settle()?;
        }
        Ok(())
    }

    /// Brings a view to the front, and waits until everything has come to rest.
    ///
    /// # Errors
    /// The engine doesn't answer.
    pub fn show(&mut self, view: View) -> Result<(), UiError> {
        let effects = self.app.show_view(view);
        self.follow(effects);
        self.settle()
    }

    /// What the interface has asked of the program around it: here nothing comes of that.
    pub fn outside(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.outside)
    }

    /// Gives the screen another size.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.screen = Rect::new(0, 0, width, height);
        self.handle(Message::Resize(width, height));
    }

    /// Lets something happen, without waiting for what follows.
    pub fn handle(&mut self, message: Message) {
        let effects = self.app.update(message);
        self.follow(effects);
    }

    fn follow(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Engine(command) => (self.send)(command),
                Effect::Wake(_) => self.ticking = Some(()),
                outside => self.outside.push(outside),
            }
        }
    }

    /// Waits until nothing more happens by itself.
    ///
    /// # Errors
    /// The engine doesn't answer.
    pub fn settle(&mut self) -> Result<(), UiError> {
        let started = Instant::now();
        while !self.app.is_settled() {
            match self.inbox.recv_timeout(QUIET) {
                Ok(event) => self.handle(Message::Engine(event)),
                Err(RecvTimeoutError::Timeout) if self.ticking.take().is_some() => self.handle(Message::Tick),
                Err(RecvTimeoutError::Timeout) if started.elapsed() < PATIENCE => {}
                Err(_) => return Err(UiError::Scene("the engine doesn't answer".to_owned())),
            }
        }
        Ok(())
    }

    /// What is on the screen.
    #[must_use]
    pub fn buffer(&self) -> Buffer {
        let mut buffer = Buffer::empty(self.screen);
        let cursor = view(&self.app, self.screen, &mut buffer);
        if let Some(cell) = cursor.and_then(|cursor| buffer.cell_mut(cursor)) {
            let style = self.app.look().style(Role::Cursor);
            cell.set_style(style);
        }
        buffer
    }

    /// Colours of text and background, for a picture of what leaves them to the terminal.
    #[must_use]
    pub fn ground(&self) -> ([u8; 3], [u8; 3]) {
        self.app.look().ground()
    }
}
