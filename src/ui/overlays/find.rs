//! Looking for a token by its text, its id or its bytes.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use tui_input::Input;

use super::window::{field, window};
use super::{Fate, Overlay};
use crate::decode::TokenId;
use crate::engine::{Found, Lane, SearchJob};
use crate::ui::action::{Action, Context};
use crate::ui::app::{App, Model};
use crate::ui::message::Effect;
use crate::ui::number::{count, percent};
use crate::ui::paint::{self, put, put_glyphs, put_right};
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// The line, and which of the matches is selected.
#[derive(Clone, Debug, Default)]
pub struct Find {
    input: Input,
    selected: usize,
}

impl Find {
    /// What was found for the line as it is now.
    fn found<'a>(&self, app: &'a App) -> Option<&'a Found> {
        app.views.step.found().filter(|found| found.question == self.input.value())
    }
}

impl Overlay for Find {
    fn context(&self) -> Context {
        Context::Find
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        let tokens: &[TokenId] = self.found(app).map_or(&[], |found| &found.tokens);
        match action {
            Action::Up => self.selected = self.selected.saturating_sub(1),
            Action::Down => self.selected = (self.selected + 1).min(tokens.len().saturating_sub(1)),
            Action::Accept => {
                if let Some(&id) = tokens.get(self.selected) {
                    app.select_token(id);
                }
                return (Fate::Closes, Vec::new());
            }
            _ => return (Fate::Closes, Vec::new()),
        }
        (Fate::Stays, Vec::new())
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let look = app.look();
        let height = screen.height.saturating_sub(4).min(24);
        let inside = window(look, "Find a token", (76, height), screen, buffer);
        let cursor = field(look, &self.input, paint::row(inside, 0), buffer);
        let muted = look.style(Role::Muted).bg(look.style(Role::Overlay).bg.unwrap_or_default());
        let note = paint::row(inside, 1);
        let text = match self.found(app) {
            _ if self.input.value().is_empty() => "text, #id, or bytes as E4 B8; \\n and \\t work too".to_owned(),
            None => look.signs().ellipsis.to_owned(),
            Some(found) if found.count == 0 => "no token has this: what is typed may be several tokens".to_owned(),
            Some(found) if found.count > found.tokens.len() => {
                format!("{} tokens, the best {} here", count(found.count), count(found.tokens.len()))
            }
            Some(found) => format!("{} {}", count(found.count), if found.count == 1 { "token" } else { "tokens" }),
        };
        put(buffer, note.x, note.y, &text, note.width.into(), muted);
        put_right(buffer, note.right(), note.y, "rank       id   model", muted);
        let list = Rect { y: inside.y + 2, height: inside.height.saturating_sub(2), ..inside };
        let tokens: &[TokenId] = self.found(app).map_or(&[], |found| &found.tokens);
        let first = (self.selected + 1).saturating_sub(list.height.into());
        for (y, (place, &id)) in (list.top()..list.bottom()).zip(tokens.iter().enumerate().skip(first)) {
            let selected = if place == self.selected { look.style(Role::Selected) } else { look.style(Role::Overlay) };
            token(app, id, Rect { y, height: 1, ..list }, selected, buffer);
        }
        cursor
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }

    fn typed(&mut self, app: &mut App) -> Vec<Effect> {
        self.selected = 0;
        let Some(model) = app.shown().map(|shown| shown.analysis.model().clone()) else { return Vec::new() };
        app.start(Lane::Search, Box::new(SearchJob::new(self.input.value().to_owned(), model)))
    }
}

/// A match: the token, its rank, its id, and its probability under the model.
fn token(app: &App, id: TokenId, row: Rect, ground: Style, buffer: &mut Buffer) {
    let (Some(shown), Model::Open { tokenizer, .. }) = (app.shown(), app.model()) else { return };
    let (look, model) = (app.look(), shown.analysis.model());
    put(buffer, row.x, row.y, &" ".repeat(row.width.into()), row.width.into(), ground);
    let on = |role: Role| paint::on(look.style(role), ground);
    let removed = shown.analysis.removal(id).is_some();
    let role = if removed { Role::Removed } else { Role::Strong };
    if removed {
        put(buffer, row.x, row.y, look.signs().removed, 1, on(Role::Tag));
    }
    let rank = model.known_rank(id);
    let share = rank.map_or_else(|| look.signs().dot.to_owned(), |_| percent(model.prob(id)));
    let x = put_right(buffer, row.right(), row.y, &share, on(role));
    let x = put_right(buffer, row.right().saturating_sub(8).min(x), row.y, &format!("{id:>7}"), on(Role::Muted));
    let x = put_right(
        buffer,
        x.saturating_sub(1),
        row.y,
        &format!("{:>8}", rank.map_or_else(|| look.signs().dot.to_owned(), count)),
        on(Role::Muted),
    );
    let room = usize::from(x.saturating_sub(row.x + 3));
    put_glyphs(buffer, row.x + 2, row.y, &token_glyphs(tokenizer.as_ref(), id, look.charset), room, look, on(role));
}
