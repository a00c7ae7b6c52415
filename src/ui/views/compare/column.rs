//! A column of the picture.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::render::Bands;
use super::state::{Column, State};
use crate::decode::Stage;
use crate::decode::scoring::Totals;
use crate::engine::{ColumnAsked, ColumnEnd, ComparedToken, FinishReason, GeneratedToken, TopToken};
use crate::glyph;
use crate::model::Tokenizer;
use crate::ui::look::{Look, Signs};
use crate::ui::number::{logprob, percent, perplexity};
use crate::ui::paint::{self, put, put_glyphs, put_right};
use crate::ui::panels::coloured::Coloured;
use crate::ui::panels::text::{band, wrap};
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// From this width on a token has a bar.
const BARS: u16 = 30;
/// Cells of a token beside a bar.
const TOKEN: u16 = 14;
/// Cells of a probability.
const PERCENT: u16 = 7;

/// The steps that are in sight.
pub(super) struct Window {
    step: usize,
    steps: Range<usize>,
}

impl Window {
    /// As many steps as there are rows, the one that is looked at in the upper third of them.
    pub(super) fn around(step: usize, count: usize, rows: usize) -> Self {
        let first = step.saturating_sub(rows / 3).min(count.saturating_sub(rows));
        Self { step, steps: first..(first + rows).min(count) }
    }

    /// The step that is looked at.
    pub(super) fn step(&self) -> usize {
        self.step
    }

    /// All of them.
    pub(super) fn steps(&self) -> Range<usize> {
        self.steps.clone()
    }
}

/// What a column is drawn with.
pub(super) struct Pane<'a> {
    pub(super) state: &'a State,
    pub(super) column: &'a Column,
    pub(super) index: usize,
    pub(super) look: Look<'a>,
    pub(super) tokenizer: &'a dyn Tokenizer,
    pub(super) window: &'a Window,
}

impl Pane<'_> {
    pub(super) fn render(&self, bands: &Bands, buffer: &mut Buffer) {
        self.title(bands.title, buffer);
        self.text(bands.text, buffer);
        self.tokens(bands.tokens, buffer);
        self.top(bands.top, buffer);
        self.totals(bands.totals, buffer);
    }

    /// The token of the step that is looked at.
    fn here(&self) -> Option<&ComparedToken> {
        self.column.tokens().get(self.window.step())
    }

    fn title(&self, area: Rect, buffer: &mut Buffer) {
        let (look, asked) = (self.look, self.state.asked(self.column));
        let row = paint::row(area, 0);
        let selected = self.index == self.state.selected();
        let style = look.style(if selected { Role::Selected } else { Role::Title });
        let cells = usize::from(row.width);
        if selected {
            put(buffer, row.x, row.y, &" ".repeat(cells), cells, style);
        }
        let mark = if selected { look.signs().selected } else { " " };
        let beams = if asked.strategy.beams().is_some() {
            format!(" {} {} beams", look.signs().dot, asked.beams)
        } else {
            String::new()
        };
        let name = format!("{mark}{} {}{beams}", self.index + 1, asked.strategy.name);
        let mut x = put(buffer, row.x, row.y, &name, cells, style);
        let origin = format!(" {} {}", look.signs().dot, self.column.origin.words());
        if usize::from(row.right().saturating_sub(x)) >= glyph::cells(&origin) {
            x = put(buffer, x, row.y, &origin, cells, style);
        }
        if let Some(draw) = self.here().and_then(|token| token.draw) {
            let room = usize::from(row.right().saturating_sub(x));
            let forms = [format!("u = {:.4}", draw.u), format!("u={:.2}", draw.u)];
            if let Some(text) = forms.iter().find(|text| text.len() + 2 <= room) {
                put_right(buffer, row.right().saturating_sub(1), row.y, text, style);
            }
        }
        let lines = about(&asked, look, cells, area.height.saturating_sub(1).into());
        for (y, line) in (area.y + 1..area.bottom()).zip(lines) {
            // Names of stages have underscores, which are no text of a token that would have to be escaped.
            let style = look.style(Role::Muted);
            if line.chars().all(|character| (' '..='~').contains(&character)) && line.len() <= cells {
                put(buffer, row.x, y, &line, cells, style);
            } else {
                put_glyphs(buffer, row.x, y, &glyph::plain(&line, look.charset), cells, look, style);
            }
        }
    }

    /// The running text up to the step.
    fn text(&self, area: Rect, buffer: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let tokens = self.column.tokens().iter().take(self.window.step() + 1);
        let tokens = tokens.map(|token| (token.token.id, band(token.token.logprob)));
        let cursor = self.here().map(|_| self.window.step());
        let area = Rect { height: area.height.saturating_sub(1), ..area };
        Coloured::new(self.look, self.tokenizer, tokens, cursor).render(area, buffer);
    }

    fn tokens(&self, area: Rect, buffer: &mut Buffer) {
        let parts = self.state.columns().first().and_then(|first| self.column.parts(first));
        for (y, step) in (area.y..area.bottom()).zip(self.window.steps()) {
            let row = Rect { y, height: 1, ..area };
            let ground = if step == self.window.step() { self.look.style(Role::Selected) } else { Style::new() };
            let cells = usize::from(row.width);
            if ground != Style::new() {
                put(buffer, row.x.saturating_sub(1), y, &" ".repeat(cells + 1), cells + 1, ground);
            }
            if parts == Some(step) {
                put(buffer, row.x, y, self.look.signs().parts, 1, self.on(ground, Role::Tag));
            }
            if let Some(token) = self.column.tokens().get(step) {
                self.token(token, (step, ground), row, buffer);
            }
        }
        if let Some(ColumnEnd::Failed(why)) = self.column.end() {
            let glyphs = glyph::plain(why, self.look.charset);
            let shown = self.column.tokens().len().saturating_sub(self.window.steps().start) as u16;
            let top = area.y.saturating_add(shown).min(area.bottom());
            for (y, line) in (top..area.bottom()).zip(wrap(&glyphs, area.width.into())) {
                put_glyphs(buffer, area.x, y, &glyphs[line], area.width.into(), self.look, self.look.style(Role::Bad));
            }
        }
    }

    /// A token with p under the model; what lies ahead of the step is dim.
    fn token(&self, token: &ComparedToken, (step, ground): (usize, Style), row: Rect, buffer: &mut Buffer) {
        let look = self.look;
        let glyphs = token_glyphs(self.tokenizer, token.token.id, look.charset);
        let role = if step > self.window.step() { Role::Future } else { band(token.token.logprob) };
        let prob = token.token.logprob.exp();
        let room = row.width.saturating_sub(2 + PERCENT);
        let cells = if row.width >= BARS { TOKEN } else { room };
        put_glyphs(buffer, row.x + 2, row.y, &glyphs, cells.into(), look, self.on(ground, role));
        if row.width >= BARS {
            let bar = Rect { x: row.x + 3 + TOKEN, width: room.saturating_sub(TOKEN + 1), ..row };
            paint::bar(
                buffer,
                bar,
                prob,
                look,
                if step > self.window.step() { Role::BarRemoved } else { Role::BarModel },
            );
        }
        put_right(buffer, row.right(), row.y, &percent(prob), self.on(ground, Role::Base));
    }

    /// The candidates of the step under the model; the chosen one is marked, and what the chain removed.
    fn top(&self, area: Rect, buffer: &mut Buffer) {
        let (Some(here), false) = (self.here(), area.is_empty()) else { return };
        let look = self.look;
        let area = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
        let listed: Vec<TopToken> = here.top.iter().take(area.height.into()).copied().collect();
        for (y, top) in (area.y..area.bottom()).zip(with_chosen(listed, here)) {
            let row = Rect { y, height: 1, ..area };
            let chosen = top.id == here.token.id;
            let (sign, role) = match &top {
                _ if chosen => (look.signs().chosen, Role::Chosen),
                TopToken { sampling_prob: Some(0.0), .. } => (look.signs().removed, Role::Removed),
                _ => (" ", Role::Base),
            };
            put(buffer, row.x, y, sign, 1, look.style(role));
            let room = row.width.saturating_sub(2 + PERCENT);
            let cells = if row.width >= BARS { TOKEN } else { room };
            let glyphs = token_glyphs(self.tokenizer, top.id, look.charset);
            put_glyphs(buffer, row.x + 2, y, &glyphs, cells.into(), look, look.style(role));
            if row.width >= BARS {
                let bar = Rect { x: row.x + 3 + TOKEN, width: room.saturating_sub(TOKEN + 1), ..row };
                let after = top.sampling_prob.unwrap_or(top.prob);
                paint::bar(buffer, bar, after, look, if chosen { Role::BarChosen } else { Role::BarAfter });
            }
            let after = top.sampling_prob.unwrap_or(top.prob);
            put_right(buffer, row.right(), y, &percent(after), look.style(role));
        }
    }

    /// What the tokens come to under the model's own probabilities: up to the step, and all of them.
    fn totals(&self, area: Rect, buffer: &mut Buffer) {
        let look = self.look;
        let count = self.column.tokens().len();
        let here = self.column.totals((self.window.step() + 1).min(count), self.tokenizer);
        let all = self.column.totals(count, self.tokenizer);
        let (middle, end) = (area.x + area.width / 2, area.right());
        let mut y = area.y;
        if area.height >= 5 {
            paint::rule(buffer, paint::row(area, 0), look);
            put_right(buffer, middle, y, &format!(" {} ", tokens(here.tokens)), look.style(Role::Muted));
            put_right(buffer, end, y, &format!(" all {count}"), look.style(Role::Muted));
            y += 1;
        }
        let minus = look.signs();
        let figures: [fn(&Totals, &Signs) -> String; 3] = [
            |totals, minus| logprob(totals.sum_logprob, minus),
            |totals, minus| logprob(totals.mean_logprob(), minus),
            |totals, _| perplexity(totals.perplexity()),
        ];
        for figure in figures {
            if y < area.bottom() && count > 0 {
                put_right(buffer, middle, y, &figure(&here, minus), look.style(Role::Strong));
                put_right(buffer, end, y, &figure(&all, minus), look.style(Role::Base));
            }
            y += 1;
        }
        if y < area.bottom() {
            let glyphs = glyph::plain(&self.ending(), look.charset);
            put_glyphs(buffer, area.x, y, &glyphs, area.width.into(), look, look.style(Role::Muted));
        }
    }

    /// How it ended, and where it left the first column.
    fn ending(&self) -> String {
        let ended = match self.column.end() {
            None if self.column.tokens().is_empty() => "waiting",
            None => "going on",
            Some(ColumnEnd::Finished(FinishReason::Eos)) => "ended",
            Some(ColumnEnd::Finished(FinishReason::Length)) => "cut off",
            Some(ColumnEnd::Finished(FinishReason::Stop)) => "stopped",
            Some(ColumnEnd::Failed(_)) => return "failed".to_owned(),
        };
        let first = self.state.columns().first().filter(|_| self.index > 0);
        let signs = self.look.signs();
        match first.map(|first| self.column.parts(first)) {
            Some(Some(step)) => format!("{} from step {} {} {ended}", signs.parts, step + 1, signs.dot),
            Some(None) => format!("as column 1 {} {ended}", signs.dot),
            None => ended.to_owned(),
        }
    }

    /// A role on the ground of a row: a selected row keeps its own colours.
    fn on(&self, ground: Style, role: Role) -> Style {
        let style = self.look.style(role);
        match ground.bg {
            Some(bg) => Style { bg: Some(bg), ..style }.add_modifier(ground.add_modifier),
            None if ground != Style::new() => style.patch(ground),
            None => style,
        }
    }
}

/// The chain that the strategy uses and the seed, in lines that break between stages; what is too much goes into the last line.
fn about(asked: &ColumnAsked, look: Look<'_>, cells: usize, lines: usize) -> Vec<String> {
    let chain = asked.strategy.effective_chain(&asked.chain);
    let last = chain.stages().len().saturating_sub(1);
    let stage = |(place, stage): (usize, &Stage)| format!("{stage}{}", if place < last { "," } else { "" });
    let mut pieces: Vec<String> = chain.stages().iter().enumerate().map(stage).collect();
    if pieces.is_empty() {
        pieces.push("no filter, no penalty".to_owned());
    }
    if draws(asked) {
        pieces.push(format!("{} seed {}", look.signs().dot, asked.seed));
    }
    let mut made: Vec<String> = Vec::new();
    for piece in pieces {
        let full = made.len() == lines;
        match made.last_mut() {
            Some(line) if full || glyph::cells(line) + 1 + glyph::cells(&piece) <= cells => {
                line.push(' ');
                line.push_str(&piece);
            }
            _ => made.push(piece),
        }
    }
    made
}

/// The chosen token is always among those that show: in the place of the last one, if need be.
fn with_chosen(mut listed: Vec<TopToken>, here: &ComparedToken) -> Vec<TopToken> {
    let GeneratedToken { id, logprob, sampling_logprob, .. } = here.token;
    if listed.iter().all(|top| top.id != id) {
        let normalized = listed.first().and_then(|top| top.sampling_prob);
        listed.pop();
        let sampling_prob = normalized.map(|_| sampling_logprob.exp());
        listed.push(TopToken { id, prob: logprob.exp(), sampling_prob });
    }
    listed
}

/// Whether its strategy draws.
fn draws(asked: &ColumnAsked) -> bool {
    ["sample", "beam-sample"].contains(&asked.strategy.name)
}

fn tokens(count: usize) -> String {
    if count == 1 { "1 token".to_owned() } else { format!("{count} tokens") }
}
