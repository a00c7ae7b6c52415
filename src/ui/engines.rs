//! Who answers commands: an engine, the one that may take its place, or a recording.

use std::io;
use std::sync::Arc;

use super::message::Message;
use crate::engine::{Command, Engine, Event, Recording};
use crate::model::{ModelSource, OpenOptions};

/// Hears the events of every engine, each with the engine's number.
pub(super) type Emit = Arc<dyn Fn(u64, Event) + Send + Sync>;

/// The engine in use, and the one that is still opening its model.
pub(super) struct Engines {
    emit: Emit,
    open: OpenOptions,
    current: (u64, Answers),
    next: Option<(u64, Answers)>,
    last: u64,
}

enum Answers {
    Engine(Engine),
    Recording(Arc<Recording>),
}

impl Engines {
    /// Opens a model, or takes a recording in its place.
    pub(super) fn start(
        source: ModelSource,
        open: OpenOptions,
        recording: Option<Arc<Recording>>,
        emit: Emit,
    ) -> io::Result<Self> {
        let answers = match recording {
            Some(recording) => {
                emit(0, recording.opened());
                Answers::Recording(recording)
            }
            None => engine(0, source, open, &emit)?,
        };
        Ok(Self { emit, open, current: (0, answers), next: None, last: 0 })
    }

    /// Hands a command to the engine in use.
    pub(super) fn send(&self, command: Command) {
        match &self.current {
            (_, Answers::Engine(engine)) => engine.send(command),
            (number, Answers::Recording(recording)) => {
                recording.answer(command).into_iter().for_each(|event| (self.emit)(*number, event));
            }
        }
    }

    /// Opens another model beside the one in use.
    pub(super) fn open(&mut self, source: ModelSource) -> io::Result<()> {
        self.last += 1;
        self.next = Some((self.last, engine(self.last, source, self.open, &self.emit)?));
        Ok(())
    }

    /// Gives up opening another model.
    pub(super) fn stop_opening(&mut self) {
        self.next = None;
    }

    /// What an engine's event means: that of the one in use is passed on; the other takes its place once its model is open.
    pub(super) fn heard(&mut self, number: u64, event: Event) -> Option<Message> {
        let current = number == self.current.0;
        if let Event::Opening(opening) = event {
            let next = self.next.as_ref().is_some_and(|(next, _)| *next == number);
            return (current || next).then_some(Message::Opening(opening));
        }
        if current {
            return Some(Message::Engine(event));
        }
        let next = self.next.take_if(|(next, _)| *next == number)?;
        match event {
            Event::Opened { .. } => {
                self.current = next;
                Some(Message::Engine(event))
            }
            Event::OpenFailed { message } | Event::Died { message } => Some(Message::NotOpened(message)),
            _ => None,
        }
    }
}

fn engine(number: u64, source: ModelSource, open: OpenOptions, emit: &Emit) -> io::Result<Answers> {
    let emit = Arc::clone(emit);
    Ok(Answers::Engine(Engine::start(source, open, move |event| emit(number, event))?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;

    fn table(text: &str) -> (tempfile::NamedTempFile, ModelSource) {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let source = ModelSource::Table(file.path().to_owned());
        (file, source)
    }

    fn heard(engines: &mut Engines, inbox: &Receiver<(u64, Event)>) -> Option<Message> {
        let (number, event) = inbox.recv_timeout(Duration::from_mins(1)).unwrap();
        engines.heard(number, event)
    }

    #[test]
    fn a_model_that_opens_takes_the_place_and_one_that_does_not_leaves_the_old_one() {
        let (_good, source) = table(crate::ui::testing::ABC);
        let (_bad, nonsense) = table("nonsense");
        let (sender, inbox) = channel();
        let emit: Emit = Arc::new(move |number, event| sender.send((number, event)).unwrap_or_default());
        let mut engines = Engines::start(source.clone(), OpenOptions::default(), None, emit).unwrap();
        assert!(matches!(heard(&mut engines, &inbox), Some(Message::Engine(Event::Opened { .. }))));
        engines.open(nonsense).unwrap();
        assert!(matches!(heard(&mut engines, &inbox), Some(Message::NotOpened(_))));
        let prompt = || Command::Prompt { epoch: 1, text: "A".into(), special: crate::model::SpecialTokens::Auto };
        engines.send(prompt());
        assert!(matches!(heard(&mut engines, &inbox), Some(Message::Engine(Event::Prompted { .. }))));
        engines.open(source).unwrap();
        assert!(matches!(heard(&mut engines, &inbox), Some(Message::Engine(Event::Opened { .. }))));
        // The old one is gone: what it might still say is not heard.
        assert!(engines.heard(0, Event::Died { message: String::new() }).is_none());
    }
}
