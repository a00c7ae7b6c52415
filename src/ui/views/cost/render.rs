//! Draws the view: text, curves, totals, memory, and in words what the cache saves.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::plot::{CURVES, Curves};
use super::state::{StepCost, shape, steps};
use crate::decode::cost::Shape;
use crate::glyph;
use crate::ui::app::{App, Model};
use crate::ui::layout::{take_bottom, take_top, text_height};
use crate::ui::look::Look;
use crate::ui::number::{bytes, count, operations, seconds};
use crate::ui::paint::{self, bar, put, put_glyphs, put_right};
use crate::ui::panels::text;
use crate::ui::panels::text::wrap;
use crate::ui::theme::Role;

/// From this width on both plots stand side by side, below it there is one.
const WIDE: u16 = 74;

/// Draws the view.
pub(super) fn render(app: &App, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = app.look();
    let gap = u16::from(body.height >= 28);
    let mut rest = body;
    text::render(app, take_top(&mut rest, text_height(body.height)), buffer);
    take_top(&mut rest, gap);
    let Some(shape) = shape(app) else {
        paint::heading(buffer, paint::row(rest, 0), "Cost", look);
        if let Model::Open { info, .. } = app.model() {
            let text = format!(
                "{} has no layers and no cache: its probabilities stand in a table, and a step only looks them up. \
                 Open a transformer (--model) to see what its steps cost.",
                info.name
            );
            paragraph(look, &text, Rect { y: rest.y + 1, height: rest.height.saturating_sub(1), ..rest }, buffer);
        }
        return None;
    };
    let words = take_bottom(&mut rest, 1);
    let height = 4.min(rest.height / 3);
    let memory = take_bottom(&mut rest, height);
    take_bottom(&mut rest, gap);
    let height = 6.min(rest.height / 2);
    let totals = take_bottom(&mut rest, height);
    take_bottom(&mut rest, gap);
    let steps = steps(app, shape);
    plots(app, &steps, rest, buffer);
    table(look, &steps, totals, buffer);
    let context = steps.last().map_or(0, |step| step.context);
    self::memory(app, shape, context, memory, buffer);
    self::words(look, shape, &steps, words, buffer);
    None
}

fn plots(app: &App, steps: &[StepCost], area: Rect, buffer: &mut Buffer) {
    let chosen = app.views.cost.scale();
    let half = if area.width >= WIDE { (area.width - 2) / 2 } else { area.width };
    let arithmetic = Curves {
        title: "Operations of each step",
        steps: steps.iter().map(|step| step.operations.map(Some)).collect(),
        scale: chosen,
        unit: operations,
    };
    arithmetic.render(app.look(), Rect { width: half, ..area }, buffer);
    if half < area.width {
        let time = Curves {
            title: "Time of each step, measured",
            steps: steps.iter().map(|step| step.seconds).collect(),
            scale: chosen,
            unit: seconds,
        };
        time.render(app.look(), Rect { x: area.right() - half, width: half, ..area }, buffer);
    }
}

/// A row of the table: what it is, with the cache, without.
type Line = (String, [Option<f64>; 2], fn(f64) -> String);

fn lines(steps: &[StepCost]) -> Vec<Line> {
    let Some(last) = steps.last() else { return Vec::new() };
    let sum = |curve: usize| steps.iter().map(|step| step.operations[curve]).sum::<f64>();
    let measured: Vec<[f64; 2]> = steps.iter().filter_map(|step| Some([step.seconds[0]?, step.seconds[1]?])).collect();
    let time = |curve: usize| (!measured.is_empty()).then(|| measured.iter().map(|times| times[curve]).sum::<f64>());
    let all = if measured.len() == steps.len() { String::new() } else { format!("{} of ", measured.len()) };
    let all_steps =
        |of: &str| if steps.len() == 1 { "1 step".to_owned() } else { format!("{of}{} steps", steps.len()) };
    vec![
        ("operations, this step".to_owned(), last.operations.map(Some), operations),
        (format!("operations, {}", all_steps("")), [0, 1].map(|curve| Some(sum(curve))), operations),
        ("time, this step".to_owned(), last.seconds, seconds),
        (format!("time, {}", all_steps(&all)), [0, 1].map(time), seconds),
    ]
}

fn table(look: Look<'_>, steps: &[StepCost], area: Rect, buffer: &mut Buffer) {
    paint::heading(buffer, paint::row(area, 0), "So far, the prompt included", look);
    let ends = [area.width * 11 / 20, area.width * 3 / 4, area.width.saturating_sub(1)].map(|end| area.x + end);
    let titles = paint::row(area, 1);
    for ((role, letter, name), end) in CURVES.into_iter().zip(ends) {
        put_right(buffer, end, titles.y, &format!("{letter} {name}"), look.style(role));
    }
    put_right(buffer, ends[2], titles.y, "saved", look.style(Role::Muted));
    for (place, (label, values, unit)) in (2..area.height).zip(lines(steps)) {
        let row = paint::row(area, place);
        put(buffer, row.x + 1, row.y, &label, usize::from(row.width * 2 / 5), look.style(Role::Muted));
        for ((value, end), role) in values.into_iter().zip(ends).zip([Role::Strong, Role::Base]) {
            let text = value.map_or_else(|| look.signs().ellipsis.to_owned(), unit);
            put_right(buffer, end, row.y, &text, look.style(role));
        }
        if let [Some(with), Some(without)] = values {
            put_right(buffer, ends[2], row.y, &saved(with, without), look.style(Role::Strong));
        }
    }
}

/// The saved share, or how much more it costs.
fn saved(with: f64, without: f64) -> String {
    let share = 100.0 * (1.0 - with / without);
    if without <= 0.0 || share.abs() < 0.05 { "0 %".to_owned() } else { format!("{share:.1} %") }
}

fn memory(app: &App, shape: Shape, context: usize, area: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let each = bytes(shape.cache_bytes(1));
    let x = paint::heading(buffer, paint::row(area, 0), "Memory", look);
    let note = format!("{each} for each token: keys and values of {} layers", shape.layers);
    paint::note(buffer, paint::row(area, 0), x, &[&note, &format!("{each} for each token")], look);
    let most = app.context_length();
    let rows = [
        (format!("cache, {} tokens", count(context)), shape.cache_bytes(context), Role::Series0),
        (format!("cache, full: {}", count(most)), shape.cache_bytes(most), Role::BarModel),
        ("weights".to_owned(), shape.weight_bytes, Role::BarRemoved),
    ];
    let longest = rows.iter().map(|(_, size, _)| *size).max().unwrap_or_default().max(1) as f64;
    let label = 24.min(area.width / 2);
    for (place, (text, size, role)) in (1..area.height).zip(&rows) {
        let row = paint::row(area, place);
        put(buffer, row.x + 1, row.y, text, label.into(), look.style(Role::Muted));
        put_right(buffer, row.x + label + 9, row.y, &bytes(*size), look.style(Role::Strong));
        let x = row.x + label + 11;
        let field = Rect { x, width: row.right().saturating_sub(x + 1), ..row };
        bar(buffer, field, *size as f64 / longest, look, *role);
    }
}

/// What the cache saves, in a sentence.
fn words(look: Look<'_>, shape: Shape, steps: &[StepCost], row: Rect, buffer: &mut Buffer) {
    let Some(last) = steps.last() else { return };
    let [with, without] = [0, 1].map(|curve| steps.iter().map(|step| step.operations[curve]).sum::<f64>());
    let end = |x: u16| usize::from(row.right().saturating_sub(x));
    let (lead, rest) = if steps.len() == 1 {
        let more = shape.without_cache(last.context + 1) / shape.with_cache(last.context + 1);
        ("nothing is saved yet".to_owned(), format!(": without it, the next step would cost {more:.1} times as much"))
    } else {
        let share = 100.0 * (1.0 - with / without);
        let memory = bytes(shape.cache_bytes(last.context));
        let lead = format!("the cache saves {share:.0} % of the arithmetic so far");
        (lead, format!(": {:.1} times less, for {memory}", without / with))
    };
    let x = put(buffer, row.x + 1, row.y, &lead, end(row.x + 1), look.style(Role::Strong));
    put(buffer, x, row.y, &rest, end(x), look.style(Role::Base));
}

fn paragraph(look: Look<'_>, text: &str, area: Rect, buffer: &mut Buffer) {
    let glyphs = glyph::plain(text, look.charset);
    let room = usize::from(area.width.saturating_sub(2));
    for (y, line) in (area.top()..area.bottom()).zip(wrap(&glyphs, room)) {
        put_glyphs(buffer, area.x + 1, y, &glyphs[line], room, look, look.style(Role::Base));
    }
}
