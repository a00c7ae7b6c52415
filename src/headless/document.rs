//! The documents of a run, as other programs read them. Minus infinity is `null`. Their parts are those of the trace.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::decode::TokenId;
use crate::decode::beam::EarlyStopping;
use crate::decode::strategy::StrategyKind;
use crate::engine::Verification;
use crate::engine::record::Settings;
use crate::model::ModelInfo;
use crate::session::trace::{Prompt, Sequence, Timing};

use super::detail::Outcome;
use super::run::RunSettings;
use super::samples::Samples;

/// `run --format json`.
#[derive(Serialize)]
pub(super) struct RunDocument<'a> {
    pub(super) format: &'static str,
    pub(super) version: u32,
    pub(super) model: &'a ModelInfo,
    pub(super) settings: &'a Map<String, Value>,
    pub(super) prompt: Prompt,
    pub(super) sequences: Vec<Sequence>,
    #[serde(flatten)]
    pub(super) more: More,
    pub(super) timing: Timing,
}

/// What some runs add to their end.
#[derive(Serialize)]
pub(super) struct More {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) samples: Option<Samples>,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

impl More {
    /// The same as the last record of a trace has it.
    pub(super) fn map(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }
}

/// The resolved options: every option with its value, the processors by name, the chain in its order.
pub(super) fn settings(settings: &RunSettings, eos_token_ids: &[TokenId]) -> Map<String, Value> {
    let mut more = Map::new();
    let mut put = |name: &str, value: Value| more.insert(name.into(), value);
    if settings.chain.guidance().is_some() {
        put("negative_prompt", settings.negative_prompt.clone().into());
    }
    if matches!(settings.strategy.kind, StrategyKind::Exact) {
        put("budget", settings.budget.into());
    }
    if let Some(contrastive) = &settings.contrastive {
        put("penalty_alpha", contrastive.penalty_alpha.into());
        put("top_k", contrastive.top_k.into());
    }
    if let Some(speculation) = &settings.speculation {
        put("num_assistant_tokens", speculation.assistant_tokens.into());
        let sampled = matches!(speculation.verification, Verification::Sampled { .. });
        put("do_sample", sampled.into());
    }
    if let Some(contrastive) = &settings.contrastive {
        put("penalty_alpha", contrastive.penalty_alpha.into());
        put("top_k", contrastive.top_k.into());
    }
    if let Some(speculation) = &settings.speculation {
        put("num_assistant_tokens", speculation.assistant_tokens.into());
        let sampled = matches!(speculation.verification, Verification::Sampled { .. });
        put("do_sample", sampled.into());
    }
    if let Some(beams) = &settings.beams {
        put("num_beams", beams.beams.into());
        put("length_penalty", beams.length_penalty.into());
        put("length_norm", beams.length_norm.name().into());
        put("early_stopping", early_stopping_json(beams.early_stopping));
        put("num_beam_groups", beams.groups.into());
        put("diversity_penalty", beams.diversity_penalty.into());
    }
    let resolved = Settings {
        strategy: settings.strategy.name,
        max_new_tokens: settings.max_new_tokens,
        min_new_tokens: settings.min_new_tokens,
        sequences: settings.sequences,
        chain: &settings.chain,
        more,
        stop: &settings.stop,
        eos_token_ids,
        seed: settings.seed,
    };
    resolved.map()
}

/// As transformers writes it: a truth value, or the word.
fn early_stopping_json(early_stopping: EarlyStopping) -> Value {
    match early_stopping {
        EarlyStopping::True => true.into(),
        EarlyStopping::False => false.into(),
        EarlyStopping::Never => early_stopping.name().into(),
    }
}
