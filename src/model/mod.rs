//! Language models behind one trait: token ids in, logits out, with a cache that is a tree.
//!
//! A model keeps one cache entry for every token that it has read, and every entry knows the entry before it. A sequence is
//! therefore named by its last entry, a [`CacheNode`]: to fork is to extend the same node twice, to truncate is to extend an
//! earlier one, and neither copies a key or a value.

pub mod builtin;
mod chat;
pub mod decoder;
mod device;
mod error;
pub mod families;
pub mod gguf;
pub mod hub;
mod info;
pub mod kernels;
mod memory;
mod open;
mod options;
pub mod server;
pub mod shape;
pub mod size;
mod source;
mod stepped;
pub mod table;
pub mod tokenizer;
mod tree;
pub mod weights;

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::decode::TokenId;

pub use builtin::Reference;
pub use chat::{ChatTemplate, serve_chat_templates};
pub use error::ModelError;
pub use hub::{CachedModel, Download, HubError, HubName, HubPlace, Network};
pub use info::{ModelInfo, StoredType};
pub use memory::available as available_memory;
pub use open::{DirectoryFiles, LoadedModel, open, open_files, open_gguf, open_watched};
pub use options::{DeviceChoice, DtypeChoice, Fit, OpenOptions, Opening};
pub use source::{FORMS, ModelSource, SourceForm};
pub use tokenizer::{PromptForm, SpecialTokens, TokenPiece, Tokenizer};

/// A token that the model has read, in the context of all tokens before it: an entry of the cache tree.
///
/// Valid until a [`LanguageModel::retain`] call that does not keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheNode(pub(crate) u32);

/// The positions of a run whose logits are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Positions {
    /// Only after the last token of the run: generating.
    Last,
    /// After every token of the run: scoring a text.
    All,
}

/// Tokens to read after a node of the cache tree.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The token that these follow; `None` starts a new sequence.
    pub after: Option<CacheNode>,
    /// At least one token id, each below `vocab_size`.
    pub tokens: &'a [TokenId],
    /// Which logits to return.
    pub logits: Positions,
}

/// What a run gave.
#[derive(Clone, Debug)]
pub struct RunOutput {
    /// One cache node for each token of the run, in order.
    pub nodes: Vec<CacheNode>,
    /// Logits, `vocab_size` each: one vector for the last position, or one for every token of the run.
    pub logits: Vec<Arc<[f32]>>,
    /// The hidden state that each of these was made from, after the last norm: `hidden_size` numbers, the last of transformers'
    /// `hidden_states`. Empty where a model has none.
    pub hidden: Vec<Arc<[f32]>>,
}

/// How much of a forward pass is done, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Tokens read so far.
    pub done: usize,
    /// Tokens of all runs together.
    pub total: usize,
}

/// What the cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// Tokens held.
    pub tokens: usize,
    /// Bytes of keys and values.
    pub bytes: usize,
}

/// A model that gives, for a sequence of tokens, the logits of the next one.
///
/// Contract, tested for every family: a fork never sees its sibling's tokens; reading token by token equals reading all at
/// once, bit for bit; several runs in one call give what each gives alone, bit for bit; the number of threads changes nothing. On
/// a graphics processor the order of sums is the device's: the same holds but for rounding.
///
/// ```
/// use logitscope::model::{ModelError, Positions, Run, SpecialTokens, table, unwatched};
///
/// let text = "vocabulary = ['A', 'B']\n[[row]]\ncontext = ['A']\nnext = { A = 0.25, B = 0.75 }\n\
///             [[row]]\ncontext = []\nnext = { A = 1.0 }";
/// let mut loaded = table::parse("ab.toml", text)?;
/// let tokens = loaded.tokenizer.encode("B A", SpecialTokens::Auto)?;
/// let read = loaded.model.forward(&[Run { after: None, tokens: &tokens, logits: Positions::Last }], &mut unwatched)?;
/// let next = loaded.model.info().distribution(&read[0].logits[0])?;
/// assert!((next.prob(1) - 0.75).abs() < 1e-6);
///
/// // Two continuations of the same text: a fork of the cache, read as one batch.
/// let here = read[0].nodes.last().copied();
/// let fork = |tokens| Run { after: here, tokens, logits: Positions::Last };
/// let forks = loaded.model.forward(&[fork(&[0]), fork(&[1])], &mut unwatched)?;
/// let best = |fork: usize| Ok::<_, ModelError>(loaded.model.info().distribution(&forks[fork].logits[0])?.top(1));
/// assert_eq!((best(0)?, best(1)?), (vec![1], vec![0]));
///
/// // Everything but the first continuation is forgotten.
/// loaded.model.retain(&forks[0].nodes);
/// assert_eq!(loaded.model.cache_use().tokens, tokens.len() + 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait LanguageModel: Send {
    /// Name, sizes and end-of-text ids.
    fn info(&self) -> &ModelInfo;

    /// What its files ask for and is not done, a line each.
    fn notes(&self) -> &[String] {
        &[]
    }

    /// Reads every run in one batch.
    ///
    /// `watch` is called between pieces of the work; when it breaks, the call ends with [`ModelError::Cancelled`] and the
    /// cache is as it was before.
    ///
    /// # Errors
    /// A run without tokens, a token outside of the vocabulary, a run longer than the context, or cancellation.
    fn forward(
        &mut self,
        runs: &[Run<'_>],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError>;

    /// Forgets every cache node that is neither in `live` nor on the way to one of them.
    fn retain(&mut self, live: &[CacheNode]);

    /// log p of a token after a node, in nats, where the list that the logits are made of does not have it and the model can be
    /// asked for it; `None` where it can't.
    ///
    /// # Errors
    /// As of [`Self::forward`].
    fn logprob_of(
        &mut self,
        _after: CacheNode,
        _token: TokenId,
        _watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<f64>, ModelError> {
        Ok(None)
    }

    /// What the cache holds now.
    fn cache_use(&self) -> CacheUse;
}

/// A `watch` that never cancels.
pub fn unwatched(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
