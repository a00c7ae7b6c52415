//! How tokens, signs and numbers of the tree are written.

use std::cell::RefCell;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::columns::{Columns, Form};
use super::lists::text;
use super::picture::{Item, Picture};
use super::search::Status;
use crate::decode::TokenId;
use crate::glyph;
use crate::model::Tokenizer;
use crate::ui::look::Look;
use crate::ui::panels::token_glyphs;
pub(super) use crate::ui::panels::{tail, trimmed};
use crate::ui::theme::Role;

/// The most cells of a token in its column.
pub const TOKEN: u16 = 14;
/// The most cells of the prompt.
const PROMPT: u16 = 40;

/// A number with its sign as the charset has it.
#[must_use]
pub fn signed(value: f64, decimals: usize, look: Look<'_>) -> String {
    if value == f64::NEG_INFINITY {
        return format!("{}inf", look.signs().minus);
    }
    let value = if value == 0.0 { 0.0 } else { value };
    format!("{value:.decimals$}").replace('-', look.signs().minus)
}

/// α: one digit after the point, two where it has more.
#[must_use]
pub fn penalty(alpha: f64, look: Look<'_>) -> String {
    let whole_tenths = (10.0 * alpha - (10.0 * alpha).round()).abs() < 1e-9;
    signed(alpha, if whole_tenths { 1 } else { 2 }, look)
}

/// How a node is drawn.
#[must_use]
pub fn role(status: Status) -> Role {
    match status {
        Status::Running => Role::BeamRunning,
        Status::Finished => Role::BeamFinished,
        Status::Pruned(_) => Role::BeamPruned,
        Status::Passed => Role::Base,
    }
}

/// The sign before a node; inner ones have none.
#[must_use]
pub fn sign(status: Status, look: Look<'_>) -> &'static str {
    let [running, finished, pruned] = look.signs().beams;
    match status {
        Status::Running => running,
        Status::Finished => finished,
        Status::Pruned(_) => pruned,
        Status::Passed => "",
    }
}

/// The figures at the right: their cells in all, and where rank, sum and score end.
#[must_use]
pub fn figures(width: u16) -> (u16, [u16; 3]) {
    match width {
        ..50 => (8, [0, 0, 8]),
        50..70 => (17, [0, 8, 17]),
        _ => (22, [4, 13, 22]),
    }
}

/// What is drawn over a selected background.
#[must_use]
pub fn over(style: Style, ground: Style) -> Style {
    match ground.bg {
        Some(bg) => Style { bg: Some(bg), ..style }.add_modifier(ground.add_modifier),
        None => style.add_modifier(ground.add_modifier),
    }
}

/// How the tokens of a tree are written, before it is known where.
#[derive(Clone, Copy)]
pub struct Pen<'a> {
    /// Colours and signs.
    pub look: Look<'a>,
    /// What the tokens say.
    pub tokenizer: &'a dyn Tokenizer,
}

impl Pen<'_> {
    /// The columns of a picture in an area: with the log-probabilities, where enough columns are left beside them.
    #[must_use]
    pub fn columns(self, picture: &Picture, steps: usize, prompt: &[TokenId], area: Rect) -> Columns {
        let room = area.width.saturating_sub(figures(area.width).0 + 2);
        let prompt = glyph::width(&text(self.tokenizer, prompt, self.look.charset)) as u16;
        // Cutting tokens into glyphs is most of the work of a frame: once for each.
        let known = RefCell::new(vec![None; picture.items.len()]);
        let of = |figures: Figures| {
            let measure = |index: usize, form: Form| {
                let item = &picture.items[index];
                let cells = *known.borrow_mut()[index].get_or_insert_with(|| self.cells(item));
                self.measure(item, cells, form, figures)
            };
            Columns::of(picture, steps, room, prompt.min(PROMPT), &measure)
        };
        let whole = of(Figures::Shown);
        if whole.first > 0 && whole.list.len() < 3 { of(Figures::Left) } else { whole }
    }

    /// Cells of the token's own text.
    fn cells(self, item: &Item) -> u16 {
        let glyphs = token_glyphs(self.tokenizer, item.token, self.look.charset);
        (glyph::width(&glyphs) as u16).min(TOKEN)
    }

    fn measure(self, item: &Item, text: u16, form: Form, figures: Figures) -> u16 {
        if form == Form::Part {
            return text;
        }
        let after: usize = self.after(item).iter().map(|(text, _)| glyph::cells(text)).sum();
        let figure = match figures {
            Figures::Shown => self.figure(item).map_or(0, |figure| glyph::cells(&figure) + 1),
            Figures::Left => 0,
        };
        text + (self.before(item).len().min(1) + after + figure) as u16
    }

    #[must_use]
    pub fn figure(self, item: &Item) -> Option<String> {
        item.logprob.map(|logprob| signed(logprob, 2, self.look))
    }

    /// The sign before a token.
    #[must_use]
    pub fn before(self, item: &Item) -> &'static str {
        item.status.map_or("", |status| sign(status, self.look))
    }

    /// The signs after a token: other paths, what is folded.
    #[must_use]
    pub fn after(self, item: &Item) -> Vec<(String, Role)> {
        let signs = self.look.signs();
        let mut after = Vec::new();
        if item.marks.greedy {
            after.push((signs.greedy.to_owned(), Role::OverlayPath));
        }
        if item.marks.optimum {
            after.push((signs.optimum.to_owned(), Role::Optimum));
        }
        if item.folded > 0 {
            after.push((format!(" +{}", item.folded), Role::Tag));
        }
        after
    }
}

/// Whether tokens have their log-probability beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figures {
    Shown,
    Left,
}
