//! A prompt and texts after it that are read beside the session, so that a changed text reads only what is new.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::EngineError;
use super::evaluator::{Evaluator, TokenScore};
use super::score::Cursor;
use crate::decode::{Chain, TokenId};
use crate::model::{CacheNode, ModelInfo, Positions, Progress, Run};
use crate::session::NodeId;

/// What the model has read of a prompt.
#[derive(Clone, Debug)]
pub(super) struct ReadPrompt {
    pub(super) tokens: Vec<TokenId>,
    nodes: Vec<CacheNode>,
    /// One for each token that was read; the first of all has none.
    pub(super) scores: Vec<Option<TokenScore>>,
    /// What may come after the tokens read so far; none where that was forgotten.
    next: Option<Arc<[f32]>>,
}

impl ReadPrompt {
    /// Nothing read yet; what another prompt begins with is taken from it.
    pub(super) fn new(tokens: Vec<TokenId>, other: Option<&Self>) -> Self {
        if let Some(other) = other.filter(|other| other.tokens == tokens && other.is_read()) {
            return other.clone();
        }
        let shared = other.map_or(0, |other| {
            let same = tokens.iter().zip(&other.tokens).take_while(|(a, b)| a == b).count();
            same.min(other.nodes.len())
        });
        // What follows the last shared token is not kept: it is read again, but its own score is known.
        let read = shared.saturating_sub(1);
        let (nodes, scores) = other
            .map_or((Vec::new(), Vec::new()), |other| (other.nodes[..read].to_vec(), other.scores[..shared].to_vec()));
        Self { tokens, nodes, scores, next: None }
    }

    pub(super) fn is_read(&self) -> bool {
        self.nodes.len() == self.tokens.len()
    }

    /// Tokens read so far.
    pub(super) fn read(&self) -> usize {
        self.nodes.len()
    }

    /// The cache entry of its last token, and what may come after it.
    pub(super) fn end(&self) -> Option<(CacheNode, &Arc<[f32]>)> {
        self.nodes.last().copied().filter(|_| self.is_read()).zip(self.next.as_ref())
    }

    /// Reads the next tokens, as many as fit a chunk: from memory where the session has them, else by the model.
    ///
    /// # Errors
    /// What the model refuses, or an interruption by `watch`.
    pub(super) fn advance(
        &mut self,
        evaluator: &mut Evaluator,
        session: &[(NodeId, TokenId)],
        chunk: usize,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let begin = self.nodes.len();
        let end = self.tokens.len().min(begin + chunk);
        let same = session.iter().zip(&self.tokens).take_while(|((_, a), b)| a == *b).count();
        let seen = session[..same].iter().skip(begin).take(end - begin).map_while(|(node, _)| evaluator.seen(*node));
        let seen: Vec<(CacheNode, Arc<[f32]>)> = seen.collect();
        if !seen.is_empty() {
            return seen.into_iter().try_for_each(|(node, logits)| self.take((node, logits), evaluator, watch));
        }
        let run = Run { after: self.nodes.last().copied(), tokens: &self.tokens[begin..end], logits: Positions::All };
        let outputs = evaluator.model_mut().forward(&[run], watch).map_err(EngineError::from_model)?;
        let read = outputs.into_iter().flat_map(|output| output.nodes.into_iter().zip(output.logits));
        read.into_iter().try_for_each(|read| self.take(read, evaluator, watch))
    }

    fn take(
        &mut self,
        (node, logits): (CacheNode, Arc<[f32]>),
        evaluator: &mut Evaluator,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let place = self.nodes.len();
        if place == self.scores.len() {
            let before = self.nodes.last().copied().zip(self.next.as_ref());
            let score = before.map(|before| TokenScore::of(evaluator.model_mut(), self.tokens[place], before, watch));
            self.scores.push(score.transpose()?);
        }
        self.nodes.push(node);
        self.next = Some(logits);
        Ok(())
    }
}

/// A prompt with its texts.
#[derive(Clone, Debug)]
pub struct ReadTexts {
    pub(super) prompt: ReadPrompt,
    /// What the evidence of the texts was filtered with.
    pub(super) filter: Chain,
    pub(super) texts: Vec<Cursor>,
}

impl ReadTexts {
    /// All cache entries.
    pub(super) fn nodes(&self) -> impl Iterator<Item = CacheNode> {
        self.prompt.nodes.iter().chain(self.texts.iter().flat_map(|text| &text.nodes)).copied()
    }

    /// Where a text begins after this prompt: after what the closest of the other texts has of it.
    ///
    /// # Errors
    /// A prompt that is not read.
    pub(super) fn text(&self, tokens: &[TokenId], others: &[Cursor], info: &ModelInfo) -> Result<Cursor, EngineError> {
        let unread = || EngineError::Request("the prompt was not read".into());
        let (_, next) = self.prompt.end().ok_or_else(unread)?;
        let first = Arc::new(info.distribution(next)?);
        let closest = others.iter().max_by_key(|other| other.shared_with(tokens));
        Ok(match closest.filter(|closest| closest.shared_with(tokens) > 0) {
            Some(closest) => closest.resumed(tokens.to_vec(), first),
            None => Cursor::new(tokens.to_vec(), first),
        })
    }
}
