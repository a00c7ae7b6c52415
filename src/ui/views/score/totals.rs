//! What the completions come to: sums, means, perplexities, bits per byte; who wins, and who would win by the mean.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::lines::possible;
use crate::decode::TokenId;
use crate::decode::scoring::best;
use crate::engine::{Lane, Scored};
use crate::glyph;
use crate::model::Tokenizer;
use crate::ui::app::{App, Model};
use crate::ui::look::Look;
use crate::ui::number::{logprob, perplexity};
use crate::ui::paint::{self, put, put_glyphs, put_right};
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// Draws the panel.
pub(super) fn render(app: &App, scored: Option<&Scored>, area: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let heading = paint::row(area, 0);
    let x = paint::heading(buffer, heading, "Which one does the model prefer?", look);
    let Some(scored) = scored else {
        if app.is_under_way(Lane::Score) {
            let ((done, total), signs) = (app.views.score.progress(), look.signs());
            let spinner = signs.spinner[app.ticks() % signs.spinner.len()];
            let text = match total {
                0 => format!("{spinner} the texts are being cut into tokens"),
                _ => format!("{spinner} {done} of {total} tokens read"),
            };
            put(buffer, area.x + 1, area.y + 1, &text, area.width.into(), look.style(Role::Running));
        }
        return;
    };
    paint::note(buffer, heading, x, &["nats; longer bars are less probable", "nats"], look);
    let ends = Ends::of(area);
    let titles = paint::row(area, 1);
    let muted = look.style(Role::Muted);
    let names = [
        "tokens".to_owned(),
        format!("{} log p", look.signs().sum),
        "mean".into(),
        "perplexity".into(),
        "bits/byte".into(),
    ];
    for (end, name) in ends.columns.iter().zip(names) {
        put_right(buffer, *end, titles.y, &name, muted);
    }
    let sums = scored.completions.iter().map(|completion| -completion.totals.sum_logprob);
    let most = sums.filter(|sum| sum.is_finite()).fold(f64::MIN_POSITIVE, f64::max);
    for (index, completion) in scored.completions.iter().enumerate() {
        let row = paint::row(area, 2 + index as u16);
        if row.is_empty() || row.y >= area.bottom() {
            break;
        }
        let totals = completion.totals;
        let wins = index == scored.best && possible(scored);
        let style = if wins { look.style(Role::Good) } else { Style::new() };
        let minus = look.signs();
        let sign = if wins { look.signs().winner } else { " " };
        put(buffer, row.x + 1, row.y, &format!("{} {sign}", index + 1), 4, style);
        let bits = totals.bits_per_byte().map_or_else(String::new, |bits| format!("{bits:.3}"));
        let figures = [
            totals.tokens.to_string(),
            logprob(totals.sum_logprob, minus),
            logprob(totals.mean_logprob(), minus),
            perplexity(totals.perplexity()),
            bits,
        ];
        for (end, figure) in ends.columns.iter().zip(figures) {
            put_right(buffer, *end, row.y, &figure, style);
        }
        let bar = Rect { y: row.y, height: 1, ..ends.bar };
        let share = (-totals.sum_logprob / most).min(1.0);
        paint::bar(buffer, bar, share, look, if wins { Role::BarChosen } else { Role::BarModel });
    }
    verdict(app, scored, area, buffer);
}

/// Where the columns of figures end, and where the bars of the sums are.
struct Ends {
    columns: [u16; 5],
    bar: Rect,
}

impl Ends {
    fn of(area: Rect) -> Self {
        let x = area.x;
        // Tokens, sum, bar, mean, perplexity, bits per byte.
        let bar = area.width.saturating_sub(66).min(60);
        let gap = if bar > 0 { bar + 1 } else { 0 };
        let after = x + 27 + gap;
        Self {
            columns: [x + 14, x + 25, after + 10, after + 22, after + 33],
            bar: Rect { x: x + 27, width: bar, ..area },
        }
    }
}

/// In words: the winner and its lead, a winner by the mean that is another, and what is wrong with how the texts were cut.
fn verdict(app: &App, scored: &Scored, area: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let row = paint::row(area, 2 + scored.completions.len() as u16);
    let Model::Open { tokenizer, .. } = app.model() else { return };
    let mut text = winner(scored);
    let means: Vec<f64> = scored.completions.iter().map(|completion| completion.totals.mean_logprob()).collect();
    if let Some(other) = best(&means).filter(|other| *other != scored.best && possible(scored)) {
        text = format!("{text}; {} the mean would choose {}", look.signs().parts, other + 1);
    }
    let glyphs = glyph::plain(&text, look.charset);
    let room = usize::from(row.width.saturating_sub(2));
    put_glyphs(buffer, row.x + 1, row.y, &glyphs, room, look, look.style(Role::Strong));
    if let Some(index) = cut_otherwise(scored) {
        warning(scored, index, tokenizer.as_ref(), paint::row(area, 3 + scored.completions.len() as u16), look, buffer);
    }
}

/// The first completion that gives other tokens when it is cut together with the prompt.
pub(super) fn cut_otherwise(scored: &Scored) -> Option<usize> {
    scored.completions.iter().position(|completion| completion.cut_together.is_some())
}

/// Which completion is the most probable, and by how much.
pub(super) fn winner(scored: &Scored) -> String {
    let sums: Vec<f64> = scored.completions.iter().map(|completion| completion.totals.sum_logprob).collect();
    let (number, highest) = (scored.best + 1, sums.get(scored.best).copied().unwrap_or(f64::NEG_INFINITY));
    let others = sums.iter().enumerate().filter(|(index, _)| *index != scored.best).map(|(_, sum)| *sum);
    let Some(second) = others.reduce(f64::max) else {
        return "one completion alone: n adds another".to_owned();
    };
    let lead = highest - second;
    match lead.exp() {
        _ if highest == f64::NEG_INFINITY => "none of the completions is possible".to_owned(),
        _ if second == f64::NEG_INFINITY => format!("{number} is the only one that is possible"),
        1.0 => format!("{number} is as probable as the next"),
        times if times < 1000.0 => format!("{number} is the most probable: by {lead:.3} nats, {times:.2} times"),
        times => format!("{number} is the most probable: by {lead:.3} nats, {times:.1e} times"),
    }
}

/// The tokens that prompt and completion give when they are cut together, where the two meet.
fn warning(scored: &Scored, index: usize, tokenizer: &dyn Tokenizer, row: Rect, look: Look<'_>, buffer: &mut Buffer) {
    let together: &[TokenId] = scored.completions[index].cut_together.as_deref().unwrap_or_default();
    let from = scored.prompt.len().saturating_sub(1).min(together.len());
    let mut glyphs = glyph::plain(
        &format!("{} gives other tokens when it is cut together with the prompt: ", index + 1),
        look.charset,
    );
    for id in together[from..].iter().take(3) {
        glyphs.extend(token_glyphs(tokenizer, *id, look.charset));
        glyphs.extend(glyph::plain(" ", look.charset));
    }
    let room = usize::from(row.width.saturating_sub(2));
    put_glyphs(buffer, row.x + 1, row.y, &glyphs, room, look, look.style(Role::Tag));
}
