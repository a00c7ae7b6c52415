//! A view for the last row of a lecture hall: a title, large bars with a name and a figure each, and the keys to go on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{tail, trimmed};
use crate::glyph::{self, Glyph};
use crate::ui::action::{Action, Context, entries};
use crate::ui::app::App;
use crate::ui::layout::{take_bottom, take_top};
use crate::ui::paint::{self, put, put_glyphs, put_right};
use crate::ui::theme::Role;

/// The most rows of a bar.
const TALLEST: u16 = 3;

/// What a view shows.
#[derive(Default)]
pub struct Slide {
    /// What is shown, in few words.
    pub title: String,
    /// What follows from it, in a sentence; it may be empty.
    pub words: String,
    /// The bars, the most important first.
    pub bars: Vec<Bar>,
    /// The place of the selected bar, where one is.
    pub selected: Option<usize>,
    /// Keys, with what they do.
    pub keys: &'static [Told],
}

/// A key of a demonstration: the first of an action.
pub type Told = (Context, Action, &'static str);

/// A bar with its name above it.
pub struct Bar {
    /// One cell before the name; it may be empty.
    pub sign: &'static str,
    /// Its name; what is too long loses its beginning.
    pub name: Vec<Glyph>,
    /// What the bar is as long as, in figures.
    pub figure: String,
    /// Its length, from 0 to 1.
    pub share: f64,
    /// How name and figure are drawn, and the bar.
    pub roles: (Role, Role),
}

/// Draws a slide.
pub fn render(app: &App, body: Rect, slide: &Slide, buffer: &mut Buffer) {
    let look = app.look();
    let mut rest = body;
    let title = take_top(&mut rest, 1);
    paint::heading(buffer, title, &slide.title, look);
    take_top(&mut rest, u16::from(body.height >= 16));
    keys(app, take_bottom(&mut rest, 1), slide.keys, buffer);
    if !slide.words.is_empty() {
        let glyphs = glyph::plain(&slide.words, look.charset);
        let row = take_bottom(&mut rest, 2);
        let room = usize::from(row.width.saturating_sub(2));
        put_glyphs(buffer, row.x + 1, row.y, &glyphs, room, look, look.style(Role::Strong));
    }
    let count = slide.bars.len() as u16;
    // A name, a bar, and where there is room more of the bar and a gap.
    let pitch = (rest.height / count.max(1)).clamp(2, TALLEST + 2);
    let visible = usize::from(rest.height / pitch).max(1);
    let first = slide.selected.map_or(0, |selected| (selected + 1).saturating_sub(visible));
    for (place, (index, one)) in slide.bars.iter().enumerate().skip(first).take(visible).enumerate() {
        let y = rest.y + pitch * place as u16;
        let height = if pitch > 2 { pitch - 1 } else { pitch };
        let area = Rect { y, height, ..rest }.intersection(rest);
        let ground = if slide.selected == Some(index) { look.style(Role::Selected) } else { Style::new() };
        bar(app, one, ground, area, buffer);
    }
}

fn bar(app: &App, bar: &Bar, ground: Style, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let (words, ink) = bar.roles;
    let name = Rect { height: 1, ..area }.intersection(area);
    buffer.set_style(name.intersection(buffer.area), ground);
    let on = |role: Role| paint::on(look.style(role), ground);
    if ground != Style::new() {
        put(buffer, name.x, name.y, look.signs().selected, 1, on(Role::Key));
    }
    put(buffer, name.x + 1, name.y, bar.sign, 1, on(words));
    let end = put_right(buffer, name.right().saturating_sub(1), name.y, &bar.figure, on(words));
    let room = usize::from(end.saturating_sub(name.x + 5));
    let glyphs = trimmed(&bar.name);
    let mut x = name.x + 3;
    let shown = if glyph::width(glyphs) > room {
        x = put(buffer, x, name.y, look.signs().ellipsis, 1, on(words));
        tail(glyphs, room.saturating_sub(1))
    } else {
        glyphs
    };
    put_glyphs(buffer, x, name.y, shown, room, look, on(words));
    for y in area.y + 1..area.bottom() {
        let line = Rect { x: area.x + 3, y, width: area.width.saturating_sub(4), height: 1 };
        paint::bar(buffer, line, bar.share, look, ink);
    }
}

/// The keys of a demonstration, and last the one that ends it.
pub fn keys(app: &App, area: Rect, told: &[Told], buffer: &mut Buffer) {
    const EVERYTHING: Told = (Context::Everywhere, Action::Present, "shows everything");
    let look = app.look();
    let key = |(context, action, words): &Told| {
        let entry = entries(*context).find(|entry| entry.action == *action);
        let key = entry.and_then(|entry| app.keymap().keys(entry).first())?;
        Some((key.name(look.charset), *words))
    };
    let cells = |(key, words): &(String, &str)| (glyph::cells(key) + glyph::cells(words) + 4) as u16;
    let last = key(&EVERYTHING);
    // The way back is always there.
    let end = area.right().saturating_sub(last.as_ref().map_or(0, cells));
    let mut x = area.x + 1;
    let mut one = |(key, words): (String, &str)| {
        x = put(buffer, x, area.y, &key, area.width.into(), look.style(Role::Key));
        x = put(buffer, x + 1, area.y, words, area.width.into(), look.style(Role::Hint)) + 3;
        x
    };
    let mut at = area.x + 1;
    for told in told.iter().filter_map(key) {
        if at + cells(&told) > end {
            break;
        }
        at = one(told);
    }
    last.map(one);
}

#[cfg(test)]
mod tests {
    use crate::ui::app::pictures::styled;
    use crate::ui::scene::Scene;
    use crate::ui::testing::{ABC, shown, stands_every_size, table_scene, table_setup};
    use crate::ui::views::{VIEWS, View};

    /// What brings something to look at, in every view.
    fn scene(view: View, width: u16, height: u16) -> Scene {
        let mut scene = table_scene(ABC, table_setup("B"), width, height);
        scene.show(view).unwrap();
        let keys = match view {
            View::Step | View::Temperature | View::Cost | View::Compare => "Right Right",
            View::Beam => "Right Right Right",
            View::Score => "Enter Ctrl-u C Enter Down Enter Ctrl-u C A A A Enter",
            View::Lessons => "Enter",
        };
        scene.press(keys).unwrap();
        scene.press("o").unwrap();
        scene
    }

    #[test]
    fn every_view_has_large_bars_or_few_words() {
        for row in VIEWS {
            for (width, height) in [(80, 24), (120, 36)] {
                let scene = scene(row.view, width, height);
                insta::assert_snapshot!(format!("{}_{width}x{height}", row.name), styled(&scene.buffer()));
            }
        }
    }

    #[test]
    fn keys_work_and_everything_comes_back() {
        for row in VIEWS {
            let mut scene = scene(row.view, 100, 30);
            let large = shown(&scene.buffer());
            assert!(large.contains("shows everything"), "{}:\n{large}", row.name);
            scene.press("o").unwrap();
            let whole = shown(&scene.buffer());
            assert!(!whole.contains("shows everything"), "{}:\n{whole}", row.name);
            scene.press("o").unwrap();
            assert_eq!(shown(&scene.buffer()), large, "{}", row.name);
            scene.press("Right Left").unwrap();
            assert!(shown(&scene.buffer()).contains("shows everything"), "{}", row.name);
        }
    }

    #[test]
    fn bars_of_beams_and_completions_are_ordered_by_hand() {
        // After B: C .4, end .3; then A .5. Scores with α = 1 are means.
        let picture = shown(&scene(View::Beam, 80, 24).buffer());
        let best = picture.lines().find(|line| line.contains("−")).unwrap().to_owned();
        assert!(picture.lines().filter(|line| line.contains('█')).count() >= 4, "{picture}");
        assert!(best.contains("CA"), "{picture}");
        let picture = shown(&scene(View::Score, 80, 24).buffer());
        assert!(picture.contains("★ C ") && picture.contains("−0.916"), "{picture}");
    }

    #[test]
    fn every_size_can_be_drawn_with_hostile_tokens() {
        for view in [View::Temperature, View::Beam, View::Compare, View::Lessons] {
            stands_every_size(view, "Right o");
        }
    }
}
