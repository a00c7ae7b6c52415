//! `run --strategy exact`: the search, what other strategies would have found, and the proof.

use std::ops::ControlFlow;

use serde::Serialize;

use crate::decode::TokenId;
use crate::decode::beam::{BeamSettings, EarlyStopping, LengthNorm};
use crate::decode::strategy::strategy;
use crate::decode::{Chain, Value};
use crate::engine::{
    BeamRequest, DroppedBeams, EngineError, Exact, ExactRequest, PromptRead, Request, Rival, exact, generate,
    generate_beams,
};
use crate::model::{LanguageModel, Tokenizer};

use super::run::Job;
use super::style::Style;

/// The beam widths that are compared with the optimum.
const WIDTHS: [usize; 3] = [2, 4, 8];

/// What an exact search adds to the document of a run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ExactDocument {
    /// Whether no sequence can be more probable.
    proven: bool,
    /// Prefixes expanded.
    expanded: usize,
    budget: usize,
    /// Where nothing is proven: what another sequence could have at most, in nats.
    upper_bound: Option<f64>,
    /// What other strategies miss.
    gaps: Vec<Missed>,
}

#[derive(Clone, Debug, Serialize)]
struct Missed {
    strategy: String,
    sum_logprob: f64,
    /// How far it is below the best, in nats.
    gap: f64,
}

/// Where a search happens.
pub(super) struct Ground<'a> {
    pub(super) model: &'a mut dyn LanguageModel,
    pub(super) tokenizer: &'a dyn Tokenizer,
    pub(super) read: &'a PromptRead,
    pub(super) prompt: &'a [TokenId],
    pub(super) eos: &'a [TokenId],
    pub(super) job: &'a Job<'a>,
}

impl Ground<'_> {
    /// The tokens of the best sequence, and how good it is.
    pub(super) fn search(&mut self) -> Result<(Vec<TokenId>, ExactDocument), EngineError> {
        let rivals = [vec![self.greedy()?], self.beams()?].concat();
        let settings = self.job.settings;
        let mut forbidden = suppressed(&settings.chain);
        forbidden.extend(&self.model.info().never_chosen);
        let request = ExactRequest {
            prompt_tokens: self.prompt.len(),
            max_new_tokens: settings.max_new_tokens,
            min_new_tokens: settings.min_new_tokens,
            eos_token_ids: self.eos,
            forbidden: &forbidden,
            budget: settings.budget,
            rivals: &rivals,
        };
        let job = self.job;
        let found = exact(self.model, self.read, &request, &mut |progress| {
            job.progress.show("searching", progress.expanded, settings.budget);
            job.interrupt.check()
        })?;
        Ok(document(found, &rivals, settings.budget))
    }

    fn greedy(&mut self) -> Result<Rival, EngineError> {
        let settings = self.job.settings;
        let Some(greedy) = strategy("greedy").and_then(|row| row.single(0)) else {
            return Err(EngineError::Request("no greedy search".into()));
        };
        let request = Request {
            prompt: self.prompt,
            strategy: greedy.as_ref(),
            chain: &settings.chain,
            max_new_tokens: settings.max_new_tokens,
            min_new_tokens: settings.min_new_tokens,
            eos_token_ids: self.eos,
            stop: &[],
            sequence: 0,
            negative: None,
        };
        let interrupt = self.job.interrupt;
        let found = generate(self.model, self.tokenizer, self.read, &request, &mut |_| interrupt.check())?;
        Ok(Rival {
            name: "greedy".into(),
            tokens: found.tokens.iter().map(|token| token.id).collect(),
            sum_logprob: found.sum_logprob,
        })
    }

    /// Beam searches for the same thing: the highest sum, and no stopping while a better one can come.
    fn beams(&mut self) -> Result<Vec<Rival>, EngineError> {
        let settings = self.job.settings;
        let mut rivals = Vec::new();
        for beams in WIDTHS {
            let request = BeamRequest {
                prompt: self.prompt,
                settings: BeamSettings {
                    beams,
                    length_norm: LengthNorm::None,
                    early_stopping: EarlyStopping::Never,
                    ..BeamSettings::default()
                },
                chain: &settings.chain,
                max_new_tokens: settings.max_new_tokens,
                min_new_tokens: settings.min_new_tokens,
                eos_token_ids: self.eos,
                stop: &[],
                dropped: DroppedBeams::Freed,
            };
            let interrupt = self.job.interrupt;
            let mut watch = |_: &crate::engine::ObservedBeams<'_>| -> ControlFlow<()> { interrupt.check() };
            let found = generate_beams(self.model, self.tokenizer, self.read, &request, &mut watch)?;
            rivals.extend(found.first().map(|best| Rival {
                name: format!("beam:num_beams={beams},length_norm=none"),
                tokens: best.tokens.iter().map(|token| token.id).collect(),
                sum_logprob: best.sum_logprob,
            }));
        }
        Ok(rivals)
    }
}

/// The ids that the chain suppresses.
fn suppressed(chain: &Chain) -> Vec<TokenId> {
    let ids = |stage: &crate::decode::Stage| match stage.value() {
        Value::Ids(ids) => ids.clone(),
        _ => Vec::new(),
    };
    chain.stages().iter().flat_map(ids).collect()
}

fn document(found: Exact, rivals: &[Rival], budget: usize) -> (Vec<TokenId>, ExactDocument) {
    let gap = |(rival, gap): (&Rival, &f64)| Missed {
        strategy: rival.name.clone(),
        sum_logprob: rival.sum_logprob,
        gap: *gap,
    };
    let gaps = rivals.iter().zip(&found.gaps).map(gap).collect();
    let Exact { tokens, proven, expanded, upper_bound, .. } = found;
    (tokens, ExactDocument { proven, expanded, budget, upper_bound, gaps })
}

impl ExactDocument {
    /// The same for people.
    pub(super) fn lines(&self, style: Style) -> Vec<String> {
        let expanded = self.expanded;
        let verdict = match self.upper_bound {
            None => format!("proven: no sequence is more probable · {expanded} prefixes expanded"),
            Some(bound) => format!(
                "not proven: the best so far · {expanded} prefixes expanded, and one more could reach Σ log p {bound:.3} (--budget)"
            ),
        };
        let gap = |gap: &Missed| {
            let missed = if gap.gap > 0.0 { format!("{:.3} nats below", gap.gap) } else { "finds it".into() };
            style.dim(&format!("  {:<32} Σ log p {:.3} · {missed}", gap.strategy, gap.sum_logprob))
        };
        std::iter::once(style.bold(&verdict)).chain(self.gaps.iter().map(gap)).collect()
    }
}
