//! The chain as a ledger: what each stage was set to, what it kept and removed, and what that did to the entropy.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::decode::StageTrace;
use crate::ui::action::Context;
use crate::ui::app::App;
use crate::ui::knobs::{Idle, KNOB_KEYS, Knob};
use crate::ui::look::Look;
use crate::ui::number::{bits, count, percent};
use crate::ui::paint::{self, put, put_right};
use crate::ui::theme::Role;

/// From this width on a stage takes one line of columns, below it two lines.
const WIDE: u16 = 52;

/// Cells of a count and the gap before it.
const COUNT: u16 = 8;

/// Draws the panel.
pub fn render(app: &App, area: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let heading = paint::row(area, 0);
    let x = paint::heading(buffer, heading, "Chain", look);
    let stages = app.shown().map(|shown| shown.analysis.stages()).unwrap_or_default();
    if let Some(shown) = app.shown() {
        let after = shown.analysis.sampling_entropy();
        let before = shown.analysis.model().entropy();
        let least = if shown.analysis.model().is_partial() { look.signs().at_least } else { "" };
        let text = format!("{least}{:.2} {} {:.2} bits", bits(before), look.signs().arrow, bits(after));
        let tight = text.replacen(' ', "", 2);
        paint::note(buffer, heading, x, &[&format!("H {text}"), &format!("H {tight}"), &tight], look);
    }
    let form = Form::of(area);
    let mut below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if form == Form::Columns {
        titles_of(paint::row(below, 0), look, buffer);
        below = Rect { y: below.y + 1, height: below.height.saturating_sub(1), ..below };
    }
    let traces = app.knobs().traces(stages);
    let heights: Vec<u16> = traces.iter().map(|trace| form.height(trace.is_ok())).collect();
    let first = first_to_show(&heights, app.knobs().selected(), below.height);
    let stages = app.knobs().list().iter().zip(traces).zip(heights).enumerate().skip(first);
    for (index, ((knob, trace), height)) in stages {
        let row = Rect { height, ..below }.intersection(below);
        if row.is_empty() {
            break;
        }
        below = Rect { y: row.bottom(), height: below.height - row.height, ..below };
        let ground = if index == app.knobs().selected() { look.style(Role::Selected) } else { Style::new() };
        buffer.set_style(row, ground);
        Line { look, row, ground, keys: keys(app, knob) }.stage(knob, trace, form, buffer);
    }
}

/// How a stage is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// All figures in columns on one line.
    Columns,
    /// The figures on a second line.
    TwoLines,
    /// Only how many are left, on the same line.
    Short,
}

impl Form {
    fn of(area: Rect) -> Self {
        match area {
            area if area.width >= WIDE => Self::Columns,
            area if area.height >= 6 => Self::TwoLines,
            _ => Self::Short,
        }
    }

    fn height(self, works: bool) -> u16 {
        if self == Self::TwoLines && works { 2 } else { 1 }
    }
}

/// The first stage that shows: the earliest from which the selected one is still in the room.
fn first_to_show(heights: &[u16], selected: usize, room: u16) -> usize {
    let fits = |first: &usize| heights[*first..=selected].iter().sum::<u16>() <= room;
    if selected < heights.len() { (0..=selected).find(fits).unwrap_or(selected) } else { 0 }
}

fn titles_of(row: Rect, look: Look<'_>, buffer: &mut Buffer) {
    let style = look.style(Role::Muted);
    put(buffer, row.x + 2, row.y, "stage", 10, style);
    for (end, text) in column_ends(row).into_iter().zip(["keeps", "removes", "mass", "entropy, bits"]) {
        put_right(buffer, end, row.y, text, style);
    }
}

/// Where the columns end: kept, removed, mass, entropy.
fn column_ends(row: Rect) -> [u16; 4] {
    let right = row.right().saturating_sub(1);
    [right.saturating_sub(33), right.saturating_sub(24), right.saturating_sub(16), right]
}

/// Before the entropy of a stage: one that counts what the model does not list is a lower bound.
fn at_least(look: Look<'_>, trace: &StageTrace) -> &'static str {
    if trace.counts_rest { look.signs().at_least } else { "" }
}

fn left(trace: &StageTrace) -> String {
    if trace.removed == 0 { "all left".to_owned() } else { format!("{} left", count(trace.kept)) }
}

/// The keys that turn a knob, whatever stage is selected: `t/T`.
fn keys(app: &App, knob: &Knob) -> String {
    let key = |action| app.keymap().shown(Context::Chain, action, app.look().charset);
    let actions = KNOB_KEYS.iter().find(|(name, _)| *name == knob.stage.row().name).map(|(_, actions)| *actions);
    let shown = actions.into_iter().flatten().filter_map(key);
    shown.collect::<Vec<_>>().join("/")
}

struct Line<'a> {
    look: Look<'a>,
    row: Rect,
    ground: Style,
    keys: String,
}

impl Line<'_> {
    fn style(&self, role: Role) -> Style {
        paint::on(self.look.style(role), self.ground)
    }

    fn stage(&self, knob: &Knob, trace: Result<&StageTrace, Idle>, form: Form, buffer: &mut Buffer) {
        self.setting(knob, trace.is_ok(), buffer);
        match (trace, form) {
            (Ok(trace), Form::Columns) => self.columns(trace, buffer),
            (Ok(trace), Form::TwoLines) => self.second(trace, buffer),
            (Ok(trace), Form::Short) => self.right(self.row.y, &left(trace), buffer),
            (Err(idle), _) => self.idle(idle, buffer),
        }
    }

    /// Name and value; those of an idle stage are dim.
    fn setting(&self, knob: &Knob, works: bool, buffer: &mut Buffer) {
        let Rect { x, y, width, .. } = self.row;
        if self.ground.bg.is_some() {
            put(buffer, x, y, self.look.signs().selected, 1, self.style(Role::Key));
        }
        let (name, value) = if works { (Role::Base, Role::Strong) } else { (Role::Removed, Role::Removed) };
        let room = usize::from(width.saturating_sub(2));
        let end = put(buffer, x + 2, y, knob.stage.row().name, room, self.style(name));
        let value_text = knob.stage.value().to_string();
        let at = if width >= WIDE { x + 24 } else { x + 18 };
        let start = at.saturating_sub(value_text.len() as u16).max(end + 1);
        let room = usize::from(self.row.right().saturating_sub(start));
        let end = put(buffer, start, y, &value_text, room.min(14), self.style(value));
        let limit = if width >= WIDE { column_ends(self.row)[0].saturating_sub(COUNT) } else { self.row.right() - 4 };
        if end + 1 + self.keys.len() as u16 <= limit {
            put(buffer, end + 1, y, &self.keys, self.keys.len(), self.style(Role::Key));
        }
    }

    fn columns(&self, trace: &StageTrace, buffer: &mut Buffer) {
        let y = self.row.y;
        let ends = column_ends(self.row);
        put_right(buffer, ends[0], y, &count(trace.kept), self.style(Role::Base));
        if trace.removed > 0 {
            put_right(buffer, ends[1], y, &count(trace.removed), self.style(Role::Tag));
            put_right(buffer, ends[2], y, &percent(trace.removed_mass), self.style(Role::Tag));
        } else {
            put_right(buffer, ends[1], y, self.look.signs().dot, self.style(Role::Muted));
            put_right(buffer, ends[2], y, self.look.signs().dot, self.style(Role::Muted));
        }
        put_right(buffer, ends[3], y, &self.entropy(trace), self.style(Role::Base));
    }

    fn entropy(&self, trace: &StageTrace) -> String {
        let least = at_least(self.look, trace);
        format!("{:.2} {} {least}{:.2}", bits(trace.entropy_before), self.look.signs().arrow, bits(trace.entropy))
    }

    /// The second line of a stage where there is no room for columns.
    fn second(&self, trace: &StageTrace, buffer: &mut Buffer) {
        let y = self.row.y + 1;
        let x = put(buffer, self.row.x + 2, y, &left(trace), self.row.width.into(), self.style(Role::Muted));
        if trace.removed > 0 {
            let text = format!(" {}{}", self.look.signs().minus, percent(trace.removed_mass));
            put(buffer, x, y, &text, usize::from(self.row.right().saturating_sub(x)), self.style(Role::Tag));
        }
        let least = at_least(self.look, trace);
        self.right(y, &format!("H {least}{:.2}", bits(trace.entropy)), buffer);
    }

    fn idle(&self, idle: Idle, buffer: &mut Buffer) {
        let text = match idle {
            Idle::Off => "off",
            Idle::Unused => "unused",
            Idle::Pending => self.look.signs().ellipsis,
        };
        self.right(self.row.y, text, buffer);
    }

    fn right(&self, y: u16, text: &str, buffer: &mut Buffer) {
        put_right(buffer, self.row.right().saturating_sub(1), y, text, self.style(Role::Muted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_stage_is_always_in_the_room() {
        assert_eq!(first_to_show(&[2, 2, 2, 1], 0, 6), 0);
        assert_eq!(first_to_show(&[2, 2, 2, 1], 3, 7), 0);
        assert_eq!(first_to_show(&[2, 2, 2, 1], 3, 6), 1);
        assert_eq!(first_to_show(&[2, 2], 1, 1), 1);
        assert_eq!(first_to_show(&[], 0, 5), 0);
    }
}
