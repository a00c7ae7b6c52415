//! What ends a command from outside: Ctrl-C and polite kills, and model files that can't be read any more.

use std::io::{IsTerminal, Write, stderr};
use std::process::exit;
use std::sync::{Once, OnceLock};
use std::thread::sleep;
use std::time::Duration;

use crate::file;
use crate::headless::Interrupt;

use super::CliError;
use super::INTERRUPTED;
use super::error::say;

/// How long a command that is interrupted may take to end by itself. After that it waits for something that does not look: a
/// model that is opened, a server that does not answer.
const PATIENCE: Duration = Duration::from_millis(300);

/// Ctrl-C and a polite kill break the command off; it ends with its own exit code, at the latest after a moment.
pub(super) fn interrupt_on_signal() -> Result<Interrupt, CliError> {
    // There is one handler for the whole program, and one interruption.
    static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();
    if let Some(interrupt) = INTERRUPT.get() {
        return Ok(interrupt.clone());
    }
    let interrupt = INTERRUPT.get_or_init(Interrupt::default).clone();
    let theirs = interrupt.clone();
    let handler = move || {
        theirs.set();
        sleep(PATIENCE);
        leave(None, INTERRUPTED);
    };
    ctrlc::set_handler(handler).map_err(|error| CliError::Failed(format!("no signal handler: {error}")))?;
    Ok(interrupt)
}

/// A model file that becomes shorter while it is read ends the command with one line.
pub(super) fn watch_model_files() {
    static WATCHED: Once = Once::new();
    #[cfg(unix)]
    WATCHED.call_once(|| {
        // Without it the program ends all the same, only with fewer words.
        let _ = crate::model::weights::on_fault(|line| leave(Some(&line), super::FAILED));
    });
    #[cfg(not(unix))]
    WATCHED.call_once(|| {});
}

/// A limit on the size of files is an error of whoever writes, as a full disk is, and not the end of the program.
pub(super) fn survive_file_limits() {
    #[cfg(unix)]
    {
        // Without it the program ends at the limit.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
    }
}

/// Ends the program, whatever its other threads do, with a last line if there is something to say. Files that are not complete are
/// taken away.
fn leave(line: Option<&str>, code: u8) -> ! {
    file::abandon();
    if stderr().is_terminal() {
        // Whatever line was being redrawn.
        let _ = write!(stderr(), "\r\x1b[K");
    }
    line.into_iter().for_each(say);
    exit(code.into())
}
