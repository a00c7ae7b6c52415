//! Remembers what the model has read: paths of the session's tree in, logits out, nothing read twice.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::decode::{Distribution, TokenId};
use crate::model::{CacheNode, LanguageModel, Positions, Progress, Run};
use crate::session::NodeId;

use super::EngineError;
use super::texts::ReadTexts;

/// Tokens read in one call of the model: small enough that all their logits fit, and that a cancellation is prompt.
pub(super) const CHUNK: usize = 32;

/// Bytes of logits that are kept, so that a changed knob runs only the chain.
const LOGITS_BUDGET: usize = 256 << 20;

/// How a token did under the model, given what came before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenScore {
    /// log p, in nats.
    pub logprob: f64,
    /// Rank, from 1; `None` for a token that a list of the most probable ones does not have.
    pub rank: Option<usize>,
}

impl TokenScore {
    /// Looks a token up in the logits after a node; the model is asked for one that they don't list.
    ///
    /// # Errors
    /// Logits that are no distribution, or what the model refuses.
    pub(super) fn of(
        model: &mut dyn LanguageModel,
        token: TokenId,
        (after, logits): (CacheNode, &Arc<[f32]>),
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, EngineError> {
        let distribution = model.info().distribution(logits)?;
        let logprob = logprob(model, token, (after, &distribution), watch)?;
        Ok(Self { logprob, rank: distribution.known_rank(token) })
    }
}

/// log p of a token after a node, in nats: the model is asked for one that its distribution does not list. Minus infinity where
/// nobody knows.
pub(super) fn logprob(
    model: &mut dyn LanguageModel,
    token: TokenId,
    (after, distribution): (CacheNode, &Distribution),
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<f64, EngineError> {
    let listed = distribution.logprob(token);
    if listed > f64::NEG_INFINITY || !distribution.is_partial() {
        return Ok(listed);
    }
    let asked = model.logprob_of(after, token, watch).map_err(EngineError::from_model)?;
    Ok(asked.unwrap_or(f64::NEG_INFINITY))
}

/// The logits after a path, and the scores of the tokens that had to be read for them.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// Logits of the next token. Shape: `[vocab_size]`.
    pub logits: Arc<[f32]>,
    /// Score of each token that was read now; the first of all tokens has none.
    pub scores: Vec<(NodeId, TokenScore)>,
}

/// A model with a memory of the nodes that it has read.
pub struct Evaluator {
    model: Box<dyn LanguageModel>,
    known: HashMap<NodeId, CacheNode>,
    logits: HashMap<NodeId, Arc<[f32]>>,
    oldest: VecDeque<NodeId>,
    /// Texts beside the session's, with a prompt of their own.
    pub(super) texts: Option<ReadTexts>,
}

impl Evaluator {
    /// Nothing read yet.
    #[must_use]
    pub fn new(model: Box<dyn LanguageModel>) -> Self {
        Self { model, known: HashMap::new(), logits: HashMap::new(), oldest: VecDeque::new(), texts: None }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &dyn LanguageModel {
        self.model.as_ref()
    }

    /// The model, for work beside the session's.
    pub fn model_mut(&mut self) -> &mut dyn LanguageModel {
        self.model.as_mut()
    }

    /// The cache entry of a token of the session, where it was read.
    #[must_use]
    pub fn cached(&self, node: NodeId) -> Option<CacheNode> {
        self.known.get(&node).copied()
    }

    /// The cache entry of a token of the session and the logits after it, where both are there.
    pub(super) fn seen(&self, node: NodeId) -> Option<(CacheNode, Arc<[f32]>)> {
        self.cached(node).zip(self.logits.get(&node).cloned())
    }

    /// Lets the model forget all but what it has read of the session, the texts beside it, and these entries.
    pub fn sweep(&mut self, live: &[CacheNode]) {
        let texts = self.texts.iter().flat_map(ReadTexts::nodes);
        let kept: Vec<CacheNode> = self.known.values().chain(live).copied().chain(texts).collect();
        self.model.retain(&kept);
    }

    /// Forgets everything: another session begins.
    pub fn clear(&mut self) {
        self.model.retain(&[]);
        self.known.clear();
        self.texts = None;
        self.logits.clear();
        self.oldest.clear();
    }

    /// Logits after the last token of a path from the root of the session's tree; only what is new is read.
    ///
    /// # Errors
    /// Whatever the model refuses, or [`EngineError::Interrupted`] when `watch` breaks; what was read by then is kept.
    pub fn evaluate(
        &mut self,
        path: &[(NodeId, TokenId)],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Evaluated, EngineError> {
        let Some((last, _)) = path.last() else {
            return Err(EngineError::Request("there is no token to start from".into()));
        };
        if let Some(logits) = self.logits.get(last) {
            return Ok(Evaluated { logits: Arc::clone(logits), scores: Vec::new() });
        }
        let mut scores = Vec::new();
        // A node that was read but whose logits were dropped is read again: its cache entry's twin costs one slot.
        let read = path.iter().take(path.len() - 1).take_while(|(node, _)| self.known.contains_key(node)).count();
        for (index, chunk) in path[read..].chunks(CHUNK).enumerate() {
            let begin = read + index * CHUNK;
            let mut shifted =
                |progress: Progress| watch(Progress { done: begin - read + progress.done, total: path.len() - read });
            self.read_chunk(path, begin, chunk.len(), &mut scores, &mut shifted)?;
        }
        match self.logits.get(last) {
            Some(logits) => Ok(Evaluated { logits: Arc::clone(logits), scores }),
            None => Err(EngineError::Request("the model gave no logits".into())),
        }
    }

    fn read_chunk(
        &mut self,
        path: &[(NodeId, TokenId)],
        begin: usize,
        length: usize,
        scores: &mut Vec<(NodeId, TokenScore)>,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let before = begin.checked_sub(1).map(|i| path[i].0);
        let chunk = &path[begin..begin + length];
        let tokens: Vec<TokenId> = chunk.iter().map(|(_, token)| *token).collect();
        let after = before.and_then(|node| self.known.get(&node).copied());
        let run = Run { after, tokens: &tokens, logits: Positions::All };
        let mut outputs = self.model.forward(&[run], watch).map_err(EngineError::from_model)?;
        let Some(output) = outputs.pop() else {
            return Err(EngineError::Request("the model gave no output".into()));
        };
        let mut previous = before.and_then(|node| Some((*self.known.get(&node)?, self.logits.get(&node).cloned()?)));
        for ((&(node, token), cache), logits) in chunk.iter().zip(output.nodes).zip(output.logits) {
            if let Some((before, logits)) = previous {
                let read = (before, &logits);
                scores.push((node, TokenScore::of(self.model.as_mut(), token, read, watch)?));
            }
            self.known.insert(node, cache);
            self.remember(node, &logits);
            previous = Some((cache, logits));
        }
        Ok(())
    }

    fn remember(&mut self, node: NodeId, logits: &Arc<[f32]>) {
        let most = (LOGITS_BUDGET / size_of_val::<[f32]>(logits).max(1)).max(2);
        while self.oldest.len() >= most {
            if let Some(oldest) = self.oldest.pop_front() {
                self.logits.remove(&oldest);
            }
        }
        self.oldest.push_back(node);
        self.logits.insert(node, Arc::clone(logits));
    }
}
