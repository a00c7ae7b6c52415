//! Beam search for the interface, a step a turn, with greedy's path beside it.

use std::sync::Arc;

use crate::decode::beam::{BeamSettings, BeamStep, BeamStop};
use crate::decode::strategy::strategy;
use crate::decode::{Analysis, Chain, Context, TokenId};
use crate::engine::generate::PromptRead;
use crate::engine::text::Pieces;
use crate::engine::{BeamRequest, DroppedBeams, EngineError, GrowingBeams};
use crate::model::{CacheNode, Positions, Run, unwatched};
use crate::session::NodeId;

use super::{Ground, Job, News};

/// What is to be searched.
#[derive(Clone, Debug)]
pub struct BeamsAsked {
    /// From the root of the session's tree to the end of the prompt.
    pub prompt: Vec<(NodeId, TokenId)>,
    /// The options.
    pub settings: BeamSettings,
    /// The processors of the search.
    pub chain: Chain,
    /// The processors of greedy search.
    pub greedy: Chain,
    /// The most tokens to generate, at least 1.
    pub max_new_tokens: usize,
}

/// A token of greedy's path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GreedyToken {
    /// Its id.
    pub token: TokenId,
    /// log p under the model alone, in nats.
    pub logprob: f64,
}

/// A step of the search.
#[derive(Clone, Debug)]
pub struct BeamsMade {
    /// Everything that it decided.
    pub step: BeamStep,
    /// Greedy's token of the same step; none after its end.
    pub greedy: Option<GreedyToken>,
    /// Why the search is over; none where it goes on.
    pub stopped: Option<BeamStop>,
}

/// Searches after the session's prompt.
pub struct BeamsJob {
    asked: BeamsAsked,
    under_way: Option<(GrowingBeams, Option<GreedyPath>)>,
}

impl BeamsJob {
    /// Nothing searched yet.
    #[must_use]
    pub fn new(asked: BeamsAsked) -> Self {
        Self { asked, under_way: None }
    }

    fn begin(&self, ground: &mut Ground<'_>) -> Result<(GrowingBeams, Option<GreedyPath>), EngineError> {
        let asked = &self.asked;
        let read = read_prompt(ground, &asked.prompt)?;
        let prompt: Vec<TokenId> = asked.prompt.iter().map(|(_, token)| *token).collect();
        let model = ground.evaluator.model();
        let request = BeamRequest {
            prompt: &prompt,
            settings: asked.settings,
            chain: &asked.chain,
            max_new_tokens: asked.max_new_tokens,
            min_new_tokens: 0,
            eos_token_ids: &model.info().eos_token_ids,
            stop: &[],
            dropped: DroppedBeams::Kept,
        };
        let beams = GrowingBeams::new(model, &read, &request)?;
        let greedy = GreedyPath {
            chain: asked.greedy.clone().forbidding(&model.info().never_chosen)?,
            prompt_length: prompt.len(),
            history: prompt,
            node: read.end,
            logits: Some(read.logits),
        };
        Ok((beams, Some(greedy)))
    }
}

impl Job for BeamsJob {
    fn turn(&mut self, ground: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        if self.under_way.is_none() {
            self.under_way = Some(self.begin(ground)?);
        }
        let Some((beams, greedy)) = &mut self.under_way else { return Ok(None) };
        if beams.search().stopped().is_some() {
            return Ok(None);
        }
        let tokenizer = Arc::clone(ground.tokenizer);
        let step = beams.advance(ground.model(), tokenizer.as_ref())?;
        let (token, goes_on) = match greedy.take() {
            Some(path) => path.advance(ground)?,
            None => (None, None),
        };
        *greedy = goes_on;
        let stopped = beams.search().stopped();
        Ok(Some(News::Beams(Arc::new(BeamsMade { step, greedy: token, stopped }))))
    }

    fn live(&self) -> Vec<CacheNode> {
        let nodes = |(beams, greedy): &(GrowingBeams, Option<GreedyPath>)| {
            let mut nodes = beams.live();
            nodes.extend(greedy.iter().map(|path| path.node));
            nodes
        };
        self.under_way.as_ref().map(nodes).unwrap_or_default()
    }
}

/// The end of the session's prompt, read where it was not.
pub(super) fn read_prompt(ground: &mut Ground<'_>, path: &[(NodeId, TokenId)]) -> Result<PromptRead, EngineError> {
    let logits = ground.evaluator.evaluate(path, ground.watch)?.logits;
    let end = path.last().and_then(|(node, _)| ground.evaluator.cached(*node));
    let end = end.ok_or_else(|| EngineError::Request("the prompt was not read".into()))?;
    Ok(PromptRead { end, logits, hidden: Vec::new(), scores: Vec::new() })
}

/// Greedy search, a token at a time.
struct GreedyPath {
    chain: Chain,
    prompt_length: usize,
    history: Vec<TokenId>,
    /// The last token that was read.
    node: CacheNode,
    /// What follows it; none where the last of the history still has to be read.
    logits: Option<Arc<[f32]>>,
}

impl GreedyPath {
    /// The next token, and the path with it; no path where the token ends it, or the chain leaves none.
    fn advance(mut self, ground: &mut Ground<'_>) -> Result<(Option<GreedyToken>, Option<Self>), EngineError> {
        let Some(greedy) = strategy("greedy").and_then(|row| row.single(0)) else { return Ok((None, None)) };
        let logits = match self.logits.take() {
            Some(logits) => logits,
            None => self.read(ground)?,
        };
        let ends = ground.evaluator.model().info().eos_token_ids.clone();
        let context = Context {
            history: &self.history,
            prompt_length: self.prompt_length,
            bytes: Some(&Pieces(ground.tokenizer.as_ref())),
            end_ids: &ends,
            ..Context::default()
        };
        let model = Arc::new(ground.model().info().distribution(&logits)?);
        let Ok(analysis) = Analysis::new(model, &self.chain, context) else { return Ok((None, None)) };
        let step = self.history.len() - self.prompt_length;
        let token = greedy.choose(&analysis, 0, step as u64).token;
        let made = GreedyToken { token, logprob: analysis.model().logprob(token) };
        self.history.push(token);
        Ok((Some(made), (!ends.contains(&token)).then_some(self)))
    }

    fn read(&mut self, ground: &mut Ground<'_>) -> Result<Arc<[f32]>, EngineError> {
        let last = self.history.len().saturating_sub(1);
        let run = Run { after: Some(self.node), tokens: &self.history[last..], logits: Positions::Last };
        let outputs = ground.model().forward(&[run], &mut unwatched).map_err(EngineError::from_model)?;
        let read = outputs.into_iter().next();
        let read = read.and_then(|output| Some((*output.nodes.last()?, output.logits.into_iter().last()?)));
        let (node, logits) = read.ok_or_else(|| EngineError::Request("the model gave no logits".into()))?;
        self.node = node;
        Ok(logits)
    }
}
