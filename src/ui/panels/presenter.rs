//! A step for the last row of a lecture hall: few words, large bars, no figures but the shares.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::decode::TokenId;
use crate::model::Tokenizer;
use crate::ui::action::{Action, Context};
use crate::ui::app::{App, Model, Shown};
use crate::ui::layout::{take_bottom, take_top};
use crate::ui::number::percent;
use crate::ui::paint::{self, put, put_glyphs, put_right};
use crate::ui::panels::slide::{Told, keys};
use crate::ui::panels::{text, token_glyphs};
use crate::ui::theme::Role;

/// Rows of a token: its bar is two rows high, and one lies between bars.
const ROWS: u16 = 3;

/// Cells of a token and of its share.
const TOKEN: u16 = 18;
const SHARE: u16 = 8;

/// How many tokens a body shows.
#[must_use]
pub fn tokens(body: Rect) -> usize {
    usize::from((areas(body)[1].height / ROWS).max(1))
}

/// Text, bars, and a line of hints.
fn areas(body: Rect) -> [Rect; 3] {
    let mut rest = body;
    let text = take_top(&mut rest, (body.height / 4).clamp(2, 9));
    take_top(&mut rest, 1);
    let hint = take_bottom(&mut rest, 1);
    [text, rest, hint]
}

/// Draws the view.
pub fn render(app: &App, body: Rect, buffer: &mut Buffer) {
    let [above, bars, below] = areas(body);
    text::render(app, above, buffer);
    if let (Some(shown), Model::Open { tokenizer, .. }) = (app.shown(), app.model()) {
        let analysis = &shown.analysis;
        let visible = analysis.model().ranked().iter().enumerate().skip(app.list().offset()).take(tokens(body));
        let visible: Vec<(usize, TokenId)> = visible.map(|(index, &id)| (index, id)).collect();
        let share = |id: TokenId| analysis.sampling_prob(id).max(analysis.model().prob(id));
        let largest = visible.iter().map(|(_, id)| share(*id)).fold(0.0, f64::max);
        let scale = [0.1, 0.25, 0.5].into_iter().find(|&step| largest <= step).unwrap_or(1.0);
        for (y, (index, id)) in (bars.y..).step_by(ROWS.into()).zip(visible) {
            let area = Rect { y, height: ROWS - 1, ..bars }.intersection(bars);
            bar(app, (shown, tokenizer.as_ref(), scale), (index, id), area, buffer);
        }
    }
    keys(app, below, KEYS, buffer);
}

fn bar(
    app: &App,
    (shown, tokenizer, scale): (&Shown, &dyn Tokenizer, f64),
    (index, id): (usize, TokenId),
    area: Rect,
    buffer: &mut Buffer,
) {
    let (look, analysis) = (app.look(), &shown.analysis);
    let chosen = shown.pick.token() == id;
    let removal = analysis.removal(id);
    let (words, ink) = match (chosen, removal) {
        (true, _) => (Role::Chosen, Role::BarChosen),
        (_, Some(_)) => (Role::Removed, Role::BarRemoved),
        _ => (Role::Strong, Role::BarAfter),
    };
    let ground = if index == app.list().selected() { look.style(Role::Selected) } else { Style::new() };
    let on = |role: Role| match ground.bg {
        Some(bg) => Style { bg: Some(bg), ..look.style(role) }.add_modifier(ground.add_modifier),
        None => look.style(role),
    };
    buffer.set_style(area.intersection(buffer.area), ground);
    let sign = if chosen { look.signs().chosen } else { " " };
    put(buffer, area.x + 1, area.y, sign, 1, on(Role::Chosen));
    if index == app.list().selected() {
        put(buffer, area.x, area.y, look.signs().selected, 1, on(Role::Key));
    }
    let glyphs = token_glyphs(tokenizer, id, look.charset);
    put_glyphs(buffer, area.x + 3, area.y, &glyphs, usize::from(TOKEN - 4), look, on(words));
    let share = if removal.is_some() { analysis.model().prob(id) } else { analysis.sampling_prob(id) };
    put_right(buffer, area.x + TOKEN + SHARE - 1, area.y, &percent(share), on(words));
    let x = area.x + TOKEN + SHARE + 1;
    let width = area.right().saturating_sub(x + 1);
    for y in area.y..area.bottom() {
        paint::bar(buffer, Rect { x, y, width, height: 1 }, share / scale, look, ink);
    }
    if let Some(stage) = removal.and_then(|removal| analysis.stages().get(removal.stage)) {
        let text = format!("{} {}", look.signs().removed, stage.name);
        put(buffer, area.x + 3, area.y + 1, &text, usize::from(TOKEN + SHARE - 4), on(Role::Tag));
    }
}

/// The keys of a demonstration.
const KEYS: &[Told] = &[
    (Context::Session, Action::Step, "takes the marked one"),
    (Context::Session, Action::Force, "takes the selected one"),
    (Context::Session, Action::Back, "goes back"),
];

#[cfg(test)]
mod tests {
    use crate::ui::app::tests::{rows, scene_of, setup};
    use crate::ui::theme::ColourDepth;

    #[test]
    fn bars_are_two_rows_high_and_keys_work_on_them() {
        let mut scene = scene_of(setup("dark", ColourDepth::True), 100, 30, 60);
        scene.press("o").unwrap();
        let picture = rows(&scene.buffer());
        let bars: Vec<usize> = (0..picture.len()).filter(|&y| picture[y].contains('█')).collect();
        assert!(bars.windows(2).any(|pair| pair[1] == pair[0] + 1), "{}", picture.join("\n"));
        assert!(picture.join("\n").contains("takes the marked one") && !picture.join("\n").contains("entropy"));
        scene.press("Down Enter Left PgDn End Home Space").unwrap();
        assert_eq!(scene.app().step_number(), 1);
        scene.press("o").unwrap();
        assert!(rows(&scene.buffer()).join("\n").contains("full bar"));
    }

    #[test]
    fn every_size_is_drawn() {
        let mut scene = scene_of(setup("dark", ColourDepth::None), 100, 30, 20);
        scene.press("o").unwrap();
        for (width, height) in (0..=120).step_by(7).flat_map(|width| (0..=40).map(move |height| (width, height))) {
            scene.resize(width, height);
            let _ = scene.buffer();
        }
    }
}
