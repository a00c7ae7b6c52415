//! The loop: messages from keyboard, engine and system through one channel, and a frame when something has changed.

use std::io::{self, IsTerminal};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, Event as TerminalEvent};
use ratatui::crossterm::terminal::size;
use ratatui::layout::Rect;

use crate::engine::Event;
#[cfg(unix)]
use crate::model::weights::on_fault;
use crate::model::{HubPlace, Network, hub};

use super::app::App;
use super::engines::{Emit, Engines};
use super::host::{Host, Kept, Picture};
use super::message::{Effect, Exit, Message};
use super::overlays::Offer;
use super::saved::{self, Saved, SavedError};
use super::terminal::Terminal;
use super::theme::ColourDepth;
use super::view::view;
use super::{Options, UiError};

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(16);

/// Opens the interface and returns when the user leaves it.
///
/// # Errors
/// No terminal, a theme that is wrong, or the system asked the program to end. A model that can't be opened is shown, not
/// returned.
pub fn run(options: &Options, host: Box<dyn Host>) -> Result<(), UiError> {
    let depth = options.colours.unwrap_or_else(|| ColourDepth::detect(|name| std::env::var(name).ok()));
    let setup = options.setup(depth)?;
    if !(io::stdout().is_terminal() && io::stdin().is_terminal()) {
        return Err(UiError::NoTerminal);
    }
    let (sender, inbox) = channel();
    let events = sender.clone();
    // Nobody listens any more once the loop is over: then nothing is lost.
    let emit: Emit = Arc::new(move |number, event| events.send(Incoming::Engine(number, event)).unwrap_or_default());
    let engines = Engines::start(options.source.clone(), options.open, options.recording.clone(), emit)?;
    watch_signals(sender.clone())?;
    watch_model_files(sender.clone())?;
    let mut terminal = Terminal::take()?;
    terminal.mouse(options.mouse)?;
    watch_keyboard(sender.clone())?;
    let (width, height) = size()?;
    let mut app = App::new(setup);
    app.update(Message::Resize(width, height));
    let mut driver =
        Driver { app, terminal, engines, host, inbox, sender, wake: None, due: Instant::now(), changed: true };
    // Whatever ends the loop, a panic too: the session is kept.
    let ended = catch_unwind(AssertUnwindSafe(|| driver.drive()));
    let Driver { app, terminal, host, .. } = driver;
    drop(terminal);
    let kept = keep(&app, host.as_ref());
    match ended {
        Err(panic) => resume_unwind(panic),
        Ok(Ok(())) => kept.map_err(UiError::NotKept),
        Ok(failed) => failed,
    }
}

/// Keeps the session and the prompts. What can't be read is not overwritten.
fn keep(app: &App, host: &dyn Host) -> Result<(), String> {
    let unread = |what, error: SavedError| format!("{}: {error}: move it away", host.place(what));
    let prompts = match host.kept(Kept::Prompts)?.map(|text| saved::prompts(&text)) {
        Some(Err(error)) => return Err(unread(Kept::Prompts, error)),
        earlier => earlier.and_then(Result::ok).unwrap_or_default(),
    };
    let typed = [prompts.as_slice(), app.history()].concat();
    if !app.history().is_empty() {
        host.keep(Kept::Prompts, &saved::prompts_text(&typed))?;
    }
    // What this program can't read is of no use to it, and models are soon opened again.
    if !app.opened().is_empty() {
        host.keep(Kept::Models, &saved::models_text(app.opened()))?;
    }
    let Some(saved) = app.saved() else { return Ok(()) };
    if let Some(Err(error)) = host.kept(Kept::Session)?.map(|text| Saved::parse(&text)) {
        return Err(unread(Kept::Session, error));
    }
    host.keep(Kept::Session, &saved.text())
}

/// The session that was kept.
///
/// # Errors
/// There is none, or it can't be read: one line.
pub fn kept_session(host: &dyn Host) -> Result<Box<Saved>, String> {
    let place = host.place(Kept::Session);
    let text = host.kept(Kept::Session)?.ok_or("no session was left yet: there is nothing to go on with")?;
    Saved::parse(&text).map(Box::new).map_err(|error| format!("{place}: {error}"))
}

fn watch_keyboard(sender: Sender<Incoming>) -> io::Result<()> {
    let work = move || {
        loop {
            let message = match event::read() {
                Ok(TerminalEvent::Key(key)) => Message::Key(key),
                Ok(TerminalEvent::Mouse(mouse)) => Message::Mouse(mouse),
                Ok(TerminalEvent::Paste(text)) => Message::Paste(text),
                Ok(TerminalEvent::Resize(width, height)) => Message::Resize(width, height),
                Ok(_) => continue,
                Err(_) => Message::Terminate,
            };
            let last = matches!(message, Message::Terminate);
            if sender.send(Incoming::Message(message)).is_err() || last {
                return;
            }
        }
    };
    thread::Builder::new().name("keyboard".into()).spawn(work).map(|_| ())
}

/// Looks into the cache beside everything else: a disk may be slow.
fn list_models(sender: Sender<Incoming>) -> io::Result<()> {
    let work = move || {
        let found = hub::list(&HubPlace::from_env(Network::Forbidden));
        let offers = found.iter().filter(|model| model.is_complete).map(Offer::of).collect();
        // Nobody may be left to hear it.
        let _ = sender.send(Incoming::Message(Message::Models(offers)));
    };
    thread::Builder::new().name("models".into()).spawn(work).map(|_| ())
}

#[cfg(unix)]
fn watch_signals(sender: Sender<Incoming>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM, SIGTSTP])?;
    let work = move || {
        for signal in signals.forever() {
            let message = if signal == SIGTSTP { Message::Suspend } else { Message::Terminate };
            if sender.send(Incoming::Message(message)).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(work).map(|_| ())
}

#[cfg(not(unix))]
fn watch_signals(_: Sender<Incoming>) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn watch_model_files(sender: Sender<Incoming>) -> io::Result<()> {
    on_fault(move |line| sender.send(Incoming::ModelFile(line)).unwrap_or_default())
}

#[cfg(not(unix))]
fn watch_model_files(_: Sender<Incoming>) -> io::Result<()> {
    Ok(())
}

/// What arrives through the channel.
enum Incoming {
    Message(Message),
    /// A file of the model can't be read any more; one line.
    ModelFile(String),
    /// An engine's event, with the engine's number.
    Engine(u64, Event),
}

struct Driver {
    app: App,
    terminal: Terminal,
    engines: Engines,
    host: Box<dyn Host>,
    inbox: Receiver<Incoming>,
    /// The other end of it.
    sender: Sender<Incoming>,
    /// When the state wants a tick.
    wake: Option<Instant>,
    /// When the next frame may be drawn.
    due: Instant,
    /// Whether something has happened since the last one.
    changed: bool,
}

impl Driver {
    fn drive(&mut self) -> Result<(), UiError> {
        loop {
            // Every message that is there comes before the frame, unless a flood of them would hold it up.
            if self.changed && Instant::now() >= self.due + FRAME {
                self.draw()?;
            }
            let until = [self.wake, self.changed.then_some(self.due)].into_iter().flatten().min();
            match self.receive(until) {
                Ok(incoming) => {
                    let message = match incoming {
                        Incoming::Message(message) => Some(message),
                        Incoming::ModelFile(line) => return Err(UiError::ModelFile(line)),
                        Incoming::Engine(number, event) => self.engines.heard(number, event),
                    };
                    let Some(message) = message else { continue };
                    if let Some(exit) = self.handle(message)? {
                        return if exit == Exit::Asked { Ok(()) } else { Err(UiError::Interrupted) };
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.on_time()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn receive(&self, until: Option<Instant>) -> Result<Incoming, RecvTimeoutError> {
        match until {
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(until) => self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())),
        }
    }

    /// Nothing came until the next thing was due: a frame, or a tick.
    fn on_time(&mut self) -> Result<(), UiError> {
        if self.changed && Instant::now() >= self.due {
            self.draw()?;
        }
        if self.wake.is_some_and(|wake| Instant::now() >= wake) {
            self.wake = None;
            self.handle(Message::Tick)?;
        }
        Ok(())
    }

    fn handle(&mut self, message: Message) -> Result<Option<Exit>, UiError> {
        self.changed = true;
        let mut messages = vec![message];
        while let Some(message) = messages.pop() {
            for effect in self.app.update(message) {
                match effect {
                    Effect::Quit(exit) => return Ok(Some(exit)),
                    effect => messages.extend(self.follow(effect)?),
                }
            }
        }
        Ok(None)
    }

    /// Does what the state asks for; some of it has an answer.
    fn follow(&mut self, effect: Effect) -> Result<Option<Message>, UiError> {
        match effect {
            Effect::Engine(command) => self.engines.send(command),
            Effect::Wake(after) => {
                let at = Instant::now() + after;
                self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
            }
            Effect::Suspend => {
                // A program that is stopped may be killed before it goes on.
                let _ = keep(&self.app, self.host.as_ref());
                self.terminal.suspend()?;
            }
            Effect::Open(source) => self.engines.open(source)?,
            Effect::StopOpening => self.engines.stop_opening(),
            Effect::ListModels => list_models(self.sender.clone())?,
            Effect::Mouse(mouse) => self.terminal.mouse(mouse)?,
            Effect::Copy(text) => self.terminal.copy(&text)?,
            Effect::Save { stem, ending, content } => {
                return Ok(Some(Message::Written(self.host.save(stem, ending, &content))));
            }
            Effect::Picture => return Ok(Some(Message::Written(self.picture()?))),
            Effect::Restore => return Ok(Some(Message::Kept(kept_session(self.host.as_ref())))),
            Effect::Quit(_) => {}
        }
        Ok(None)
    }

    /// Saves the screen as a picture.
    fn picture(&self) -> Result<Result<String, String>, UiError> {
        let (width, height) = size()?;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        view(&self.app, buffer.area, &mut buffer);
        let Picture { ending, content } = self.host.picture(&buffer, self.app.look().ground());
        Ok(self.host.save("logitscope", ending, &content))
    }

    fn draw(&mut self) -> Result<(), UiError> {
        self.changed = false;
        self.due = Instant::now() + FRAME;
        let app = &self.app;
        self.terminal.draw(|frame| {
            let area = frame.area();
            if let Some(cursor) = view(app, area, frame.buffer_mut()) {
                frame.set_cursor_position(cursor);
            }
        })?;
        Ok(())
    }
}
