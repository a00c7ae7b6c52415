//! The lists below the tree: the hypotheses, best first, and the ledger of the step's candidates.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::pen::{over, role, sign, signed, tail, trimmed};
use super::search::Status;
use super::tree::Tree;
use crate::decode::beam::{BeamCandidate, Ending, Verdict};
use crate::glyph;
use crate::ui::paint::{put, put_glyphs, put_right, row};
pub(super) use crate::ui::panels::running as text;
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// What became of a candidate, in words.
#[must_use]
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Kept => "runs on",
        Verdict::Finished(Ending::End) => "finished: end token",
        Verdict::Finished(Ending::Stop) => "finished: stop text",
        Verdict::Finished(Ending::Length) => "finished: last step",
        Verdict::BelowCut => "below the cut",
        Verdict::EndedOutside(_) => "ended outside first B",
        Verdict::Outscored(_) => "ended, but outscored",
    }
}

/// The rows of a list that show, so that the selected one is among them.
fn window(count: usize, selected: Option<usize>, rows: usize) -> std::ops::Range<usize> {
    let first = selected.map_or(0, |selected| (selected + 1).saturating_sub(rows));
    first..count.min(first + rows)
}

impl Tree<'_> {
    /// The hypotheses and running beams: rank, sum, length, score, status, and the end of the text.
    pub fn hypotheses(&self, area: Rect, buffer: &mut Buffer) {
        let selected = self.selected.and_then(|item| self.picture.items[item].node);
        let place = self.ranked.iter().position(|ranked| Some(ranked.node) == selected);
        let mut y = area.y;
        for index in window(self.ranked.len(), place, area.height.into()) {
            let ranked = &self.ranked[index];
            let Some(node) = self.search.node(ranked.node) else { continue };
            let ground = if place == Some(index) { self.look.style(Role::Selected) } else { Style::new() };
            let line = Rect { y, height: 1, ..area };
            buffer.set_style(line.intersection(buffer.area), ground);
            let status = self.search.status(node, self.step);
            let main = if index == 0 { Role::BeamBest } else { Role::Base };
            let style = |role| over(self.look.style(role), ground);
            let x = area.x;
            put_right(buffer, x + 4, y, &format!("#{}", index + 1), style(main));
            put(buffer, x + 5, y, sign(status, self.look), 1, style(role(status)));
            put_right(buffer, x + 15, y, &signed(node.candidate.sum, 3, self.look), style(Role::Base));
            put_right(buffer, x + 19, y, &node.candidate.length.to_string(), style(Role::Muted));
            put_right(buffer, x + 28, y, &signed(ranked.score, 3, self.look), style(main));
            let room = usize::from(area.right().saturating_sub(x + 30));
            let path = self.search.tokens(ranked.node);
            // A token takes a cell at least, so that more of them can't show.
            let glyphs = text(self.tokenizer, &path[path.len().saturating_sub(room)..], self.look.charset);
            let glyphs = trimmed(&glyphs);
            let cut = glyph::width(glyphs) > room || path.len() > room;
            let mut at = x + 30;
            if cut {
                at = put(buffer, at, y, self.look.signs().ellipsis, room, style(Role::Muted));
            }
            let room = usize::from(area.right().saturating_sub(at));
            put_glyphs(buffer, at, y, tail(glyphs, room), room, self.look, style(main));
            y += 1;
        }
    }

    /// The titles of the hypotheses.
    pub fn hypotheses_titles(&self, line: Rect, buffer: &mut Buffer) {
        let style = self.look.style(Role::Muted);
        let x = line.x;
        for (end, title) in [(4, "rank"), (15, "sum"), (19, "len"), (28, "score")] {
            put_right(buffer, x + end, line.y, title, style);
        }
        put(buffer, x + 30, line.y, "text", usize::from(line.width.saturating_sub(30)), style);
    }

    /// Everything that the step looked at, in the order in which it did.
    pub fn ledger(&self, area: Rect, selected: usize, buffer: &mut Buffer) {
        let candidates = self.search.step(self.step).map(|step| &step.candidates[..]).unwrap_or_default();
        for (place, index) in window(candidates.len(), Some(selected), area.height.into()).enumerate() {
            let ground = if index == selected { self.look.style(Role::Selected) } else { Style::new() };
            let line = row(area, place as u16);
            buffer.set_style(line.intersection(buffer.area), ground);
            self.candidate(&candidates[index], index, line, ground, buffer);
        }
    }

    /// The titles of the ledger.
    pub fn ledger_titles(&self, line: Rect, buffer: &mut Buffer) {
        let style = self.look.style(Role::Muted);
        let [token, logprob, sum, score, verdict] = ledger_columns(line);
        put(buffer, token, line.y, "token", 12, style);
        for (end, title) in [(logprob, "log p"), (sum, "sum"), (score, "score")] {
            put_right(buffer, end, line.y, title, style);
        }
        put(buffer, verdict, line.y, "verdict", usize::from(line.right().saturating_sub(verdict)), style);
    }

    fn candidate(&self, one: &BeamCandidate, index: usize, line: Rect, ground: Style, buffer: &mut Buffer) {
        let status = self.search.node(one.node).map_or(Status::Passed, |node| self.search.status(node, self.step));
        let style = |role| over(self.look.style(role), ground);
        let [token, logprob, sum, score, verdict_at] = ledger_columns(line);
        let y = line.y;
        put_right(buffer, line.x + 3, y, &(index + 1).to_string(), style(Role::Muted));
        put(buffer, line.x + 4, y, sign(status, self.look), 1, style(role(status)));
        let room = usize::from(logprob.saturating_sub(7 + token));
        let parent = one.parent.and_then(|parent| self.search.node(parent)).map(|node| node.candidate.token);
        let glyphs = |id| token_glyphs(self.tokenizer, id, self.look.charset);
        let mut x = put_glyphs(buffer, token, y, &glyphs(one.token), room, self.look, style(role(status)));
        if let Some(parent) = parent {
            let left = room.saturating_sub(usize::from(x - token));
            if left > 8 {
                x = put(buffer, x, y, " after ", 7, style(Role::Muted));
                put_glyphs(buffer, x, y, &glyphs(parent), left - 7, self.look, style(Role::Muted));
            }
        }
        put_right(buffer, logprob, y, &signed(one.logprob, 2, self.look), style(Role::Base));
        put_right(buffer, sum, y, &signed(one.sum, 3, self.look), style(Role::Base));
        let under = self.search.score(one.node, &self.settings);
        put_right(buffer, score, y, &signed(under, 3, self.look), style(Role::Base));
        let room = usize::from(line.right().saturating_sub(verdict_at));
        put(buffer, verdict_at, y, verdict(one.verdict), room, style(role(status)));
    }
}

/// Where the token begins, log p, sum and score end, and the verdict begins.
fn ledger_columns(line: Rect) -> [u16; 5] {
    let token = line.x + 6;
    let verdict = line.right().saturating_sub(26).max(token + 34);
    [token, verdict - 20, verdict - 11, verdict - 2, verdict]
}
