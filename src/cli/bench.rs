//! `bench`: its arguments, and the interface that it draws.

use std::io::stdout;
use std::time::{Duration, Instant};

use clap::builder::PossibleValue;
use clap::{Args, Parser, ValueEnum};

use crate::headless::{self, BenchJob, Extent, HeadlessError, Interface, PARTS, Part, style::Style};
use crate::ui::config::Config;
use crate::ui::scene::Scene;

use super::CliError;
use super::args::{Cli, ModelArgs};
use super::commands::open;
use super::interface::options;
use super::models::ModelsFormat;
use super::signals::interrupt_on_signal;

/// How often a figure is taken.
const REPETITIONS: usize = 5;
/// The same where little is to be measured.
const QUICK_REPETITIONS: usize = 2;
/// The screen of the first picture.
const SCREEN: (u16, u16) = (120, 36);

/// `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// The parts to measure, in place of all
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_enum)]
    pub only: Vec<PartName>,
    /// How often each figure is taken [default: 5]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = repetitions)]
    pub repetitions: Option<usize>,
    /// Few tokens, few repetitions: to see that it works
    #[arg(long)]
    pub quick: bool,
    /// text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ModelsFormat,
}

/// A part as it is typed.
#[derive(Clone, Copy, Debug)]
pub struct PartName(Part);

impl ValueEnum for PartName {
    fn value_variants<'a>() -> &'a [Self] {
        const NAMES: [PartName; PARTS.len()] = {
            let mut names = [PartName(Part::Memory); PARTS.len()];
            let mut index = 0;
            while index < PARTS.len() {
                names[index] = PartName(PARTS[index].0);
                index += 1;
            }
            names
        };
        &NAMES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let row = PARTS.iter().find(|(part, ..)| *part == self.0);
        row.map(|(_, name, summary)| PossibleValue::new(*name).help(*summary))
    }
}

fn repetitions(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| (1..=1000).contains(count)).ok_or_else(|| "not a number from 1 to 1000".into())
}

pub(super) fn bench(args: &BenchArgs) -> Result<(), CliError> {
    let interrupt = interrupt_on_signal()?;
    let loaded = open(&args.model)?;
    let (extent, usual) = if args.quick { (Extent::Quick, QUICK_REPETITIONS) } else { (Extent::Full, REPETITIONS) };
    let parts: Vec<Part> = args.only.iter().map(|name| name.0).collect();
    let job = BenchJob {
        source: &args.model.model,
        options: args.model.open.options(),
        parts: &parts,
        extent,
        repetitions: args.repetitions.unwrap_or(usual),
        format: args.format.into(),
        style: Style::detect(),
        interrupt: &interrupt,
        progress: &headless::Progress::detect(),
    };
    Ok(headless::bench(loaded, &job, &mut Pictures { scene: None }, &mut stdout().lock())?)
}

/// The interface as somebody gets it who types no option.
struct Pictures {
    scene: Option<Scene>,
}

impl Pictures {
    fn opened(&mut self) -> Result<&mut Scene, HeadlessError> {
        if self.scene.is_none() {
            let failed = |error: &dyn ToString| HeadlessError::Input(error.to_string());
            let typed = Cli::try_parse_from(["logitscope"]).map_err(|error| failed(&error))?;
            let options = options(&typed.interface, Config::default())
                .map_err(|error| HeadlessError::Input(error.message().unwrap_or_default()))?;
            let scene = Scene::open(&options, SCREEN.0, SCREEN.1).map_err(|error| failed(&error))?;
            self.scene = Some(scene);
        }
        self.scene.as_mut().ok_or_else(|| HeadlessError::Input("the interface can't be opened".into()))
    }
}

impl Interface for Pictures {
    fn open(&mut self) -> Result<Duration, HeadlessError> {
        self.scene = None;
        let start = Instant::now();
        std::hint::black_box(self.opened()?.buffer());
        Ok(start.elapsed())
    }

    fn draw(&mut self, width: u16, height: u16) -> Result<Duration, HeadlessError> {
        let scene = self.opened()?;
        if scene.buffer().area.as_size() != (width, height).into() {
            scene.resize(width, height);
        }
        let start = Instant::now();
        std::hint::black_box(scene.buffer());
        Ok(start.elapsed())
    }
}
