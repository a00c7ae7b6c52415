//! The terminal as a loan: taken in one place, given back exactly once, whatever ends the program.

use std::io::{self, Stdout, Write, stdout};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::{self, ThreadId};

use base64::prelude::{BASE64_STANDARD, Engine};
use ratatui::Frame;
use ratatui::Terminal as Ratatui;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use ratatui::crossterm::style::Print;
use ratatui::crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
};
use ratatui::crossterm::{execute, queue};

use super::app::Mouse;

/// Whether the terminal is taken. Whoever turns it off gives the terminal back; nobody does so twice.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The thread whose panic ends the program. Others report theirs, and the interface goes on.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);

/// The terminal in raw mode, on the alternate screen, without a cursor; as it was before once this is dropped.
pub struct Terminal {
    inner: Ratatui<CrosstermBackend<Stdout>>,
    mouse: Mouse,
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Standard output is no terminal, or it refuses.
    pub fn take() -> io::Result<Self> {
        install_hook();
        *OWNER.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
        enter()?;
        match Ratatui::new(CrosstermBackend::new(stdout())) {
            Ok(inner) => Ok(Self { inner, mouse: Mouse::Terminal }),
            Err(error) => {
                leave();
                Err(error)
            }
        }
    }

    /// Draws one frame, which the terminal shows all at once.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        queue!(stdout(), BeginSynchronizedUpdate)?;
        let drawn = self.inner.draw(render).map(|_| ());
        // Also after a failure: a terminal left in the middle of an update shows nothing any more.
        let ended = execute!(stdout(), EndSynchronizedUpdate);
        drawn.and(ended)
    }

    /// Puts a text into the clipboard by the sequence OSC 52, which terminals obey or ignore.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(stdout(), Print(clipboard(text)))
    }

    /// Takes the mouse, or gives it back.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn mouse(&mut self, mouse: Mouse) -> io::Result<()> {
        self.mouse = mouse;
        match mouse {
            Mouse::Program => execute!(stdout(), EnableMouseCapture),
            Mouse::Terminal => execute!(stdout(), DisableMouseCapture),
        }
    }

    /// Stops the program as Ctrl-Z does, and comes back when it is continued.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn suspend(&mut self) -> io::Result<()> {
        leave();
        #[cfg(unix)]
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        enter()?;
        self.mouse(self.mouse)?;
        // Whatever the shell drew meanwhile: every cell is drawn again. A new frame buffer does that; clearing the old one would
        // ask the terminal where its cursor is, and the answer goes to the thread that waits for keys.
        execute!(stdout(), Clear(ClearType::All))?;
        self.inner = Ratatui::new(CrosstermBackend::new(stdout()))?;
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        leave();
    }
}

/// OSC 52: operating system command 52, the clipboard (`c`), the text in base64, the string terminator.
fn clipboard(text: &str) -> String {
    format!("\x1b]52;c;{}\x1b\\", BASE64_STANDARD.encode(text))
}

fn enter() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide).inspect_err(|_| leave())
}

/// Gives the terminal back, if it is taken. Errors are for nobody: there is no terminal left to show them on.
fn leave() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), EndSynchronizedUpdate, Show, DisableMouseCapture);
        let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
        let _ = stdout().flush();
    }
}

/// Before a panic is printed the terminal goes back, so that the message stays readable. While the terminal is taken, panics
/// of other threads print nothing: they would write over the screen, and whoever started the thread reports them.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            let owner = *OWNER.lock().unwrap_or_else(PoisonError::into_inner);
            if owner == Some(thread::current().id()) {
                leave();
            } else if TAKEN.load(Ordering::SeqCst) {
                return;
            }
            previous(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_clipboard_gets_base64() {
        assert_eq!(super::clipboard("run 'ü'"), "\x1b]52;c;cnVuICfDvCc=\x1b\\");
    }
}
