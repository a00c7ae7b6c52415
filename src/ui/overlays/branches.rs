//! The tree of branches: every token that was decided from this prompt, and a way to any of them.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::window::window;
use super::{Fate, Overlay};
use crate::glyph;
use crate::model::Tokenizer;
use crate::session::{Branch, NodeId, Session, branches};
use crate::ui::action::{Action, Context};
use crate::ui::app::{App, Model};
use crate::ui::look::Look;
use crate::ui::message::Effect;
use crate::ui::number::count;
use crate::ui::paint::{put, put_glyphs, put_right};
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// Forks whose lines are drawn before a branch; those nearer to the root are left out.
const FORKS: usize = 8;

/// The tree, with a token of it selected.
#[derive(Clone, Copy, Debug)]
pub struct Branches {
    selected: NodeId,
}

impl Branches {
    /// Opened at a token.
    #[must_use]
    pub fn new(selected: NodeId) -> Self {
        Self { selected }
    }

    fn go(&mut self, session: &Session, action: Action) {
        let inside = |node: &NodeId| *node != session.prompt_end();
        let to = match action {
            Action::Left => Some(self.selected).filter(inside).and_then(|node| session.parent(node)),
            Action::Right => session.next(self.selected),
            Action::Up | Action::Down => {
                let rows = branches(session);
                let row = row_of(&rows, self.selected);
                let row = if action == Action::Up { row.checked_sub(1) } else { Some(row + 1) };
                row.and_then(|row| rows.get(row)).map(|row| row.nodes[0])
            }
            _ => None,
        };
        self.selected = to.unwrap_or(self.selected);
    }
}

/// The row that a token is in.
fn row_of(rows: &[Branch], node: NodeId) -> usize {
    rows.iter().position(|row| row.nodes.contains(&node)).unwrap_or_default()
}

impl Overlay for Branches {
    fn context(&self) -> Context {
        Context::Branches
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        match (action, app.session()) {
            (Action::Accept, _) => (Fate::Closes, app.jump(self.selected)),
            (Action::Up | Action::Down | Action::Left | Action::Right, Some(session)) => {
                self.go(session, action);
                (Fate::Stays, Vec::new())
            }
            _ => (Fate::Closes, Vec::new()),
        }
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let (Some(session), Model::Open { tokenizer, .. }) = (app.session(), app.model()) else { return None };
        let rows = branches(session);
        let width = screen.width.saturating_sub(4).min(130);
        let height = (rows.len() as u16).saturating_add(3).min(screen.height.saturating_sub(2));
        let title = if rows.len() == 1 {
            "Branches: one so far".to_owned()
        } else {
            format!("Branches: {}", count(leaves(&rows)))
        };
        let inside = window(app.look(), &title, (width, height), screen, buffer);
        let tree = Tree { look: app.look(), session, tokenizer: tokenizer.as_ref(), selected: self.selected, inside };
        let room = usize::from(inside.height.saturating_sub(1));
        let at = row_of(&rows, self.selected);
        let first = (at + 1).saturating_sub(room);
        for (y, row) in (inside.y..).zip(rows.iter().skip(first).take(room)) {
            tree.row(row, y, buffer);
        }
        let note =
            if rows.len() == 1 { "step back and take another token (Enter): a branch begins" } else { tree.titles() };
        let y = inside.bottom().saturating_sub(1);
        put(buffer, inside.x, y, note, inside.width.into(), tree.style(Role::Muted));
        None
    }
}

/// Branches that nothing grows from.
fn leaves(rows: &[Branch]) -> usize {
    let grows = |(row, next): (&Branch, Option<&Branch>)| next.is_some_and(|next| next.forks.len() > row.forks.len());
    rows.iter().enumerate().filter(|(at, row)| !grows((row, rows.get(at + 1)))).count()
}

struct Tree<'a> {
    look: Look<'a>,
    session: &'a Session,
    tokenizer: &'a dyn Tokenizer,
    selected: NodeId,
    inside: Rect,
}

impl Tree<'_> {
    fn style(&self, role: Role) -> ratatui::style::Style {
        let style = self.look.style(role);
        if role == Role::Selected { style } else { style.bg(self.look.style(Role::Overlay).bg.unwrap_or_default()) }
    }

    fn titles(&self) -> &'static str {
        match self.look.charset {
            glyph::Charset::Unicode => "● is where the text stands; right: tokens, Σ log p in nats",
            glyph::Charset::Ascii => "* is where the text stands; right: tokens, sum of log p in nats",
        }
    }

    fn row(&self, row: &Branch, y: u16, buffer: &mut Buffer) {
        let Self { look, inside, .. } = self;
        let figures = format!("{} {} {:>9.2}", row.length, look.signs().sum, row.logprob);
        let end = put_right(buffer, inside.right(), y, &figures, self.style(Role::Muted)).saturating_sub(1);
        let mut x = put(buffer, inside.x, y, &self.lines(&row.forks), inside.width.into(), self.style(Role::Muted));
        let selected = row.nodes.iter().position(|node| *node == self.selected);
        let room = usize::from(end.saturating_sub(x));
        let first = selected.map_or(0, |selected| self.first(&row.nodes[..=selected], room));
        if first > 0 {
            x = put(buffer, x, y, look.signs().ellipsis, 1, self.style(Role::Muted));
        }
        for &node in &row.nodes[first..] {
            let left = usize::from(end.saturating_sub(x));
            if left == 0 {
                break;
            }
            x = self.token(node, (x, y), left, buffer);
        }
    }

    /// The first token to show, so that the last of these still fits.
    fn first(&self, nodes: &[NodeId], room: usize) -> usize {
        let mut used = 2;
        let fits = |node: &&NodeId| {
            used += glyph::width(&self.glyphs(**node)) + 1;
            used <= room
        };
        nodes.len() - nodes.iter().rev().take_while(fits).count().max(1)
    }

    fn glyphs(&self, node: NodeId) -> Vec<glyph::Glyph> {
        token_glyphs(self.tokenizer, self.session.token(node), self.look.charset)
    }

    fn token(&self, node: NodeId, (mut x, y): (u16, u16), mut left: usize, buffer: &mut Buffer) -> u16 {
        let role = match node {
            node if node == self.selected => Role::Selected,
            node if node == self.session.cursor() => Role::Chosen,
            node if self.session.chosen(node).is_none() => Role::Muted,
            _ => Role::Overlay,
        };
        if node == self.session.cursor() {
            x = put(buffer, x, y, self.look.signs().chosen, left, self.style(Role::Chosen));
            left = left.saturating_sub(1);
        }
        put_glyphs(buffer, x, y, &self.glyphs(node), left, self.look, self.style(role))
    }

    /// The lines before a branch: which of the forks above it go on below.
    fn lines(&self, forks: &[bool]) -> String {
        let [more, last, past] = self.look.signs().tree;
        let hidden = forks.len().saturating_sub(FORKS);
        let mut text = if hidden > 0 { self.look.signs().ellipsis.to_owned() } else { String::new() };
        for (place, goes_on) in forks.iter().enumerate().skip(hidden) {
            let own = place + 1 == forks.len();
            text.push_str(match (own, goes_on) {
                (true, true) => more,
                (true, false) => last,
                (false, true) => past,
                (false, false) => " ",
            });
            text.push_str(if own { self.look.signs().rule } else { " " });
        }
        text
    }
}
