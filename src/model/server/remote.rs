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
use crate::model::{
    CacheNode, CacheUse, LanguageModel, ModelError, ModelInfo, Positions, Progress, Run, RunOutput, SpecialTokens,
    TokenPiece, Tokenizer,
};

/// A token that was read.
#[derive(Clone, Copy, Debug)]
struct Node {
    parent: Option<u32>,
    token: TokenId,
    /// A token after it of which the server told beside its list.
    beyond: Option<(TokenId, f64)>,
}

/// A model that a server runs.
pub(super) struct RemoteModel {
    info: ModelInfo,
    dialect: Arc<dyn Dialect>,
    nodes: Vec<Option<Node>>,
    free: Vec<u32>,
}

impl RemoteModel {
    pub(super) fn new(info: ModelInfo, spoken: &Spoken) -> Self {
        Self { info, dialect: Arc::clone(&spoken.dialect), nodes: Vec::new(), free: Vec::new() }
    }

    fn node(&self, CacheNode(node): CacheNode) -> Result<Node, ModelError> {
        let gone = || ModelError::Request(format!("cache node {node} is gone: read its sequence again"));
        self.nodes.get(node as usize).copied().flatten().ok_or_else(gone)
    }

    /// The tokens up to and with a node.
    fn path(&self, end: Option<CacheNode>) -> Result<Vec<TokenId>, ModelError> {
        let (mut tokens, mut at) = (Vec::new(), end);
        while let Some(node) = at.map(|at| self.node(at)).transpose()? {
            tokens.push(node.token);
            at = node.parent.map(CacheNode);
        }
        tokens.reverse();
        Ok(tokens)
    }

    /// The whole context of a run.
    fn context(&self, run: &Run<'_>) -> Result<Vec<TokenId>, ModelError> {
        let mut context = self.path(run.after)?;
        let (before, tokens, most) = (context.len(), run.tokens.len(), self.info.context_length);
        let refuse = |reason: String| Err(ModelError::Request(reason));
        if tokens == 0 {
            return refuse("a run without tokens: there is nothing to read".into());
        }
        if let Some(id) = run.tokens.iter().find(|id| **id as usize + 1 >= self.info.vocab_size) {
            return refuse(format!("token id {id} is outside of the vocabulary of {}", self.info.vocab_size - 1));
        }
        if before + tokens > most {
            return refuse(format!("{tokens} more tokens after {before} don't fit: the model's context holds {most}"));
        }
        context.extend(run.tokens);
        Ok(context)
    }

    fn keep(&mut self, node: Node) -> u32 {
        if let Some(free) = self.free.pop() {
            self.nodes[free as usize] = Some(node);
            return free;
        }
        self.nodes.push(Some(node));
        self.nodes.len() as u32 - 1
    }

    /// Keeps the tokens of a run; the lists belong to the last of them.
    fn keep_run(&mut self, run: &Run<'_>, lists: &[List]) -> Vec<CacheNode> {
        let mut parent = run.after.map(|node| node.0);
        let first = run.tokens.len().saturating_sub(lists.len());
        let mut nodes = Vec::with_capacity(run.tokens.len());
        for (place, &token) in run.tokens.iter().enumerate() {
            let list = place.checked_sub(first).and_then(|place| lists.get(place));
            let node = self.keep(Node { parent, token, beyond: list.and_then(|list| list.beyond) });
            parent = Some(node);
            nodes.push(CacheNode(node));
        }
        nodes
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
        if let Some((_, logprob)) = self.node(after)?.beyond.filter(|(beyond, _)| *beyond == token) {
            return Ok(Some(logprob));
        }
        let (context, dialect) = (self.path(Some(after))?, Arc::clone(&self.dialect));
        let ask = move |abandoned: &Abandoned| dialect.logprob(&context, token, abandoned);
        let mut look = || watch(Progress { done: 0, total: 1 });
        Ok(errand::run(vec![Box::new(ask)], 1, &mut look)?.pop().flatten())
    }

    fn retain(&mut self, live: &[CacheNode]) {
        let mut kept = vec![false; self.nodes.len()];
        for &node in live {
            let mut at = Some(node);
            while let Some((place, node)) = at.and_then(|at| Some((at.0 as usize, self.node(at).ok()?))) {
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
