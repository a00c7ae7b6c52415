//! What the interface is opened with, and what can go wrong.

use std::io;
use std::sync::Arc;

use crate::decode::{Chain, DecodeError};
use crate::engine::Recording;
use crate::lesson::Lesson;
use crate::model::{ModelSource, OpenOptions, PromptForm, SpecialTokens};

use super::action::Keymap;
use super::app::{Mouse, Setup};
use super::knobs::Mode;
use super::saved::Saved;
use super::theme::{BUILT_IN, ColourDepth, Theme, ThemeError};
use crate::glyph::Charset;

/// The prompt that shows something at once.
pub const EXAMPLE: &str = "Once upon a time, the king";

/// The chain of somebody who asked for none.
const USUAL_CHAIN: &str = "temperature=0.8,top_k=40,top_p=0.95";

/// What the interface is opened with.
#[derive(Clone)]
pub struct Options {
    /// Where the model comes from.
    pub source: ModelSource,
    /// How it is opened.
    pub open: OpenOptions,
    /// The prompt; an example where there is none.
    pub prompt: Option<String>,
    /// The chain to begin with; a usual one where there is none.
    pub chain: Option<Chain>,
    /// How the next token is chosen.
    pub mode: Mode,
    /// Whether a begin-of-text token is put before the prompt.
    pub special: SpecialTokens,
    /// How what was typed becomes the text that the model reads.
    pub form: PromptForm,
    /// Models that were opened before, the last one last.
    pub opened: Vec<String>,
    /// The seed of all draws.
    pub seed: u64,
    /// The theme to begin with, in all its colours.
    pub theme: Theme,
    /// The colours to use; those of the terminal where there are none.
    pub colours: Option<ColourDepth>,
    /// Which symbols may be drawn.
    pub charset: Charset,
    /// The lesson to begin with, where one was asked for.
    pub lesson: Option<Lesson>,
    /// Which keys do what.
    pub keymap: Keymap,
    /// The prompts that were typed before, oldest first.
    pub history: Vec<String>,
    /// A session to go on with.
    pub saved: Option<Box<Saved>>,
    /// What is shown in the place of a model's work; the model is not opened then.
    pub recording: Option<Arc<Recording>>,
    /// Whose clicks and wheel are.
    pub mouse: Mouse,
}

impl Options {
    /// The state that these options ask for, in so many colours.
    ///
    /// # Errors
    /// A theme that is unknown or wrong.
    pub(super) fn setup(&self, depth: ColourDepth) -> Result<Setup, UiError> {
        let mut themes = vec![self.theme.at_depth(depth)];
        for (name, _) in BUILT_IN.iter().filter(|(name, _)| *name != self.theme.name()) {
            themes.push(Theme::built_in(name)?.at_depth(depth));
        }
        let chain = match &self.chain {
            Some(chain) => chain.clone(),
            None => Chain::parse(USUAL_CHAIN)?,
        };
        let prompt = self.prompt.clone().unwrap_or_else(|| EXAMPLE.to_owned());
        let Self { mode, special, form, seed, charset, .. } = *self;
        let (source, dtype) = (self.source.clone(), self.open.dtype);
        let (keymap, history, saved) = (self.keymap.clone(), self.history.clone(), self.saved.clone());
        let (recording, lesson) = (self.recording.clone(), self.lesson.clone());
        Ok(Setup {
            recording,
            lesson,
            mouse: self.mouse,
            source,
            dtype,
            prompt,
            chain,
            mode,
            special,
            form,
            opened: self.opened.clone(),
            seed,
            themes,
            charset,
            keymap,
            history,
            saved,
        })
    }
}

/// Why the interface could not be opened, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum UiError {
    /// Output or input is a file or a pipe.
    #[error("the interface needs a terminal: use `logitscope run` where there is none")]
    NoTerminal,
    /// The terminal or the system refused.
    #[error("terminal: {0}")]
    Io(#[from] io::Error),
    /// The theme.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// The chain.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The system asked the program to end.
    #[error("interrupted")]
    Interrupted,
    /// The session could not be kept.
    #[error("the session is not kept: {0}")]
    NotKept(String),
    /// A file of the model can't be read any more; one line.
    #[error("{0}")]
    ModelFile(String),
    /// A scene's key that no keyboard has.
    #[error("no key is called `{0}`: write Right, Down, Enter, Ctrl-C, or a character")]
    UnknownKey(String),
    /// A scene whose model could not be opened, or that doesn't come to an end.
    #[error("{0}")]
    Scene(String),
}
