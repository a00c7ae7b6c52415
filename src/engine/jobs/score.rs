//! Scoring completions for the interface.

use std::sync::Arc;

use crate::decode::scoring::{Evidence, TokenFigures};
use crate::decode::{Chain, TokenId};
use crate::engine::{EngineError, ScoreRequest, TokenScore, score};
use crate::model::SpecialTokens;

use super::{Ground, Job, News};

/// A completion with its figures.
#[derive(Clone, Debug)]
pub struct ScoredCompletion {
    /// Its tokens.
    pub tokens: Vec<TokenId>,
    /// The figures of each.
    pub figures: Vec<TokenFigures>,
}

/// Completions of one prompt, scored.
#[derive(Clone, Debug)]
pub struct Scored {
    /// The tokens of the prompt.
    pub prompt: Vec<TokenId>,
    /// Their scores; the first has none.
    pub prompt_scores: Vec<Option<TokenScore>>,
    /// The completions, in the order given.
    pub completions: Vec<ScoredCompletion>,
    /// What the audit of usual mistakes needs of each.
    pub evidence: Vec<Evidence>,
}

/// Scores completions after a prompt.
pub struct ScoreJob {
    asked: Option<(String, Vec<String>, Chain)>,
    special: SpecialTokens,
}

impl ScoreJob {
    /// `filter` is what the mistake `filtered` of the audit filters with.
    #[must_use]
    pub fn new(prompt: String, completions: Vec<String>, special: SpecialTokens, filter: Chain) -> Self {
        Self { asked: Some((prompt, completions, filter)), special }
    }
}

impl Job for ScoreJob {
    fn turn(&mut self, ground: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        let Some((prompt, completions, filter)) = self.asked.take() else { return Ok(None) };
        let prompt = ground.tokenizer.encode(&prompt, self.special)?;
        let cut = |text: &String| ground.tokenizer.encode(text, SpecialTokens::Never);
        let completions = completions.iter().map(cut).collect::<Result<Vec<_>, _>>()?;
        let request = ScoreRequest { prompt: &prompt, completions: &completions, audit: Some(&filter) };
        let scores = score(ground.evaluator.model_mut(), &request, ground.watch)?;
        let scored = |(tokens, figures)| ScoredCompletion { tokens, figures };
        let all = completions.iter().cloned().zip(scores.completions).map(scored).collect();
        let (prompt_scores, evidence) = (scores.prompt.scores, scores.evidence);
        Ok(Some(News::Scored(Arc::new(Scored { prompt, prompt_scores, completions: all, evidence }))))
    }
}
