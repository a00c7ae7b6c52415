//! vLLM: everything by token ids, and a whole text scored at once.
//!
//! `logprobs` are those of the untouched logits (`--logprobs-mode raw_logprobs`, which is its default). `prompt_logprobs` lists for
//! every token of the prompt what could have stood there, the token itself included.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::client::{Abandoned, Client};
use super::dialect::{Dialect, END_NAMES, Spoken, checked};
use super::list::List;
use super::protocol::{
    Complete, Completed, CompletedChoice, Model, PromptLogprob, Spell, Spelled, VllmCut, VllmTokens,
};
use super::vocabulary::Vocabulary;
use crate::decode::TokenId;
use crate::model::{ModelError, SpecialTokens};

/// Tokens of a list, where nothing is said: the most that the server gives if it is started without `--max-logprobs`.
const LISTED: usize = 20;

/// Room for ids: the server does not say how many there are.
const ROOM: usize = 1 << 18;

/// Questions side by side; they become one batch.
const AT_ONCE: usize = 8;

struct Vllm {
    client: Client,
    model: String,
    vocabulary: Arc<Vocabulary>,
    listed: usize,
    /// A letter, its token and its text: what a token is called shows behind it, with the space that it may begin with.
    letter: (TokenId, String),
}

pub(super) fn open(client: Client, model: &Model) -> Result<Spoken, ModelError> {
    let asked = &Abandoned::default();
    let vocabulary = Arc::new(Vocabulary::new(ROOM));
    let mut dialect = Vllm {
        listed: client.address().top.unwrap_or(LISTED),
        client,
        model: model.id.clone(),
        vocabulary: Arc::clone(&vocabulary),
        letter: (0, String::new()),
    };
    let mut eos_token_ids = Vec::new();
    for name in END_NAMES {
        if let [token] = dialect.tokens(name, false, asked)?[..] {
            vocabulary.meet_special(token, name);
            eos_token_ids.push(token);
        }
    }
    eos_token_ids.sort_unstable();
    let letter = dialect.tokens("a", false, asked)?.last().copied().unwrap_or_default();
    dialect.letter = (letter, dialect.spelled(&[letter], asked)?);
    Ok(Spoken {
        dialect: Arc::new(dialect),
        vocabulary,
        context_length: model.max_model_len.unwrap_or(usize::MAX),
        eos_token_ids,
        parameters: 0,
    })
}

impl Vllm {
    fn tokens(&self, text: &str, special: bool, abandoned: &Abandoned) -> Result<Vec<TokenId>, ModelError> {
        let question = VllmCut { model: &self.model, prompt: text, add_special_tokens: special };
        let cut: VllmTokens = self.client.post("/tokenize", &question, abandoned)?;
        match cut.tokens.iter().find(|id| !self.vocabulary.has(**id)) {
            Some(id) => Err(self.client.error(format!("it cuts the text into token {id}, beyond any vocabulary"))),
            None => Ok(cut.tokens),
        }
    }

    fn spelled(&self, tokens: &[TokenId], abandoned: &Abandoned) -> Result<String, ModelError> {
        let question = Spell { model: Some(&self.model), tokens };
        let spelled: Spelled = self.client.post("/detokenize", &question, abandoned)?;
        Ok(spelled.content)
    }

    fn meet(&self, id: TokenId, abandoned: &Abandoned) -> Result<(), ModelError> {
        if self.vocabulary.is_met(id) {
            return Ok(());
        }
        let (letter, text) = &self.letter;
        let behind = self.spelled(&[*letter, id], abandoned)?;
        let name = match behind.strip_prefix(text.as_str()) {
            Some(name) => name.to_owned(),
            None => self.spelled(&[id], abandoned)?,
        };
        if name.is_empty() {
            self.vocabulary.meet_special(id, &format!("<token {id}>"));
        } else {
            self.vocabulary.meet(id, name.into_bytes());
        }
        Ok(())
    }

    fn complete(
        &self,
        question: &Complete<'_, &[TokenId]>,
        abandoned: &Abandoned,
    ) -> Result<CompletedChoice, ModelError> {
        let answer: Completed = self.client.post("/v1/completions", question, abandoned)?;
        answer.choices.into_iter().next().ok_or_else(|| self.client.error("the answer has no choice"))
    }

    fn met(&self, listed: Vec<(TokenId, f64)>, abandoned: &Abandoned) -> Result<List, ModelError> {
        let ids: Vec<TokenId> = listed.iter().map(|(id, _)| *id).collect();
        let list = checked(&self.client, &self.vocabulary, listed)?;
        ids.into_iter().try_for_each(|id| self.meet(id, abandoned))?;
        Ok(list)
    }

    /// The list of the token that was generated: names like `token_id:431`.
    fn generated(&self, choice: &CompletedChoice, abandoned: &Abandoned) -> Result<List, ModelError> {
        let top = choice.logprobs.as_ref().and_then(|logprobs| logprobs.top_logprobs.as_ref()?.first()?.as_ref());
        let entry = |(name, &logprob): (&String, &f64)| {
            let id = name.strip_prefix("token_id:").and_then(|id| id.parse().ok());
            let id: TokenId = id.ok_or_else(|| self.client.error(format!("{name:?} is no token_id:N")))?;
            Ok((id, logprob))
        };
        let listed = top.into_iter().flatten().map(entry).collect::<Result<_, ModelError>>()?;
        self.met(listed, abandoned)
    }

    /// The list of a token of the prompt. The token itself is told of even where it is less probable than all others there.
    fn prompted(
        &self,
        token: TokenId,
        listed: &BTreeMap<TokenId, PromptLogprob>,
        abandoned: &Abandoned,
    ) -> Result<List, ModelError> {
        let own = listed.get(&token).filter(|own| own.rank.is_none_or(|rank| rank > self.listed));
        let entries = listed.iter().map(|(&id, entry)| (id, entry.logprob)).collect();
        let alone = listed.len() > self.listed;
        Ok(self.met(entries, abandoned)?.with_beyond(own.filter(|_| alone).map(|_| token)))
    }
}

impl Dialect for Vllm {
    fn cut(&self, text: &str, special: SpecialTokens, abandoned: &Abandoned) -> Result<Vec<TokenId>, ModelError> {
        if special == SpecialTokens::Always {
            return Err(ModelError::Request("--bos always: vLLM does not say which token begins a text".into()));
        }
        let ids = self.tokens(text, special != SpecialTokens::Never, abandoned)?;
        ids.iter().try_for_each(|&id| self.meet(id, abandoned))?;
        Ok(ids)
    }

    fn next(&self, context: &[TokenId], abandoned: &Abandoned) -> Result<List, ModelError> {
        let step = Complete::step(&self.model, context, self.listed);
        let choice = self.complete(&Complete { return_tokens_as_token_ids: true, ..step }, abandoned)?;
        self.generated(&choice, abandoned)
    }

    fn each(
        &self,
        context: &[TokenId],
        first: usize,
        done: &AtomicUsize,
        abandoned: &Abandoned,
    ) -> Result<Vec<List>, ModelError> {
        let step = Complete::step(&self.model, context, self.listed);
        let whole = Complete { return_tokens_as_token_ids: true, prompt_logprobs: Some(self.listed), ..step };
        let choice = self.complete(&whole, abandoned)?;
        let prompt = choice.prompt_logprobs.as_deref().unwrap_or_default();
        if prompt.len() != context.len() {
            return Err(self.client.error(format!(
                "it gives log-probabilities for {} of {} tokens of the prompt",
                prompt.len(),
                context.len()
            )));
        }
        let later = context.iter().zip(prompt).skip(first + 1);
        let mut lists = Vec::with_capacity(context.len() - first);
        for (&token, listed) in later {
            let listed = listed.as_ref().ok_or_else(|| self.client.error("it leaves a token of the prompt out"))?;
            lists.push(self.prompted(token, listed, abandoned)?);
        }
        lists.push(self.generated(&choice, abandoned)?);
        done.fetch_add(lists.len(), Ordering::Relaxed);
        Ok(lists)
    }

    fn logprob(&self, context: &[TokenId], token: TokenId, abandoned: &Abandoned) -> Result<Option<f64>, ModelError> {
        let text = [context, &[token]].concat();
        let step = Complete::step(&self.model, &text[..], 1);
        let choice = self.complete(&Complete { prompt_logprobs: Some(0), ..step }, abandoned)?;
        let last = choice.prompt_logprobs.and_then(|mut prompt| prompt.pop().flatten());
        let Some(entry) = last.and_then(|mut last| last.remove(&token)) else { return Ok(None) };
        checked(&self.client, &self.vocabulary, vec![(token, entry.logprob)])?;
        Ok(Some(entry.logprob))
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }
}
