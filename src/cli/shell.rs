//! What the shell is given: completions and manual pages, both made from the command line's own description.

use std::fs;
use std::io::{self, Write, stdout};
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::file::{Readers, WholeFile};

use super::environment::VARIABLES;
use super::{CliError, EXIT_CODES, command};

/// `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command that the page is about, as in `man run` or `man model pull`; without one, the program
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub command: Vec<String>,
    /// A folder for the pages of all commands, made where it is not there
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `completions SHELL`.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<(), CliError> {
    // Into memory first: the generator panics where output fails, and a closed pipe is no fault.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "logitscope", &mut script);
    Ok(stdout().write_all(&script)?)
}

/// `man [COMMAND…]`, or `man --out DIR` for all of them.
pub(super) fn man(args: &ManArgs) -> Result<(), CliError> {
    let program = built();
    match &args.out {
        Some(folder) => write_all(&program, folder),
        None => Ok(stdout().write_all(&page(find(&program, &args.command)?)?)?),
    }
}

/// The command line with everything filled in that clap derives, such as the full names of its commands.
fn built() -> Command {
    let mut program = command();
    program.build();
    program
}

/// The command of this path.
fn find<'a>(program: &'a Command, path: &[String]) -> Result<&'a Command, CliError> {
    path.iter().try_fold(program, |at, name| {
        at.find_subcommand(name).ok_or_else(|| {
            let known: Vec<&str> = at.get_subcommands().map(Command::get_name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            CliError::Input(format!("man: {} has no command `{name}`; there are {known}", at.get_name()))
        })
    })
}

fn write_all(command: &Command, folder: &Path) -> Result<(), CliError> {
    let unwritten =
        |path: &Path, error: &io::Error| CliError::Input(format!("can't write {}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    let path = folder.join(Man::new(command.clone()).get_filename());
    let write = || {
        let mut file = WholeFile::create(&path, Readers::Others)?;
        file.write_all(&page(command)?)?;
        file.commit()
    };
    write().map_err(|error| unwritten(&path, &error))?;
    command.get_subcommands().try_for_each(|command| write_all(command, folder))
}

/// The page of a command, in the language of `man`.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let source = format!("logitscope {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source).manual("logitscope");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(&mut page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    closing(command).to_writer(&mut page)?;
    Ok(page)
}

/// What every page ends with; the environment is that of the program.
fn closing(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        roff.control("TP", []).text([bold(code.to_string())]).text([roman(meaning)]);
    }
    if command.get_name() == "logitscope" {
        roff.control("SH", ["ENVIRONMENT"]);
        for variable in VARIABLES {
            roff.control("TP", []).text([bold(variable.names.join(", "))]).text([roman(variable.meaning)]);
        }
    } else {
        roff.control("SH", ["SEE ALSO"]).text([bold("logitscope"), roman("(1)")]);
    }
    roff
}
