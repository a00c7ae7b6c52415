//! The JSON that servers speak, as far as it is used here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decode::TokenId;

/// What a server says when it refuses: `{"error": {"message": …}}`, `{"error": …}`, `{"message": …}` or `{"detail": …}`.
#[derive(Deserialize)]
pub(super) struct Refusal {
    error: Option<Value>,
    message: Option<Value>,
    detail: Option<Value>,
}

impl Refusal {
    pub(super) fn message(self) -> Option<String> {
        let said = self.error.or(self.message).or(self.detail)?;
        let said = said.get("message").cloned().unwrap_or(said);
        Some(said.as_str().map_or_else(|| said.to_string(), str::to_owned))
    }
}

/// `GET /v1/models`.
#[derive(Deserialize)]
pub(super) struct Models {
    pub(super) data: Vec<Model>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Model {
    pub(super) id: String,
    pub(super) owned_by: Option<String>,
    /// vLLM.
    pub(super) max_model_len: Option<usize>,
    /// llama.cpp.
    pub(super) meta: Option<Meta>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Meta {
    #[serde(rename = "n_vocab")]
    pub(super) vocabulary: usize,
    #[serde(rename = "n_ctx")]
    pub(super) context: Option<usize>,
    #[serde(rename = "n_ctx_train")]
    pub(super) trained_context: Option<usize>,
    #[serde(rename = "n_params")]
    pub(super) parameters: Option<u64>,
}

/// llama.cpp: `GET /props`.
#[derive(Deserialize)]
pub(super) struct Props {
    pub(super) bos_token: Option<String>,
    pub(super) eos_token: Option<String>,
    pub(super) total_slots: Option<usize>,
    pub(super) default_generation_settings: Option<Generation>,
}

#[derive(Deserialize)]
pub(super) struct Generation {
    pub(super) n_ctx: Option<usize>,
}

/// llama.cpp: `POST /tokenize`.
#[derive(Serialize)]
pub(super) struct Cut<'a> {
    pub(super) content: &'a str,
    pub(super) add_special: bool,
    pub(super) parse_special: bool,
    pub(super) with_pieces: bool,
}

#[derive(Deserialize)]
pub(super) struct CutTokens {
    pub(super) tokens: Vec<CutToken>,
}

#[derive(Deserialize)]
pub(super) struct CutToken {
    pub(super) id: TokenId,
    pub(super) piece: CutPiece,
}

/// A text, or bytes where they are no text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum CutPiece {
    Text(String),
    Bytes(Vec<u8>),
}

impl CutPiece {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// `POST /detokenize`, of llama.cpp (`content`) and of vLLM (`prompt`).
#[derive(Serialize)]
pub(super) struct Spell<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<&'a str>,
    pub(super) tokens: &'a [TokenId],
}

#[derive(Deserialize)]
pub(super) struct Spelled {
    #[serde(alias = "prompt")]
    pub(super) content: String,
}

/// llama.cpp: `POST /completion`.
#[derive(Serialize)]
pub(super) struct LlamaStep<'a> {
    pub(super) prompt: &'a [TokenId],
    pub(super) n_predict: usize,
    pub(super) n_probs: usize,
    pub(super) temperature: f64,
    pub(super) logit_bias: [(TokenId, f64); 1],
    pub(super) post_sampling_probs: bool,
    pub(super) cache_prompt: bool,
    pub(super) stream: bool,
}

#[derive(Deserialize)]
pub(super) struct LlamaStepped {
    #[serde(default)]
    pub(super) completion_probabilities: Vec<LlamaToken>,
}

#[derive(Deserialize)]
pub(super) struct LlamaToken {
    pub(super) id: TokenId,
    pub(super) logprob: f64,
    #[serde(default)]
    pub(super) bytes: Vec<u8>,
    #[serde(default)]
    pub(super) top_logprobs: Vec<LlamaToken>,
}

/// `POST /v1/completions`; the prompt is a text or token ids.
#[derive(Serialize)]
pub(super) struct Complete<'a, P: Serialize> {
    pub(super) model: &'a str,
    pub(super) prompt: P,
    pub(super) max_tokens: usize,
    pub(super) temperature: f64,
    pub(super) logprobs: usize,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) echo: bool,
    /// vLLM.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) return_tokens_as_token_ids: bool,
    /// vLLM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prompt_logprobs: Option<usize>,
}

impl<'a, P: Serialize> Complete<'a, P> {
    /// One token and what else it could have been, with the model's own probabilities.
    pub(super) fn step(model: &'a str, prompt: P, logprobs: usize) -> Self {
        Self {
            model,
            prompt,
            max_tokens: 1,
            temperature: 0.0,
            logprobs,
            echo: false,
            return_tokens_as_token_ids: false,
            prompt_logprobs: None,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Completed {
    pub(super) choices: Vec<CompletedChoice>,
}

#[derive(Deserialize)]
pub(super) struct CompletedChoice {
    pub(super) logprobs: Option<Logprobs>,
    /// vLLM: for each token of the prompt what it could have been, itself included; nothing for the first.
    pub(super) prompt_logprobs: Option<Vec<Option<BTreeMap<TokenId, PromptLogprob>>>>,
}

#[derive(Deserialize)]
pub(super) struct Logprobs {
    #[serde(default)]
    pub(super) tokens: Vec<String>,
    pub(super) top_logprobs: Option<Vec<Option<BTreeMap<String, f64>>>>,
}

#[derive(Deserialize)]
pub(super) struct PromptLogprob {
    pub(super) logprob: f64,
    pub(super) rank: Option<usize>,
}

/// vLLM: `POST /tokenize`.
#[derive(Serialize)]
pub(super) struct VllmCut<'a> {
    pub(super) model: &'a str,
    pub(super) prompt: &'a str,
    pub(super) add_special_tokens: bool,
}

#[derive(Deserialize)]
pub(super) struct VllmTokens {
    pub(super) tokens: Vec<TokenId>,
}
