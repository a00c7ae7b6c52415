//! Any server with `/v1/completions` and log-probabilities, such as llama-cpp-python: tokens come as texts, and the prompt is sent
//! as one.
//!
//! Tokens get ids in the order in which they are met. The server cuts the prompt again at every step, so a token that was forced
//! may be read as others with the same text.

use std::sync::Arc;

use super::client::{Abandoned, Client};
use super::dialect::{Dialect, END_NAMES, Spoken, checked};
use super::list::List;
use super::protocol::{Complete, Completed, CompletedChoice, Model};
use super::vocabulary::Vocabulary;
use crate::decode::TokenId;
use crate::model::{ModelError, SpecialTokens};

/// Tokens of a list, where nothing is said.
const LISTED: usize = 20;

/// Different texts that may be met.
const ROOM: usize = 1 << 16;

/// What a token is called that comes without any text: mostly the end of it.
const NAMELESS: &str = "<end>";

struct Text {
    client: Client,
    model: String,
    vocabulary: Arc<Vocabulary>,
    listed: usize,
}

pub(super) fn open(client: Client, model: &Model) -> Result<Spoken, ModelError> {
    let vocabulary = Arc::new(Vocabulary::new(ROOM));
    let mut eos_token_ids = Vec::new();
    for name in END_NAMES.into_iter().chain([""]) {
        if let Some(id) = vocabulary.intern(name) {
            vocabulary.meet_special(id, if name.is_empty() { NAMELESS } else { name });
            eos_token_ids.push(id);
        }
    }
    let listed = client.address().top.unwrap_or(LISTED);
    let dialect = Text { client, model: model.id.clone(), vocabulary: Arc::clone(&vocabulary), listed };
    // Whether it gives log-probabilities at all shows now.
    dialect.after("a", &Abandoned::default())?;
    Ok(Spoken {
        dialect: Arc::new(dialect),
        vocabulary,
        context_length: model.max_model_len.unwrap_or(usize::MAX),
        eos_token_ids,
        parameters: 0,
    })
}

impl Text {
    fn id(&self, text: &str) -> Result<TokenId, ModelError> {
        let full = || self.client.error(format!("more than {ROOM} different tokens: open the model anew"));
        let id = self.vocabulary.intern(text).ok_or_else(full)?;
        if !self.vocabulary.is_met(id) {
            self.vocabulary.meet(id, text.as_bytes().to_vec());
        }
        Ok(id)
    }

    fn text(&self, tokens: &[TokenId]) -> String {
        let text = |&id: &TokenId| {
            let piece = self.vocabulary.piece(id);
            if piece.special && piece.text != NAMELESS { piece.text.clone().into_bytes() } else { piece.bytes.clone() }
        };
        String::from_utf8_lossy(&tokens.iter().flat_map(text).collect::<Vec<u8>>()).into_owned()
    }

    fn complete(&self, question: &Complete<'_, &str>, abandoned: &Abandoned) -> Result<CompletedChoice, ModelError> {
        let answer: Completed = self.client.post("/v1/completions", question, abandoned)?;
        answer.choices.into_iter().next().ok_or_else(|| self.client.error("the answer has no choice"))
    }

    fn after(&self, text: &str, abandoned: &Abandoned) -> Result<List, ModelError> {
        let choice = self.complete(&Complete::step(&self.model, text, self.listed), abandoned)?;
        let top = choice.logprobs.and_then(|logprobs| logprobs.top_logprobs?.into_iter().next()?);
        let listed = top.unwrap_or_default().into_iter().map(|(text, logprob)| Ok((self.id(&text)?, logprob)));
        checked(&self.client, &self.vocabulary, listed.collect::<Result<_, ModelError>>()?)
    }
}

impl Dialect for Text {
    /// An echo tells how the server cuts a text; from one that gives none, or another text, it is one token as a whole.
    fn cut(&self, text: &str, special: SpecialTokens, abandoned: &Abandoned) -> Result<Vec<TokenId>, ModelError> {
        if special == SpecialTokens::Always {
            return Err(ModelError::Request("--bos always: this server does not say which token begins a text".into()));
        }
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let question = Complete { echo: true, ..Complete::step(&self.model, text, 1) };
        let echo = match self.complete(&question, abandoned) {
            Err(ModelError::Cancelled) => return Err(ModelError::Cancelled),
            answer => answer.ok().and_then(|choice| choice.logprobs),
        };
        let mut tokens = echo.map(|logprobs| logprobs.tokens).unwrap_or_default();
        tokens.pop();
        if tokens.concat() != text {
            tokens = vec![text.into()];
        }
        tokens.iter().filter(|token| !token.is_empty()).map(|token| self.id(token)).collect()
    }

    fn next(&self, context: &[TokenId], abandoned: &Abandoned) -> Result<List, ModelError> {
        self.after(&self.text(context), abandoned)
    }

    fn logprob(&self, _: &[TokenId], _: TokenId, _: &Abandoned) -> Result<Option<f64>, ModelError> {
        Ok(None)
    }

    fn at_once(&self) -> usize {
        1
    }
}
