//! What one forward pass reads: the tokens of all runs as rows, each with its place in the cache.

use std::ops::Range;

use super::cache::Cache;
use crate::decode::TokenId;
use crate::model::{CacheNode, ModelError, Positions, Run};

/// A token to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) run: usize,
    pub(super) token: TokenId,
    /// Counted from 0 at the beginning of its sequence.
    pub(super) position: usize,
    pub(super) slot: u32,
    pub(super) logits: Wanted,
}

/// Whether a row's logits are returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    No,
}

/// All rows of a forward pass; kept from one to the next for its memory.
#[derive(Debug, Default)]
pub(super) struct Batch {
    rows: Vec<Row>,
    /// Paths of all runs, root first, one after the other.
    paths: Vec<u32>,
    places: Vec<Place>,
}

/// Where the path of a run lies among all paths.
#[derive(Debug)]
struct Place {
    path: Range<usize>,
    /// Where its own tokens begin, after those that were in the cache.
    own: usize,
}

/// Refuses runs that can't be read, before anything changes.
///
/// # Errors
/// A run without tokens, after an unknown node, with a token outside of the vocabulary, or beyond the context.
pub(super) fn check(runs: &[Run<'_>], cache: &Cache, vocab_size: usize, context: usize) -> Result<(), ModelError> {
    for run in runs {
        if run.tokens.is_empty() {
            return Err(ModelError::Request("a run without tokens: there is nothing to read".into()));
        }
        if let Some(id) = run.tokens.iter().find(|id| **id as usize >= vocab_size) {
            let last = vocab_size - 1;
            return Err(ModelError::Request(format!(
                "token id {id} is outside of the vocabulary, whose last id is {last}"
            )));
        }
        let before = match run.after {
            None => 0,
            Some(node) => cache.length(node).ok_or_else(|| {
                ModelError::Request(format!("cache node {} is gone: read its sequence again", node.0))
            })?,
        };
        let tokens = run.tokens.len();
        if before == 0 && tokens > context {
            return Err(ModelError::Request(format!(
                "the prompt has {tokens} tokens; the model's context holds {context}: shorten it"
            )));
        }
        if before + tokens > context {
            return Err(ModelError::Request(format!(
                "{tokens} more tokens after {before} don't fit: the model's context holds {context}"
            )));
        }
    }
    Ok(())
}

impl Batch {
    /// Lays out checked runs and takes a slot for each of their tokens.
    pub(super) fn plan(&mut self, runs: &[Run<'_>], cache: &mut Cache) {
        self.rows.clear();
        self.paths.clear();
        self.places.clear();
        for (index, run) in runs.iter().enumerate() {
            let start = self.paths.len();
            if let Some(node) = run.after {
                cache.path(node, &mut self.paths);
            }
            let own = self.paths.len();
            let mut parent = run.after.map(|node| node.0);
            for (offset, token) in run.tokens.iter().enumerate() {
                let slot = cache.allocate(parent);
                parent = Some(slot);
                let is_last = offset + 1 == run.tokens.len();
                let logits = if is_last || run.logits == Positions::All { Wanted::Yes } else { Wanted::No };
                let position = self.paths.len() - start;
                self.rows.push(Row { run: index, token: *token, position, slot, logits });
                self.paths.push(slot);
            }
            self.places.push(Place { path: start..self.paths.len(), own });
        }
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The slots that a row may see: its ancestors and itself.
    pub(super) fn path(&self, row: &Row) -> &[u32] {
        &self.paths[self.places[row.run].path.clone()][..=row.position]
    }

    /// The slots that were taken.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.rows.iter().map(|row| row.slot)
    }

    /// The nodes of a run's tokens.
    pub(super) fn nodes(&self, run: usize) -> Vec<CacheNode> {
        let Place { path, own } = &self.places[run];
        self.paths[*own..path.end].iter().copied().map(CacheNode).collect()
    }
}
