//! The model inside the program: `assets/model/builtin.gguf`, opened by the loader that opens any other GGUF file.

use super::weights::FileBytes;

/// Puts bytes where numbers of any kind may lie, so that no tensor needs to be copied to be read.
#[repr(C, align(64))]
struct Aligned<T: ?Sized>(T);

static FILE: &Aligned<[u8]> = &Aligned(*include_bytes!("../../assets/model/builtin.gguf"));

/// The file of the built-in model.
pub(super) fn file() -> FileBytes {
    FileBytes::embedded("builtin", &FILE.0)
}

#[cfg(test)]
mod tests {
    use crate::model::{ModelSource, OpenOptions, open};

    #[test]
    fn it_opens() {
        let loaded = open(&ModelSource::Builtin, &OpenOptions::default()).unwrap();
        let info = loaded.model.info();
        assert_eq!((info.name.as_str(), info.architecture.as_str()), ("builtin", "LlamaForCausalLM"));
        assert_eq!(loaded.tokenizer.vocab_size(), info.vocab_size);
        assert!(!info.eos_token_ids.is_empty());
    }
}
