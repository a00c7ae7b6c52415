//! What is scored, and what has come of it.

use std::sync::Arc;

use crate::decode::Chain;
use crate::decode::scoring::FILTERED_BY_DEFAULT;
use crate::engine::{ScoreAsked, Scored};
use crate::ui::app::App;

/// The most completions.
pub const MOST: usize = 6;

/// Completions that show something at once: the long one is made of likely tokens, so that its mean is better and its sum worse.
const EXAMPLES: [&str; 2] = [" was very happy.", " was very happy. He went to the park to play with his friends."];

/// What is shown below the sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Below {
    /// The tokens of the selected line, and beside them the audit where there is room.
    #[default]
    Tokens,
    /// The audit alone, with what is wrong with each mistake.
    Audit,
}

/// The state of the view.
pub struct State {
    /// What was typed for the prompt; the session's where nothing was.
    prompt: Option<String>,
    completions: Vec<String>,
    /// 0 is the prompt, then the completions.
    selected: usize,
    token: usize,
    below: Below,
    scored: Option<Arc<Scored>>,
    under_way: Option<(u64, ScoreAsked)>,
    /// Tokens that the job under way has read, and all of them.
    progress: (usize, usize),
}

impl Default for State {
    fn default() -> Self {
        Self {
            prompt: None,
            completions: EXAMPLES.map(str::to_owned).to_vec(),
            selected: 1,
            token: 0,
            below: Below::default(),
            scored: None,
            under_way: None,
            progress: (0, 0),
        }
    }
}

impl State {
    /// The prompt that counts.
    #[must_use]
    pub fn prompt<'a>(&'a self, app: &'a App) -> &'a str {
        self.prompt.as_deref().unwrap_or_else(|| app.prompt())
    }

    /// The completions, one at least.
    #[must_use]
    pub fn completions(&self) -> &[String] {
        &self.completions
    }

    /// The selected line: 0 is the prompt.
    #[must_use]
    pub fn selected(&self) -> usize {
        self.selected
    }

    /// The selected token of the selected line.
    #[must_use]
    pub fn token(&self) -> usize {
        self.token
    }

    /// What is shown below the sums.
    #[must_use]
    pub fn below(&self) -> Below {
        self.below
    }

    /// The figures of what is asked for now; none while they are being computed.
    #[must_use]
    pub fn scored(&self, app: &App) -> Option<&Scored> {
        let same = |scored: &&Arc<Scored>| {
            scored.asked.prompt == self.prompt(app) && scored.asked.completions == self.completions
        };
        self.scored.as_ref().filter(same).map(AsRef::as_ref)
    }

    /// Selects a line.
    pub fn select(&mut self, line: usize) {
        self.selected = line.min(self.completions.len());
        self.token = 0;
    }

    /// Selects a token.
    pub fn go(&mut self, token: usize) {
        let count = self.scored.as_ref().map_or(0, |scored| match self.selected.checked_sub(1) {
            None => scored.prompt.len(),
            Some(index) => scored.completions.get(index).map_or(0, |completion| completion.tokens.len()),
        });
        self.token = token.min(count.saturating_sub(1));
    }

    /// Tokens or audit.
    pub fn turn_over(&mut self) {
        self.below = match self.below {
            Below::Tokens => Below::Audit,
            Below::Audit => Below::Tokens,
        };
    }

    /// Takes the selected completion away.
    pub(super) fn remove(&mut self) -> Result<(), &'static str> {
        match self.selected.checked_sub(1) {
            None => Err("the prompt can't be taken away: Enter edits it"),
            Some(_) if self.completions.len() == 1 => Err("one completion has to stay: Enter edits it"),
            Some(index) => {
                self.completions.remove(index);
                self.select(self.selected);
                Ok(())
            }
        }
    }

    /// Puts a text into a line: 0 is the prompt, the line after the last is a new completion.
    pub fn set(&mut self, line: usize, text: String) {
        match line.checked_sub(1) {
            None => self.prompt = Some(text),
            Some(index) if index < self.completions.len() => self.completions[index] = text,
            Some(_) => self.completions.push(text),
        }
        self.select(line);
    }

    /// What is to be scored.
    #[must_use]
    pub fn asked(&self, app: &App) -> ScoreAsked {
        ScoreAsked {
            prompt: self.prompt(app).to_owned(),
            completions: self.completions.clone(),
            special: app.special(),
            form: app.form(),
            filter: Chain::parse(FILTERED_BY_DEFAULT).unwrap_or_default(),
        }
    }

    /// Whether this has been scored.
    #[must_use]
    pub fn has_scored(&self, asked: &ScoreAsked) -> bool {
        self.scored.as_ref().is_some_and(|scored| scored.asked == *asked)
    }

    /// Whether a job that is under way scores this.
    #[must_use]
    pub fn has_asked_for(&self, epoch: u64, asked: &ScoreAsked) -> bool {
        self.under_way.as_ref().is_some_and(|(then, what)| *then == epoch && what == asked)
    }

    /// Remembers what a job was asked for.
    pub fn asks_for(&mut self, epoch: u64, asked: ScoreAsked) {
        self.under_way = Some((epoch, asked));
        self.progress = (0, 0);
    }

    /// Takes in how far the reading is.
    pub(super) fn read(&mut self, done: usize, total: usize) {
        self.progress = (done, total);
    }

    /// Tokens that are read, and all that have to be.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        self.progress
    }

    /// Takes in what was scored.
    pub fn take(&mut self, scored: Arc<Scored>) {
        self.scored = Some(scored);
        self.go(self.token);
    }
}
