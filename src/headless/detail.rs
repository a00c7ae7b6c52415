//! What some ways of generating say about a step besides its choice, in the trace.

use serde::Serialize;

use crate::decode::speculative::{Proposal, Verdict};
use crate::engine::StepDetail;
use crate::model::Tokenizer;
use crate::session::trace;

use super::contrastive::ContrastiveRecord;
use super::document::TokenText;

/// One field for each way that has something to say.
#[derive(Default, Serialize)]
pub(super) struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    speculative: Option<SpeculativeRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contrastive: Option<ContrastiveRecord>,
}

impl Detail {
    pub(super) fn new(detail: StepDetail<'_>, tokenizer: &dyn Tokenizer) -> Self {
        match detail {
            StepDetail::Plain => Self::default(),
            StepDetail::Speculative(proposal) => {
                Self { speculative: Some(SpeculativeRecord::new(proposal, tokenizer)), ..Self::default() }
            }
            StepDetail::Contrastive(step) => {
                Self { contrastive: Some(ContrastiveRecord::new(step, tokenizer)), ..Self::default() }
            }
        }
    }
}

/// What was drafted, and what became of it.
#[derive(Serialize)]
struct SpeculativeRecord {
    round: usize,
    verdict: trace::Verdict,
    drafted: Option<TokenText>,
    draft_prob: Option<f64>,
    target_prob: Option<f64>,
    acceptance: Option<f64>,
    u: Option<f64>,
}

impl SpeculativeRecord {
    fn new(proposal: &Proposal, tokenizer: &dyn Tokenizer) -> Self {
        let drafted = proposal.drafted.as_ref();
        Self {
            round: proposal.round,
            verdict: verdict(proposal),
            drafted: drafted.map(|drafted| TokenText::of(drafted.token, tokenizer)),
            draft_prob: drafted.map(|drafted| drafted.draft_prob),
            target_prob: drafted.map(|drafted| drafted.target_prob),
            acceptance: drafted.map(|drafted| drafted.acceptance),
            u: drafted.and_then(|drafted| drafted.u),
        }
    }
}

pub(super) fn verdict(proposal: &Proposal) -> trace::Verdict {
    match proposal.drafted.map(|drafted| drafted.verdict) {
        Some(Verdict::Accepted) => trace::Verdict::Accepted,
        Some(Verdict::Rejected) => trace::Verdict::Rejected,
        None => trace::Verdict::Bonus,
    }
}
