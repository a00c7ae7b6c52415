//! Messages into state and effects: what the engine tells, and how the parts of a decision are asked for one after the other.

use std::time::Duration;

use ratatui::crossterm::event::KeyEventKind;
use ratatui::layout::Rect;

use crate::decode::TokenId;
use crate::engine::{Command, Event, Question};
use crate::model::PromptForm;
use crate::session::{NodeId, Session};

use super::{App, Model, Notice, Run, Shown, Wish, Work};
use crate::ui::layout::{Areas, Frame};
use crate::ui::message::{Effect, Exit, Message};
use crate::ui::overlays::Fate;
use crate::ui::panels::presenter;
use crate::ui::views::View;

/// The pace of a run that can be followed.
const PACE: Duration = Duration::from_millis(140);

/// How long a frame of the spinner stands.
pub(super) const SPIN: Duration = Duration::from_millis(120);

impl App {
    /// Takes a message in, and says what is to be done outside.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        match message {
            Message::Key(event) if event.kind == KeyEventKind::Release => Vec::new(),
            Message::Key(event) => self.key(event),
            Message::Paste(text) => self.paste(&text),
            Message::Resize(width, height) => self.resize(width, height),
            Message::Engine(event) => self.engine(event),
            Message::Tick => self.tick(),
            Message::Suspend => vec![Effect::Suspend],
            Message::Written(Ok(name)) => self.inform(&format!("saved as {name}")),
            Message::Written(Err(message)) => {
                self.notice = Some(Notice::Error(message));
                Vec::new()
            }
            Message::Kept(kept) => self.take_up(kept),
            Message::Mouse(event) => self.moused(event),
            Message::Opening(opening) => {
                // One that was given up may still have something to say.
                self.progress = self.awaits_model().then_some(opening);
                Vec::new()
            }
            Message::Models(offers) => {
                self.cached = offers;
                self.with_overlay(|app, overlay| {
                    overlay.follow(app);
                    (Fate::Stays, Vec::new())
                })
            }
            Message::NotOpened(message) => {
                (self.opening, self.progress) = (None, None);
                self.complain(format!("{message}; the old model stays"))
            }
            Message::Terminate => vec![Effect::Quit(Exit::Told)],
        }
    }

    fn resize(&mut self, width: u16, height: u16) -> Vec<Effect> {
        self.screen = Rect::new(0, 0, width, height);
        self.select(self.list.selected());
        self.refresh()
    }

    /// Lets the view in front follow what has changed.
    pub(super) fn refresh(&mut self) -> Vec<Effect> {
        (self.view.row().refresh)(self)
    }

    /// Selects a row of the list.
    pub(super) fn select(&mut self, row: usize) {
        let (length, rows) = (self.list_length(), self.list_rows());
        self.list.select(row, length, rows);
    }

    pub(super) fn list_length(&self) -> usize {
        self.shown.as_ref().map_or(0, |shown| shown.analysis.model().ranked().len())
    }

    pub(in crate::ui) fn list_rows(&self) -> usize {
        let rows = |frame: Frame| {
            let is_large = self.presenting && self.view == View::Step;
            if is_large { presenter::tokens(frame.body) } else { Areas::of(frame.body).list_rows() }
        };
        Frame::of(self.screen).map_or(1, rows)
    }

    fn tick(&mut self) -> Vec<Effect> {
        self.ticks = self.ticks.wrapping_add(1);
        if self.run == Run::Paced && self.is_current() {
            return self.step();
        }
        if self.is_settled() { Vec::new() } else { vec![Effect::Wake(SPIN)] }
    }

    fn engine(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Opened { info, tokenizer, notes } => {
                self.model = Model::Open { info, tokenizer };
                self.progress = None;
                if let Some(source) = self.opening.take() {
                    // Nothing of the old model's means anything to the new one.
                    self.source = source;
                    (self.session, self.shown, self.logits) = (None, None, None);
                }
                self.note_opened();
                self.announce();
                if !notes.is_empty() {
                    self.notice = Some(Notice::Info(notes.join("; ")));
                }
                self.begin(self.prompt.clone())
            }
            Event::OpenFailed { message } | Event::Died { message } => {
                self.model = Model::Gone;
                self.progress = None;
                self.halt();
                self.notice = Some(Notice::Error(format!("the model is gone: {message}")));
                Vec::new()
            }
            Event::Prompted { epoch, tokens } if epoch == self.epoch => self.prompted(&tokens),
            Event::Progress { epoch, done, total } if epoch == self.epoch => {
                if let Work::Reading { .. } = self.work {
                    self.work = Work::Reading { done, total };
                }
                Vec::new()
            }
            Event::Evaluated { epoch, node, logits, scores, took } if epoch == self.epoch => {
                self.scores.extend(scores);
                // What was read before costs nothing to see again.
                self.took.entry(node).or_insert(took);
                self.logits = Some((node, logits));
                if self.cursor() == Some(node) { self.analyse() } else { Vec::new() }
            }
            Event::Analysed { epoch, node, analysis } if epoch == self.epoch => {
                self.show(node, analysis);
                let mut effects = self.go_on();
                effects.extend(self.refresh());
                effects
            }
            Event::AnalysisFailed { epoch, message, .. } | Event::Failed { epoch, message } if epoch == self.epoch => {
                self.halt();
                self.notice = Some(Notice::Error(message));
                Vec::new()
            }
            Event::News { epoch, lane, serial, news } if epoch == self.epoch => self.news(lane, serial, news),
            Event::JobFailed { epoch, lane, serial, message } if epoch == self.epoch => {
                self.job_failed(lane, serial, message)
            }
            _ => Vec::new(),
        }
    }

    /// Begins anew with a prompt. The old text stays until the new one is there.
    pub(in crate::ui) fn begin(&mut self, text: String) -> Vec<Effect> {
        if !matches!(self.model, Model::Open { .. }) {
            self.prompt = text;
            return Vec::new();
        }
        let applied = match &self.model {
            Model::Open { tokenizer, .. } => self.form.apply(&text, self.special, tokenizer.as_ref()),
            Model::Opening | Model::Gone => Ok((text.clone(), self.special)),
        };
        let (read, special) = match applied {
            Ok(applied) => applied,
            Err(error) => return self.complain(error.to_string()),
        };
        self.halt();
        self.jobs.clear();
        self.epoch += 1;
        self.work = Work::Tokens;
        self.prompt = text;
        self.rendered = (self.form == PromptForm::Chat).then(|| read.clone());
        let command = Command::Prompt { epoch: self.epoch, text: read, special };
        vec![Effect::Engine(command), Effect::Wake(SPIN)]
    }

    fn prompted(&mut self, tokens: &[TokenId]) -> Vec<Effect> {
        self.work = Work::Nothing;
        let room = self.context_length();
        if tokens.len() > room {
            let message = format!("the prompt has {} tokens, the model reads {room}: shorten it (i)", tokens.len());
            self.notice = Some(Notice::Error(message));
            return Vec::new();
        }
        self.scores.clear();
        self.took.clear();
        self.made_with.clear();
        self.draws.clear();
        self.session = self.begun(tokens);
        self.logits = None;
        self.shown = None;
        let mut effects = self.evaluate();
        effects.extend(self.refresh());
        effects
    }

    pub(in crate::ui) fn context_length(&self) -> usize {
        match &self.model {
            Model::Open { info, .. } => info.context_length,
            Model::Opening | Model::Gone => usize::MAX,
        }
    }

    /// The token after which the next one is decided.
    pub(in crate::ui) fn cursor(&self) -> Option<NodeId> {
        self.session.as_ref().map(Session::cursor)
    }

    /// Asks for the logits after the cursor.
    pub(super) fn evaluate(&mut self) -> Vec<Effect> {
        if let Some(effects) = self.ends_here() {
            return effects;
        }
        let Some(session) = &self.session else { return Vec::new() };
        let path = session.path().into_iter().map(|node| (node, session.token(node))).collect();
        self.work = Work::Reading { done: 0, total: 0 };
        vec![Effect::Engine(Command::Evaluate { epoch: self.epoch, path }), Effect::Wake(SPIN)]
    }

    /// Asks for what the chain makes of the logits after the cursor. Where those are not there yet, it will be asked for once
    /// they are.
    pub(super) fn analyse(&mut self) -> Vec<Effect> {
        let (Some(session), Some((node, logits))) = (&self.session, &self.logits) else { return Vec::new() };
        if *node != session.cursor() {
            return Vec::new();
        }
        match self.chain() {
            Ok(chain) => {
                let question = Question {
                    epoch: self.epoch,
                    node: *node,
                    logits: logits.clone(),
                    unlisted: self.unlisted(),
                    chain,
                    history: session.tokens(),
                    prompt_length: session.prompt_length(),
                    sampling_logprobs: session.sampling_logprobs(),
                    chance: self.draws.chance(session.step_number()),
                    tokenizer: match &self.model {
                        Model::Open { tokenizer, .. } => Some(tokenizer.clone()),
                        Model::Opening | Model::Gone => None,
                    },
                    end_ids: self.end_ids(),
                };
                self.work = Work::Chain;
                vec![Effect::Engine(Command::Analyse(question))]
            }
            Err(error) => {
                self.notice = Some(Notice::Error(error.to_string()));
                Vec::new()
            }
        }
    }

    fn show(&mut self, node: NodeId, analysis: std::sync::Arc<crate::decode::Analysis>) {
        let Some(session) = self.session.as_ref().filter(|session| session.cursor() == node) else { return };
        let step = session.step_number();
        let recorded = self.recorded_pick(&analysis, step);
        let pick = recorded.unwrap_or_else(|| self.draws.pick(&analysis, self.knobs.mode(), node, step));
        let moved = self.shown.as_ref().is_none_or(|shown| shown.node != node);
        self.shown = Some(Shown { node, analysis, pick });
        self.select(if moved { 0 } else { self.list.selected() });
        if self.is_current() {
            self.work = Work::Nothing;
        }
    }

    /// What follows once a decision is there.
    fn go_on(&mut self) -> Vec<Effect> {
        if !self.is_current() {
            return Vec::new();
        }
        match (self.wish, self.run) {
            (Wish::Reach(length), _) => self.step_to(length),
            (Wish::Steps(count), _) => self.take_steps(count),
            (Wish::Nothing, Run::Fast) => self.step(),
            (Wish::Nothing, Run::Paced) => vec![Effect::Wake(PACE)],
            (Wish::Nothing, Run::Still) => Vec::new(),
        }
    }

    /// Stops whatever goes on by itself.
    pub(super) fn halt(&mut self) {
        self.run = Run::Still;
        self.wish = Wish::Nothing;
        self.work = Work::Nothing;
    }
}
