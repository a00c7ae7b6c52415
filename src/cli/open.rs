//! Opens models, with what goes on meanwhile on standard error.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use crate::model::size::{human, human_time};
use crate::model::{self, Download, LoadedModel, ModelSource, OpenOptions, Opening};

use super::CliError;
use super::error::{one_line, say};
use super::signals::{interrupt_on_signal, watch_model_files};

/// A line that overwrites itself changes at most this often.
const REDRAWN: Duration = Duration::from_millis(100);
/// Where lines stay, a new one comes only this often.
const REPEATED: Duration = Duration::from_secs(10);

/// Opens a model, with a warning for what its files ask for and is not done. Ctrl-C breaks a download off; what has come stays for
/// the next time.
pub(super) fn open(source: &ModelSource, options: &OpenOptions) -> Result<LoadedModel, CliError> {
    let loaded = load(source, options)?;
    for note in loaded.model.notes() {
        say(&format!("warning: {}: {note}", source.name()));
    }
    Ok(loaded)
}

fn load(source: &ModelSource, options: &OpenOptions) -> Result<LoadedModel, CliError> {
    watch_model_files();
    if !matches!(source, ModelSource::Hub(_)) {
        return Ok(model::open(source, options)?);
    }
    let interrupt = interrupt_on_signal()?;
    let mut line = OpeningLine::detect();
    Ok(model::open_watched(source, options, &mut |opening| {
        line.show(&opening);
        interrupt.check()
    })?)
}

/// What goes on while a model is opened: one line that is redrawn on a terminal, a few lines elsewhere.
pub(super) struct OpeningLine {
    terminal: bool,
    last: Option<Instant>,
    /// How many bytes there were to come in all.
    announced: Option<u64>,
}

impl OpeningLine {
    /// For standard error.
    pub(super) fn detect() -> Self {
        Self { terminal: stderr().is_terminal(), last: None, announced: None }
    }

    pub(super) fn show(&mut self, opening: &Opening) {
        let Opening::Downloading(download) = opening else { return };
        let due = self.last.is_none_or(|last| last.elapsed() >= if self.terminal { REDRAWN } else { REPEATED });
        let whole = download.done >= download.total && self.announced.is_some();
        let new = self.announced.replace(download.total) != Some(download.total);
        if !(due || new || whole) {
            return;
        }
        self.last = Some(Instant::now());
        let text = one_line(&in_words(download));
        // A terminal that is gone is no reason to stop.
        let _ = if self.terminal { write!(stderr(), "\r{text}\x1b[K") } else { writeln!(stderr(), "{text}") };
    }
}

impl Drop for OpeningLine {
    fn drop(&mut self) {
        if self.terminal && self.announced.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

/// `model.safetensors: 45.2 MB of 98.8 MB, 12.3 MB/s, 4 s left`
fn in_words(download: &Download) -> String {
    let so_far = format!("{}: {} of {}", download.file, human(download.done), human(download.total));
    let speed = download.bytes_per_second.map(|speed| format!("{}/s", human(speed as u64)));
    let left = download.seconds_left().filter(|_| download.done < download.total);
    let left = left.map(|seconds| format!("{} left", human_time(seconds)));
    [Some(so_far), speed, left].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
