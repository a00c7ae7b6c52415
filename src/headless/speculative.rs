//! `run --strategy speculative`: two models that share a vocabulary, and how much of the draft was of use.

use serde::{Deserialize, Serialize};

use crate::decode::TokenId;
use crate::engine::SpeculativeCount;
use crate::model::{LoadedModel, TokenPiece};

use super::HeadlessError;
use super::style::Style;
use super::write::percent;

/// What speculative decoding adds to the document of a run: of all its sequences together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SpeculativeDocument {
    /// Passes of the target.
    rounds: usize,
    /// Tokens drafted, those after a rejected one included.
    drafted: usize,
    accepted: usize,
    /// Accepted of drafted; `None` where nothing was drafted.
    acceptance_rate: Option<f64>,
    tokens_per_target_pass: f64,
}

impl SpeculativeDocument {
    pub(super) fn new(counts: &[SpeculativeCount]) -> Self {
        let sum = |part: fn(&SpeculativeCount) -> usize| counts.iter().map(part).sum::<usize>();
        let (rounds, drafted) = (sum(|count| count.rounds), sum(|count| count.drafted));
        let (accepted, tokens) = (sum(|count| count.accepted), sum(|count| count.tokens));
        Self {
            rounds,
            drafted,
            accepted,
            acceptance_rate: (drafted > 0).then(|| accepted as f64 / drafted as f64),
            tokens_per_target_pass: tokens as f64 / rounds.max(1) as f64,
        }
    }

    /// The same for people.
    pub(super) fn line(&self, style: Style) -> String {
        let Self { rounds, drafted, accepted, .. } = self;
        let rate = self.acceptance_rate.map(|rate| format!(" ({})", percent(rate))).unwrap_or_default();
        let tokens = self.tokens_per_target_pass;
        style.dim(&format!("{accepted} of {drafted} drafted tokens accepted{rate} · {rounds} passes of the target, {tokens:.2} tokens each"))
    }
}

/// Refuses a draft model whose tokens are not the target's.
pub(super) fn check_draft(target: &LoadedModel, draft: &LoadedModel) -> Result<(), HeadlessError> {
    let refuse = |what: String| {
        Err(HeadlessError::Input(format!("--draft-model: {what}: give a model with the same vocabulary")))
    };
    let (ours, theirs) = (target.model.info().vocab_size, draft.model.info().vocab_size);
    if ours != theirs {
        return refuse(format!("its vocabulary has {theirs} tokens, the model's {ours}"));
    }
    let pieces = |id: TokenId| (target.tokenizer.piece(id), draft.tokenizer.piece(id));
    let same = |a: &TokenPiece, b: &TokenPiece| (&a.bytes, a.special, &a.text) == (&b.bytes, b.special, &b.text);
    match (0..ours as TokenId).map(|id| (id, pieces(id))).find(|(_, (a, b))| !same(a, b)) {
        Some((id, (a, b))) => refuse(format!("token {id} is {:?} there and {:?} in the model", b.text, a.text)),
        None => Ok(()),
    }
}
