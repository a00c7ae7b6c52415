//! The model inside the program: `assets/model/builtin.gguf`, opened by the loader that opens any other GGUF file.

use super::weights::FileBytes;
use super::{DtypeChoice, ModelError, OpenOptions};
use crate::decode::TokenId;

/// Puts bytes where numbers of any kind may lie, so that no tensor needs to be copied to be read.
#[repr(C, align(64))]
struct Aligned<T: ?Sized>(T);

static FILE: &Aligned<[u8]> = &Aligned(*include_bytes!("../../assets/model/builtin.gguf"));

/// The file of the built-in model.
pub(super) fn file() -> FileBytes {
    FileBytes::embedded("builtin", &FILE.0)
}

/// Log-probabilities that somebody else computed for a model.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct Reference {
    /// A text, begin-of-text with it.
    pub ids: Vec<TokenId>,
    /// log p of every token after the first, in nats.
    pub logprobs: Vec<f64>,
    /// How far the model may be from it, in nats.
    pub tolerance: f64,
}

/// What transformers says of the built-in model, in f32: `tests/golden/make_model_goldens.py` makes it.
///
/// # Errors
/// None with the files of a release: the text is no JSON of its kind.
pub fn reference() -> Result<Reference, ModelError> {
    let bytes = include_bytes!("../../assets/model/reference.json");
    serde_json::from_slice(bytes).map_err(|error| ModelError::invalid("builtin reference", error.to_string()))
}

/// How it is opened where nothing else is asked for: its 8-bit weights are widened to f32, which they fit into exactly, so that its
/// log-probabilities are those of any reference to five digits. At its size this costs less than a millisecond a step.
pub(super) fn options(asked: &OpenOptions) -> OpenOptions {
    let dtype = if asked.dtype == DtypeChoice::Auto { DtypeChoice::F32 } else { asked.dtype };
    OpenOptions { dtype, ..*asked }
}

#[cfg(test)]
mod tests {
    use crate::model::{DtypeChoice, ModelSource, OpenOptions, StoredType, open};

    #[test]
    fn it_opens() {
        let loaded = open(&ModelSource::Builtin, &OpenOptions::default()).unwrap();
        let info = loaded.model.info();
        assert_eq!((info.name.as_str(), info.architecture.as_str()), ("builtin", "LlamaForCausalLM"));
        assert_eq!(loaded.tokenizer.vocab_size(), info.vocab_size);
        assert!(!info.eos_token_ids.is_empty());
        assert_eq!(info.dtype, Some(StoredType::F32));
    }

    #[test]
    fn it_can_be_run_as_it_is_stored() {
        let options = OpenOptions { dtype: DtypeChoice::Q8_0, ..OpenOptions::default() };
        assert_eq!(open(&ModelSource::Builtin, &options).unwrap().model.info().dtype, Some(StoredType::Q8_0));
    }
}
