//! The state of the interface. It changes only in [`App::update`], which does no IO.

mod checkup;
mod command;
mod decision;
mod jobs;
mod kept;
mod keys;
mod list;
mod mouse;
mod recording;
mod steps;
mod trace;
mod update;
mod value;

#[cfg(test)]
pub(crate) mod pictures;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ratatui::layout::Rect;

use crate::decode::{Chain, DecodeError, TokenId};
use crate::engine::{Recording, TokenScore};
use crate::lesson::Lesson;
use crate::model::{DtypeChoice, ModelInfo, ModelSource, Opening, PromptForm, SpecialTokens, Tokenizer};
use crate::session::{NodeId, Session};

pub use command::Headless;
pub use decision::{Draws, Pick, Shown};
use jobs::Jobs;
pub use list::List;
pub use mouse::Mouse;
use trace::Telling;

use super::action::Keymap;
use super::knobs::{Knobs, Mode};
use super::layout::Frame;
use super::look::Look;
use super::overlays::{Offer, Overlay};
use super::saved::Saved;
use super::theme::Theme;
use super::views::{States, View};
use crate::glyph::Charset;

/// What the interface is opened with.
#[derive(Clone)]
pub struct Setup {
    /// Where the model comes from.
    pub source: ModelSource,
    /// The type of its weights.
    pub dtype: DtypeChoice,
    /// The prompt.
    pub prompt: String,
    /// The chain to begin with.
    pub chain: Chain,
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
    /// The themes to choose from, the one to begin with first, for the terminal's colours; at least one.
    pub themes: Vec<Theme>,
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
    /// What is shown in the place of a model's work.
    pub recording: Option<Arc<Recording>>,
    /// Whose clicks and wheel are.
    pub mouse: Mouse,
}

/// The model, as far as it is there.
#[derive(Clone)]
pub enum Model {
    /// Being opened.
    Opening,
    /// Open.
    Open {
        /// What it is.
        info: ModelInfo,
        /// Its tokenizer.
        tokenizer: Arc<dyn Tokenizer>,
    },
    /// It could not be opened, or its thread is gone.
    Gone,
}

/// Whether the interface steps by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// It waits for keys.
    Still,
    /// At a pace that can be followed.
    Paced,
    /// As fast as the model can.
    Fast,
}

/// Steps that were asked for before the decision was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Nothing,
    /// So many, one at least.
    Steps(usize),
    /// Steps until the output has so many tokens.
    Reach(usize),
}

/// What is being computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing.
    Nothing,
    /// The prompt is being cut into tokens.
    Tokens,
    /// The model reads.
    Reading {
        /// Tokens read.
        done: usize,
        /// Tokens to read; 0 while it is not known.
        total: usize,
    },
    /// The chain runs.
    Chain,
}

/// A line for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// For information.
    Info(String),
    /// Something is wrong.
    Error(String),
}

/// The whole state.
pub struct App {
    screen: Rect,
    view: View,
    /// What belongs to one view alone.
    pub views: States,
    jobs: Jobs,
    themes: Vec<Theme>,
    theme: usize,
    charset: Charset,
    keymap: Keymap,
    source: ModelSource,
    dtype: DtypeChoice,
    model: Model,
    /// The prompt that nobody has edited yet.
    first_prompt: String,
    prompt: String,
    /// The prompt as the model reads it, where a chat template has made something else of it.
    rendered: Option<String>,
    /// Models at hand in the cache, as far as it was looked into.
    cached: Vec<Offer>,
    special: SpecialTokens,
    session: Option<Session>,
    scores: BTreeMap<NodeId, TokenScore>,
    /// The chain that each token of the output was decided with.
    made_with: BTreeMap<NodeId, Chain>,
    /// What the model took for the logits after each token.
    took: BTreeMap<NodeId, Duration>,
    knobs: Knobs,
    draws: Draws,
    logits: Option<(NodeId, Arc<[f32]>)>,
    shown: Option<Shown>,
    list: List,
    run: Run,
    wish: Wish,
    work: Work,
    overlays: Vec<Box<dyn Overlay>>,
    notice: Option<Notice>,
    history: Vec<String>,
    /// A kept session that waits for its prompt to be cut.
    restoring: Option<Box<Saved>>,
    telling: Option<Telling>,
    /// Another model, while it is being opened.
    opening: Option<ModelSource>,
    /// How far that is, or the opening of the first.
    progress: Option<Opening>,
    /// The models that were opened, the last one last.
    opened: Vec<String>,
    /// How what was typed becomes the text that the model reads.
    form: PromptForm,
    mouse: Mouse,
    presenting: bool,
    recording: Option<Arc<Recording>>,
    epoch: u64,
    ticks: usize,
}

impl App {
    /// The state before anything has happened.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let mut views = States::default();
        let searched = setup.recording.as_ref().is_some_and(|recording| recording.steps() == 0);
        let view = match (setup.lesson.is_some(), searched) {
            (true, _) => View::Lessons,
            (false, true) => View::Beam,
            (false, false) => View::default(),
        };
        if let Some(lesson) = setup.lesson {
            views.lessons.open(lesson);
        }
        let saved = setup.saved;
        let mut app = Self {
            screen: Rect::ZERO,
            view,
            views,
            jobs: Jobs::default(),
            themes: setup.themes,
            theme: 0,
            charset: setup.charset,
            keymap: setup.keymap,
            source: setup.source,
            dtype: setup.dtype,
            model: Model::Opening,
            first_prompt: setup.prompt.clone(),
            prompt: setup.prompt,
            rendered: None,
            cached: Vec::new(),
            special: setup.special,
            session: None,
            scores: BTreeMap::new(),
            made_with: BTreeMap::new(),
            took: BTreeMap::new(),
            knobs: Knobs::new(&setup.chain, setup.mode),
            draws: Draws::new(setup.seed),
            logits: None,
            shown: None,
            list: List::default(),
            run: Run::Still,
            wish: Wish::Nothing,
            work: Work::Nothing,
            overlays: Vec::new(),
            notice: None,
            history: setup.history,
            restoring: None,
            telling: None,
            opening: None,
            progress: None,
            opened: setup.opened,
            form: setup.form,
            mouse: setup.mouse,
            presenting: false,
            recording: setup.recording,
            epoch: 0,
            ticks: 0,
        };
        if let Some(saved) = saved {
            app.restore(saved);
        }
        app
    }

    /// Theme and symbols.
    #[must_use]
    pub fn look(&self) -> Look<'_> {
        Look { theme: &self.themes[self.theme], charset: self.charset }
    }

    /// Which keys do what.
    #[must_use]
    pub fn keymap(&self) -> &Keymap {
        &self.keymap
    }

    /// The themes to choose from.
    #[must_use]
    pub fn themes(&self) -> &[Theme] {
        &self.themes
    }

    /// Tells that something is wrong, in the footer.
    pub(in crate::ui) fn tell(&mut self, wrong: String) {
        self.notice = Some(Notice::Error(wrong));
    }

    /// The view in front.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
    }

    /// The whole screen.
    #[must_use]
    pub fn screen(&self) -> Rect {
        self.screen
    }

    /// The space of the view in front; empty where the screen is too small.
    #[must_use]
    pub fn body(&self) -> Rect {
        Frame::of(self.screen).map_or(Rect::ZERO, |frame| frame.body)
    }

    /// The prompt as it was given.
    #[must_use]
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// Which prompt this is, counted from the first.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether a begin-of-text token is put before a prompt.
    #[must_use]
    pub fn special(&self) -> SpecialTokens {
        self.special
    }

    /// The seed of all draws.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.draws.seed()
    }

    /// Another model, while it is being opened.
    #[must_use]
    pub fn opening(&self) -> Option<&ModelSource> {
        self.opening.as_ref()
    }

    /// How far the opening of a model is.
    #[must_use]
    pub fn progress(&self) -> Option<&Opening> {
        self.progress.as_ref()
    }

    /// The models that were opened, the last one last, as `--model` finds them.
    #[must_use]
    pub fn opened(&self) -> &[String] {
        &self.opened
    }

    /// How what was typed becomes the text that the model reads.
    #[must_use]
    pub fn form(&self) -> PromptForm {
        self.form
    }

    /// Whether views show few words and large bars.
    #[must_use]
    pub fn is_presenting(&self) -> bool {
        self.presenting
    }

    /// The model, as far as it is there.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The text so far, once the prompt is cut into tokens.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The chain and its knobs.
    #[must_use]
    pub fn knobs(&self) -> &Knobs {
        &self.knobs
    }

    /// The distribution that is shown.
    #[must_use]
    pub fn shown(&self) -> Option<&Shown> {
        self.shown.as_ref()
    }

    /// How often the pending draw was asked for again.
    #[must_use]
    pub fn redrawn(&self) -> u64 {
        self.session.as_ref().map_or(0, |session| self.draws.redrawn(session.cursor()))
    }

    /// The selection in the list of tokens.
    #[must_use]
    pub fn list(&self) -> &List {
        &self.list
    }

    /// Whether it steps by itself.
    #[must_use]
    pub fn run(&self) -> Run {
        self.run
    }

    /// What is being computed.
    #[must_use]
    pub fn work(&self) -> Work {
        self.work
    }

    /// The windows over the screen, the topmost last.
    #[must_use]
    pub fn overlays(&self) -> &[Box<dyn Overlay>] {
        &self.overlays
    }

    /// The line for the user, if there is one.
    #[must_use]
    pub fn notice(&self) -> Option<&Notice> {
        self.notice.as_ref()
    }

    /// How often the clock has ticked while something went on.
    #[must_use]
    pub fn ticks(&self) -> usize {
        self.ticks
    }

    /// log p of a token of the text under the model, in nats, where it is known.
    #[must_use]
    pub fn logprob(&self, node: NodeId) -> Option<f64> {
        let session = self.session.as_ref()?;
        let chosen = session.chosen(node).map(|chosen| chosen.logprob);
        chosen.or_else(|| self.scores.get(&node).map(|score| score.logprob))
    }

    /// Time that the model took to read a token with all before it in the cache; for the end of the prompt, the whole prompt.
    #[must_use]
    pub fn took(&self, node: NodeId) -> Option<Duration> {
        self.took.get(&node).copied()
    }

    /// Whether a token ends a text.
    #[must_use]
    pub fn is_end(&self, token: TokenId) -> bool {
        matches!(&self.model, Model::Open { info, .. } if info.eos_token_ids.contains(&token))
    }

    /// Ids that end a text.
    pub(in crate::ui) fn end_ids(&self) -> Vec<TokenId> {
        match &self.model {
            Model::Open { info, .. } => info.eos_token_ids.clone(),
            Model::Opening | Model::Gone => Vec::new(),
        }
    }

    /// The id of all tokens together that the model does not list, where it gives its most probable ones only.
    pub(super) fn unlisted(&self) -> Option<TokenId> {
        match &self.model {
            Model::Open { info, .. } => info.unlisted,
            Model::Opening | Model::Gone => None,
        }
    }

    /// Whether what is shown is what would be decided now.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let (Some(session), Some(shown), Ok(chain)) = (&self.session, &self.shown, self.chain()) else { return false };
        if self.recording.is_some() {
            return shown.node == session.cursor();
        }
        shown.answers(session.cursor(), &chain)
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let opening = matches!(self.model, Model::Opening);
        !opening
            && self.opening.is_none()
            && self.jobs.is_idle()
            && self.work == Work::Nothing
            && self.run == Run::Still
            && self.wish == Wish::Nothing
    }

    /// The chain of the knobs, and what the model itself rules out.
    pub(in crate::ui) fn chain(&self) -> Result<Chain, DecodeError> {
        match &self.model {
            Model::Open { info, .. } => self.knobs.chain()?.forbidding(&info.never_chosen),
            Model::Opening | Model::Gone => self.knobs.chain(),
        }
    }
}
