//! The curves over temperature: probabilities above, entropy below, today's temperature as a line through both.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::render::{Picture, Series};
use super::state::ENDS;
use crate::decode::Tempered;
use crate::ui::layout::take_bottom;
use crate::ui::number::{bits, choices, percent};
use crate::ui::paint::{self, put, put_right};
use crate::ui::plot::Plot;
use crate::ui::scale::{DECADES, Scale};
use crate::ui::theme::Role;

/// Cells left of a plot for its scale.
const SCALE: u16 = 7;

/// Cells right of a plot, for entropy in bits.
const BITS: u16 = 5;

/// Temperatures that are written below, the rounder ones first.
const TICKS: [(f64, &str); 9] = [
    (1.0, "1"),
    (0.1, "0.1"),
    (10.0, "10"),
    (0.05, "0.05"),
    (20.0, "20"),
    (0.5, "0.5"),
    (2.0, "2"),
    (0.2, "0.2"),
    (5.0, "5"),
];

/// Where a temperature is on the axis, from 0 to 1; beyond the ends at them.
fn place(temperature: f64) -> f64 {
    ((temperature / ENDS.0).ln() / (ENDS.1 / ENDS.0).ln()).clamp(0.0, 1.0)
}

/// Draws both, one above the other.
pub(super) fn render(picture: &Picture<'_>, area: Rect, buffer: &mut Buffer) {
    let mut above = area;
    let axis = take_bottom(&mut above, 1);
    let low = if area.height >= 12 { (area.height / 3).clamp(4, 16) } else { 0 };
    let below = take_bottom(&mut above, low);
    probabilities(picture, above, buffer);
    entropy(picture, below, buffer);
    ticks(picture, axis, buffer);
}

/// The part of a panel below its heading and between its scales.
fn field(area: Rect) -> Rect {
    let top = u16::from(area.height > 0);
    Rect { y: area.y + top, height: area.height - top, ..across(area) }
}

/// What is between the scales.
fn across(area: Rect) -> Rect {
    let scale = SCALE.min(area.width);
    Rect { x: area.x + scale, width: area.width.saturating_sub(scale + BITS), ..area }
}

fn probabilities(picture: &Picture<'_>, area: Rect, buffer: &mut Buffer) {
    let (look, field) = (picture.look, field(area));
    let heading = paint::row(area, 0);
    let x = paint::heading(buffer, heading, "Probability", look);
    let (scale, short) = match picture.scale {
        Scale::Linear => ("linear", "linear"),
        Scale::Logarithmic => ("logarithmic", "log"),
    };
    let forms = [format!("{scale} scale: l"), format!("{short}: l")];
    note(picture, (heading, field), x, &[&forms[0], &forms[1]], buffer);
    let top = largest(picture);
    for (share, p) in scale_ticks(picture.scale, top, field.height) {
        let y = row_of(field, share);
        put_right(buffer, field.x - 1, y, &percent(p), look.style(Role::Muted));
    }
    let finite = finite(picture.curves());
    let height = |point: &Tempered, series: &Series| {
        let p = picture.prob(point, series.id);
        // What is below the floor of a logarithmic scale has no place on it.
        let below = picture.scale == Scale::Logarithmic && p < 10f64.powi(-i32::from(DECADES));
        if below { f64::NAN } else { picture.scale.length(p, top) }
    };
    let mut plot = Plot::new(field, look.charset);
    mark_one(picture, field, buffer);
    // The best token is drawn last, so that it is on top.
    for series in picture.series.iter().rev() {
        let places = finite.iter().map(|point| (place(point.temperature()), height(point, series)));
        plot.line(places, series.role, series.letter);
    }
    plot.render(look, buffer);
    letters(picture, &plot, finite, &height, buffer);
    mark_today(picture, field, buffer);
    if let Some(now) = picture.at(picture.today) {
        for series in picture.series.iter().rev() {
            if let Some((x, y)) = plot.cell(place(picture.today), height(&now, series)) {
                put(buffer, x, y, look.signs().chosen, 1, look.style(series.role));
            }
        }
    }
}

/// The curves between the limits.
fn finite(curves: &[Tempered]) -> &[Tempered] {
    let from = curves.partition_point(|point| point.temperature() < ENDS.0 * 0.999);
    let to = curves.partition_point(|point| point.temperature() <= ENDS.1 * 1.001);
    &curves[from..to.max(from)]
}

/// What the top of a linear scale stands for: 1, or less where no curve comes near it.
fn largest(picture: &Picture<'_>) -> f64 {
    let best = picture.series.first().map(|series| series.id);
    let most = best.and_then(|id| Some(picture.prob(finite(picture.curves()).first()?, id))).unwrap_or(1.0);
    [0.1, 0.25, 0.5].into_iter().find(|&step| most <= step).unwrap_or(1.0)
}

/// Heights and probabilities that are written beside a plot.
fn scale_ticks(scale: Scale, top: f64, rows: u16) -> Vec<(f64, f64)> {
    match scale {
        Scale::Linear if rows >= 7 => [1.0, 0.75, 0.5, 0.25, 0.0].map(|share| (share, share * top)).to_vec(),
        Scale::Linear => [1.0, 0.5, 0.0].map(|share| (share, share * top)).to_vec(),
        Scale::Logarithmic => {
            let step = if rows > DECADES { 1 } else { 3 };
            let decade = |n: u16| (1.0 - f64::from(n) / f64::from(DECADES), 10f64.powi(-i32::from(n)));
            (0..=DECADES).step_by(step).map(decade).collect()
        }
    }
}

fn row_of(field: Rect, share: f64) -> u16 {
    let rows = f64::from(field.height.saturating_sub(1));
    field.y + ((1.0 - share.clamp(0.0, 1.0)) * rows).round() as u16
}

/// The letter of each curve, on it where the others are farthest.
fn letters(
    picture: &Picture<'_>,
    plot: &Plot,
    points: &[Tempered],
    height: &dyn Fn(&Tempered, &Series) -> f64,
    buffer: &mut Buffer,
) {
    let mut used: Vec<(u16, u16)> = Vec::new();
    for series in &picture.series {
        let distance = |point: &&Tempered| {
            let here = height(point, series);
            let others = picture.series.iter().filter(|other| other.id != series.id);
            others.map(|other| (height(point, other) - here).abs()).filter(|apart| !apart.is_nan()).fold(1.0, f64::min)
        };
        let cell = |point: &Tempered| plot.cell(place(point.temperature()), height(point, series));
        let free = |point: &&Tempered| {
            cell(point).is_some_and(|(x, y)| used.iter().all(|&(a, b)| y != b || x.abs_diff(a) > 2))
                && (place(point.temperature()) - place(picture.today)).abs() > 0.04
        };
        let best = points.iter().filter(free).max_by(|a, b| distance(a).total_cmp(&distance(b)));
        if let Some((x, y)) = best.and_then(cell) {
            let style = picture.look.style(series.role);
            put(buffer, x, y, series.letter.encode_utf8(&mut [0; 4]), 1, style);
            used.push((x, y));
        }
    }
}

fn column(field: Rect, temperature: f64) -> u16 {
    field.x + (place(temperature) * f64::from(field.width.saturating_sub(1))).round() as u16
}

/// A faint line where T is 1: the model's own distribution.
fn mark_one(picture: &Picture<'_>, field: Rect, buffer: &mut Buffer) {
    let style = picture.look.style(Role::Rule);
    for y in field.top()..field.bottom() {
        put(buffer, column(field, 1.0), y, picture.look.signs().frame[4], 1, style);
    }
}

/// A note in a heading, on that side of the pointer to today's temperature that has more room.
fn note(picture: &Picture<'_>, (heading, field): (Rect, Rect), from: u16, forms: &[&str], buffer: &mut Buffer) {
    let pointer = column(field, picture.today).clamp(from, heading.right());
    let (left, right) = (pointer - from, heading.right() - pointer);
    if left > right {
        let before = Rect { width: pointer - heading.x, ..heading };
        paint::note(buffer, before, from, forms, picture.look);
    } else {
        paint::note(buffer, heading, pointer + 1, forms, picture.look);
    }
}

/// A line through today's temperature, pointed at from the heading where its words leave room.
fn mark_today(picture: &Picture<'_>, field: Rect, buffer: &mut Buffer) {
    if field.is_empty() {
        return;
    }
    let (look, x) = (picture.look, column(field, picture.today));
    let style = look.style(Role::Marker);
    for y in field.top()..field.bottom() {
        put(buffer, x, y, look.signs().frame[4], 1, style);
    }
    let heading = buffer.cell((x, field.y - 1)).map(ratatui::buffer::Cell::symbol);
    if heading == Some(look.signs().rule) {
        put(buffer, x, field.y - 1, look.signs().down, 1, style);
    }
}

/// Entropy in bits at the right, and the number of choices that it stands for at the left.
fn entropy(picture: &Picture<'_>, area: Rect, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let (look, field) = (picture.look, field(area));
    let heading = paint::row(area, 0);
    let x = paint::heading(buffer, heading, "Choices", look);
    note(picture, (heading, field), x, &["2^H, H in bits", "2^H"], buffer);
    let most = picture.at(f64::INFINITY).map_or(1.0, |hot| hot.entropy()).max(f64::MIN_POSITIVE);
    for share in [1.0, 0.5, 0.0] {
        let y = row_of(field, share);
        put_right(buffer, field.x - 1, y, &choices((share * most).exp()), look.style(Role::Muted));
        let text = format!("{:.1}", bits(share * most));
        put_right(buffer, area.right(), y, &text, look.style(Role::Muted));
    }
    mark_one(picture, field, buffer);
    let mut plot = Plot::new(field, look.charset);
    let places = finite(picture.curves()).iter().map(|point| (place(point.temperature()), point.entropy() / most));
    plot.line(places, Role::BarAfter, '*');
    plot.render(look, buffer);
    mark_today(picture, field, buffer);
    if let Some(now) = picture.at(picture.today)
        && let Some((x, y)) = plot.cell(place(picture.today), now.entropy() / most)
    {
        put(buffer, x, y, look.signs().chosen, 1, look.style(Role::Chosen));
    }
}

/// The axis below: today's temperature, and as many round ones as there is room for.
fn ticks(picture: &Picture<'_>, row: Rect, buffer: &mut Buffer) {
    let look = picture.look;
    let field = across(row);
    put(buffer, row.x + 1, row.y, "T", 1, look.style(Role::Muted));
    let mut taken: Vec<(u16, u16)> = Vec::new();
    let mut write = |temperature: f64, text: &str, role: Role| {
        let cells = text.len() as u16;
        let x = column(field, temperature).saturating_sub(cells / 2).min(field.right().saturating_sub(cells));
        if taken.iter().all(|&(from, to)| x > to || x + cells < from) {
            put(buffer, x, row.y, text, text.len(), look.style(role));
            taken.push((x, x + cells));
        }
    };
    write(picture.today, &picture.today.to_string(), Role::Marker);
    for (temperature, text) in TICKS {
        write(temperature, text, Role::Muted);
    }
}
