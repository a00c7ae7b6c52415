//! The arguments as they are typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::headless::Format;
use crate::model::{DeviceChoice, DtypeChoice, ModelSource, SpecialTokens};
use crate::ui::theme::ColourDepth;
use crate::ui::views::{VIEWS, View};

use super::beams::BeamArgs;
use super::bench::BenchArgs;
use super::contrastive::ContrastiveArgs;
use super::doctor::DoctorArgs;
use super::exact::ExactArgs;
use super::guidance::GuidanceArgs;
use super::lesson::LessonArgs;
use super::models::ModelsArgs;
use super::processors::ProcessorArgs;
use super::replay::ReplayArgs;
use super::score::ScoreArgs;
use super::shell::ManArgs;
use super::speculative::SpeculativeArgs;

/// See how a language model chooses its words.
///
/// Without a command, opens the terminal interface; the prompt is then what the text begins with.
#[derive(Debug, Parser)]
#[command(name = "logitscope", version, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The interface.
    #[command(flatten)]
    pub interface: InterfaceArgs,
}

/// What can be done without the interface.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate without the interface
    Run(Box<RunArgs>),
    /// Log-probability and perplexity of given text under the model
    Score(Box<ScoreArgs>),
    /// Run several strategies, or models, on one prompt
    Compare(Box<CompareArgs>),
    /// Run the decoding chain on logits that you give, with no model
    Logits(LogitsArgs),
    /// Show how the model's tokenizer cuts a text
    Tokens(TokensArgs),
    /// Open a recorded trace in the interface, or convert it to a table, CSV or JSON
    Replay(ReplayArgs),
    /// List the guided lessons, open one, print it, or check a lesson file
    Lesson(LessonArgs),
    /// List the models of the cache, say what one is, or download one
    Model(ModelsArgs),
    /// Draw the real interface as SVG, PNG or text
    Screenshot(Box<ScreenshotArgs>),
    /// Measure this machine: prefill, decoding, beams, the chain, the interface
    Bench(Box<BenchArgs>),
    /// Check terminal, processor, cache and the loaded model
    Doctor(Box<DoctorArgs>),
    /// List the themes, or check a theme file
    Theme(ThemeArgs),
    /// Print the configuration file with every option and key
    Config,
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page, or write all of them into a folder
    Man(ManArgs),
}

/// Options of the interface.
#[derive(Debug, Args)]
pub struct InterfaceArgs {
    /// The text to begin with; `-` reads it from standard input
    #[arg(value_name = "PROMPT")]
    pub prompt: Option<String>,
    /// Go on with the session that was left last
    #[arg(long = "continue", conflicts_with_all = ["prompt", "strategy", "seed", "chain", "preset"])]
    pub resume: bool,
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// How tokens are chosen: greedy or sample
    #[arg(long, value_name = "NAME")]
    pub strategy: Option<String>,
    /// The seed of the draws
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = seed)]
    pub seed: Option<u64>,
    /// The chain.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// The look.
    #[command(flatten)]
    pub look: LookArgs,
}

/// The look of the interface.
#[derive(Clone, Debug, Args)]
pub struct LookArgs {
    /// A theme by name, or a theme file
    #[arg(long, value_name = "NAME|FILE")]
    pub theme: Option<String>,
    /// How many colours: auto, true, 256, 16 or none
    #[arg(long, value_name = "DEPTH", value_parser = colours)]
    pub colors: Option<Colours>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// Clicks and the wheel are for the program, not for the terminal
    #[arg(long)]
    pub mouse: bool,
    /// A configuration file, in place of the one in the user's directory (`logitscope config` prints one)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Options that every command with a model takes.
#[derive(Clone, Debug, Args)]
pub struct ModelArgs {
    /// `builtin`, a directory in Hugging Face layout, a .gguf file, owner/name[@revision] on the hub, a .toml table of
    /// conditional probabilities, a server `http(s)://host:port/v1` (`?model=NAME&top=N&timeout=SECONDS`; a key in
    /// `LOGITSCOPE_API_KEY`), or `shape:S`, M, L or XL: random weights of a known size, for measuring
    #[arg(long, value_name = "SPEC", default_value = "builtin")]
    pub model: ModelSource,
    /// How it is opened.
    #[command(flatten)]
    pub open: OpenArgs,
}

/// How a model is opened and given its prompt.
#[derive(Clone, Debug, Args)]
pub struct OpenArgs {
    /// auto (the best of this build), cpu, or cuda, cuda:N and metal where this build has them
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    /// auto (as stored), f32, bf16, f16 or q8_0
    #[arg(long, value_name = "TYPE", default_value = "auto")]
    pub dtype: DtypeChoice,
    /// Threads of the model; 0 for one a core
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = count)]
    pub threads: usize,
    /// Never use the network: models of the hub come from the cache alone
    #[arg(long)]
    pub offline: bool,
    /// The begin-of-text token before a prompt: auto (what the tokenizer adds), always or never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub bos: Bos,
    /// The prompt is a message: write it in the model's chat template
    #[arg(long)]
    pub chat: bool,
}

/// When a begin-of-text token is put before a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Bos {
    /// What the tokenizer's own post-processor adds.
    Auto,
    /// Always.
    Always,
    /// No special token at all.
    Never,
}

impl From<Bos> for SpecialTokens {
    fn from(bos: Bos) -> Self {
        match bos {
            Bos::Auto => Self::Auto,
            Bos::Always => Self::Always,
            Bos::Never => Self::Never,
        }
    }
}

/// The chain of processors.
#[derive(Clone, Debug, Args)]
pub struct ChainArgs {
    /// One flag for each processor.
    #[command(flatten)]
    pub processors: ProcessorArgs,
    /// The processors in an order of your own, as NAME=VALUE,NAME=VALUE,…
    #[arg(long, value_name = "NAME=VALUE,…", conflicts_with = "preset", help_heading = "Filters and penalties")]
    pub chain: Option<String>,
    /// The order of another program: transformers, llama.cpp or vllm
    #[arg(long, value_name = "NAME", help_heading = "Filters and penalties")]
    pub preset: Option<String>,
}

/// `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The text to go on from; `-` reads it from standard input
    #[arg(value_name = "PROMPT", conflicts_with = "prompts", required_unless_present = "prompts")]
    pub prompt: Option<String>,
    /// Many prompts: a file with {"prompt": …} a line
    #[arg(long, value_name = "FILE.jsonl")]
    pub prompts: Option<PathBuf>,
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// The decoding options.
    #[command(flatten)]
    pub decoding: DecodingArgs,
    /// text, json, jsonl (the trace) or csv
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: FormatName,
    /// A file for the output, in place of standard output: there whole, or not at all
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How many candidates a step of the trace lists
    #[arg(long, value_name = "N", default_value_t = 20, allow_negative_numbers = true, value_parser = count)]
    pub top: usize,
}

/// The decoding options.
#[derive(Debug, Args)]
pub struct DecodingArgs {
    /// greedy, sample, beam, beam-sample, diverse-beam, contrastive, exact or speculative
    #[arg(long, value_name = "NAME")]
    pub strategy: Option<String>,
    /// The most tokens to generate
    #[arg(long, value_name = "N", default_value_t = 64, allow_negative_numbers = true, value_parser = count)]
    pub max_new_tokens: usize,
    /// Tokens before which the text may not end
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = count)]
    pub min_new_tokens: usize,
    /// The seed of the draws
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = seed)]
    pub seed: Option<u64>,
    /// Samples to draw, or sequences of a beam search to return
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = count)]
    pub num_return_sequences: usize,
    /// A text that ends the output; may be given more than once
    #[arg(long, value_name = "STRING", allow_hyphen_values = true)]
    pub stop: Vec<String>,
    /// Ids that end the text, in place of the model's
    #[arg(long, value_name = "ID,…", conflicts_with = "ignore_eos", allow_negative_numbers = true, value_parser = ids)]
    pub eos_token_id: Option<Ids>,
    /// Go on after an end of text
    #[arg(long)]
    pub ignore_eos: bool,
    /// The exact search.
    #[command(flatten)]
    pub exact: ExactArgs,
    /// The beams.
    #[command(flatten)]
    pub beams: BeamArgs,
    /// Contrastive search.
    #[command(flatten)]
    pub contrastive: ContrastiveArgs,
    /// The draft.
    #[command(flatten)]
    pub speculative: SpeculativeArgs,
    /// The negative prompt.
    #[command(flatten)]
    pub guidance: GuidanceArgs,
    /// The chain.
    #[command(flatten)]
    pub chain: ChainArgs,
}

/// `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The text to go on from; `-` reads it from standard input
    #[arg(value_name = "PROMPT")]
    pub prompt: String,
    /// A strategy with its options, as in `sample:temperature=0.8,top_p=0.9`; two to eight
    #[arg(long, value_name = "NAME:OPTION=VALUE,…")]
    pub strategy: Vec<String>,
    /// A model as in `run`; more than one compares models
    #[arg(long, value_name = "SPEC", default_value = "builtin")]
    pub model: Vec<ModelSource>,
    /// How the models are opened.
    #[command(flatten)]
    pub open: OpenArgs,
    /// The most tokens to generate, where a strategy does not say
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    pub max_new_tokens: Option<usize>,
    /// The seed of the draws, where a strategy does not say
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = seed)]
    pub seed: Option<u64>,
    /// All take the same draw at a step: that of --seed
    #[arg(long)]
    pub common_random_numbers: bool,
    /// text, json, jsonl or csv
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: FormatName,
}

/// `logits`.
#[derive(Debug, Args)]
pub struct LogitsArgs {
    /// Logits; without them, one JSON object a line is read from standard input
    #[arg(value_name = "LOGIT", allow_negative_numbers = true)]
    pub logits: Vec<f64>,
    /// The chain.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// Another chain, as --chain takes it: shows which tokens it treats otherwise, and how far apart the results are
    #[arg(long, value_name = "NAME=VALUE,…", allow_hyphen_values = true)]
    pub versus: Option<String>,
    /// text, json, jsonl or csv, for logits given as arguments
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: FormatName,
}

/// `tokens`.
#[derive(Debug, Args)]
pub struct TokensArgs {
    /// The text; `-` reads it from standard input
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    pub text: String,
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// text, json, jsonl or csv
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: FormatName,
}

/// `screenshot`.
#[derive(Debug, Args)]
pub struct ScreenshotArgs {
    /// What is drawn.
    #[command(flatten)]
    pub interface: InterfaceArgs,
    /// The view to draw, as the header names them
    #[arg(long, value_name = "NAME", default_value = "step", value_parser = view)]
    pub view: View,
    /// Columns and rows
    #[arg(long, value_name = "COLSxROWS", default_value = "120x36", value_parser = size)]
    pub size: Size,
    /// Keys to press first, as in "Right Right Down"
    #[arg(long, value_name = "KEYS", default_value = "")]
    pub keys: String,
    /// One frame after every key, as an SVG that plays; seconds for each, if not 1
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "1",
        value_parser = seconds)]
    pub animate: Option<f64>,
    /// Where to: a file that ends in .svg, .png or .txt; without it, text on standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `theme`.
#[derive(Debug, Args)]
pub struct ThemeArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ThemeAction,
}

/// What can be done with themes.
#[derive(Debug, Subcommand)]
pub enum ThemeAction {
    /// List the themes
    List,
    /// Say what is wrong with a theme file
    Check {
        /// The file
        file: PathBuf,
    },
}

/// The forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// For people.
    Text,
    /// One document.
    Json,
    /// One record a line.
    Jsonl,
    /// One row for each token.
    Csv,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Text => Self::Text,
            FormatName::Json => Self::Json,
            FormatName::Jsonl => Self::Jsonl,
            FormatName::Csv => Self::Csv,
        }
    }
}

/// Token ids.
#[derive(Clone, Debug)]
pub struct Ids(pub Vec<u32>);

pub(super) fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "not a whole number from 0".into())
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "not a whole number from 0 to 2^64 − 1".into())
}

fn ids(text: &str) -> Result<Ids, String> {
    let ids = text.split(',').map(|id| id.trim().parse().ok()).collect::<Option<_>>();
    ids.map(Ids).ok_or_else(|| "not a list of token ids".into())
}

/// How many colours; none is what the terminal has.
#[derive(Clone, Copy, Debug)]
pub struct Colours(pub Option<ColourDepth>);

/// A size of the screen.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// More cells than any screen has would only fill the memory.
const MOST_CELLS: u16 = 1000;

fn colours(text: &str) -> Result<Colours, String> {
    match (text, ColourDepth::parse(text)) {
        ("auto", _) => Ok(Colours(None)),
        (_, Some(depth)) => Ok(Colours(Some(depth))),
        (_, None) => Err("not one of auto, true, 256, 16, none".into()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.1..=60.0).contains(seconds));
    seconds.ok_or_else(|| "not a number of seconds from 0.1 to 60".into())
}

fn view(text: &str) -> Result<View, String> {
    let names: Vec<&str> = VIEWS.iter().map(|row| row.name).collect();
    View::named(text).ok_or_else(|| format!("it is not one of {}", names.join(", ")))
}

fn size(text: &str) -> Result<Size, String> {
    let side = |text: &str| text.parse().ok().filter(|side| (1..=MOST_CELLS).contains(side));
    let sides = text.split_once('x').and_then(|(width, height)| Some((side(width)?, side(height)?)));
    let (width, height) = sides.ok_or_else(|| format!("not COLSxROWS, each from 1 to {MOST_CELLS}"))?;
    Ok(Size { width, height })
}
