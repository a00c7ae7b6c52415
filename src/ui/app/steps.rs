//! Steps through the text: taking the pending decision, forcing another, going back and forth.

use crate::decode::TokenId;
use crate::session::NodeId;

use super::{App, Notice, Run, Wish};
use crate::ui::message::Effect;

/// A key that is held asks for no more steps than these before they can be taken: a slow model would go on for long after.
const MOST_AHEAD: usize = 8;

impl App {
    /// Takes the pending decision, or as soon as it is there: whoever asks again meanwhile gets as many steps.
    pub(super) fn step(&mut self) -> Vec<Effect> {
        let before = match self.wish {
            Wish::Steps(count) => count,
            Wish::Nothing | Wish::Reach(_) => 0,
        };
        self.take_steps((before + 1).min(MOST_AHEAD))
    }

    /// Takes the pending decision, and then others, until it is so many.
    pub(super) fn take_steps(&mut self, count: usize) -> Vec<Effect> {
        self.wish = Wish::Nothing;
        if let Some(effects) = self.ends_here() {
            return effects;
        }
        match self.shown.as_ref().filter(|_| self.is_current()) {
            Some(shown) => {
                let token = shown.pick.token();
                let effects = self.commit(token);
                if count > 1 && !effects.is_empty() && !self.is_end(token) {
                    self.wish = Wish::Steps(count - 1);
                }
                effects
            }
            None if self.session.is_none() => Vec::new(),
            None => {
                // Also after a failure: what was missing is asked for again.
                let asked = if self.is_settled() { self.evaluate() } else { Vec::new() };
                self.wish = Wish::Steps(count);
                asked
            }
        }
    }

    /// Tokens of the output up to the cursor.
    #[must_use]
    pub fn step_number(&self) -> usize {
        self.session.as_ref().map_or(0, crate::session::Session::step_number)
    }

    /// Goes back or forth until the output has so many tokens: along what is there, then taking one decision after the other.
    /// An end token ends the way.
    pub fn step_to(&mut self, length: usize) -> Vec<Effect> {
        let Some(session) = &mut self.session else { return Vec::new() };
        let before = session.cursor();
        while session.step_number() > length && session.back() {}
        while session.step_number() < length && session.forward() {}
        let (cursor, short) = (session.cursor(), session.step_number() < length);
        let ended =
            session.chosen(cursor).is_some() && self.is_end(self.session.as_ref().map_or(0, |s| s.token(cursor)));
        if cursor != before {
            self.wish = if short && !ended { Wish::Reach(length) } else { Wish::Nothing };
            return self.evaluate();
        }
        if !short || ended {
            self.wish = Wish::Nothing;
            return Vec::new();
        }
        if let Some(effects) = self.ends_here() {
            return effects;
        }
        let effects = self.step();
        // A step that can't be taken asks for nothing.
        self.wish = if effects.is_empty() && self.wish == Wish::Nothing { Wish::Nothing } else { Wish::Reach(length) };
        effects
    }

    /// Goes to a token of the output, or to the end of the prompt, on whatever branch.
    pub(in crate::ui) fn jump(&mut self, node: NodeId) -> Vec<Effect> {
        self.run = Run::Still;
        self.wish = Wish::Nothing;
        match self.session.as_mut().map(|session| session.jump(node)) {
            Some(true) => self.evaluate(),
            Some(false) | None => Vec::new(),
        }
    }

    /// Takes the selected token, whatever the draw.
    pub(super) fn force(&mut self) -> Vec<Effect> {
        let Some(shown) = self.shown.as_ref().filter(|_| self.is_current()) else { return Vec::new() };
        match shown.analysis.model().ranked().get(self.list.selected()) {
            Some(&token) => self.commit(token),
            None => Vec::new(),
        }
    }

    fn commit(&mut self, token: TokenId) -> Vec<Effect> {
        let (room, chain) = (self.context_length(), self.chain().ok());
        let (Some(session), Some(shown)) = (&mut self.session, &self.shown) else { return Vec::new() };
        if session.path().len() >= room {
            self.run = Run::Still;
            let message = format!("the context of {room} tokens is full: step back, or edit the prompt (i)");
            self.notice = Some(Notice::Error(message));
            return Vec::new();
        }
        let node = session.step(token, shown.chosen(token));
        self.made_with.extend(chain.map(|chain| (node, chain)));
        if self.is_end(token) && self.run != Run::Still {
            self.run = Run::Still;
            self.notice = Some(Notice::Info("the end token ends the text: the run stops here".to_owned()));
        }
        self.evaluate()
    }

    pub(super) fn back(&mut self) -> Vec<Effect> {
        self.run = Run::Still;
        self.wish = Wish::Nothing;
        match self.session.as_mut().map(crate::session::Session::back) {
            Some(true) => self.evaluate(),
            Some(false) => self.inform("this is the prompt: edit it with i"),
            None => Vec::new(),
        }
    }

    pub(super) fn redo(&mut self) -> Vec<Effect> {
        self.run = Run::Still;
        match self.session.as_mut().map(crate::session::Session::forward) {
            Some(true) => self.evaluate(),
            Some(false) => self.inform("nothing lies ahead: step on (Space)"),
            None => Vec::new(),
        }
    }

    pub(super) fn redraw(&mut self) -> Vec<Effect> {
        if self.knobs.mode() == crate::ui::knobs::Mode::Greedy {
            return self.inform("greedy draws nothing: press s for sampling");
        }
        if let Some(node) = self.cursor() {
            self.draws.redraw(node);
            self.repick();
        }
        Vec::new()
    }

    /// Picks again from what is shown.
    pub(super) fn repick(&mut self) {
        if let (Some(session), Some(shown)) = (&self.session, &mut self.shown)
            && shown.node == session.cursor()
        {
            shown.pick = self.draws.pick(&shown.analysis, self.knobs.mode(), shown.node, session.step_number());
        }
    }

    /// Runs in a way, or stops if it does so already.
    pub(super) fn toggle_run(&mut self, run: Run) -> Vec<Effect> {
        if self.run == run {
            self.run = Run::Still;
            return Vec::new();
        }
        if self.session.is_none() {
            return Vec::new();
        }
        self.run = run;
        self.step()
    }

    pub(in crate::ui) fn inform(&mut self, text: &str) -> Vec<Effect> {
        self.notice = Some(Notice::Info(text.to_owned()));
        Vec::new()
    }
}
