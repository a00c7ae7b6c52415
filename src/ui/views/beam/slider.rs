//! α as a slider, with the places where another hypothesis takes the lead.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::lists::text;
use super::pen::{penalty, signed, tail, trimmed};
use super::tree::Tree;
use crate::decode::beam::{BeamNode, LengthNorm, PENALTIES, Reign, reigns};
use crate::glyph;
use crate::ui::paint::{put, put_glyphs};
use crate::ui::theme::Role;

/// Cells before the track.
const LABEL: u16 = 9;

impl Tree<'_> {
    /// Two lines: the track with its knob, and below who wins from where on.
    pub fn slider(&self, area: Rect, buffer: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let (look, y) = (self.look, area.y);
        let alpha = self.settings.length_penalty;
        let x = put(buffer, area.x + 1, y, glyph_of_alpha(look.charset), 5, look.style(Role::Muted));
        put(buffer, x + 1, y, &penalty(alpha, look), 5, look.style(Role::Strong));
        let track = Rect { x: area.x + LABEL, width: area.width.saturating_sub(LABEL + 2), height: 1, y };
        if track.width < 10 {
            return;
        }
        put(buffer, track.x.saturating_sub(2), y, &signed(*PENALTIES.start(), 0, look), 2, look.style(Role::Muted));
        put(buffer, track.right(), y, &signed(*PENALTIES.end(), 0, look), 1, look.style(Role::Muted));
        for x in track.x..track.right() {
            put(buffer, x, y, look.signs().rule, 1, look.style(Role::Rule));
        }
        let nodes = self.search.contenders(self.step);
        let norm = self.settings.length_norm;
        let found = reigns(norm, &self.search.as_contenders(&nodes), PENALTIES);
        for reign in found.iter().skip(1) {
            put(buffer, place(track, reign.from), y, look.signs().down, 1, look.style(Role::Marker));
        }
        put(buffer, place(track, alpha), y, look.signs().beams[0], 1, look.style(Role::BeamBest));
        if area.height > 1 {
            self.winners(&found, &nodes, track, buffer);
        }
    }

    /// Below the track, from each change on: its α, and the end of the winner's text.
    fn winners(&self, found: &[Reign], nodes: &[BeamNode], track: Rect, buffer: &mut Buffer) {
        let y = track.y + 1;
        if let [only] = found {
            let why = self.unrivalled(only.winner, nodes);
            let why = if self.look.charset == glyph::Charset::Ascii { why.replace('α', "alpha") } else { why };
            let x = put(buffer, track.x, y, &why, track.width.into(), self.look.style(Role::Muted));
            self.winner(nodes.get(only.winner), x + 1, track.right(), Role::BeamBest, y, buffer);
            return;
        }
        let alpha = self.settings.length_penalty;
        let reigning = found.iter().rposition(|reign| reign.from <= alpha).unwrap_or(0);
        for (index, reign) in found.iter().enumerate() {
            let from = if index == 0 { track.x } else { place(track, reign.from) };
            let to = found.get(index + 1).map_or(track.right(), |next| place(track, next.from).saturating_sub(1));
            let (mut x, role) = (from, if index == reigning { Role::BeamBest } else { Role::Muted });
            let number = signed(reign.from, 2, self.look);
            if index > 0 && from + glyph::cells(&number) as u16 <= to {
                x = put(buffer, from, y, &number, number.len(), self.look.style(Role::Marker)) + 1;
            }
            self.winner(nodes.get(reign.winner), x, to, role, y, buffer);
        }
    }

    /// Why nobody else wins at any α.
    fn unrivalled(&self, winner: usize, nodes: &[BeamNode]) -> String {
        let norm = self.settings.length_norm;
        if norm == LengthNorm::None {
            return "no norm: α changes nothing; first is".to_owned();
        }
        let all = self.search.as_contenders(nodes);
        let divisor = |index: usize| all.get(index).map_or(1.0, |one| norm.divisor(1.0, one.length));
        let (mine, others) = (divisor(winner), (0..all.len()).filter(|index| *index != winner).map(divisor));
        let (shortest, longest) = others.fold((f64::INFINITY, 0.0f64), |(a, b), one| (a.min(one), b.max(one)));
        let why = match all.len() {
            0 | 1 => "nothing else is there",
            _ if shortest == mine && longest == mine => "all are equally long",
            _ if longest <= mine => "best sum, none longer",
            _ if shortest >= mine => "best sum, none shorter",
            _ => "best sum by far",
        };
        format!("the same winner for every α ({why}):")
    }

    fn winner(&self, node: Option<&BeamNode>, from: u16, to: u16, role: Role, y: u16, buffer: &mut Buffer) {
        let room = usize::from(to.saturating_sub(from));
        let Some(&node) = node.filter(|_| room >= 4) else { return };
        let path = self.search.tokens(node);
        let glyphs = text(self.tokenizer, &path[path.len().saturating_sub(room)..], self.look.charset);
        let glyphs = trimmed(&glyphs);
        let style = self.look.style(role);
        let cut = glyph::width(glyphs) > room || path.len() > room;
        let x = if cut { put(buffer, from, y, self.look.signs().ellipsis, 1, style) } else { from };
        let room = usize::from(to.saturating_sub(x));
        let shown = tail(glyphs, room);
        put_glyphs(buffer, x, y, shown, room, self.look, style);
    }
}

/// α, as the charset has it.
fn glyph_of_alpha(charset: glyph::Charset) -> &'static str {
    match charset {
        glyph::Charset::Unicode => "α",
        glyph::Charset::Ascii => "a",
    }
}

/// The cell of a value of α.
fn place(track: Rect, alpha: f64) -> u16 {
    let (low, high) = (*PENALTIES.start(), *PENALTIES.end());
    let share = ((alpha - low) / (high - low)).clamp(0.0, 1.0);
    track.x + (share * f64::from(track.width.saturating_sub(1))).round() as u16
}
