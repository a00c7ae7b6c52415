//! What each command does with its settings.

use std::io::{BufWriter, Read, Write, stdin, stdout};
use std::path::Path;

use crate::decode::Chain;
use crate::file::{Readers, WholeFile};
use crate::headless::{self, Format, Job, LogitsDefaults, style::Style};
use crate::model::LoadedModel;
use crate::ui::config::Config;

use super::CliError;
use super::args::{Cli, Command, LogitsArgs, ModelArgs, RunArgs, TokensArgs};
use super::bench::bench;
use super::compare::compare;
use super::doctor::doctor;
use super::interface;
use super::lesson::lesson;
use super::models::models;
use super::replay::replay;
use super::score::score;
use super::screenshot::screenshot;
use super::shell;
use super::signals::interrupt_on_signal;

pub(super) fn dispatch(cli: Cli) -> Result<(), CliError> {
    match cli.command {
        None => interface::open(&cli.interface),
        Some(Command::Run(args)) => run(&args),
        Some(Command::Score(args)) => score(&args),
        Some(Command::Compare(args)) => compare(&args),
        Some(Command::Logits(args)) => logits(&args),
        Some(Command::Tokens(args)) => tokens(&args),
        Some(Command::Replay(args)) => replay(&args),
        Some(Command::Lesson(args)) => lesson(&args),
        Some(Command::Model(args)) => models(&args),
        Some(Command::Screenshot(args)) => screenshot(&args),
        Some(Command::Bench(args)) => bench(&args),
        Some(Command::Doctor(args)) => doctor(&args),
        Some(Command::Theme(args)) => interface::theme(&args.action),
        Some(Command::Config) => Ok(stdout().write_all(Config::usual().as_bytes())?),
        Some(Command::Completions { shell }) => shell::completions(shell),
        Some(Command::Man(args)) => shell::man(&args),
    }
}

pub(super) fn open(args: &ModelArgs) -> Result<LoadedModel, CliError> {
    super::open::open(&args.model, &args.open.options())
}

fn run(args: &RunArgs) -> Result<(), CliError> {
    let settings = args.decoding.settings(&args.model.open, args.top)?;
    let prompts = match (&args.prompts, &args.prompt) {
        (Some(file), _) => read_prompts(file)?,
        (None, Some(prompt)) => vec![text_or_stdin(prompt)?],
        (None, None) => return Err(CliError::Input("a prompt is missing".into())),
    };
    let interrupt = interrupt_on_signal()?;
    let mut loaded = open(&args.model)?;
    let mut draft = args.decoding.speculative.open(&args.model.open.options())?;
    let (format, progress) = (args.format.into(), headless::Progress::detect());
    let style = if args.out.is_some() { Style::Plain } else { Style::detect() };
    let job = Job { settings: &settings, format, style, interrupt: &interrupt, progress: &progress };
    let Some(path) = &args.out else {
        return Ok(headless::run((&mut loaded, draft.as_mut()), &prompts, &job, &mut stdout().lock())?);
    };
    let unwritten = |error: std::io::Error| CliError::Failed(format!("can't write {}: {error}", path.display()));
    let mut out = WholeFile::create(path, Readers::Others)
        .map_err(|error| CliError::Input(unwritten(error).message().unwrap_or_default()))?;
    headless::run((&mut loaded, draft.as_mut()), &prompts, &job, &mut out).map_err(|error| match error {
        headless::HeadlessError::Io(error) => unwritten(error),
        error => error.into(),
    })?;
    out.commit().map_err(unwritten)
}

/// `-` is standard input as it is, one newline at its end taken off.
pub(super) fn text_or_stdin(text: &str) -> Result<String, CliError> {
    if text != "-" {
        return Ok(text.into());
    }
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let mut text = String::from_utf8(bytes)
        .map_err(|error| CliError::Input(format!("standard input is not UTF-8: {}", error.utf8_error())))?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

fn read_prompts(file: &Path) -> Result<Vec<String>, CliError> {
    #[derive(serde::Deserialize)]
    struct Line {
        prompt: String,
    }
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| CliError::Input(format!("can't read {name}: {error}")))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let prompts: Vec<String> = lines
        .map(|(i, line)| match serde_json::from_str::<Line>(line) {
            Ok(line) => Ok(line.prompt),
            Err(error) => Err(CliError::Input(format!("{name}, line {}: {error}: give {{\"prompt\": …}}", i + 1))),
        })
        .collect::<Result<_, _>>()?;
    if prompts.is_empty() {
        return Err(CliError::Input(format!("{name} holds no prompt: give one {{\"prompt\": …}} a line")));
    }
    Ok(prompts)
}

fn logits(args: &LogitsArgs) -> Result<(), CliError> {
    let versus = args.versus.as_deref().map(Chain::parse).transpose();
    let versus = versus.map_err(|error| CliError::Input(format!("--versus: {error}")))?;
    let settings = LogitsDefaults { chain: args.chain.chain()?, versus };
    let mut out = BufWriter::new(stdout().lock());
    if args.logits.is_empty() {
        let wrong = headless::logits_lines(stdin().lock(), &settings, &mut out)?;
        return if wrong == 0 { Ok(()) } else { Err(CliError::SomeLinesWrong(wrong)) };
    }
    headless::logits_table(&args.logits, &settings, (args.format.into(), Style::detect()), &mut out)?;
    Ok(out.flush()?)
}

fn tokens(args: &TokensArgs) -> Result<(), CliError> {
    let text = text_or_stdin(&args.text)?;
    let loaded = open(&args.model)?;
    let form: (Format, Style) = (args.format.into(), Style::detect());
    let mut out = BufWriter::new(stdout().lock());
    let tokenizer = loaded.tokenizer.as_ref();
    let (text, special) = args.model.open.form().apply(&text, args.model.open.bos.into(), tokenizer)?;
    headless::tokens(loaded.model.info(), tokenizer, (&text, special), form, &mut out)?;
    Ok(out.flush()?)
}
