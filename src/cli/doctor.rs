//! `doctor`: its arguments, and what is found on the machine.

use std::io::{BufWriter, IsTerminal, Write, stdin, stdout};
use std::path::Path;

use clap::Args;
use sysinfo::{CpuRefreshKind, RefreshKind, System};

use crate::headless::{self, Finding, Verdict, style::Style};
use crate::model::kernels::Isa;
use crate::model::size::human;
use crate::model::{HubPlace, Network, available_memory};
use crate::ui::theme::ColourDepth;

use super::CliError;
use super::args::ModelArgs;
use super::commands::open;
use super::host::{Files, config_file};
use super::interface::read_config;
use super::models::ModelsFormat;
use super::signals::interrupt_on_signal;

/// The smallest screen that everything fits on.
const SCREEN: (u16, u16) = (80, 24);

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ModelsFormat,
}

/// What is looked at on the machine, in the order of the report.
const EXAMINATIONS: &[fn(&DoctorArgs) -> Finding] =
    &[terminal, colours, letters, processor, threads, memory, devices, configuration, state, cache];

pub(super) fn doctor(args: &DoctorArgs) -> Result<(), CliError> {
    let interrupt = interrupt_on_signal()?;
    let machine: Vec<Finding> = EXAMINATIONS.iter().map(|examine| examine(args)).collect();
    let loaded = open(&args.model)?;
    let mut out = BufWriter::new(stdout().lock());
    let form = (args.format.into(), Style::detect());
    let bad = headless::doctor((loaded, &args.model.model), &machine, form, &interrupt, &mut out)?;
    out.flush()?;
    if bad.is_empty() { Ok(()) } else { Err(CliError::Failed(format!("not as it should be: {}", bad.join(", ")))) }
}

fn good(name: &'static str, found: impl Into<String>) -> Finding {
    Finding { name, verdict: Verdict::Good, found: found.into() }
}

fn notice(name: &'static str, found: impl Into<String>) -> Finding {
    Finding { name, verdict: Verdict::Notice, found: found.into() }
}

fn bad(name: &'static str, found: impl Into<String>) -> Finding {
    Finding { name, verdict: Verdict::Bad, found: found.into() }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn terminal(_: &DoctorArgs) -> Finding {
    const NAME: &str = "terminal";
    if !(stdin().is_terminal() && stdout().is_terminal()) {
        return notice(NAME, "none here: the interface needs one, all other commands don't");
    }
    let kind = variable("TERM").unwrap_or_else(|| "of no known kind".into());
    match ratatui::crossterm::terminal::size() {
        Ok((width, height)) if width >= SCREEN.0 && height >= SCREEN.1 => {
            good(NAME, format!("{kind}, {width} × {height}"))
        }
        Ok((width, height)) => {
            let (wanted, lines) = SCREEN;
            notice(NAME, format!("{kind}, {width} × {height}: at {wanted} × {lines} nothing is left out"))
        }
        Err(error) => notice(NAME, format!("{kind}, its size is not known ({error})")),
    }
}

fn colours(_: &DoctorArgs) -> Finding {
    const NAME: &str = "colours";
    match ColourDepth::detect(|name| std::env::var(name).ok()) {
        ColourDepth::True => good(NAME, "24 bits"),
        ColourDepth::Indexed256 => good(NAME, "256; COLORTERM=truecolor says that the terminal has more"),
        ColourDepth::Ansi16 => notice(NAME, "16; COLORTERM=truecolor says that the terminal has more"),
        ColourDepth::None => notice(NAME, "none (NO_COLOR, or TERM=dumb): signs and bold tell the same"),
    }
}

/// What the locale says of the terminal's letters.
fn letters(_: &DoctorArgs) -> Finding {
    const NAME: &str = "letters";
    if cfg!(windows) {
        return good(NAME, "Unicode");
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variable(name)).unwrap_or_default();
    let lower = locale.to_lowercase();
    if lower.contains("utf-8") || lower.contains("utf8") {
        return good(NAME, format!("Unicode ({locale})"));
    }
    let locale = if locale.is_empty() { "not set".into() } else { locale };
    notice(NAME, format!("the locale is {locale}, no UTF-8 one: if bars look wrong, give --ascii"))
}

fn processor(_: &DoctorArgs) -> Finding {
    const NAME: &str = "processor";
    let system = System::new_with_specifics(RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()));
    let brand = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default();
    let instructions = Isa::best().name();
    let found = format!("{brand}, {}, instructions {instructions}", std::env::consts::ARCH);
    if instructions == "portable" && cfg!(target_arch = "x86_64") {
        return notice(NAME, format!("{found}: without AVX2 and FMA models run slowly"));
    }
    good(NAME, found)
}

fn threads(args: &DoctorArgs) -> Finding {
    const NAME: &str = "threads";
    let there = std::thread::available_parallelism().map_or(1, usize::from);
    let used = match args.model.open.options().threads {
        0 => there,
        asked => asked,
    };
    if used > there {
        return notice(NAME, format!("{used} on {there} cores: more threads than cores wait for each other"));
    }
    good(NAME, format!("{used} of {there}"))
}

fn memory(_: &DoctorArgs) -> Finding {
    const NAME: &str = "memory";
    available_memory().map_or_else(
        || notice(NAME, "the system does not say how much is free"),
        |bytes| good(NAME, format!("{} free", human(bytes))),
    )
}

fn devices(_: &DoctorArgs) -> Finding {
    const NAME: &str = "devices";
    let built = [("cuda", cfg!(feature = "cuda")), ("metal", cfg!(feature = "metal"))];
    let built: Vec<&str> = built.iter().filter(|(_, is_built)| *is_built).map(|(name, _)| *name).collect();
    if built.is_empty() {
        return good(NAME, "cpu (this build has no others)");
    }
    good(NAME, format!("cpu, and built for {}", built.join(" and ")))
}

fn configuration(_: &DoctorArgs) -> Finding {
    const NAME: &str = "configuration";
    match config_file().filter(|file| file.exists()) {
        None => good(NAME, "none: all is as usual"),
        Some(file) => match read_config(&file) {
            Ok(_) => good(NAME, file.display().to_string()),
            Err(error) => bad(NAME, error.message().unwrap_or_default()),
        },
    }
}

fn state(_: &DoctorArgs) -> Finding {
    const NAME: &str = "sessions";
    match Files::usual().state {
        None => notice(NAME, "there is no home directory: sessions are not kept"),
        Some(folder) => writable(NAME, &folder, "sessions can't be kept"),
    }
}

fn cache(_: &DoctorArgs) -> Finding {
    let place = HubPlace::from_env(Network::Forbidden);
    writable("cache", &place.cache, "models can't be downloaded")
}

/// Whether files can be written into a folder, or into the one that it would be made in.
fn writable(name: &'static str, folder: &Path, otherwise: &str) -> Finding {
    let there = folder.ancestors().find(|ancestor| ancestor.is_dir());
    let tried = there.map_or_else(
        || Err("no such folder".into()),
        |there| tempfile::tempfile_in(there).map_err(|error| error.to_string()),
    );
    let shown = folder.display();
    match tried {
        Ok(_) if there == Some(folder) => good(name, shown.to_string()),
        Ok(_) => good(name, format!("{shown} (made when it is needed)")),
        Err(error) => bad(name, format!("{shown}: {otherwise} ({error})")),
    }
}
