//! What servers have in common, and which there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::client::{Abandoned, Client};
use super::list::List;
use super::protocol::Model;
use super::vocabulary::Vocabulary;
use super::{llama_cpp, text, vllm};
use crate::decode::TokenId;
use crate::model::{ModelError, SpecialTokens};

/// A kind of server.
pub(super) struct DialectRow {
    /// What it is called in [`crate::model::ModelInfo::architecture`].
    pub(super) name: &'static str,
    /// What it says of itself: `owned_by` of its models. Nothing fits every server.
    pub(super) owner: Option<&'static str>,
    /// Asks what there is to know, once.
    pub(super) open: fn(Client, &Model) -> Result<Spoken, ModelError>,
}

/// All kinds; the first that fits counts.
pub(super) const DIALECTS: &[DialectRow] = &[
    DialectRow { name: "llama.cpp server", owner: Some("llamacpp"), open: llama_cpp::open },
    DialectRow { name: "vLLM server", owner: Some("vllm"), open: vllm::open },
    DialectRow { name: "completions server", owner: None, open: text::open },
];

/// A server whose dialect is known.
pub(super) struct Spoken {
    pub(super) dialect: Arc<dyn Dialect>,
    pub(super) vocabulary: Arc<Vocabulary>,
    pub(super) context_length: usize,
    pub(super) eos_token_ids: Vec<TokenId>,
    /// Number of weights; 0 where it is not said.
    pub(super) parameters: u64,
}

/// Names that tokens have which end a text. Servers don't tell which these are; one that knows the name as one token is taken by
/// its word.
pub(super) const END_NAMES: [&str; 9] = [
    "</s>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<eos>",
    "<end_of_turn>",
];

/// How a kind of server is asked.
pub(super) trait Dialect: Send + Sync {
    /// The tokens of a text. All of them are met afterwards.
    fn cut(&self, text: &str, special: SpecialTokens, abandoned: &Abandoned) -> Result<Vec<TokenId>, ModelError>;

    /// What may follow a context of at least one token. All of it is met afterwards.
    fn next(&self, context: &[TokenId], abandoned: &Abandoned) -> Result<List, ModelError>;

    /// What may follow each of the tokens of a context from `first` on; `done` counts them.
    fn each(
        &self,
        context: &[TokenId],
        first: usize,
        done: &AtomicUsize,
        abandoned: &Abandoned,
    ) -> Result<Vec<List>, ModelError> {
        let one = |place: usize| {
            let list = self.next(&context[..=place], abandoned)?;
            done.fetch_add(1, Ordering::Relaxed);
            Ok(list)
        };
        (first..context.len()).map(one).collect()
    }

    /// log p of a token after a context, listed or not, in nats; `None` where the server can't be asked.
    fn logprob(&self, context: &[TokenId], token: TokenId, abandoned: &Abandoned) -> Result<Option<f64>, ModelError>;

    /// Questions that it answers side by side.
    fn at_once(&self) -> usize;
}

/// A list as a server gives it, checked against the vocabulary.
pub(super) fn checked(
    client: &Client,
    vocabulary: &Vocabulary,
    listed: Vec<(TokenId, f64)>,
) -> Result<List, ModelError> {
    if let Some((id, _)) = listed.iter().find(|(id, _)| !vocabulary.has(*id)) {
        let size = vocabulary.size() - 1;
        return Err(client.error(format!("it lists token {id}, which is outside of the vocabulary of {size}")));
    }
    List::new(listed).map_err(|reason| client.error(reason))
}
