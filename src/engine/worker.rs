//! The engine of the interface: commands in, events out. The model lives on one thread, the chain runs on another.

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::decode::{Analysis, TokenId};
use crate::model::{
    LoadedModel, ModelInfo, ModelSource, OpenOptions, Opening, Progress, SpecialTokens, Tokenizer, open_watched,
};
use crate::session::NodeId;

use super::EngineError;
use super::analyst::{Analyst, Question};
use super::evaluator::{Evaluator, TokenScore};
use super::generate::timed;
use super::jobs::{Ground, Job, Jobs, Lane, News, Turn};

/// What the interface asks for. Every command carries the epoch of its prompt; an answer to an older epoch is never sent.
pub enum Command {
    /// Cuts a text into tokens and begins a new epoch: what runs for an older one is cancelled, what was read is forgotten.
    Prompt {
        /// The new epoch.
        epoch: u64,
        /// The prompt.
        text: String,
        /// Whether a begin-of-text token is put before it.
        special: SpecialTokens,
    },
    /// Reads a path of the session's tree. Of several that wait, only the newest is done.
    Evaluate {
        /// The epoch of its prompt.
        epoch: u64,
        /// From the root to the node whose logits are wanted.
        path: Vec<(NodeId, TokenId)>,
    },
    /// Begins longer work, in the place of what is under way on its lane; without a job that is only ended.
    Job {
        /// The epoch of its prompt.
        epoch: u64,
        /// What it is for.
        lane: Lane,
        /// Passed back with its news.
        serial: u64,
        /// The work.
        job: Option<Box<dyn Job>>,
    },
    /// Runs a chain over logits, beside the model. Of several that wait, only the newest is done.
    Analyse(Question),
    /// Breaks off what the model is doing.
    Cancel,
}

/// What the engine tells.
pub enum Event {
    /// How far the opening of the model is.
    Opening(Opening),
    /// The model is open.
    Opened {
        /// What it is.
        info: ModelInfo,
        /// Its tokenizer.
        tokenizer: Arc<dyn Tokenizer>,
        /// What its files ask for and is not done, a line each.
        notes: Vec<String>,
    },
    /// The model could not be opened.
    OpenFailed {
        /// One line.
        message: String,
    },
    /// A prompt was cut into tokens.
    Prompted {
        /// Its epoch.
        epoch: u64,
        /// Its tokens, at least one.
        tokens: Vec<TokenId>,
    },
    /// A long read is under way.
    Progress {
        /// The epoch.
        epoch: u64,
        /// Tokens read.
        done: usize,
        /// Tokens to read.
        total: usize,
    },
    /// A path was read.
    Evaluated {
        /// The epoch.
        epoch: u64,
        /// Its last node.
        node: NodeId,
        /// Logits of the next token. Shape: `[vocab_size]`.
        logits: Arc<[f32]>,
        /// Scores of the tokens that were read for it.
        scores: Vec<(NodeId, TokenScore)>,
        /// Time that the model took.
        took: Duration,
    },
    /// A chain was run.
    Analysed {
        /// As in the command.
        epoch: u64,
        /// As in the command.
        node: NodeId,
        /// The result.
        analysis: Arc<Analysis>,
    },
    /// A chain could not be run.
    AnalysisFailed {
        /// As in the command.
        epoch: u64,
        /// As in the command.
        node: NodeId,
        /// One line.
        message: String,
    },
    /// A prompt or a path was refused, or broken off.
    Failed {
        /// The epoch.
        epoch: u64,
        /// One line.
        message: String,
    },
    /// A job has something to tell.
    News {
        /// As in the command.
        epoch: u64,
        /// As in the command.
        lane: Lane,
        /// As in the command.
        serial: u64,
        /// `None` when it is done.
        news: Option<News>,
    },
    /// A job could not go on.
    JobFailed {
        /// As in the command.
        epoch: u64,
        /// As in the command.
        lane: Lane,
        /// As in the command.
        serial: u64,
        /// One line.
        message: String,
    },
    /// A thread of the engine panicked; it answers no more.
    Died {
        /// What it said.
        message: String,
    },
}

/// How often the opening of a model tells how far it is.
const TELLING: Duration = Duration::from_millis(100);

/// Hears how far the opening of a model is, and says whether to go on.
type WatchOpening<'a> = dyn FnMut(Opening) -> ControlFlow<()> + 'a;

type Emit = Arc<dyn Fn(Event) + Send + Sync>;

/// A handle on the engine's threads. They end when it is dropped, without being waited for.
pub struct Engine {
    commands: Sender<Command>,
    analyst: Analyst,
    generation: Arc<Generation>,
}

/// What the model is allowed to work on: a running pass looks here and breaks off when it is out of date.
#[derive(Default)]
struct Generation {
    epoch: AtomicU64,
    cancelled: AtomicU64,
}

impl Engine {
    /// Opens a model on a thread of its own and tells `emit` of everything that happens. `emit` is called on the engine's
    /// threads and must not block.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        source: ModelSource,
        options: OpenOptions,
        emit: impl Fn(Event) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let open =
            move |watch: &mut WatchOpening<'_>| open_watched(&source, &options, watch).map_err(EngineError::from);
        Self::start_watched(open, emit)
    }

    /// The same with a model that the caller opens, on the engine's thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start_with(
        open: impl FnOnce() -> Result<LoadedModel, EngineError> + Send + 'static,
        emit: impl Fn(Event) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        Self::start_watched(move |_: &mut WatchOpening<'_>| open(), emit)
    }

    fn start_watched(
        open: impl FnOnce(&mut WatchOpening<'_>) -> Result<LoadedModel, EngineError> + Send + 'static,
        emit: impl Fn(Event) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let emit: Emit = Arc::new(emit);
        let (commands, inbox) = channel();
        let generation = Arc::new(Generation::default());
        let analyst = Analyst::start(Arc::clone(&emit))?;
        let theirs = Arc::clone(&generation);
        let work = move || guarded(&emit, || serve(open, &inbox, &theirs, &*emit));
        thread::Builder::new().name("model".into()).spawn(work)?;
        Ok(Self { commands, analyst, generation })
    }

    /// Hands a command over; never waits.
    pub fn send(&self, command: Command) {
        match command {
            Command::Analyse(question) => self.analyst.ask(question),
            Command::Cancel => {
                self.generation.cancelled.fetch_add(1, Ordering::Relaxed);
            }
            command => {
                if let Command::Prompt { epoch, .. } = &command {
                    self.generation.epoch.store(*epoch, Ordering::Relaxed);
                }
                // A worker that is gone has said so by `Died` or `OpenFailed`.
                let _ = self.commands.send(command);
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.generation.epoch.store(u64::MAX, Ordering::Relaxed);
    }
}

/// Runs a thread's work; a panic becomes an event.
pub(super) fn guarded(emit: &Emit, work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        emit(Event::Died { message: panic_message(&*panic) });
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".into())
}

fn serve(
    open: impl FnOnce(&mut WatchOpening<'_>) -> Result<LoadedModel, EngineError>,
    inbox: &Receiver<Command>,
    generation: &Generation,
    emit: &dyn Fn(Event),
) {
    let mut told: Option<Instant> = None;
    let mut watch = |opening| {
        if told.is_none_or(|told| told.elapsed() >= TELLING) {
            told = Some(Instant::now());
            emit(Event::Opening(opening));
        }
        // Nobody waits for a model that was given up, or whose engine is gone.
        let cancelled = generation.cancelled.load(Ordering::Relaxed) > 0;
        if cancelled || generation.epoch.load(Ordering::Relaxed) == u64::MAX {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let LoadedModel { model, tokenizer } = match open(&mut watch) {
        Ok(loaded) => loaded,
        Err(error) => return emit(Event::OpenFailed { message: error.to_string() }),
    };
    let (info, notes) = (model.info().clone(), model.notes().to_vec());
    emit(Event::Opened { info, tokenizer: Arc::clone(&tokenizer), notes });
    let mut server =
        Server { evaluator: Evaluator::new(model), tokenizer, jobs: Jobs::default(), epoch: 0, generation, emit };
    // Without a job the thread sleeps; with one it looks for commands between any two turns.
    loop {
        let first = if server.jobs.is_empty() {
            inbox.recv().ok()
        } else {
            match inbox.try_recv() {
                Ok(command) => Some(command),
                Err(TryRecvError::Empty) => {
                    server.turn();
                    continue;
                }
                Err(TryRecvError::Disconnected) => None,
            }
        };
        let Some(first) = first else { return };
        let waiting: Vec<Command> = std::iter::once(first).chain(inbox.try_iter()).collect();
        server.all(waiting);
    }
}

/// What the model's thread works with.
struct Server<'a> {
    evaluator: Evaluator,
    tokenizer: Arc<dyn Tokenizer>,
    jobs: Jobs,
    /// The epoch of the newest prompt.
    epoch: u64,
    generation: &'a Generation,
    emit: &'a dyn Fn(Event),
}

impl Server<'_> {
    /// Does the commands that wait: the last prompt, else the last path, and the jobs. A path never follows the prompt that it
    /// belongs to without the interface having seen that prompt's tokens, so the paths beside a waiting prompt are out of date;
    /// and so are all jobs but those of its epoch.
    fn all(&mut self, waiting: Vec<Command>) {
        let prompt = |command: &Command| matches!(command, Command::Prompt { .. });
        let prompted = waiting.iter().rposition(prompt);
        let newest_path = waiting.iter().rposition(|command| matches!(command, Command::Evaluate { .. }));
        for (place, command) in waiting.into_iter().enumerate() {
            match command {
                Command::Prompt { epoch, text, special } if prompted == Some(place) => {
                    self.jobs.clear();
                    self.evaluator.clear();
                    self.epoch = epoch;
                    (self.emit)(self::prompted(epoch, &text, special, self.tokenizer.as_ref()));
                }
                Command::Evaluate { epoch, path } if prompted.is_none() && newest_path == Some(place) => {
                    evaluate(&mut self.evaluator, epoch, &path, self.generation, self.emit);
                }
                Command::Job { epoch, lane, serial, job } if epoch == self.epoch => {
                    self.jobs.put(lane, serial, job);
                    self.sweep();
                }
                _ => {}
            }
        }
    }

    /// Forgets what a job that is over has read.
    fn sweep(&mut self) {
        self.evaluator.sweep(&self.jobs.live());
    }

    /// One turn of one job.
    fn turn(&mut self) {
        let (epoch, generation) = (self.epoch, self.generation);
        let current = || generation.epoch.load(Ordering::Relaxed) == epoch;
        if !current() {
            return self.jobs.clear();
        }
        let mut watch = |_| if current() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        let (evaluator, tokenizer) = (&mut self.evaluator, &self.tokenizer);
        let mut ground = Ground { evaluator, tokenizer, watch: &mut watch };
        let Some(Turn { lane, serial, result }) = self.jobs.turn(&mut ground) else { return };
        if !current() {
            return;
        }
        let going_on = matches!(result, Ok(Some(_)));
        (self.emit)(match result {
            Ok(news) => Event::News { epoch, lane, serial, news },
            Err(error) => Event::JobFailed { epoch, lane, serial, message: error.to_string() },
        });
        if !going_on {
            self.sweep();
        }
    }
}

fn prompted(epoch: u64, text: &str, special: SpecialTokens, tokenizer: &dyn Tokenizer) -> Event {
    match tokenizer.encode(text, special) {
        Ok(tokens) if tokens.is_empty() => {
            Event::Failed { epoch, message: "the prompt has no token: type some text".into() }
        }
        Ok(tokens) => Event::Prompted { epoch, tokens },
        Err(error) => Event::Failed { epoch, message: error.to_string() },
    }
}

fn evaluate(
    evaluator: &mut Evaluator,
    epoch: u64,
    path: &[(NodeId, TokenId)],
    generation: &Generation,
    emit: &dyn Fn(Event),
) {
    let current = || generation.epoch.load(Ordering::Relaxed) == epoch;
    if !current() {
        return;
    }
    let Some(&(node, _)) = path.last() else { return };
    let cancelled = generation.cancelled.load(Ordering::Relaxed);
    let mut watch = |progress: Progress| {
        // A single step is over before its progress could be read.
        if progress.total > 1 {
            emit(Event::Progress { epoch, done: progress.done, total: progress.total });
        }
        if current() && generation.cancelled.load(Ordering::Relaxed) == cancelled {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let (result, took) = timed(|| evaluator.evaluate(path, &mut watch));
    if !current() {
        return;
    }
    emit(match result {
        Ok(done) => Event::Evaluated { epoch, node, logits: done.logits, scores: done.scores, took },
        Err(error) => Event::Failed { epoch, message: error.to_string() },
    });
}
