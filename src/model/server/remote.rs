//! The model behind a server: what was read is remembered here as a tree of tokens, and asked for as whole contexts.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::client::Abandoned;
use super::dialect::{Dialect, Spoken};
use super::errand::{self, Errand};
use super::list::List;
use super::vocabulary::Vocabulary;
use crate::decode::TokenId;
use crate::model::tree::{Node, Tree};
use crate::model::{
    CacheNode, CacheUse, LanguageModel, ModelError, ModelInfo, Positions, Progress, Run, RunOutput, SpecialTokens,
    TokenPiece, Tokenizer,
};

/// A token of which the server told beside a list, and its log-probability.
type Beyond = Option<(TokenId, f64)>;

/// A model that a server runs.
pub(super) struct RemoteModel {
    info: ModelInfo,
    dialect: Arc<dyn Dialect>,
    tree: Tree<Beyond>,
}

impl RemoteModel {
    pub(super) fn new(info: ModelInfo, spoken: &Spoken) -> Self {
        Self { info, dialect: Arc::clone(&spoken.dialect), tree: Tree::default() }
    }

    /// The whole context of a run. The last entry of the vocabulary is the rest of a list.
    fn context(&self, run: &Run<'_>) -> Result<Vec<TokenId>, ModelError> {
        self.tree.check(run, self.info.vocab_size - 1, self.info.context_length)?;
        let mut context = self.tree.tokens(run.after);
        context.extend(run.tokens);
        Ok(context)
    }

    /// Keeps the tokens of a run; the lists belong to the last of them.
    fn keep_run(&mut self, run: &Run<'_>, lists: &[List]) -> Vec<CacheNode> {
        let first = run.tokens.len().saturating_sub(lists.len());
        self.tree.push_run(run, |place| lists.get(place.checked_sub(first)?)?.beyond)
    }
}

impl LanguageModel for RemoteModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn forward(
        &mut self,
        runs: &[Run<'_>],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError> {
        let (mut errands, mut total) = (Vec::with_capacity(runs.len()), 0);
        let done = Arc::new(AtomicUsize::new(0));
        for run in runs {
            let context = self.context(run)?;
            let wanted = if run.logits == Positions::All { run.tokens.len() } else { 1 };
            total += wanted;
            errands.push(reading(&self.dialect, context, wanted, &done));
        }
        let mut look = || watch(Progress { done: done.load(Ordering::Relaxed).min(total), total });
        let lists = errand::run(errands, self.dialect.at_once(), &mut look)?;
        if look().is_break() {
            return Err(ModelError::Cancelled);
        }
        let output = |(run, lists): (&Run<'_>, Vec<List>)| RunOutput {
            nodes: self.keep_run(run, &lists),
            logits: lists.iter().map(|list| list.logits(self.info.vocab_size)).collect(),
            hidden: Vec::new(),
        };
        Ok(runs.iter().zip(lists).map(output).collect())
    }

    fn logprob_of(
        &mut self,
        after: CacheNode,
        token: TokenId,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<f64>, ModelError> {
        let gone = || ModelError::Request(format!("cache node {} is gone: read its sequence again", after.0));
        let node = self.tree.get(after).ok_or_else(gone)?;
        if let Some((_, logprob)) = node.data.filter(|(beyond, _)| *beyond == token) {
            return Ok(Some(logprob));
        }
        let (context, dialect) = (self.tree.tokens(Some(after)), Arc::clone(&self.dialect));
        let ask = move |abandoned: &Abandoned| dialect.logprob(&context, token, abandoned);
        let mut look = || watch(Progress { done: 0, total: 1 });
        Ok(errand::run(vec![Box::new(ask)], 1, &mut look)?.pop().flatten())
    }

    fn retain(&mut self, live: &[CacheNode]) {
        self.tree.retain(live);
    }

    fn cache_use(&self) -> CacheUse {
        let tokens = self.tree.len();
        CacheUse { tokens, bytes: tokens * size_of::<Node<Beyond>>() }
    }
}

/// Asks what may follow each of the last `wanted` tokens of a context.
fn reading(
    dialect: &Arc<dyn Dialect>,
    context: Vec<TokenId>,
    wanted: usize,
    done: &Arc<AtomicUsize>,
) -> Errand<Vec<List>> {
    let (dialect, done) = (Arc::clone(dialect), Arc::clone(done));
    Box::new(move |abandoned| {
        if wanted > 1 {
            return dialect.each(&context, context.len() - wanted, &done, abandoned);
        }
        let list = dialect.next(&context, abandoned)?;
        done.fetch_add(1, Ordering::Relaxed);
        Ok(vec![list])
    })
}

/// The tokenizer behind a server.
pub(super) struct RemoteTokenizer {
    dialect: Arc<dyn Dialect>,
    vocabulary: Arc<Vocabulary>,
}

impl RemoteTokenizer {
    pub(super) fn new(spoken: &Spoken) -> Self {
        Self { dialect: Arc::clone(&spoken.dialect), vocabulary: Arc::clone(&spoken.vocabulary) }
    }
}

impl Tokenizer for RemoteTokenizer {
    fn encode(&self, text: &str, special: SpecialTokens) -> Result<Vec<TokenId>, ModelError> {
        self.dialect.cut(text, special, &Abandoned::default())
    }

    fn piece(&self, id: TokenId) -> &TokenPiece {
        self.vocabulary.piece(id)
    }

    fn vocab_size(&self) -> usize {
        self.vocabulary.size()
    }
}
