//! llama.cpp's own server (`llama-server`): everything by token ids, and the probability of any token.
//!
//! With `post_sampling_probs` off, `n_probs` gives the softmax of the untouched logits. A bias makes the server choose a given
//! token, whose own probability it then tells as well; biases don't touch what is told. When it chooses a token that is a part of a
//! character it tells nothing, so a harmless letter is made the choice where none is asked about.

use std::sync::Arc;

use super::client::{Abandoned, Client};
use super::dialect::{Dialect, END_NAMES, Spoken, checked};
use super::list::List;
use super::protocol::{Cut, CutTokens, LlamaStep, LlamaStepped, LlamaToken, Model, Props, Spell, Spelled};
use super::vocabulary::{LARGEST, Vocabulary};
use crate::decode::TokenId;
use crate::model::{ModelError, SpecialTokens};

/// Tokens of a list, where nothing is said.
const LISTED: usize = 256;

/// Questions side by side, however many the server says it answers.
const MOST_SLOTS: usize = 64;

/// A bias that no logit outweighs.
const CERTAINLY: f64 = 1e6;

struct LlamaCpp {
    client: Client,
    vocabulary: Arc<Vocabulary>,
    listed: usize,
    /// What it is made to choose where nothing is asked about.
    letter: TokenId,
    bos: Option<TokenId>,
    slots: usize,
}

pub(super) fn open(client: Client, model: &Model) -> Result<Spoken, ModelError> {
    let asked = &Abandoned::default();
    let props: Props = client.get("/props", asked)?;
    let Some(meta) = &model.meta else {
        return Err(
            client.error("it does not say how large the model's vocabulary is: it is too old, or still loading")
        );
    };
    if meta.vocabulary > LARGEST {
        let said = meta.vocabulary;
        return Err(
            client.error(format!("it says that n_vocab is {said}; no vocabulary has more than {LARGEST} tokens"))
        );
    }
    let vocabulary = Arc::new(Vocabulary::new(meta.vocabulary));
    let settings = props.default_generation_settings.and_then(|settings| settings.n_ctx);
    let context_length = settings.or(meta.context).or(meta.trained_context);
    let mut dialect = LlamaCpp {
        listed: client.address().top.unwrap_or(LISTED).min(meta.vocabulary),
        client,
        vocabulary: Arc::clone(&vocabulary),
        letter: 0,
        bos: None,
        slots: props.total_slots.unwrap_or(1).clamp(1, MOST_SLOTS),
    };
    // Names first: what is met first stays.
    dialect.bos = props.bos_token.map(|name| dialect.special(&name, asked)).transpose()?.flatten();
    let ends = props.eos_token.iter().map(String::as_str).chain(END_NAMES);
    let ends = ends.map(|name| dialect.special(name, asked)).collect::<Result<Vec<_>, _>>()?;
    let mut eos_token_ids: Vec<TokenId> = ends.into_iter().flatten().collect();
    eos_token_ids.sort_unstable();
    eos_token_ids.dedup();
    let letters = dialect.cut("a", SpecialTokens::Never, asked)?;
    dialect.letter = letters.last().copied().unwrap_or_default();
    Ok(Spoken {
        dialect: Arc::new(dialect),
        vocabulary,
        context_length: context_length.unwrap_or(usize::MAX),
        eos_token_ids,
        parameters: meta.parameters.unwrap_or(0),
    })
}

impl LlamaCpp {
    fn tokens(&self, text: &str, add_special: bool, abandoned: &Abandoned) -> Result<CutTokens, ModelError> {
        let question = Cut { content: text, add_special, parse_special: true, with_pieces: true };
        self.client.post("/tokenize", &question, abandoned)
    }

    /// The special token of a name, where the name is one token.
    fn special(&self, name: &str, abandoned: &Abandoned) -> Result<Option<TokenId>, ModelError> {
        if name.is_empty() {
            return Ok(None);
        }
        let cut = self.tokens(name, false, abandoned)?.tokens;
        let [token] = &cut[..] else { return Ok(None) };
        if !self.vocabulary.has(token.id) {
            return Ok(None);
        }
        self.vocabulary.meet_special(token.id, name);
        Ok(Some(token.id))
    }

    /// Makes the server choose a token. It tells nothing when that is a part of a character.
    fn step(
        &self,
        context: &[TokenId],
        choice: TokenId,
        abandoned: &Abandoned,
    ) -> Result<Option<LlamaToken>, ModelError> {
        let question = LlamaStep {
            prompt: context,
            n_predict: 1,
            n_probs: self.listed,
            temperature: 0.0,
            logit_bias: [(choice, CERTAINLY)],
            post_sampling_probs: false,
            cache_prompt: true,
            stream: false,
        };
        let answer: LlamaStepped = self.client.post("/completion", &question, abandoned)?;
        Ok(answer.completion_probabilities.into_iter().next())
    }

    /// Notes what a token is called; a special one comes without bytes.
    fn meet(&self, token: &LlamaToken, abandoned: &Abandoned) -> Result<(), ModelError> {
        if self.vocabulary.is_met(token.id) {
            return Ok(());
        }
        if token.bytes.is_empty() {
            let question = Spell { model: None, tokens: &[token.id] };
            let spelled: Spelled = self.client.post("/detokenize", &question, abandoned)?;
            self.vocabulary.meet_special(token.id, &spelled.content);
        } else {
            self.vocabulary.meet(token.id, token.bytes.clone());
        }
        Ok(())
    }
}

impl Dialect for LlamaCpp {
    fn cut(&self, text: &str, special: SpecialTokens, abandoned: &Abandoned) -> Result<Vec<TokenId>, ModelError> {
        let cut = self.tokens(text, special != SpecialTokens::Never, abandoned)?.tokens;
        let mut ids: Vec<TokenId> = cut.iter().map(|token| token.id).collect();
        if let Some(id) = ids.iter().find(|id| !self.vocabulary.has(**id)) {
            return Err(self.client.error(format!("it cuts the text into token {id}, which the model does not have")));
        }
        for token in cut {
            self.vocabulary.meet(token.id, token.piece.into_bytes());
        }
        if special == SpecialTokens::Always {
            let bos = self.bos.ok_or_else(|| ModelError::Request("this model has no begin-of-text token".into()))?;
            if ids.first() != Some(&bos) {
                ids.insert(0, bos);
            }
        }
        Ok(ids)
    }

    fn next(&self, context: &[TokenId], abandoned: &Abandoned) -> Result<List, ModelError> {
        let chosen = self.step(context, self.letter, abandoned)?;
        let top = chosen.map(|chosen| chosen.top_logprobs).unwrap_or_default();
        let list =
            checked(&self.client, &self.vocabulary, top.iter().map(|token| (token.id, token.logprob)).collect())?;
        top.iter().try_for_each(|token| self.meet(token, abandoned))?;
        Ok(list)
    }

    fn logprob(&self, context: &[TokenId], token: TokenId, abandoned: &Abandoned) -> Result<Option<f64>, ModelError> {
        let chosen = self.step(context, token, abandoned)?.filter(|chosen| chosen.id == token);
        let Some(chosen) = chosen else { return Ok(None) };
        checked(&self.client, &self.vocabulary, vec![(token, chosen.logprob)])?;
        Ok(Some(chosen.logprob))
    }

    fn at_once(&self) -> usize {
        self.slots
    }
}
