//! Draws the view: text, curves, table, and in words what today's temperature does.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::state::today;
use super::{plots, table};
use crate::decode::{Analysis, Tempered, TokenId};
use crate::model::Tokenizer;
use crate::session::NodeId;
use crate::ui::app::{App, Model};
use crate::ui::knobs::{Mode, Switch};
use crate::ui::layout::{take_bottom, take_top, text_height};
use crate::ui::look::Look;
use crate::ui::number::{bits, choices};
use crate::ui::paint::{self, put};
use crate::ui::panels::{chain, text};
use crate::ui::scale::Scale;
use crate::ui::theme::Role;

/// From this width on the table stands beside the curves, below it under them.
const WIDE: u16 = 74;

/// Rows that the chain's ledger needs.
const LEDGER: u16 = 6;

/// Tokens that have a curve, besides the selected one.
const CURVES: usize = 6;

/// Draws the view.
pub(super) fn render(app: &App, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let gap = u16::from(body.height >= 28);
    let mut rest = body;
    text::render(app, take_top(&mut rest, text_height(body.height)), buffer);
    take_top(&mut rest, gap);
    let line = take_bottom(&mut rest, 1);
    let words = take_bottom(&mut rest, 1);
    take_bottom(&mut rest, gap);
    let (curves, table) = split(rest, gap);
    let (Some(shown), Model::Open { tokenizer, .. }) = (app.shown(), app.model()) else {
        paint::heading(buffer, paint::row(curves, 0), "Temperature", app.look());
        return None;
    };
    let picture = Picture {
        app,
        look: app.look(),
        analysis: &shown.analysis,
        node: shown.node,
        tokenizer: tokenizer.as_ref(),
        today: today(app),
        scale: app.views.temperature.scale(),
        series: series(&shown.analysis, app.list().selected()),
    };
    plots::render(&picture, curves, buffer);
    let mut free = table::render(&picture, table, buffer);
    take_top(&mut free, 1);
    if free.height < LEDGER {
        chain_line(app, line, buffer);
    } else {
        chain::render(app, free, buffer);
    }
    picture.words(words, buffer);
    None
}

fn split(mut rest: Rect, gap: u16) -> (Rect, Rect) {
    if rest.width >= WIDE {
        let side = (rest.width * 2 / 5).clamp(35, 66);
        let curves = Rect { width: rest.width - side - 2 - gap, ..rest };
        return (curves, Rect { x: curves.right() + 2 + gap, width: side, ..rest });
    }
    let height = (rest.height / 2).min(11);
    let table = take_bottom(&mut rest, height);
    (rest, table)
}

/// A token with a curve.
pub(super) struct Series {
    pub(super) id: TokenId,
    pub(super) rank: usize,
    pub(super) role: Role,
    pub(super) letter: char,
}

/// What the parts of the view are drawn from.
pub(super) struct Picture<'a> {
    pub(super) app: &'a App,
    pub(super) look: Look<'a>,
    pub(super) analysis: &'a Analysis,
    pub(super) node: NodeId,
    pub(super) tokenizer: &'a dyn Tokenizer,
    pub(super) today: f64,
    pub(super) scale: Scale,
    pub(super) series: Vec<Series>,
}

/// The best tokens, and the selected one where it is none of them.
pub(super) fn series(analysis: &Analysis, selected: usize) -> Vec<Series> {
    let roles = [Role::Series0, Role::Series1, Role::Series2, Role::Series3, Role::Series4, Role::Series5];
    let ranked = analysis.model().ranked();
    let possible = |id: &&TokenId| analysis.model().prob(**id) > 0.0;
    let best = ranked.iter().take(CURVES).take_while(possible).enumerate().zip(roles).zip('a'..);
    let mut all: Vec<Series> =
        best.map(|(((place, &id), role), letter)| Series { id, rank: place + 1, role, letter }).collect();
    if let Some(&id) = ranked.get(selected).filter(|_| selected >= all.len()) {
        all.push(Series { id, rank: selected + 1, role: Role::Strong, letter: 's' });
    }
    all
}

impl Picture<'_> {
    /// What is computed, ascending temperatures.
    pub(super) fn curves(&self) -> &[Tempered] {
        self.app.views.temperature.curves(self.node)
    }

    /// The distribution at exactly this temperature, where it is computed.
    pub(super) fn at(&self, temperature: f64) -> Option<Tempered> {
        self.app.views.temperature.at(self.node, temperature)
    }

    /// p of a token at a temperature.
    pub(super) fn prob(&self, point: &Tempered, id: TokenId) -> f64 {
        point.prob(self.analysis.model().logit(id))
    }

    /// What today's temperature does, in a sentence.
    fn words(&self, row: Rect, buffer: &mut Buffer) {
        let (Some(now), Some(own)) = (self.at(self.today), self.at(1.0)) else { return };
        let (choice, of_own) = (choices(now.choices()), choices(own.choices()));
        let (lead, rest) = match self.today {
            0.0 => ("greedy: ".to_owned(), format!("at T = 0 only the best token is left, {of_own} choices at T = 1")),
            t if t < 1.0 => (
                format!("sharper: {choice} choices"),
                format!(" instead of the model's own {of_own}, before any filter"),
            ),
            t if t > 1.0 => (
                format!("flatter: {choice} choices"),
                format!(" instead of the model's own {of_own}, before any filter"),
            ),
            _ => (format!("T = 1: {choice} choices"), ", the model's own distribution".to_owned()),
        };
        let sign = if self.analysis.model().is_partial() { self.look.signs().at_least } else { "=" };
        let entropy = format!(" (H {sign} {:.2} bits, {:.2} at T = 1)", bits(now.entropy()), bits(own.entropy()));
        let end = |x: u16| usize::from(row.right().saturating_sub(x));
        let x = put(buffer, row.x + 1, row.y, &lead, end(row.x + 1), self.look.style(Role::Strong));
        let x = put(buffer, x, row.y, &rest, end(x), self.look.style(Role::Base));
        if self.today > 0.0 && entropy.len() <= end(x) {
            put(buffer, x, row.y, &entropy, end(x), self.look.style(Role::Muted));
        }
    }
}

/// The chain in one line, the selected stage marked: what the keys turn.
fn chain_line(app: &App, row: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let end = |x: u16| usize::from(row.right().saturating_sub(x));
    let mut x = put(buffer, row.x + 1, row.y, "chain ", end(row.x + 1), look.style(Role::Muted));
    for (index, knob) in app.knobs().list().iter().enumerate() {
        let works = knob.switch == Switch::On && app.knobs().mode() == Mode::Sampling;
        let role = if works { Role::Base } else { Role::Removed };
        let selected = index == app.knobs().selected();
        let style = if selected { look.style(Role::Selected) } else { look.style(role) };
        let off = if knob.switch == Switch::Off { " off" } else { "" };
        let sign = if selected { look.signs().selected } else { " " };
        x = put(buffer, x, row.y, &format!("{sign}{}{off}", knob.stage), end(x), style) + 1;
    }
    if app.knobs().mode() == Mode::Greedy {
        put(buffer, x + 1, row.y, "greedy uses no temperature (s)", end(x + 1), look.style(Role::Muted));
    }
}
