//! What some ways of generating say about a step besides its choice, and about a run besides its sequences.

use serde::Serialize;

use crate::engine::StepDetail;
use crate::engine::record::speculative;
use crate::model::Tokenizer;
use crate::session::trace::{self, Speculative};

use super::exact::ExactDocument;
use super::figures::token_name;
use super::speculative::SpeculativeDocument;
use super::style::Style;
use super::write::percent;

/// Of a step: what became of a draft.
#[derive(Default)]
pub(super) struct Detail {
    speculative: Option<Speculative>,
}

impl Detail {
    pub(super) fn new(detail: StepDetail<'_>, tokenizer: &dyn Tokenizer) -> Self {
        match detail {
            StepDetail::Speculative(proposal) => Self { speculative: Some(speculative(proposal, tokenizer)) },
            StepDetail::Plain | StepDetail::Contrastive(_) => Self::default(),
        }
    }

    /// The same, as a trace has it, where it is about a draft.
    pub(super) fn recorded(step: &trace::Step) -> Self {
        Self { speculative: step.speculative.clone() }
    }

    /// What became of a draft, for people.
    pub(super) fn note(&self) -> Option<String> {
        let Speculative { verdict, drafted, acceptance, .. } = self.speculative.as_ref()?;
        let chance = percent(acceptance.unwrap_or_default());
        Some(match (verdict, drafted) {
            (trace::Verdict::Accepted, _) => format!("✓ accepted at {chance}"),
            (trace::Verdict::Rejected, Some(token)) => {
                format!("✗ {} rejected at {chance}", token_name(&token.text, &token.bytes))
            }
            (trace::Verdict::Rejected, None) => format!("✗ rejected at {chance}"),
            (trace::Verdict::Bonus, _) => "+ bonus".into(),
        })
    }
}

/// Of a run: one field for each way that has something to say.
#[derive(Default, Serialize)]
pub(super) struct Outcome {
    /// How good it is, where the search was exact.
    #[serde(flatten)]
    pub(super) exact: Option<ExactDocument>,
    /// How much of the draft was of use, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) speculative: Option<SpeculativeDocument>,
}

impl Outcome {
    /// The same for people.
    pub(super) fn lines(&self, style: Style) -> Vec<String> {
        let exact = self.exact.iter().flat_map(|exact| exact.lines(style));
        exact.chain(self.speculative.iter().map(|speculative| speculative.line(style))).collect()
    }
}
