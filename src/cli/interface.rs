//! Opens the interface, and looks after its themes.

use std::fs;
use std::io::{Write, stderr, stdout};
use std::path::Path;

use crate::glyph::Charset;
use crate::ui::knobs::Mode;
use crate::ui::theme::{self, BUILT_IN, Theme, ThemeError};
use crate::ui::{self, Options, UiError};

use super::CliError;
use super::args::{InterfaceArgs, ThemeAction};
use super::commands::text_or_stdin;

/// `logitscope [PROMPT]`.
pub(super) fn open(args: &InterfaceArgs) -> Result<(), CliError> {
    Ok(ui::run(options(args)?)?)
}

pub(super) fn options(args: &InterfaceArgs) -> Result<Options, CliError> {
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
        seed: args.seed.unwrap_or(0),
        theme: load_theme(&args.look.theme)?,
        colours: args.look.colors.0,
        charset: if args.look.ascii { Charset::Ascii } else { Charset::Unicode },
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
            writeln!(stderr(), "{}: {fault}", file.display())?;
        }
        let message = format!("{}: {} of its contrasts too low; see above", file.display(), faults.len());
        return Err(CliError::Input(message));
    }
    match theme.text_contrast() {
        Some(least) => writeln!(out, "{}: good, the contrast of all text is at least {least:.1}", theme.name())?,
        None => writeln!(out, "{}: good, its colours are the terminal's", theme.name())?,
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
            error @ (UiError::NoTerminal | UiError::UnknownKey(_) | UiError::Scene(_)) => {
                Self::Input(error.to_string())
            }
        }
    }
}
