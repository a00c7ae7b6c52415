//! The state of the interface. It changes only in [`App::update`], which does no IO.

mod decision;
mod jobs;
mod keys;
mod list;
mod steps;
mod update;

#[cfg(test)]
pub(crate) mod pictures;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use ratatui::layout::Rect;

use crate::decode::{Chain, DecodeError, TokenId};
use crate::engine::TokenScore;
use crate::model::{ModelInfo, SpecialTokens, Tokenizer};
use crate::session::{NodeId, Session};

pub use decision::{Draws, Pick, Shown};
use jobs::Jobs;
pub use list::List;

use super::knobs::{Knobs, Mode};
use super::layout::Frame;
use super::look::Look;
use super::overlays::Overlay;
use super::theme::Theme;
use super::views::{States, View};
use crate::glyph::Charset;

/// What the interface is opened with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The prompt.
    pub prompt: String,
    /// The chain to begin with.
    pub chain: Chain,
    /// How the next token is chosen.
    pub mode: Mode,
    /// Whether a begin-of-text token is put before the prompt.
    pub special: SpecialTokens,
    /// The seed of all draws.
    pub seed: u64,
    /// The themes to choose from, the one to begin with first, for the terminal's colours; at least one.
    pub themes: Vec<Theme>,
    /// Which symbols may be drawn.
    pub charset: Charset,
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

/// A step that was asked for before the decision was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Nothing,
    Step,
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
    model: Model,
    prompt: String,
    special: SpecialTokens,
    session: Option<Session>,
    scores: BTreeMap<NodeId, TokenScore>,
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
    epoch: u64,
    ticks: usize,
}

impl App {
    /// The state before anything has happened.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self {
            screen: Rect::ZERO,
            view: View::default(),
            views: States::default(),
            jobs: Jobs::default(),
            themes: setup.themes,
            theme: 0,
            charset: setup.charset,
            model: Model::Opening,
            prompt: setup.prompt,
            special: setup.special,
            session: None,
            scores: BTreeMap::new(),
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
            epoch: 0,
            ticks: 0,
        }
    }

    /// Theme and symbols.
    #[must_use]
    pub fn look(&self) -> Look<'_> {
        Look { theme: &self.themes[self.theme], charset: self.charset }
    }

    /// The themes to choose from.
    #[must_use]
    pub fn themes(&self) -> &[Theme] {
        &self.themes
    }

    /// The view in front.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
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

    /// Whether a token ends a text.
    #[must_use]
    pub fn is_end(&self, token: TokenId) -> bool {
        matches!(&self.model, Model::Open { info, .. } if info.eos_token_ids.contains(&token))
    }

    /// Whether what is shown is what would be decided now.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let (Some(session), Some(shown), Ok(chain)) = (&self.session, &self.shown, self.chain()) else { return false };
        shown.answers(session.cursor(), &chain)
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let opening = matches!(self.model, Model::Opening);
        !opening
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
