//! Scoring completions for the interface.

use std::sync::Arc;

use crate::decode::scoring::{Evidence, TokenFigures, Totals, Verdict, audit, best};
use crate::decode::{Chain, TokenId};
use crate::engine::{EngineError, ScoreRequest, TokenScore, score};
use crate::model::{PromptForm, SpecialTokens, Tokenizer};

use super::{Ground, Job, News};

/// What is to be scored.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreAsked {
    /// What stands before the completions.
    pub prompt: String,
    /// The completions, each with at least one token.
    pub completions: Vec<String>,
    /// Whether a begin-of-text token is put before the prompt.
    pub special: SpecialTokens,
    /// How what was typed becomes the text that the model reads.
    pub form: PromptForm,
    /// What the mistake `filtered` of the audit filters with.
    pub filter: Chain,
}

/// A completion with its figures.
#[derive(Clone, Debug)]
pub struct ScoredCompletion {
    /// Its tokens.
    pub tokens: Vec<TokenId>,
    /// The figures of each.
    pub figures: Vec<TokenFigures>,
    /// What they come to.
    pub totals: Totals,
    /// The tokens of prompt and completion as one text, where they are others than those that are scored.
    pub cut_together: Option<Vec<TokenId>>,
}

/// Completions of one prompt, scored.
#[derive(Clone, Debug)]
pub struct Scored {
    /// What was asked for.
    pub asked: ScoreAsked,
    /// The tokens of the prompt.
    pub prompt: Vec<TokenId>,
    /// Their scores; the first has none.
    pub prompt_scores: Vec<Option<TokenScore>>,
    /// The completions, in the order given.
    pub completions: Vec<ScoredCompletion>,
    /// The index of the completion with the highest Σ log p.
    pub best: usize,
    /// What the audit of usual mistakes needs of each.
    pub evidence: Vec<Evidence>,
    /// What each of the usual mistakes would have given.
    pub verdicts: Vec<Verdict>,
}

/// Scores completions after a prompt.
pub struct ScoreJob {
    asked: Option<ScoreAsked>,
}

impl ScoreJob {
    /// Nothing scored yet.
    #[must_use]
    pub fn new(asked: ScoreAsked) -> Self {
        Self { asked: Some(asked) }
    }
}

impl Job for ScoreJob {
    fn turn(&mut self, ground: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        let Some(asked) = self.asked.take() else { return Ok(None) };
        let tokenizer = Arc::clone(ground.tokenizer);
        let (read, special) = asked.form.apply(&asked.prompt, asked.special, tokenizer.as_ref())?;
        let prompt = tokenizer.encode(&read, special)?;
        let cut = |text: &String| tokenizer.encode(text, SpecialTokens::Never);
        let completions = asked.completions.iter().map(cut).collect::<Result<Vec<_>, _>>()?;
        let filter = asked.filter.clone().forbidding(&ground.evaluator.model().info().never_chosen)?;
        let request = ScoreRequest { prompt: &prompt, completions: &completions, audit: Some(&filter) };
        let scores = score(ground.evaluator.model_mut(), &request, ground.watch)?;
        let scored = |((text, tokens), figures): ((&String, Vec<TokenId>), Vec<TokenFigures>)| ScoredCompletion {
            totals: totals(&tokens, &figures, tokenizer.as_ref()),
            cut_together: cut_together(tokenizer.as_ref(), (&read, special), (text, &prompt, &tokens)),
            tokens,
            figures,
        };
        let texts = asked.completions.iter().zip(completions.iter().cloned());
        let all: Vec<ScoredCompletion> = texts.zip(scores.completions).map(scored).collect();
        let sums: Vec<f64> = all.iter().map(|completion| completion.totals.sum_logprob).collect();
        Ok(Some(News::Scored(Arc::new(Scored {
            best: best(&sums).unwrap_or_default(),
            verdicts: audit(&scores.evidence),
            evidence: scores.evidence,
            prompt_scores: scores.prompt.scores,
            completions: all,
            prompt,
            asked,
        }))))
    }
}

/// What the tokens come to, bits over their bytes.
fn totals(tokens: &[TokenId], figures: &[TokenFigures], tokenizer: &dyn Tokenizer) -> Totals {
    let bytes = |id: &TokenId| tokenizer.piece(*id).bytes.len();
    Totals::of(tokens.iter().zip(figures).map(|(id, figures)| (figures.logprob, bytes(id))))
}

/// The tokens of prompt and completion cut as one text, where they are others.
fn cut_together(
    tokenizer: &dyn Tokenizer,
    (read, special): (&str, SpecialTokens),
    (text, prompt, tokens): (&str, &[TokenId], &[TokenId]),
) -> Option<Vec<TokenId>> {
    let together = tokenizer.encode(&format!("{read}{text}"), special).ok()?;
    (together != [prompt, tokens].concat()).then_some(together)
}
