//! Draws the tree: tokens in columns, branches between them, and at the right the figures of each row's leaf.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::columns::{BETWEEN, Column, Columns, chain};
use super::lists::text;
use super::pen::{Pen, TOKEN, figures, over, role, signed, tail, trimmed};
use super::picture::{Item, Picture};
use super::search::{Ranked, Search};
use crate::decode::TokenId;
use crate::decode::beam::BeamSettings;
use crate::glyph::{self, Glyph};
use crate::model::Tokenizer;
use crate::ui::look::Look;
use crate::ui::paint::{put, put_glyphs, put_right, row};
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// Everything that the tree is drawn from.
pub struct Tree<'a> {
    /// Colours and signs.
    pub look: Look<'a>,
    /// What the tokens say.
    pub tokenizer: &'a dyn Tokenizer,
    /// The search.
    pub search: &'a Search,
    /// Steps shown.
    pub step: usize,
    /// What is in the picture.
    pub picture: Picture,
    /// Where its columns are.
    pub columns: Columns,
    /// The prompt's tokens.
    pub prompt: &'a [TokenId],
    /// The contenders, best first.
    pub ranked: &'a [Ranked],
    /// The norm that scores are shown under.
    pub settings: BeamSettings,
    /// The selected token.
    pub selected: Option<usize>,
    /// The first row that shows.
    pub first_row: usize,
}

impl Tree<'_> {
    /// Draws it; the first row has the numbers of the steps.
    pub fn render(&self, area: Rect, buffer: &mut Buffer) {
        let (aside, ends) = figures(area.width);
        let tree = Rect { x: area.x + 1, width: area.width.saturating_sub(aside + 2), ..area };
        let columns = &self.columns;
        self.titles(row(area, 0), tree, ends, buffer);
        let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..tree };
        self.trunk(rows, buffer);
        for (place, column) in columns.list.iter().enumerate() {
            let next = columns.list.get(place + 1);
            for (index, item) in self.picture.items.iter().enumerate() {
                let early = item.step < columns.first && item.children.is_empty() && place == 0;
                let begins = item.step == column.steps.start;
                if early || begins {
                    self.chain(index, column, next, rows, buffer);
                }
            }
        }
        for item in self.picture.items.iter().filter(|item| item.children.is_empty()) {
            self.figures_of(item, Rect { x: area.x, width: area.width, ..rows }, ends, buffer);
        }
    }

    fn pen(&self) -> Pen<'_> {
        Pen { look: self.look, tokenizer: self.tokenizer }
    }

    fn glyphs(&self, item: &Item) -> Vec<Glyph> {
        token_glyphs(self.tokenizer, item.token, self.look.charset)
    }

    fn titles(&self, line: Rect, tree: Rect, ends: [u16; 3], buffer: &mut Buffer) {
        let columns = &self.columns;
        let (muted, strong) = (self.look.style(Role::Muted), self.look.style(Role::Strong));
        let trunk = if columns.first == 0 { "prompt" } else { "before" };
        if trunk.len() <= columns.trunk.into() {
            put(buffer, tree.x, line.y, trunk, trunk.len(), muted);
        }
        for column in &columns.list {
            let (first, last) = (column.steps.start + 1, column.steps.end);
            let (text, style) = match first {
                first if first < last => (format!("steps {first}-{last}"), muted),
                first if first == self.step => (format!("step {first}"), strong),
                first => (format!("step {first}"), muted),
            };
            let text = if glyph::cells(&text) <= usize::from(column.width) { text } else { last.to_string() };
            put(buffer, tree.x + column.x, line.y, &text, usize::from(column.width), style);
        }
        let begin = line.right().saturating_sub(figures(line.width).0 + 1);
        for (end, title) in ends.into_iter().zip(["rank", "sum", "score"]).filter(|(end, _)| *end > 0) {
            put_right(buffer, begin + end, line.y, title, muted);
        }
    }

    /// The screen's row of a row of the picture, where it shows.
    fn y(&self, row: usize, rows: Rect) -> Option<u16> {
        let place = row.checked_sub(self.first_row)? as u16;
        (place < rows.height).then(|| rows.y + place)
    }

    /// The end of the prompt; where steps are folded, the end of what all branches have in common.
    fn trunk(&self, rows: Rect, buffer: &mut Buffer) {
        let columns = &self.columns;
        let hung = |item: &&Item| item.step == columns.first || item.step < columns.first && item.children.is_empty();
        let mut children: Vec<(usize, bool)> =
            self.picture.items.iter().filter(hung).map(|item| (item.row, item.marks.best)).collect();
        children.sort_unstable();
        let top = children.first().map_or(0, |(row, _)| *row);
        let folded = columns.first > 0;
        let glyphs = if folded { self.common(columns.first) } else { self.text(self.prompt) };
        let mut end = rows.x;
        if let Some(y) = self.y(top, rows) {
            let room = usize::from(columns.trunk.min(rows.width));
            let shown = tail(&glyphs, room);
            if shown.len() < glyphs.len() || folded {
                end = put(buffer, end, y, self.look.signs().ellipsis, room, self.look.style(Role::Muted));
            }
            let shown = tail(&glyphs, room.saturating_sub(usize::from(end - rows.x)));
            end = put_glyphs(buffer, end, y, shown, room, self.look, self.look.style(Role::Strong));
        }
        if let Some(column) = columns.list.first() {
            self.branches(end, rows.x + column.x - BETWEEN + 1, &children, rows, buffer);
        }
    }

    /// Running text: spaces are gaps in it.
    fn text(&self, tokens: &[TokenId]) -> Vec<Glyph> {
        text(self.tokenizer, tokens, self.look.charset)
    }

    /// The text that all branches of a step have in common, its end.
    fn common(&self, first: usize) -> Vec<Glyph> {
        let items = &self.picture.items;
        let mut ancestors: Vec<usize> = (0..items.len()).filter(|&index| items[index].step == first).collect();
        let mut step = first;
        while ancestors.len() > 1 && step > 0 {
            step -= 1;
            ancestors = ancestors.iter().filter_map(|&index| items[index].parent).collect();
            ancestors.dedup();
            ancestors.sort_unstable();
            ancestors.dedup();
        }
        let mut at = ancestors.first().copied().filter(|_| ancestors.len() == 1);
        if step == first {
            at = at.and_then(|index| items[index].parent);
        }
        let path = std::iter::successors(at, |&index| items[index].parent).map(|index| items[index].token);
        let mut tokens: Vec<TokenId> = path.take(32).collect();
        tokens.reverse();
        if tokens.is_empty() { self.text(self.prompt) } else { self.text(&tokens) }
    }

    /// A token in its column, or those of several steps in one; and the branches to what follows.
    fn chain(&self, index: usize, column: &Column, next: Option<&Column>, rows: Rect, buffer: &mut Buffer) {
        let items = chain(&self.picture, index, column.steps.end);
        let last = *items.last().unwrap_or(&index);
        let x = rows.x + column.x;
        let mut end = x;
        if let Some(y) = self.y(self.picture.items[index].row, rows) {
            let right = (x + column.width).min(rows.right());
            let early = self.picture.items[index].step < column.steps.start;
            if early {
                end = put(buffer, end, y, self.look.signs().ellipsis, 1, self.look.style(Role::Muted));
            }
            end = match items[..] {
                [one] => self.token(one, (end, y), right, buffer),
                _ => self.segment(&items, (end, y), right, buffer),
            };
        }
        if let Some(next) = next {
            let child = |&index: &usize| (self.picture.items[index].row, self.picture.items[index].marks.best);
            let children: Vec<(usize, bool)> = self.picture.items[last].children.iter().map(child).collect();
            self.branches(end, rows.x + next.x - BETWEEN + 1, &children, rows, buffer);
        }
    }

    fn style(&self, item: &Item) -> Style {
        let role = match item.status {
            _ if item.marks.best => Role::BeamBest,
            Some(status) => role(status),
            None if item.marks.optimum => Role::Optimum,
            None => Role::OverlayPath,
        };
        self.look.style(role)
    }

    fn token(&self, index: usize, (x, y): (u16, u16), right: u16, buffer: &mut Buffer) -> u16 {
        let item = &self.picture.items[index];
        let ground = if self.selected == Some(index) { self.look.style(Role::Selected) } else { Style::new() };
        let style = over(self.style(item), ground);
        let room = |x: u16| usize::from(right.saturating_sub(x));
        let mut end = put(buffer, x, y, self.pen().before(item), room(x), style);
        let after = self.pen().after(item);
        let aside: usize = after.iter().map(|(text, _)| glyph::cells(text)).sum();
        let cells = room(end).saturating_sub(aside).min(TOKEN.into());
        end = put_glyphs(buffer, end, y, &self.glyphs(item), cells, self.look, style);
        for (text, role) in &after {
            end = put(buffer, end, y, text, room(end), over(self.look.style(*role), ground));
        }
        if let Some(figure) = self.pen().figure(item).filter(|figure| glyph::cells(figure) < room(end)) {
            let muted = over(self.look.style(Role::Muted), ground);
            end = put(buffer, end, y, " ", 1, over(Style::new(), ground));
            end = put(buffer, end, y, &figure, room(end), muted);
        }
        end
    }

    /// Several steps as one text.
    fn segment(&self, items: &[usize], (x, y): (u16, u16), right: u16, buffer: &mut Buffer) -> u16 {
        let room = |x: u16| usize::from(right.saturating_sub(x));
        let tokens: Vec<TokenId> = items.iter().map(|&index| self.picture.items[index].token).collect();
        let Some(last) = items.last().map(|&index| &self.picture.items[index]) else { return x };
        let style = self.style(last);
        let glyphs = self.text(&tokens);
        let mut end = put(buffer, x, y, self.pen().before(last), room(x), style);
        let glyphs = trimmed(&glyphs);
        let mut shown = tail(glyphs, room(end));
        if shown.len() < glyphs.len() {
            end = put(buffer, end, y, self.look.signs().ellipsis, room(end), style);
            shown = tail(glyphs, room(end));
        }
        put_glyphs(buffer, end, y, shown, room(end), self.look, style)
    }

    /// The lines from a text that ends at `end` to children in these rows; the branch itself is at the column `at`. The best
    /// path is heavy.
    fn branches(&self, end: u16, at: u16, children: &[(usize, bool)], rows: Rect, buffer: &mut Buffer) {
        let (Some(&(top, _)), Some(&(bottom, _))) = (children.first(), children.last()) else { return };
        let signs = &self.look.signs().branches;
        let best = children.iter().position(|(_, best)| *best);
        let style = |heavy: usize| self.look.style(if heavy > 0 { Role::BeamBest } else { Role::Muted });
        let mut draw = |x: u16, y: u16, symbol: &str, heavy: usize| {
            if x < rows.right() {
                put(buffer, x, y, symbol, 1, style(heavy));
            }
        };
        let until = self.first_row + usize::from(rows.height);
        for row in top.max(self.first_row)..=bottom.min(until) {
            let Some(y) = self.y(row, rows) else { continue };
            let place = children.iter().position(|(child, _)| *child == row);
            let heavy = match (best, place) {
                (Some(best), Some(place)) if best == place => 1,
                (Some(best), _) if children[best].0 > row => 2,
                _ => 0,
            };
            let many = children.len() > 1;
            let symbol = match place {
                Some(0) if !many => signs.on[heavy.min(1)],
                Some(0) => signs.first[heavy],
                Some(place) if place + 1 == children.len() => signs.last[heavy.min(1)],
                Some(_) => signs.middle[heavy],
                None => signs.past[heavy.min(1)],
            };
            draw(at, y, symbol, heavy);
            if place.is_some() {
                draw(at + 1, y, signs.on[usize::from(heavy == 1)], usize::from(heavy == 1));
            }
            if row == top {
                for x in (end + 1).min(at)..at {
                    draw(x, y, signs.on[heavy.min(1)], heavy);
                }
            }
        }
    }

    /// Rank, sum and score of a leaf that competes, or that the step looked at.
    fn figures_of(&self, item: &Item, rows: Rect, ends: [u16; 3], buffer: &mut Buffer) {
        let (Some(y), Some(node)) = (self.y(item.row, rows), item.node) else { return };
        let Some(known) = self.search.node(node).filter(|_| item.folded == 0) else { return };
        let rank = self.ranked.iter().position(|ranked| ranked.node == node);
        if rank.is_none() && item.step + 1 != self.step {
            return;
        }
        let begin = rows.right().saturating_sub(figures(rows.width).0 + 1);
        let role = match rank {
            Some(0) => Role::BeamBest,
            Some(_) => Role::Base,
            None => Role::BeamPruned,
        };
        let score = self.search.score(node, &self.settings);
        let texts = [
            rank.map(|rank| format!("#{}", rank + 1)).unwrap_or_default(),
            signed(known.candidate.sum, 3, self.look),
            signed(score, 3, self.look),
        ];
        for (end, text) in ends.into_iter().zip(&texts).filter(|(end, _)| *end > 0) {
            put_right(buffer, begin + end, y, text, self.look.style(role));
        }
    }
}
