//! How the text is cut: every token of prompt and output with its id, the vocabulary's own piece and its bytes, and what a
//! space before a word changes.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::window::window;
use super::{Fate, Overlay};
use crate::decode::TokenId;
use crate::glyph;
use crate::model::{SpecialTokens, Tokenizer};
use crate::ui::action::{Action, Context};
use crate::ui::app::{App, Model};
use crate::ui::layout::take_bottom;
use crate::ui::look::Look;
use crate::ui::message::Effect;
use crate::ui::number::count;
use crate::ui::paint::{put, put_glyphs, put_right};
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// The longest text that is cut while somebody waits, in bytes: a millisecond's work.
const MOST_BYTES: usize = 2000;

/// Where the columns end or begin, from the left edge: place, id, token, piece, bytes.
const COLUMNS: [u16; 5] = [5, 13, 15, 31, 47];

/// Lines below the list: a blank one, and the last word in two ways.
const BELOW: u16 = 3;

/// A text in tokens; `None` where it is too long to be cut at once or the model is not there, an error where it can't be cut.
#[must_use]
pub fn cut(app: &App, text: &str, special: SpecialTokens) -> Option<Result<Vec<TokenId>, String>> {
    let Model::Open { tokenizer, .. } = app.model() else { return None };
    (text.len() <= MOST_BYTES).then(|| tokenizer.encode(text, special).map_err(|error| error.to_string()))
}

/// So many tokens, in words.
#[must_use]
pub fn tokens(n: usize) -> String {
    if n == 1 { "1 token".to_owned() } else { format!("{} tokens", count(n)) }
}

/// The list from one of its lines on.
#[derive(Clone, Debug)]
pub struct Pieces {
    offset: usize,
    /// The last word of the prompt with a space before it, and without.
    word: [Option<Vec<TokenId>>; 2],
}

impl Pieces {
    /// Opened at the first token.
    #[must_use]
    pub fn new(app: &App) -> Self {
        let word = app.prompt().split_whitespace().next_back().unwrap_or_default();
        let of =
            |text: String| cut(app, &text, SpecialTokens::Never).and_then(Result::ok).filter(|ids| !ids.is_empty());
        Self { offset: 0, word: [of(format!(" {word}")), of(word.to_owned())] }
    }

    /// The last line that can be the first to show.
    fn most(app: &App) -> usize {
        let rows = usize::from(app.screen().height.saturating_sub(5 + BELOW));
        lines(app).len().saturating_sub(rows)
    }
}

/// A line of the list.
#[derive(Clone, Copy, Debug)]
enum Line {
    /// Whose tokens follow.
    Part(&'static str),
    /// The place of a token in the text, from 0, and its id.
    Token(usize, TokenId),
}

fn lines(app: &App) -> Vec<Line> {
    let Some(session) = app.session() else { return Vec::new() };
    let all: Vec<Line> = session.tokens().into_iter().enumerate().map(|(at, id)| Line::Token(at, id)).collect();
    let (prompt, output) = all.split_at(session.prompt_length().min(all.len()));
    let part = |title, tokens: &[Line]| {
        let title = (!tokens.is_empty()).then_some(Line::Part(title));
        title.into_iter().chain(tokens.to_vec()).collect::<Vec<_>>()
    };
    [part("the prompt", prompt), part("the output", output)].concat()
}

impl Overlay for Pieces {
    fn context(&self) -> Context {
        Context::Pieces
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        let most = Self::most(app);
        let page = usize::from(app.screen().height.saturating_sub(6 + BELOW)).max(1);
        self.offset = match action {
            Action::Up => self.offset.saturating_sub(1),
            Action::Down => self.offset + 1,
            Action::PageUp => self.offset.saturating_sub(page),
            Action::PageDown => self.offset + page,
            Action::First => 0,
            Action::Last => most,
            _ => return (Fate::Closes, Vec::new()),
        };
        self.offset = self.offset.min(most);
        (Fate::Stays, Vec::new())
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let Model::Open { tokenizer, .. } = app.model() else { return None };
        let lines = lines(app);
        let height = (lines.len() as u16).saturating_add(3 + BELOW).min(screen.height.saturating_sub(2));
        let title = format!("How the text is cut: {}", tokens(app.session().map_or(0, |text| text.tokens().len())));
        let mut rest = window(app.look(), &title, (screen.width.min(110), height), screen, buffer);
        let below = take_bottom(&mut rest, BELOW);
        let pen = Pen { look: app.look(), tokenizer: tokenizer.as_ref() };
        pen.titles(rest, buffer);
        let rows = usize::from(rest.height.saturating_sub(1));
        let offset = self.offset.min(lines.len().saturating_sub(rows));
        for (y, line) in (rest.y + 1..rest.bottom()).zip(lines.iter().skip(offset)) {
            let row = Rect { y, height: 1, ..rest };
            match *line {
                Line::Part(title) => drop(put(buffer, row.x, y, title, row.width.into(), pen.style(Role::Title))),
                Line::Token(at, id) => pen.token(at, id, row, buffer),
            }
        }
        let hidden = lines.len().saturating_sub(offset + rows);
        if hidden > 0 {
            let text = format!("{hidden} more below");
            put_right(buffer, below.right(), below.y, &text, pen.style(Role::Muted));
        }
        for ((y, ids), label) in
            (below.y + 1..below.bottom()).zip(&self.word).zip(["last word, with space", "without it"])
        {
            pen.word(label, ids.as_deref(), Rect { y, height: 1, ..below }, buffer);
        }
        None
    }
}

struct Pen<'a> {
    look: Look<'a>,
    tokenizer: &'a dyn Tokenizer,
}

impl Pen<'_> {
    /// A style on the ground of a window.
    fn style(&self, role: Role) -> Style {
        self.look.style(role).bg(self.look.style(Role::Overlay).bg.unwrap_or_default())
    }

    fn titles(&self, area: Rect, buffer: &mut Buffer) {
        let style = self.style(Role::Muted);
        let room = |x: u16| usize::from(area.width.saturating_sub(x));
        put_right(buffer, area.x + COLUMNS[1], area.y, "id", style);
        for (x, text) in COLUMNS[2..].iter().zip(["token", "piece", "bytes"]) {
            put(buffer, area.x + x, area.y, text, room(*x), style);
        }
    }

    fn token(&self, at: usize, id: TokenId, row: Rect, buffer: &mut Buffer) {
        let [place, number, token, piece, bytes] = COLUMNS.map(|x| row.x + x);
        let room = |x: u16, end: u16| usize::from(end.min(row.right()).saturating_sub(x));
        let known = self.tokenizer.piece(id);
        put_right(buffer, place, row.y, &(at + 1).to_string(), self.style(Role::Muted));
        put_right(buffer, number, row.y, &id.to_string(), self.style(Role::Muted));
        let glyphs = token_glyphs(self.tokenizer, id, self.look.charset);
        put_glyphs(buffer, token, row.y, &glyphs, room(token, piece - 1), self.look, self.style(Role::Strong));
        let glyphs = glyph::plain(&known.piece, self.look.charset);
        put_glyphs(buffer, piece, row.y, &glyphs, room(piece, bytes - 1), self.look, self.style(Role::Overlay));
        let text = if known.special { "special: no text".to_owned() } else { hex(&known.bytes) };
        let glyphs = glyph::plain(&text, self.look.charset);
        put_glyphs(buffer, bytes, row.y, &glyphs, room(bytes, row.right()), self.look, self.style(Role::Muted));
    }

    /// The tokens of a word with their ids, and how many they are.
    fn word(&self, label: &str, ids: Option<&[TokenId]>, row: Rect, buffer: &mut Buffer) {
        put(buffer, row.x, row.y, label, row.width.into(), self.style(Role::Muted));
        let Some(ids) = ids else { return };
        let mut x = row.x + 23;
        let end = put_right(buffer, row.right(), row.y, &tokens(ids.len()), self.style(Role::Strong)).saturating_sub(1);
        for &id in ids {
            let room = |x: u16| usize::from(end.saturating_sub(x));
            let glyphs = token_glyphs(self.tokenizer, id, self.look.charset);
            let number = id.to_string();
            if glyph::width(&glyphs) + number.len() + 3 > room(x) {
                put(buffer, x, row.y, self.look.signs().ellipsis, room(x), self.style(Role::Muted));
                break;
            }
            x = put_glyphs(buffer, x, row.y, &glyphs, room(x), self.look, self.style(Role::Strong));
            x = put(buffer, x + 1, row.y, &number, room(x + 1), self.style(Role::Muted)) + 2;
        }
    }
}

/// Bytes as `E4 B8`.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use crate::glyph::Charset;
    use crate::ui::app::Setup;
    use crate::ui::app::pictures::styled;
    use crate::ui::app::tests::{scene_of, setup};
    use crate::ui::testing::{ABC, shown, stands_every_size, table_scene, table_setup};
    use crate::ui::theme::ColourDepth;
    use crate::ui::views::View;

    #[test]
    fn every_token_has_its_id_piece_and_bytes() {
        let mut scene = table_scene(ABC, table_setup("AB"), 80, 24);
        scene.press("End Enter I").unwrap();
        let picture = shown(&scene.buffer());
        assert!(picture.contains("How the text is cut: 4 tokens"), "{picture}");
        let row = |text: &str| picture.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{picture}"));
        assert!(row(" 41").contains(" A "), "{picture}");
        assert!(row(" 42").contains(" B "), "{picture}");
        assert!(row("special: no text").contains("<begin>"), "{picture}");
        let place = |text: &str| picture.find(text).unwrap_or_else(|| panic!("{text}:\n{picture}"));
        assert!(place("the prompt") < place(" 41") && place(" 42") < place("the output"), "{picture}");
        scene.press("Esc").unwrap();
        assert!(scene.app().overlays().is_empty());
    }

    #[test]
    fn the_last_word_is_cut_with_and_without_its_space() {
        // The words of this vocabulary are numbers; any other has its length for an id.
        let setup = Setup { prompt: "4 five".into(), ..setup("dark", ColourDepth::True) };
        let mut scene = scene_of(setup, 80, 24, 60);
        scene.press("I").unwrap();
        let picture = shown(&scene.buffer());
        assert!(picture.contains("last word, with space") && picture.contains("without it"), "{picture}");
        assert_eq!(picture.matches("1 token ").count(), 2, "{picture}");
    }

    #[test]
    fn a_long_text_is_scrolled_to_its_end() {
        let prompt: Vec<String> = (1..38).map(|id| id.to_string()).collect();
        let mut scene = scene_of(Setup { prompt: prompt.join(" "), ..setup("dark", ColourDepth::True) }, 80, 24, 90);
        scene.press("I").unwrap();
        assert!(shown(&scene.buffer()).contains("more below"));
        scene.press("End").unwrap();
        let picture = shown(&scene.buffer());
        assert!(picture.contains("␣w37") && !picture.contains("more below"), "{picture}");
        let end = picture.clone();
        scene.press("Down PgDn Space").unwrap();
        assert_eq!(shown(&scene.buffer()), end);
        scene.press("PgUp Up Home").unwrap();
        assert!(shown(&scene.buffer()).contains("the prompt"));
    }

    #[test]
    fn any_tokens_are_drawn_at_every_size() {
        stands_every_size(View::Step, "I");
    }

    #[test]
    fn it_looks_as_it_should() {
        let prompt = "1 8 11 12 13 14";
        let at = |width, height, charset| {
            let setup = Setup { prompt: prompt.into(), charset, ..setup("dark", ColourDepth::True) };
            let mut scene = scene_of(setup, width, height, 60);
            scene.press("Right I").unwrap();
            styled(&scene.buffer())
        };
        insta::assert_snapshot!("pieces_80x24", at(80, 24, Charset::Unicode));
        insta::assert_snapshot!("pieces_ascii_120x36", at(120, 36, Charset::Ascii));
    }
}
