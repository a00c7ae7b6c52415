//! A file that becomes shorter under its map: the system raises SIGBUS in whoever reads a page that is gone.
//!
//! Nothing can be computed any more then, but a program can end in order. The thread that reads meets the same fault again each
//! time it goes on, and another one is told.
#![allow(unsafe_code)]

use std::io;
use std::thread;

use signal_hook::consts::SIGBUS;
use signal_hook::iterator::Signals;

use super::bytes::shortened;

/// Calls `told` on a thread of its own with one line for the user, once a mapped file can't be read any more. The program has to
/// end then.
///
/// # Errors
/// The system gives no handler or no thread.
pub fn on_fault(told: impl FnOnce(String) + Send + 'static) -> io::Result<()> {
    // SAFETY: no code of this program runs in the default action. The handler that it takes the place of is that of the standard
    // library, which would let the fault end the program at once.
    unsafe { libc::signal(SIGBUS, libc::SIG_DFL) };
    let mut signals = Signals::new([SIGBUS])?;
    let work = move || {
        if signals.forever().next().is_some() {
            told(message(&shortened()));
        }
    };
    thread::Builder::new().name("faults".into()).spawn(work).map(|_| ())
}

fn message(files: &[String]) -> String {
    let what = if files.is_empty() { "a file of the model".into() } else { files.join(", ") };
    let how = if files.is_empty() { "can't be read any more" } else { "became shorter while the model was in use" };
    format!(
        "{what} {how}: put it in order and start again (files of an open model may be replaced, but not written to)"
    )
}
