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
use super::tree::{Node, Tree};
use super::{
    CacheNode, CacheUse, LanguageModel, LoadedModel, ModelError, ModelInfo, Positions, Progress, Run, RunOutput,
    StoredType,
};

pub use tokenizer::TableTokenizer;

/// Tokens between two calls of `watch`.
const CHUNK: usize = 256;

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
    tree: Tree<State>,
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
    let model = TableModel { info, table, tree: Tree::default() };
    LoadedModel { model: Box::new(model), tokenizer: Arc::new(tokenizer) }
}

impl TableModel {
    /// Looks a run up; nothing is kept yet.
    fn look_up(&self, run: &Run<'_>) -> Result<Found, ModelError> {
        self.tree.check(run, self.info.vocab_size, self.info.context_length)?;
        let mut state = run.after.and_then(|node| self.tree.get(node)).map_or(ROOT, |node| node.data);
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
        let mut tokens = self.tree.tokens(run.after);
        tokens.extend(&run.tokens[..=index]);
        ModelError::Request(format!("{}: {}", self.info.name, self.table.no_row(&tokens)))
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
            nodes: self.tree.push_run(run, |place| found.states[place]),
            logits: found.logits,
            hidden: Vec::new(),
        };
        Ok(runs.iter().zip(found).map(keep).collect())
    }

    fn retain(&mut self, live: &[CacheNode]) {
        self.tree.retain(live);
    }

    fn cache_use(&self) -> CacheUse {
        let tokens = self.tree.len();
        CacheUse { tokens, bytes: tokens * size_of::<Node<State>>() }
    }
}
