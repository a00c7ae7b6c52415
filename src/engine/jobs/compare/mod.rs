//! Strategies side by side for the interface: all go on together, a step a turn, and what they read is one batch.

mod column;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::decode::beam::BeamSettings;
use crate::decode::strategy::StrategyRow;
use crate::decode::{Chain, Draw, TokenId};
use crate::engine::{EngineError, FinishReason, GeneratedToken, Memo};
use crate::model::{CacheNode, LanguageModel, Positions, Run};
use crate::session::NodeId;

use super::beams::read_prompt;
use super::{Ground, Job, News};
use column::Column;

/// One of those that are compared.
#[derive(Clone, Debug)]
pub struct ColumnAsked {
    /// How tokens are chosen; not by exact search.
    pub strategy: &'static StrategyRow,
    /// The processors; the strategy may use a part of them.
    pub chain: Chain,
    /// The seed of its draws.
    pub seed: u64,
    /// The number of beams, where it has any.
    pub beams: usize,
}

impl PartialEq for ColumnAsked {
    fn eq(&self, other: &Self) -> bool {
        (self.strategy.name, self.seed, self.beams) == (other.strategy.name, other.seed, other.beams)
            && self.chain == other.chain
    }
}

impl ColumnAsked {
    /// The options of its beam search; `None` where it has no beams.
    #[must_use]
    pub fn beam_settings(&self) -> Option<BeamSettings> {
        let kind = self.strategy.beams()?;
        let (groups, diversity_penalty) = (kind.groups)(self.beams);
        let selection = (kind.selection)(self.seed);
        Some(BeamSettings { beams: self.beams, groups, diversity_penalty, selection, ..BeamSettings::default() })
    }
}

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct CompareAsked {
    /// From the root of the session's tree to the end of the prompt.
    pub prompt: Vec<(NodeId, TokenId)>,
    /// The columns.
    pub columns: Vec<ColumnAsked>,
    /// The most tokens to generate, at least 1.
    pub max_new_tokens: usize,
}

/// One of the tokens that could have been chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopToken {
    /// Its id.
    pub id: TokenId,
    /// p under the model alone.
    pub prob: f64,
    /// p after the chain; 0 for a removed one. Beams have none: they add log p without normalizing it again.
    pub sampling_prob: Option<f64>,
}

/// A token of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedToken {
    /// It and its probabilities.
    pub token: GeneratedToken,
    /// The draw that chose it, where there was one.
    pub draw: Option<Draw>,
    /// The most probable tokens of its step under the model, best first.
    pub top: Arc<[TopToken]>,
}

/// How a column came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnEnd {
    /// Its sequence ended.
    Finished(FinishReason),
    /// It can't go on: one line that says why.
    Failed(String),
}

/// A column so far. A search shows the best that it has: that may be another sequence after the next step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnMade {
    /// Its tokens.
    pub tokens: Vec<ComparedToken>,
    /// How it ended; none while it goes on.
    pub end: Option<ColumnEnd>,
}

/// All columns after a step, in the order in which they were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The columns.
    pub columns: Vec<ColumnMade>,
}

/// Lets strategies go on from the session's prompt, in lockstep.
pub struct CompareJob {
    asked: CompareAsked,
    columns: Option<Vec<Column>>,
}

impl CompareJob {
    /// Nothing generated yet.
    #[must_use]
    pub fn new(asked: CompareAsked) -> Self {
        Self { asked, columns: None }
    }

    fn begin(&self, ground: &mut Ground<'_>) -> Result<Vec<Column>, EngineError> {
        let read = read_prompt(ground, &self.asked.prompt)?;
        let prompt: Arc<[TokenId]> = self.asked.prompt.iter().map(|(_, token)| *token).collect();
        let model = ground.evaluator.model();
        let length = self.asked.max_new_tokens;
        Ok(self.asked.columns.iter().map(|asked| Column::new(asked, model, &prompt, &read, length)).collect())
    }
}

impl Job for CompareJob {
    fn turn(&mut self, ground: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        // Also columns that could not even begin are told of.
        let begins = self.columns.is_none();
        if begins {
            self.columns = Some(self.begin(ground)?);
        }
        let Some(columns) = &mut self.columns else { return Ok(None) };
        if !begins && columns.iter().all(|column| column.end().is_some()) {
            return Ok(None);
        }
        let mut memo = Memo::new(ground.evaluator.model_mut());
        let wanted: BTreeSet<(CacheNode, TokenId)> = columns.iter().flat_map(Column::wanted).collect();
        let run =
            |(after, token)| Run { after: Some(after), tokens: std::slice::from_ref(token), logits: Positions::Last };
        let runs: Vec<Run<'_>> = wanted.iter().map(|(after, token)| run((*after, token))).collect();
        if !runs.is_empty() {
            memo.forward(&runs, ground.watch).map_err(EngineError::from_model)?;
        }
        for column in columns.iter_mut() {
            column.step(&mut memo, ground.tokenizer.as_ref());
        }
        Ok(Some(News::Compared(Arc::new(Compared { columns: columns.iter().map(Column::made).collect() }))))
    }

    fn live(&self) -> Vec<CacheNode> {
        self.columns.iter().flatten().flat_map(Column::live).collect()
    }
}
