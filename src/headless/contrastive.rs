//! Contrastive search as text.

use crate::engine::StepDetail;
use crate::model::Tokenizer;
use crate::session::trace;

use super::figures::token_name;
use super::write::percent;

/// What the table says of a step that was just taken.
pub(super) fn taken(detail: StepDetail<'_>, tokenizer: &dyn Tokenizer) -> Option<String> {
    let StepDetail::Contrastive(step) = detail else { return None };
    let over = step.passed_over().map(|over| {
        let piece = tokenizer.piece(over.id);
        let bytes = if piece.special { &[][..] } else { &piece.bytes };
        (token_name(&piece.text, bytes), over.prob, over.max_similarity)
    });
    Some(note(step.choice()?.max_similarity, over))
}

/// The same of a step in a trace.
pub(super) fn recorded(step: &trace::Step) -> Option<String> {
    let candidates = &step.contrastive.as_ref()?.candidates;
    let chosen = candidates.iter().position(|candidate| candidate.token.id == step.chosen.token.id)?;
    let over = candidates.first().filter(|_| chosen > 0);
    let over = over.map(|over| (token_name(&over.token.text, &over.token.bytes), over.prob, over.max_similarity));
    Some(note(candidates[chosen].max_similarity, over))
}

/// The degeneration penalty of the choice, and the more probable token that it passed over: name, probability and penalty.
fn note(penalty: f64, over: Option<(String, f64, f64)>) -> String {
    let over = over.map(|(name, prob, penalty)| format!(" · passes over {name} ({}, {penalty:.3})", percent(prob)));
    format!("penalty {penalty:.3}{}", over.unwrap_or_default())
}
