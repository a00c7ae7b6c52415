//! What there is to say of the selected token.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::decode::{Analysis, Margin, TokenId, processor};
use crate::glyph;
use crate::ui::app::{App, Model};
use crate::ui::number::{bits, figure, percent};
use crate::ui::paint::{self, put, put_glyphs};
use crate::ui::panels::text::wrap;
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
    let lines = lines(analysis, id, app.list().selected() + 1);
    let tall = area.height >= 10;
    let first = if tall { 3 } else { 2 };
    let below = Rect { y: area.y + first.min(area.height), height: area.height.saturating_sub(first), ..area };
    let used = why(app, analysis, id, below, buffer);
    for (place, (label, value, role)) in (first + used..area.height).zip(lines) {
        let row = paint::row(area, place);
        let (label, at) = if area.width >= 40 { (label.0, 24) } else { (label.1, 9) };
        put(buffer, row.x + 1, row.y, label, at - 1, look.style(Role::Muted));
        let x = row.x + at as u16;
        let value = value.replace('-', look.signs().minus);
        put(buffer, x, row.y, &value, usize::from(row.right().saturating_sub(x)), look.style(role));
    }
}

/// Why a token is out, in a sentence. Returns the lines that it took.
fn why(app: &App, analysis: &Analysis, id: TokenId, area: Rect, buffer: &mut Buffer) -> u16 {
    let Some(reason) = reason(analysis, id) else { return 0 };
    let look = app.look();
    // A minus stands after a blank, a hyphen inside of a word.
    let reason = reason.replace(" -", &format!(" {}", look.signs().minus));
    let glyphs = glyph::plain(&format!("{} {reason}", look.signs().removed), look.charset);
    let room = usize::from(area.width.saturating_sub(2));
    let lines = wrap(&glyphs, room);
    let shown = lines.len().min(area.height.into());
    for (y, line) in (area.y..).zip(lines.into_iter().take(shown)) {
        put_glyphs(buffer, area.x + 1, y, &glyphs[line], room, look, look.style(Role::Tag));
    }
    shown as u16
}

/// The stage that removed a token, what was measured there, and what would have been enough.
fn reason(analysis: &Analysis, id: TokenId) -> Option<String> {
    let removal = analysis.removal(id)?;
    let stage = analysis.stages().get(removal.stage)?;
    let value = stage.label.split_once('=').map_or("", |(_, value)| value);
    let lead = format!("removed by {}", stage.name);
    if stage.name == "top_p" {
        let before = analysis.mass_before(id).map(figure).unwrap_or_default();
        return Some(format!("{lead}: cumulative {before} before it, limit {value}"));
    }
    let Some(Margin { measured, limit }) = removal.margin else { return Some(lead) };
    let short = figure((limit - measured).abs());
    let (measured, limit) = (figure(measured), figure(limit));
    Some(match stage.name {
        "top_k" => format!("{lead}: logit {measured}, that of rank {value} is {limit}: short by {short}"),
        name => {
            let measure = processor(name).ok().and_then(|row| row.measure.split(';').next()).unwrap_or_default();
            format!("{lead}: {measure} {measured}, limit {limit}: short by {short}")
        }
    })
}

/// A label in full and in short, its value, and how that is drawn.
type Fact = ((&'static str, &'static str), String, Role);

fn lines(analysis: &Analysis, id: TokenId, rank: usize) -> Vec<Fact> {
    let model = analysis.model();
    let mut facts = vec![(("probability", "model"), format!("{}  rank {rank}", percent(model.prob(id))), Role::Strong)];
    if analysis.removal(id).is_none() {
        facts.push((("after the chain", "after"), percent(analysis.sampling_prob(id)), Role::Strong));
    }
    facts.extend([
        (("surprisal", "bits"), format!("{:.2} bits", bits(-model.logprob(id))), Role::Base),
        (("log p", "log p"), format!("{:.4} nats", model.logprob(id)), Role::Base),
    ]);
    // A list of the most probable tokens comes without logits.
    if model.rest_mass().is_some() {
        return facts;
    }
    facts.extend([
        (("logit", "logit"), format!("{:.4}", model.logit(id)), Role::Base),
        (("logit after the chain", "after"), format!("{:.4}", analysis.score(id)), Role::Base),
    ]);
    facts
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::decode::{Chain, Context, Distribution};

    #[test]
    fn reasons_are_sentences_with_their_figures() {
        let logits = [0.5f64, 0.25, 0.15, 0.06, 0.04].map(f64::ln);
        let reason = |chain: &str, id: TokenId| {
            let model = Arc::new(Distribution::from_logits(&logits).unwrap());
            reason(&Analysis::new(model, &Chain::parse(chain).unwrap(), Context::default()).unwrap(), id)
        };
        let is = |chain: &str, id: TokenId, want: &str| assert_eq!(reason(chain, id).unwrap(), want);
        assert_eq!(reason("top_p=0.8", 2), None);
        is("top_p=0.8", 3, "removed by top_p: cumulative 0.9000 before it, limit 0.8");
        is("top_k=2", 2, "removed by top_k: logit -1.90, that of rank 2 is -1.39: short by 0.5108");
        is("min_p=0.2", 4, "removed by min_p: probability 0.0400, limit 0.1000: short by 0.0600");
        is("suppress_tokens=1", 1, "removed by suppress_tokens");
    }
}
