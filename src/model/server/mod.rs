//! Models behind a server: the OpenAI-compatible completions interface with log-probabilities, as llama.cpp's server, vLLM and
//! others speak it.
//!
//! A server tells the most probable next tokens and nothing about the others, so its logits are log-probabilities of a list, and
//! one id ([`ModelInfo::unlisted`]) has the mass of the rest. The chain, the draws, the searches and the scores are computed here.

mod address;
mod client;
mod dialect;
mod errand;
mod list;
mod llama_cpp;
mod protocol;
mod remote;
mod text;
mod transport;
mod vllm;
mod vocabulary;

use std::sync::Arc;

use self::client::{Abandoned, Client};
use self::dialect::DIALECTS;
use self::protocol::{Model, Models};
use self::remote::{RemoteModel, RemoteTokenizer};
use self::transport::Http;
use super::{LoadedModel, ModelError, ModelInfo};

pub use address::{ServerAddress, without_passwords};
pub use transport::{Answer, Failure, Transport};

/// Opens a model behind a server: finds out which kind of server it is, and what it says of the model.
///
/// # Errors
/// A server that can't be reached, wants a key, does not have the model, or gives no log-probabilities.
pub fn open(address: &ServerAddress) -> Result<LoadedModel, ModelError> {
    open_over(address, Box::new(Http::new(address)))
}

/// The same over another way to ask than HTTP.
///
/// # Errors
/// As of [`open`].
pub fn open_over(address: &ServerAddress, transport: Box<dyn Transport>) -> Result<LoadedModel, ModelError> {
    let client = Client::new(address.clone(), transport);
    let models: Models = client.get("/v1/models", &Abandoned::default())?;
    let model = choose(&client, address, &models)?;
    let fits = |owner: &str| model.owned_by.as_deref() == Some(owner);
    let unknown = || client.error("speaks no dialect that is known");
    let row = DIALECTS.iter().find(|row| row.owner.is_none_or(fits)).ok_or_else(unknown)?;
    let spoken = (row.open)(client, model)?;
    let info = ModelInfo {
        name: format!("{} at {}", model.id, address.root()),
        architecture: row.name.into(),
        vocab_size: spoken.vocabulary.size(),
        context_length: spoken.context_length,
        dtype: None,
        device: "server".into(),
        eos_token_ids: spoken.eos_token_ids.clone(),
        never_chosen: Vec::new(),
        unlisted: Some(spoken.vocabulary.rest()),
        parameters: spoken.parameters,
        shape: None,
    };
    let tokenizer = RemoteTokenizer::new(&spoken);
    Ok(LoadedModel { model: Box::new(RemoteModel::new(info, &spoken)), tokenizer: Arc::new(tokenizer) })
}

/// The name of every kind of server, with the `owned_by` of its models that it is known by; nothing fits all others.
pub fn dialects() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    DIALECTS.iter().map(|row| (row.name, row.owner))
}

/// The model that the address names, or the first one.
fn choose<'a>(client: &Client, address: &ServerAddress, models: &'a Models) -> Result<&'a Model, ModelError> {
    let names = || models.data.iter().map(|model| model.id.as_str()).collect::<Vec<_>>().join(", ");
    match &address.model {
        None => models.data.first().ok_or_else(|| client.error("it has no model loaded")),
        Some(name) => {
            let named = models.data.iter().find(|model| model.id == *name);
            named.ok_or_else(|| client.error(format!("it has no model {name:?}; it has {}", names())))
        }
    }
}
