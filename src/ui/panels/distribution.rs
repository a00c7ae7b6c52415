//! The distribution of the next token: the model's own probability and the one after the chain, for every token there is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::decode::{Analysis, Margin, Tally, TokenId};
use crate::model::Tokenizer;
use crate::ui::app::{App, Model, Shown};
use crate::ui::look::Look;
use crate::ui::number::{count, figure, percent};
use crate::ui::paint::{self, put, put_glyphs, put_right};
use crate::ui::panels::token_glyphs;
use crate::ui::scale::{DECADES, Scale};
use crate::ui::theme::Role;

/// Draws the panel.
pub fn render(app: &App, area: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let heading = paint::row(area, 0);
    let title =
        app.session().map_or("Next token".to_owned(), |_| format!("Step {}: next token", app.step_number() + 1));
    let x = paint::heading(buffer, heading, &title, look);
    let (Some(shown), Model::Open { tokenizer, .. }) = (app.shown(), app.model()) else { return };
    let analysis = &shown.analysis;
    let (scale, full) = (app.views.step.scale(), full(analysis));
    let share = (100.0 * full).round();
    match scale {
        Scale::Linear => {
            paint::note(buffer, heading, x, &[&format!("full bar = {share}%"), &format!("bar {share}%")], look);
        }
        Scale::Logarithmic => {
            paint::note(buffer, heading, x, &["log bars, 1e-6 to 1", "log bars"], look);
        }
    }
    let columns = Columns::new(area, analysis.model().vocab_size());
    columns.titles(paint::row(area, 1), look, buffer);
    let tally = app.views.step.tally(analysis);
    let list = List { shown, tokenizer: tokenizer.as_ref(), look, columns, scale, full, tally };
    let rows = usize::from(area.height).saturating_sub(3);
    let first = app.list().offset();
    let visible = analysis.model().ranked().iter().enumerate().skip(first).take(rows);
    let (mut model, mut after, mut drawn) = (0.0, 0.0, 0);
    for (y, (index, &id)) in (area.y + 2..).zip(visible) {
        let row = Rect { y, height: 1, ..area };
        list.row(row, index, id, app.list().selected(), buffer);
        model += analysis.model().prob(id);
        after += analysis.sampling_prob(id);
        drawn += 1;
    }
    let others = analysis.model().vocab_size() - drawn;
    list.rest(Rect { y: area.y + 2 + drawn as u16, height: 1, ..area }, others, [1.0 - model, 1.0 - after], buffer);
}

/// What a full bar stands for: a round share just above the largest probability, so that bars of a knob's turn compare.
fn full(analysis: &Analysis) -> f64 {
    let model = analysis.model();
    let best = model.ranked().first().map_or(1.0, |&id| model.prob(id));
    let after = analysis.kept().first().map_or(1.0, |&id| analysis.sampling_prob(id));
    let largest = best.max(after);
    [0.05, 0.1, 0.25, 0.5, 0.75].into_iter().find(|&step| largest <= step).unwrap_or(1.0)
}

/// Where each column begins, from the left edge of the panel, and how wide it is.
#[derive(Clone, Copy, Debug)]
struct Columns {
    rank_end: u16,
    token: u16,
    token_width: u16,
    id_end: Option<u16>,
    /// Number and bar, twice.
    shares: [u16; 2],
    bar_width: u16,
}

/// Cells of a percentage and the gap before its bar.
const NUMBER: u16 = 7;

impl Columns {
    fn new(area: Rect, vocab_size: usize) -> Self {
        let digits = count(vocab_size).len() as u16;
        let with_id = area.width >= 66;
        let rank_end = 2 + digits;
        let token = rank_end + 1;
        let id = if with_id { digits + 1 } else { 0 };
        let spare = area.width.saturating_sub(token + id);
        let token_width = (spare / 4).clamp(9, 18).min(spare);
        let bars = spare.saturating_sub(token_width + 2);
        let bar_width = (bars / 2).saturating_sub(NUMBER + 1).min(44);
        let first = token + token_width + id + 1;
        Self {
            rank_end: area.x + rank_end,
            token: area.x + token,
            token_width: token_width.saturating_sub(1),
            id_end: with_id.then_some(area.x + token + token_width + id),
            shares: [area.x + first, area.x + first + NUMBER + bar_width + 2],
            bar_width,
        }
    }

    fn titles(&self, row: Rect, look: Look<'_>, buffer: &mut Buffer) {
        let style = look.style(Role::Muted);
        put_right(buffer, self.rank_end, row.y, "rank", style);
        put(buffer, self.token, row.y, "token", self.token_width.into(), style);
        if let Some(end) = self.id_end {
            put_right(buffer, end, row.y, "id", style);
        }
        let width = usize::from(self.bar_width);
        let after = if width >= "after the chain".len() { "after the chain" } else { "after" };
        for (x, text, role) in [(self.shares[0], "model", Role::BarModel), (self.shares[1], after, Role::BarAfter)] {
            put(buffer, x + NUMBER - 2, row.y, look.signs().eighths[7], 1, look.style(role));
            put(buffer, x + NUMBER, row.y, text, width, style);
        }
    }
}

struct List<'a> {
    shown: &'a Shown,
    tokenizer: &'a dyn Tokenizer,
    look: Look<'a>,
    columns: Columns,
    scale: Scale,
    /// What a full bar of a linear scale stands for.
    full: f64,
    tally: Option<&'a Tally>,
}

impl List<'_> {
    fn row(&self, row: Rect, index: usize, id: TokenId, selected: usize, buffer: &mut Buffer) {
        let Self { look, columns, .. } = self;
        let analysis = &self.shown.analysis;
        let signs = look.signs();
        let chosen = self.shown.pick.token() == id;
        let removal = analysis.removal(id);
        let text = match (chosen, removal) {
            (true, _) => Role::Chosen,
            (_, Some(_)) => Role::Removed,
            _ => Role::Base,
        };
        let ground = if index == selected { look.style(Role::Selected) } else { Style::new() };
        let on = |role: Role| paint::on(look.style(role), ground);
        buffer.set_style(row, ground);
        if index == selected {
            put(buffer, row.x, row.y, signs.selected, 1, on(Role::Key));
        }
        if chosen {
            put(buffer, row.x + 1, row.y, signs.chosen, 1, on(Role::Chosen));
        }
        put_right(buffer, columns.rank_end, row.y, &count(index + 1), on(Role::Muted));
        let glyphs = token_glyphs(self.tokenizer, id, look.charset);
        put_glyphs(buffer, columns.token, row.y, &glyphs, columns.token_width.into(), *look, on(text));
        if let Some(end) = columns.id_end {
            put_right(buffer, end, row.y, &id.to_string(), on(Role::Muted));
        }
        let model = if removal.is_some() { Role::BarRemoved } else { Role::BarModel };
        self.share(row, 0, analysis.model().prob(id), [text, model], ground, buffer);
        if let Some(removal) = removal {
            let name = analysis.stages().get(removal.stage).map_or("", |stage| stage.name);
            self.tag(row, name, removal.margin, ground, buffer);
        } else {
            let bar = if chosen { Role::BarChosen } else { Role::BarAfter };
            self.share(row, 1, analysis.sampling_prob(id), [text, bar], ground, buffer);
            self.mark(row, id, ground, buffer);
        }
    }

    /// A number and its bar.
    fn share(&self, row: Rect, column: usize, p: f64, [text, bar]: [Role; 2], ground: Style, buffer: &mut Buffer) {
        let x = self.columns.shares[column];
        put_right(buffer, x + NUMBER - 1, row.y, &percent(p), paint::on(self.look.style(text), ground));
        let area = Rect { x: x + NUMBER, y: row.y, width: self.columns.bar_width, height: 1 };
        let length = self.scale.length(p, self.full);
        paint::bar(buffer, area, length, self.look, bar);
        if self.scale == Scale::Logarithmic {
            self.decades(area, length, ground, buffer);
        }
    }

    /// Where a logarithmic bar would reach the next factor of ten.
    fn decades(&self, area: Rect, length: f64, ground: Style, buffer: &mut Buffer) {
        let style = paint::on(self.look.style(Role::Rule), ground);
        let used = (length * f64::from(area.width)).ceil() as u16;
        for column in (1..DECADES).map(|decade| area.width * decade / DECADES).filter(|column| *column >= used.max(1)) {
            put(buffer, area.x + column, area.y, self.look.signs().dot, 1, style);
        }
    }

    /// The share of many draws that fell on a token.
    fn mark(&self, row: Rect, id: TokenId, ground: Style, buffer: &mut Buffer) {
        let Some(tally) = self.tally else { return };
        let length = self.scale.length(tally.share(id), self.full);
        let column = (length * f64::from(self.columns.bar_width.saturating_sub(1))).round() as u16;
        let style = paint::on(self.look.style(Role::Marker), ground);
        put(buffer, self.columns.shares[1] + NUMBER + column, row.y, self.look.signs().mark, 1, style);
    }

    /// The filter that removed a token, and by how much.
    fn tag(&self, row: Rect, name: &str, margin: Option<Margin>, ground: Style, buffer: &mut Buffer) {
        let x = self.columns.shares[1];
        let end = row.right();
        let room = |x: u16| usize::from(end.saturating_sub(x));
        let style = paint::on(self.look.style(Role::Tag), ground);
        let x = put(buffer, x + 1, row.y, &format!("{} {name}", self.look.signs().removed), room(x + 1), style);
        if let Some(Margin { measured, limit }) = margin {
            let text = format!("  {} < {}", figure(measured), figure(limit));
            if text.len() <= room(x) {
                put(buffer, x, row.y, &text, room(x), paint::on(self.look.style(Role::Removed), ground));
            }
        }
    }

    /// All tokens that don't show, as one row.
    fn rest(&self, row: Rect, others: usize, shares: [f64; 2], buffer: &mut Buffer) {
        if others == 0 {
            return;
        }
        let style = self.look.style(Role::Muted);
        let stages = self.shown.analysis.stages();
        let partial = self.shown.analysis.model().is_partial();
        let dots = self.look.signs().ellipsis;
        let text = if partial { format!("{dots} everything else") } else { format!("{dots} {} others", count(others)) };
        let width = self.columns.shares[0].saturating_sub(row.x + 1);
        put(buffer, row.x + 1, row.y, &text, width.into(), style);
        for (column, share) in shares.into_iter().enumerate() {
            // Sums of what shows are rounded; below that nothing is left.
            let share = if share < 1e-9 { 0.0 } else { share };
            self.share(row, column, share, [Role::Muted, Role::BarRemoved], Style::new(), buffer);
        }
        if let Some(stage) = stages.iter().find(|stage| stage.reaches_rest) {
            let x = self.columns.shares[1];
            let room = usize::from(row.right().saturating_sub(x + 1));
            let forms = [format!("{} may reach in here", stage.name), format!("{} reaches", stage.name)];
            let text = forms.iter().find(|text| text.len() <= room).unwrap_or(&forms[1]);
            put(buffer, x + 1, row.y, text, room, style.patch(self.look.style(Role::Tag)));
        }
    }
}
