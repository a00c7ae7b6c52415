//! Table models: conditional probabilities written by hand, behind the same traits as every other model.
//!
//! `docs/table-models.md` describes the file. What a row's probabilities leave to 1 belongs to the last entry of the
//! vocabulary, which [`ModelInfo::never_chosen`] lists: the other probabilities stay what they are in the file.

mod automaton;
mod file;
#[cfg(test)]
mod tests;
mod tokenizer;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::DeValue;

use self::automaton::{ROOT, State};
use self::file::Table;
use super::{
    CacheNode, CacheUse, LanguageModel, LoadedModel, ModelError, ModelInfo, Positions, Progress, Run, RunOutput,
    StoredType,
};
use crate::decode::TokenId;

pub use tokenizer::TableTokenizer;

/// Tokens between two calls of `watch`.
const CHUNK: usize = 256;

/// A token that was read.
#[derive(Clone, Copy, Debug)]
struct Node {
    parent: Option<u32>,
    token: TokenId,
    /// Tokens up to and with this one.
    length: usize,
    state: State,
}

/// The states of a run's tokens, and the logits that are wanted.
struct Found {
    states: Vec<State>,
    logits: Vec<Arc<[f32]>>,
}

/// A model whose logits are looked up.
#[derive(Debug)]
pub struct TableModel {
    info: ModelInfo,
    table: Table,
    nodes: Vec<Option<Node>>,
    free: Vec<u32>,
}

/// Opens a table model.
///
/// # Errors
/// A file that can't be read, or holds no table; the message names the line and the row.
pub fn open(path: &Path) -> Result<LoadedModel, ModelError> {
    let text = fs::read_to_string(path).map_err(|source| ModelError::Read { path: path.into(), source })?;
    parse(&path.display().to_string(), &text)
}

/// Reads a table model from its text; `name` names it in messages and documents.
///
/// # Errors
/// A text that is no table; the message names the line and the row.
pub fn parse(name: &str, text: &str) -> Result<LoadedModel, ModelError> {
    Ok(loaded(name, file::read(name, text)?))
}

/// Reads a table model that is a part of a larger TOML document; `file` and `text` are that document's, for messages.
///
/// # Errors
/// As of [`parse`].
pub fn parse_part(file: &str, text: &str, part: Spanned<DeValue<'_>>) -> Result<LoadedModel, ModelError> {
    Ok(loaded(file, file::read_part(file, text, part)?))
}

fn loaded(name: &str, table: Table) -> LoadedModel {
    let tokenizer = TableTokenizer::new(&table.vocabulary, &table.special, table.begin);
    let info = ModelInfo {
        name: name.into(),
        architecture: "Table".into(),
        vocab_size: table.vocabulary.len() + table.special.len(),
        context_length: table.context_length,
        dtype: Some(StoredType::F32),
        device: "cpu".into(),
        eos_token_ids: table.end.into_iter().collect(),
        never_chosen: vec![table.begin, table.unlisted],
        unlisted: None,
        parameters: table.numbers as u64,
        shape: None,
    };
    let model = TableModel { info, table, nodes: Vec::new(), free: Vec::new() };
    LoadedModel { model: Box::new(model), tokenizer: Arc::new(tokenizer) }
}

impl TableModel {
    fn node(&self, CacheNode(node): CacheNode) -> Option<Node> {
        self.nodes.get(node as usize).copied().flatten()
    }

    /// The node a run follows; none at the beginning of a sequence.
    fn check(&self, run: &Run<'_>) -> Result<Option<Node>, ModelError> {
        let refuse = |reason: String| Err(ModelError::Request(reason));
        let after = match run.after {
            None => None,
            Some(node) => match self.node(node) {
                None => return refuse(format!("cache node {} is gone: read its sequence again", node.0)),
                found => found,
            },
        };
        let (tokens, context) = (run.tokens.len(), self.info.context_length);
        if tokens == 0 {
            return refuse("a run without tokens: there is nothing to read".into());
        }
        if let Some(id) = run.tokens.iter().find(|id| **id as usize >= self.info.vocab_size) {
            return refuse(format!("token id {id} is outside of the vocabulary of {}", self.info.vocab_size));
        }
        let before = after.map_or(0, |node| node.length);
        if before + tokens > context {
            return refuse(format!(
                "{tokens} more tokens after {before} don't fit: the table's context holds {context}"
            ));
        }
        Ok(after)
    }

    /// Looks a run up; nothing is kept yet.
    fn look_up(&self, run: &Run<'_>) -> Result<Found, ModelError> {
        let mut state = self.check(run)?.map_or(ROOT, |node| node.state);
        let (mut states, mut logits) = (Vec::with_capacity(run.tokens.len()), Vec::new());
        for (index, &token) in run.tokens.iter().enumerate() {
            state = self.table.automaton.step(state, token);
            states.push(state);
            if run.logits == Positions::All || index + 1 == run.tokens.len() {
                let row = self.table.automaton.row(state);
                let found = row.and_then(|row| self.table.logits.get(row));
                logits.push(Arc::clone(found.ok_or_else(|| self.no_row(run, index))?));
            }
        }
        Ok(Found { states, logits })
    }

    fn no_row(&self, run: &Run<'_>, index: usize) -> ModelError {
        let mut tokens = Vec::new();
        let mut at = run.after;
        while let Some(node) = at.and_then(|at| self.node(at)) {
            tokens.push(node.token);
            at = node.parent.map(CacheNode);
        }
        tokens.reverse();
        tokens.extend(&run.tokens[..=index]);
        ModelError::Request(format!("{}: {}", self.info.name, self.table.no_row(&tokens)))
    }

    fn keep(&mut self, node: Node) -> u32 {
        if let Some(free) = self.free.pop() {
            self.nodes[free as usize] = Some(node);
            return free;
        }
        self.nodes.push(Some(node));
        self.nodes.len() as u32 - 1
    }

    fn keep_run(&mut self, run: &Run<'_>, states: Vec<State>) -> Vec<CacheNode> {
        let before = run.after.and_then(|node| self.node(node)).map_or(0, |node| node.length);
        let mut parent = run.after.map(|node| node.0);
        let mut nodes = Vec::with_capacity(states.len());
        for (index, (&token, state)) in run.tokens.iter().zip(states).enumerate() {
            let node = self.keep(Node { parent, token, length: before + index + 1, state });
            parent = Some(node);
            nodes.push(CacheNode(node));
        }
        nodes
    }
}

impl LanguageModel for TableModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn forward(
        &mut self,
        runs: &[Run<'_>],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError> {
        let total = runs.iter().map(|run| run.tokens.len()).sum();
        let (mut done, mut told) = (0, 0);
        let mut found = Vec::with_capacity(runs.len());
        for run in runs {
            if (done == 0 || done >= told + CHUNK) && watch(Progress { done, total }).is_break() {
                return Err(ModelError::Cancelled);
            }
            told = if done >= told + CHUNK { done } else { told };
            found.push(self.look_up(run)?);
            done += run.tokens.len();
        }
        if watch(Progress { done, total }).is_break() {
            return Err(ModelError::Cancelled);
        }
        let keep = |(run, found): (_, Found)| RunOutput {
            nodes: self.keep_run(run, found.states),
            logits: found.logits,
            hidden: Vec::new(),
        };
        Ok(runs.iter().zip(found).map(keep).collect())
    }

    fn retain(&mut self, live: &[CacheNode]) {
        let mut kept = vec![false; self.nodes.len()];
        for &node in live {
            let mut at = Some(node);
            while let Some((place, node)) = at.and_then(|at| Some((at.0 as usize, self.node(at)?))) {
                if std::mem::replace(&mut kept[place], true) {
                    break;
                }
                at = node.parent.map(CacheNode);
            }
        }
        for (node, _) in self.nodes.iter_mut().zip(kept).filter(|(_, kept)| !kept) {
            *node = None;
        }
        self.free = (0..self.nodes.len() as u32).rev().filter(|&node| self.nodes[node as usize].is_none()).collect();
    }

    fn cache_use(&self) -> CacheUse {
        let tokens = self.nodes.len() - self.free.len();
        CacheUse { tokens, bytes: tokens * size_of::<Option<Node>>() }
    }
}
