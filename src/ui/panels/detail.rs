//! What there is to say of the selected token.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::decode::{Analysis, TokenId, processor};
use crate::ui::app::{App, Model};
use crate::ui::number::{bits, figure, percent};
use crate::ui::paint::{self, put, put_glyphs};
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// Draws the panel.
pub fn render(app: &App, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let heading = paint::row(area, 0);
    paint::heading(buffer, heading, "Selected token", look);
    let (Some(shown), Model::Open { tokenizer, .. }) = (app.shown(), app.model()) else { return };
    let analysis = &shown.analysis;
    let Some(&id) = analysis.model().ranked().get(app.list().selected()) else { return };
    let glyphs = token_glyphs(tokenizer.as_ref(), id, look.charset);
    let width = area.width.saturating_sub(2);
    let title = paint::row(area, 1);
    let half = usize::from(width / 2);
    let x = put_glyphs(buffer, title.x + 1, title.y, &glyphs, half, look, look.style(Role::Strong));
    let bytes: Vec<String> = tokenizer.piece(id).bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let bytes = if bytes.is_empty() { "special".to_owned() } else { bytes.join(" ") };
    let room = usize::from(area.right().saturating_sub(x));
    let forms = [format!("   id {id}   {bytes}"), format!("  id {id}  {bytes}"), format!("  id {id}")];
    if let Some(about) = forms.iter().find(|about| about.len() <= room) {
        put(buffer, x, title.y, about, room, look.style(Role::Muted));
    }
    let lines = lines(app, analysis, id, app.list().selected() + 1);
    let tall = area.height >= 10;
    let first = if tall { 3 } else { 2 };
    for (place, (label, value, role)) in (first..area.height).zip(lines) {
        let row = paint::row(area, place);
        let at = if area.width >= 40 { 24 } else { 9 };
        put(
            buffer,
            row.x + 1,
            row.y,
            if area.width >= 40 { label.0 } else { label.1 },
            at - 1,
            look.style(Role::Muted),
        );
        let x = row.x + at as u16;
        put(buffer, x, row.y, &value, usize::from(row.right().saturating_sub(x)), look.style(role));
    }
}

/// A label in full and in short, its value, and how that is drawn.
type Fact = ((&'static str, &'static str), String, Role);

fn lines(app: &App, analysis: &Analysis, id: TokenId, rank: usize) -> Vec<Fact> {
    let model = analysis.model();
    let after = match analysis.removal(id) {
        None => (("after the chain", "after"), percent(analysis.sampling_prob(id)), Role::Strong),
        Some(removal) => {
            let by = analysis.stages().get(removal.stage).map_or("", |stage| stage.label.as_str());
            (("removed by", "removed"), format!("{} {by}", app.look().signs().removed), Role::Tag)
        }
    };
    let mut facts =
        vec![(("probability", "model"), format!("{}  rank {rank}", percent(model.prob(id))), Role::Strong), after];
    if let Some(removal) = analysis.removal(id)
        && let Some(margin) = removal.margin
    {
        let name = analysis.stages().get(removal.stage).map_or("", |stage| stage.name);
        let measure = processor(name).ok().and_then(|row| row.measure.split(';').next()).unwrap_or_default();
        let text = format!("{} < {}  {measure}", figure(margin.measured), figure(margin.limit));
        facts.push((("short of the limit", "limit"), text, Role::Base));
    }
    facts.extend([
        (("surprisal", "bits"), format!("{:.2} bits", bits(-model.logprob(id))), Role::Base),
        (("log p", "log p"), format!("{:.4} nats", model.logprob(id)), Role::Base),
        (("logit", "logit"), format!("{:.4}", model.logit(id)), Role::Base),
        (("logit after the chain", "after"), format!("{:.4}", analysis.score(id)), Role::Base),
    ]);
    facts
}
