//! `bench`: how fast this machine runs a model, the chain and the interface, beside what its memory would allow.

mod chain;
mod clock;
mod document;
mod machine;
mod model;
mod text;

use std::io::Write;
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use crate::engine::EngineError;
use crate::model::{LoadedModel, ModelSource, Network, OpenOptions, open};

use self::clock::Clock;
use self::document::{Document, Frames, Settings};
use self::machine::{Machine, Reading};
use self::model::Bench;
use super::style::Style;
use super::{Format, HeadlessError, Interrupt, Progress, json};

/// A part of the measurement; its name is its key in the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Resident memory.
    Memory,
    /// Reading a prompt.
    Prefill,
    /// One token after the other, by the model alone.
    Decode,
    /// The same by the engine: greedy search.
    Generate,
    /// Beam search.
    Beam,
    /// Logits that are kept, beside the model's rerun.
    Logits,
    /// Opening the model.
    Open,
    /// What memory delivers.
    Bandwidth,
    /// The decoding chain.
    Chain,
    /// The interface from nothing to its first picture.
    FirstFrame,
    /// Drawing.
    Frame,
}

/// Every part, with its name and what it measures, in the order of the report.
pub const PARTS: &[(Part, &str, &str)] = &[
    (Part::Memory, "memory", "peak of the resident memory, beside weights and cache"),
    (Part::Bandwidth, "bandwidth", "what memory delivers to one thread and to all"),
    (Part::Open, "open", "opening the model"),
    (Part::Prefill, "prefill", "reading a prompt of 128 and of 512 tokens"),
    (Part::Decode, "decode", "128 tokens after 32 by the model alone, on one thread and on all"),
    (Part::Generate, "generate", "the same by greedy search, with every figure of every step"),
    (Part::Beam, "beam", "a step of beam search with 1, 2, 4 and 8 beams"),
    (Part::Logits, "logits", "going back to a step whose logits are kept, beside reading its text again"),
    (Part::Chain, "chain", "softmax, temperature, top-k, top-p and draw over vocabularies of four sizes"),
    (Part::FirstFrame, "first_frame", "the interface with the built-in model from nothing to its first picture"),
    (Part::Frame, "frame", "drawing the interface"),
];

impl Part {
    /// The part of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PARTS.iter().find(|(_, known, _)| *known == name).map(|(part, ..)| *part)
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What the figures of the documentation are made with.
    Full,
    /// A few tokens: to see that it works.
    Quick,
}

/// The interface, which this layer does not know.
pub trait Interface {
    /// Opens it with the built-in model, and draws its first complete picture: how long all of that took.
    ///
    /// # Errors
    /// It can't be opened.
    fn open(&mut self) -> Result<Duration, HeadlessError>;

    /// Draws it on a screen of so many columns and rows: how long that took.
    ///
    /// # Errors
    /// It can't be opened.
    fn draw(&mut self, width: u16, height: u16) -> Result<Duration, HeadlessError>;
}

/// What to measure, and how to write it.
pub struct BenchJob<'a> {
    /// The model, as it was opened.
    pub source: &'a ModelSource,
    /// How it was opened.
    pub options: OpenOptions,
    /// The parts; none for all.
    pub parts: &'a [Part],
    /// How much is measured.
    pub extent: Extent,
    /// How often each figure is taken, at least once.
    pub repetitions: usize,
    /// Text or JSON.
    pub format: Format,
    /// Colours in text.
    pub style: Style,
    /// Breaks it off.
    pub interrupt: &'a Interrupt,
    /// Shows how far it is.
    pub progress: &'a Progress,
}

impl BenchJob<'_> {
    fn wants(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    /// All threads: as many as were asked for, or one for each core.
    fn threads(&self) -> usize {
        match self.options.threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    fn clock(&self) -> Clock<'_> {
        Clock { repetitions: self.repetitions, interrupt: self.interrupt, progress: self.progress }
    }
}

/// Measures, and writes what was found.
///
/// # Errors
/// What the model refuses, an interruption, an interface that can't be opened, or output that can't be written.
pub fn bench(
    loaded: LoadedModel,
    job: &BenchJob<'_>,
    interface: &mut dyn Interface,
    out: &mut dyn Write,
) -> Result<(), HeadlessError> {
    let mut document = Document::new(
        loaded.model.info().clone(),
        Machine::this(job.threads()),
        Settings {
            repetitions: job.repetitions,
            quick: job.extent == Extent::Quick,
            parts: PARTS.iter().filter(|(part, ..)| job.wants(*part)).map(|(_, name, _)| *name).collect(),
        },
    );
    with_all_threads(loaded, job, &mut document)?;
    with_one_thread(job, &mut document)?;
    if job.wants(Part::Open) {
        // It came from the network at most the first time.
        let options = OpenOptions { network: Network::Forbidden, ..job.options };
        document.open = Some(job.clock().measure("opening", &mut || clock::timed(|| open(job.source, &options)))?);
    }
    if job.wants(Part::Chain) {
        document.chain = chain::measure(job)?;
    }
    frames(job, interface, &mut document)?;
    document.finish();
    job.progress.clear();
    match job.format {
        Format::Json => json::line(out, &document)?,
        _ => text::write(&document, job.style, out)?,
    }
    Ok(out.flush()?)
}

/// Memory comes first: its peak is the process's.
fn with_all_threads(loaded: LoadedModel, job: &BenchJob<'_>, document: &mut Document) -> Result<(), HeadlessError> {
    let mut bench = Bench { loaded, job };
    if job.wants(Part::Memory) {
        document.memory = Some(bench.memory()?);
    }
    if job.wants(Part::Prefill) {
        document.prefill = bench.prefill(job.threads())?;
    }
    at_threads(&mut bench, job.threads(), document)?;
    if job.wants(Part::Generate) {
        document.generate = Some(bench.generate(job.threads())?);
    }
    if job.wants(Part::Beam) {
        document.beam = bench.beam()?;
    }
    if job.wants(Part::Logits) {
        document.logits = Some(bench.logits()?);
    }
    Ok(())
}

fn with_one_thread(job: &BenchJob<'_>, document: &mut Document) -> Result<(), HeadlessError> {
    if job.threads() == 1 || !(job.wants(Part::Decode) || job.wants(Part::Bandwidth)) {
        return Ok(());
    }
    let options = OpenOptions { threads: 1, network: Network::Forbidden, ..job.options };
    at_threads(&mut Bench { loaded: open(job.source, &options)?, job }, 1, document)
}

/// Decoding and what memory delivers, one right after the other.
fn at_threads(bench: &mut Bench<'_>, threads: usize, document: &mut Document) -> Result<(), HeadlessError> {
    let job = bench.job;
    if job.wants(Part::Bandwidth) {
        document.bandwidth.push(Reading::new(job.extent).measure(threads, &job.clock())?);
    }
    if job.wants(Part::Decode) {
        document.decode.push(bench.decode(threads)?);
    }
    Ok(())
}

/// The screens that are drawn, in columns and rows.
const SCREENS: [(u16, u16); 2] = [(80, 24), (200, 60)];

fn frames(job: &BenchJob<'_>, interface: &mut dyn Interface, document: &mut Document) -> Result<(), HeadlessError> {
    let clock = job.clock();
    if job.wants(Part::FirstFrame) {
        document.first_frame = Some(clock.measure("first frame", &mut || interface.open())?);
    }
    if job.wants(Part::Frame) {
        for (width, height) in SCREENS {
            let mut draw = || clock.mean(job.extent, &mut || interface.draw(width, height));
            let seconds = clock.measure("frames", &mut draw)?;
            document.frame.push(Frames { columns: width, rows: height, seconds });
        }
    }
    Ok(())
}

/// # Errors
/// It was broken off.
fn go_on(interrupt: &Interrupt) -> Result<(), HeadlessError> {
    match interrupt.check() {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(EngineError::Interrupted.into()),
    }
}
