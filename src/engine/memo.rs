//! A model that several decoders share: a token that one of them has read after a context costs the others nothing.

use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::decode::TokenId;
use crate::model::{CacheNode, CacheUse, LanguageModel, ModelError, ModelInfo, Progress, Run, RunOutput};

/// Remembers what every single token gave that was read after a cache node, until it is dropped. Nothing is forgotten
/// meanwhile: `retain` does nothing, since a branch that one decoder drops may be another's.
pub struct Memo<'a> {
    model: &'a mut dyn LanguageModel,
    read: HashMap<Key, RunOutput>,
}

/// The node that a token came after, and the token.
type Key = (CacheNode, TokenId);

impl<'a> Memo<'a> {
    /// Nothing remembered yet.
    pub fn new(model: &'a mut dyn LanguageModel) -> Self {
        Self { model, read: HashMap::new() }
    }

    fn recall(&self, run: &Run<'_>) -> Option<RunOutput> {
        self.read.get(&key(run)?).cloned()
    }
}

/// What a run is remembered by; only single tokens are, whose logits are wanted.
fn key(run: &Run<'_>) -> Option<Key> {
    match (run.after, run.tokens) {
        (Some(after), &[token]) => Some((after, token)),
        _ => None,
    }
}

impl LanguageModel for Memo<'_> {
    fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    fn forward(
        &mut self,
        runs: &[Run<'_>],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError> {
        let known: Vec<Option<RunOutput>> = runs.iter().map(|run| self.recall(run)).collect();
        let unread = runs.iter().zip(&known).filter(|(_, known)| known.is_none());
        let fresh: Vec<Run<'_>> = unread.map(|(run, _)| *run).collect();
        let outputs = if fresh.is_empty() { Vec::new() } else { self.model.forward(&fresh, watch)? };
        for (run, output) in fresh.iter().zip(&outputs) {
            if let Some(key) = key(run) {
                self.read.insert(key, output.clone());
            }
        }
        // The fresh outputs come in the order in which they were asked for, and fill the gaps.
        let mut outputs = outputs.into_iter();
        let all: Vec<RunOutput> = known.into_iter().filter_map(|known| known.or_else(|| outputs.next())).collect();
        Ok(all)
    }

    fn retain(&mut self, _: &[CacheNode]) {}

    fn cache_use(&self) -> CacheUse {
        self.model.cache_use()
    }
}
