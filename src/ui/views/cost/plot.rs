//! Two growing curves: a figure of every step with the cache and without.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ui::look::Look;
use crate::ui::paint::{self, put, put_right};
use crate::ui::plot::Plot;
use crate::ui::scale::Scale;
use crate::ui::theme::Role;

/// Cells left of the plot for its scale.
const LABELS: u16 = 9;

/// The curves: with the cache, and without.
pub(super) const CURVES: [(Role, char, &str); 2] =
    [(Role::Series0, 'c', "with cache"), (Role::Series1, 'n', "no cache")];

/// Steps that the axis has from the start, so that the picture can be seen to grow.
const LEAST_STEPS: usize = 12;

/// What is drawn.
pub(super) struct Curves<'a> {
    pub(super) title: &'a str,
    /// For each step, the figure with the cache and without.
    pub(super) steps: Vec<[Option<f64>; 2]>,
    pub(super) scale: Scale,
    /// How a figure is written.
    pub(super) unit: fn(f64) -> String,
}

impl Curves<'_> {
    /// Draws them, with heading, scale and axis.
    pub(super) fn render(&self, look: Look<'_>, area: Rect, buffer: &mut Buffer) {
        let heading = paint::row(area, 0);
        let x = paint::heading(buffer, heading, self.title, look);
        let scale = match self.scale {
            Scale::Linear => "linear",
            Scale::Logarithmic => "log",
        };
        paint::note(buffer, heading, x, &[&format!("{scale} scale: l"), scale], look);
        if area.height < 4 || area.width < LABELS + 4 {
            return;
        }
        let field = Rect { x: area.x + LABELS, y: area.y + 1, width: area.width - LABELS - 1, height: area.height - 2 };
        let all = || self.steps.iter().flatten().filter_map(|value| *value).filter(|value| *value > 0.0);
        let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
        let last = self.steps.len().max(LEAST_STEPS) - 1;
        Self::axis(look, Rect { y: field.bottom(), height: 1, ..field }, last, buffer);
        if most == 0.0 {
            return;
        }
        let height = |value: f64| self.height(value, least, most);
        self.labels(look, field, [least, most], buffer);
        let mut plot = Plot::new(field, look.charset);
        for (curve, (role, letter, _)) in CURVES.into_iter().enumerate().rev() {
            let places = || {
                let place = |(step, values): (usize, &[Option<f64>; 2])| {
                    Some((step as f64 / last as f64, height(values[curve]?)))
                };
                self.steps.iter().enumerate().filter_map(place)
            };
            plot.line(places(), role, letter);
        }
        plot.render(look, buffer);
        for (curve, (role, letter, _)) in CURVES.into_iter().enumerate() {
            let end = self.steps.iter().enumerate().rev().find_map(|(step, values)| Some((step, values[curve]?)));
            if let Some((step, value)) = end
                && let Some((x, y)) = plot.cell(step as f64 / last as f64, height(value))
            {
                put(buffer, x, y, letter.encode_utf8(&mut [0; 4]), 1, look.style(role));
            }
        }
    }

    /// The height of a figure, from 0 to 1. A logarithmic scale begins at the least figure, a linear one at nothing.
    fn height(&self, value: f64, least: f64, most: f64) -> f64 {
        match self.scale {
            Scale::Linear => value / most,
            Scale::Logarithmic if most > least => (value.max(least) / least).ln() / (most / least).ln(),
            Scale::Logarithmic => 1.0,
        }
    }

    fn labels(&self, look: Look<'_>, field: Rect, [least, most]: [f64; 2], buffer: &mut Buffer) {
        let style = look.style(Role::Muted);
        let low = match self.scale {
            Scale::Linear => 0.0,
            Scale::Logarithmic => least,
        };
        let right = field.x.saturating_sub(1);
        put_right(buffer, right, field.y, &(self.unit)(most), style);
        if field.height > 1 {
            put_right(buffer, right, field.bottom() - 1, &(self.unit)(low), style);
        }
    }

    /// The numbers of the first step and the last.
    fn axis(look: Look<'_>, row: Rect, last: usize, buffer: &mut Buffer) {
        let muted = look.style(Role::Muted);
        put(buffer, row.x, row.y, "1", 1, muted);
        put_right(buffer, row.right(), row.y, &format!("step {}", last + 1), muted);
    }
}
