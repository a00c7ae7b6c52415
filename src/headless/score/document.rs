//! The JSON document of `score`.

use serde::{Serialize, Serializer};

use crate::decode::scoring::{AUDITS, TokenFigures, Totals, Verdict};
use crate::decode::{Chain, TokenId};
use crate::engine::record::{finite, token as cut};
use crate::model::{ModelInfo, Tokenizer};
use crate::session::trace::{Prompt, Token as Cut};

/// `score --format json`.
#[derive(Serialize)]
pub(super) struct ScoreDocument<'a> {
    pub(super) format: &'static str,
    pub(super) version: u32,
    pub(super) model: &'a ModelInfo,
    pub(super) prompt: Option<Prompt>,
    pub(super) completions: Vec<Completion>,
    pub(super) best: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) audit: Option<Vec<AuditRecord>>,
}

/// A text that was scored.
#[derive(Serialize)]
pub(super) struct Completion {
    pub(super) text: String,
    pub(super) tokens: Vec<Token>,
    #[serde(flatten, serialize_with = "totals")]
    pub(super) totals: Totals,
    /// The tokens of prompt and completion as one text, where they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_together: Option<Vec<TokenId>>,
}

/// A token and how it did.
#[derive(Serialize)]
pub(super) struct Token {
    #[serde(flatten)]
    pub(super) cut: Cut,
    pub(super) logprob: Option<f64>,
    pub(super) rank: Option<usize>,
    pub(super) entropy: Option<f64>,
    pub(super) logit: Option<f64>,
    #[serde(skip)]
    pub(super) figures: Option<TokenFigures>,
}

impl Completion {
    pub(super) fn new(
        text: &str,
        ids: &[TokenId],
        figures: &[Option<TokenFigures>],
        (info, tokenizer): (&ModelInfo, &dyn Tokenizer),
    ) -> Self {
        // A list of the most probable tokens has no entropy and no logits.
        let whole = |figures: &TokenFigures| info.unlisted.is_none().then_some(*figures);
        let totals = super::totals(ids, figures.iter().map(|token| token.map(|token| token.logprob)), tokenizer);
        let token = |(&id, figures): (&TokenId, &Option<TokenFigures>)| Token {
            cut: cut(id, tokenizer),
            logprob: figures.and_then(|figures| finite(figures.logprob)),
            rank: figures.and_then(|figures| figures.rank),
            entropy: figures.as_ref().and_then(whole).map(|figures| figures.entropy),
            logit: figures.as_ref().and_then(whole).and_then(|figures| finite(figures.logit)),
            figures: *figures,
        };
        let tokens = ids.iter().zip(figures).map(token).collect();
        Self { text: text.into(), tokens, totals, cut_together: None }
    }

    /// Whether every log-probability is known.
    pub(super) fn is_known(&self) -> bool {
        self.tokens.iter().filter_map(|token| token.figures).all(|figures| figures.is_known())
    }

    pub(super) fn cut_together(mut self, tokens: Option<Vec<TokenId>>) -> Self {
        self.cut_together = tokens;
        self
    }
}

fn totals<S: Serializer>(totals: &Totals, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Named {
        sum_logprob: Option<f64>,
        mean_logprob: Option<f64>,
        perplexity: Option<f64>,
        bits_per_byte: Option<f64>,
        scored_tokens: usize,
        scored_bytes: usize,
    }
    let named = Named {
        sum_logprob: finite(totals.sum_logprob),
        mean_logprob: finite(totals.mean_logprob()),
        perplexity: finite(totals.perplexity()),
        bits_per_byte: totals.bits_per_byte().and_then(finite),
        scored_tokens: totals.tokens,
        scored_bytes: totals.bytes,
    };
    named.serialize(serializer)
}

/// A mistake and what it would have done.
#[derive(Serialize)]
pub(super) struct AuditRecord {
    pub(super) mistake: &'static str,
    pub(super) values: Vec<Option<f64>>,
    pub(super) best: Option<usize>,
    /// Whether it prefers another completion than the true score does.
    pub(super) differs: bool,
    pub(super) summary: &'static str,
    why: &'static str,
    /// What `filtered` filters with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chain: Option<String>,
}

impl AuditRecord {
    pub(super) fn all(verdicts: &[Verdict], best: Option<usize>, chain: &Chain) -> Vec<Self> {
        let record = |(row, verdict): (&crate::decode::scoring::AuditRow, &Verdict)| Self {
            mistake: verdict.mistake,
            values: verdict.values.iter().copied().map(finite).collect(),
            best: verdict.best,
            differs: verdict.best != best,
            summary: row.summary,
            why: row.why,
            chain: (verdict.mistake == "filtered").then(|| chain.to_string()),
        };
        AUDITS.iter().zip(verdicts).map(record).collect()
    }
}
