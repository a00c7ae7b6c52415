//! Opens the interface, and looks after its themes.

use std::fs;
use std::io::{Write, stdout};
use std::path::Path;
use std::sync::Arc;

use crate::engine::Recording;
use crate::glyph::{self, Charset};
use crate::lesson::Lesson;
use crate::model::{ModelSource, OpenOptions, PromptForm, SpecialTokens};
use crate::ui::app::Mouse;
use crate::ui::config::Config;
use crate::ui::host::{Host, Kept};
use crate::ui::knobs::Mode;
use crate::ui::saved;
use crate::ui::theme::{self, BUILT_IN, Theme, ThemeError};
use crate::ui::{self, Options, UiError};

use super::CliError;
use super::args::{InterfaceArgs, LookArgs, ThemeAction};
use super::commands::text_or_stdin;
use super::error::say;
use super::host::{Files, config_file};

/// `logitscope [PROMPT]`.
pub(super) fn open(args: &InterfaceArgs) -> Result<(), CliError> {
    let files = Files::usual();
    let config = usual_config(&args.look)?;
    let mut options = options(args, config)?;
    // Prompts that can't be read are said when they can't be written.
    if args.resume {
        if let Some(stage) = args.chain.processors.stages.first() {
            let flag = stage.row().name.replace('_', "-");
            return Err(CliError::Input(format!("--{flag} beside --continue: the session has its own chain")));
        }
        let mut saved = ui::kept_session(&files).map_err(|error| CliError::Input(format!("--continue: {error}")))?;
        let unopened = |error| CliError::Input(format!("--continue: the session's model: {error}"));
        if args.model.model == ModelSource::Builtin {
            options.source = saved.model.parse().map_err(unopened)?;
        }
        if args.look.theme.is_some() {
            options.theme.name().clone_into(&mut saved.theme);
        }
        options.saved = Some(saved);
    }
    let typed = files.kept(Kept::Prompts).ok().flatten().and_then(|text| saved::prompts(&text).ok());
    options.history = typed.unwrap_or_default();
    let opened = files.kept(Kept::Models).ok().flatten().and_then(|text| saved::models(&text).ok());
    options.opened = opened.unwrap_or_default();
    Ok(ui::run(&options, Box::new(files))?)
}

/// Opens the interface on a lesson. The lessons need no model; the other views get the usual one.
pub(super) fn open_lesson(look: &LookArgs, lesson: Lesson) -> Result<(), CliError> {
    let options = Options { lesson: Some(lesson), ..bare(look, usual_config(look)?)? };
    Ok(ui::run(&options, Box::new(Files::usual()))?)
}

/// `replay` without a form: the trace in the interface.
pub(super) fn open_recording(recording: Recording, look: &LookArgs) -> Result<(), CliError> {
    let config = usual_config(look)?;
    let mut options = bare(look, config)?;
    options.prompt = Some(recording.prompt().to_owned());
    options.chain = Some(recording.chain());
    options.mode = if recording.was_drawn() { Mode::Sampling } else { Mode::Greedy };
    options.recording = Some(Arc::new(recording));
    Ok(ui::run(&options, Box::new(Files::usual()))?)
}

/// The configuration that was asked for, or the user's.
fn usual_config(look: &LookArgs) -> Result<Config, CliError> {
    match &look.config {
        Some(file) => read_config(file),
        None => config_file().filter(|file| file.exists()).map_or(Ok(Config::default()), |file| read_config(&file)),
    }
}

pub(super) fn read_config(file: &Path) -> Result<Config, CliError> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|error| CliError::Input(format!("can't read {name}: {error}")))?;
    let mut config = Config::parse(&name, &text).map_err(|error| CliError::Input(error.to_string()))?;
    // A theme file is looked for from where it is named.
    if let (Some(theme), Some(folder)) = (&mut config.theme, file.parent())
        && Path::new(theme).extension().is_some()
    {
        *theme = folder.join(&*theme).display().to_string();
    }
    Ok(config)
}

pub(super) fn options(args: &InterfaceArgs, config: Config) -> Result<Options, CliError> {
    let chain = args.chain.chain()?;
    if let Some(stage) = chain.guidance() {
        return Err(CliError::Input(format!("{stage}: the interface has no negative prompt: use `logitscope run`")));
    }
    let named = args.strategy.is_some() || !chain.stages().is_empty();
    // Somebody who asks for nothing gets something to look at: sampling through a usual chain.
    let strategy =
        if named { args.chain.strategy(args.strategy.as_deref(), args.seed, &chain)?.name } else { "sample" };
    let mode = match strategy {
        "greedy" => Mode::Greedy,
        "sample" => Mode::Sampling,
        other => {
            let message = format!("--strategy: the interface has greedy and sample; use `logitscope run` for {other}");
            return Err(CliError::Input(message));
        }
    };
    Ok(Options {
        source: args.model.model.clone(),
        open: args.model.open.options(),
        prompt: args.prompt.as_deref().map(text_or_stdin).transpose()?,
        chain: (!chain.stages().is_empty()).then_some(chain),
        mode,
        special: args.model.open.bos.into(),
        form: args.model.open.form(),
        seed: args.seed.unwrap_or(0),
        ..bare(&args.look, config)?
    })
}

/// The options of a look, with nothing else asked for.
fn bare(look: &LookArgs, config: Config) -> Result<Options, CliError> {
    Ok(Options {
        source: ModelSource::Builtin,
        open: OpenOptions::default(),
        prompt: None,
        chain: None,
        mode: Mode::Sampling,
        special: SpecialTokens::Auto,
        form: PromptForm::Plain,
        opened: Vec::new(),
        seed: 0,
        theme: load_theme(look.theme.as_deref().or(config.theme.as_deref()).unwrap_or("dark"))?,
        colours: look.colors.map_or(config.colours.flatten(), |colours| colours.0),
        charset: if look.ascii { Charset::Ascii } else { config.charset.unwrap_or(Charset::Unicode) },
        keymap: config.keymap,
        history: Vec::new(),
        saved: None,
        recording: None,
        mouse: if look.mouse || config.mouse.unwrap_or(false) { Mouse::Program } else { Mouse::Terminal },
        lesson: None,
    })
}

fn load_theme(name: &str) -> Result<Theme, ThemeError> {
    Theme::load(name, &|path: &Path| fs::read_to_string(path))
}

/// `theme`.
pub(super) fn theme(action: &ThemeAction) -> Result<(), CliError> {
    let mut out = stdout().lock();
    match action {
        ThemeAction::List => {
            let width = BUILT_IN.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            for (name, text) in BUILT_IN {
                writeln!(out, "{name:width$}  {}", theme::summary(text))?;
            }
        }
        ThemeAction::Check { file } => check_theme(file, &mut out)?,
    }
    Ok(())
}

fn check_theme(file: &Path, out: &mut impl Write) -> Result<(), CliError> {
    // A bare name would be looked up among the built-in ones.
    let path = if file.is_absolute() { file.to_owned() } else { Path::new(".").join(file) };
    let theme = load_theme(&path.display().to_string())?;
    let faults = theme.faults();
    if !faults.is_empty() {
        for fault in &faults {
            say(&format!("{}: {fault}", file.display()));
        }
        let message = format!("{}: {} of its contrasts too low; see above", file.display(), faults.len());
        return Err(CliError::Input(message));
    }
    match theme.text_contrast() {
        Some(least) => {
            writeln!(out, "{}: good, the contrast of all text is at least {least:.1}", glyph::visible(theme.name()))?;
        }
        None => writeln!(out, "{}: good, its colours are the terminal's", glyph::visible(theme.name()))?,
    }
    Ok(())
}

impl From<ThemeError> for CliError {
    fn from(error: ThemeError) -> Self {
        Self::Input(error.to_string())
    }
}

impl From<UiError> for CliError {
    fn from(error: UiError) -> Self {
        match error {
            UiError::Interrupted => Self::Interrupted,
            UiError::Theme(error) => error.into(),
            UiError::Decode(error) => error.into(),
            UiError::Io(error) => Self::Failed(format!("terminal: {error}")),
            error @ (UiError::NotKept(_) | UiError::ModelFile(_)) => Self::Failed(error.to_string()),
            error @ (UiError::NoTerminal | UiError::UnknownKey(_) | UiError::Scene(_)) => {
                Self::Input(error.to_string())
            }
        }
    }
}
