//! The model inside the program: the files of `assets/model`, opened by the loader that opens any other model.

/// The files of a model, embedded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Embedded {
    pub(super) config: &'static [u8],
    pub(super) generation_config: &'static [u8],
    pub(super) tokenizer_config: &'static [u8],
    pub(super) tokenizer: &'static [u8],
    pub(super) weights: &'static [u8],
}

/// Puts bytes where numbers of any kind may lie, so that no tensor needs to be copied.
#[repr(C, align(64))]
struct Aligned<T: ?Sized>(T);

static WEIGHTS: &Aligned<[u8]> = &Aligned(*include_bytes!("../../assets/model/model.safetensors"));

/// The built-in model.
pub(super) static FILES: Embedded = Embedded {
    config: include_bytes!("../../assets/model/config.json"),
    generation_config: include_bytes!("../../assets/model/generation_config.json"),
    tokenizer_config: include_bytes!("../../assets/model/tokenizer_config.json"),
    tokenizer: include_bytes!("../../assets/model/tokenizer.json"),
    weights: &WEIGHTS.0,
};

#[cfg(test)]
mod tests {
    use crate::model::weights::Weights;
    use crate::model::{DtypeChoice, ModelSource, OpenOptions, open};

    #[test]
    fn it_opens() {
        let loaded = open(&ModelSource::Builtin, &OpenOptions::default()).unwrap();
        assert_eq!(loaded.model.info().name, "builtin");
        assert!(!loaded.model.info().eos_token_ids.is_empty());
        assert!(loaded.tokenizer.vocab_size() <= loaded.model.info().vocab_size);
    }

    #[test]
    fn its_weights_are_used_where_they_lie() {
        let loaded = open(&ModelSource::Builtin, &OpenOptions::default()).unwrap();
        let weights = Weights::from_static("builtin", super::FILES.weights).unwrap();
        let config: serde_json::Value = serde_json::from_slice(super::FILES.config).unwrap();
        let shape = [loaded.model.info().vocab_size, config["hidden_size"].as_u64().unwrap() as usize];
        assert!(weights.matrix("model.embed_tokens.weight", shape, DtypeChoice::Auto).unwrap().is_in_file());
    }
}
