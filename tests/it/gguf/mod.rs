//! GGUF files: models, tokenizers, and files that are no models.

mod files;
mod models;
mod tokenizers;
pub(crate) mod writer;

use logitscope::model::ModelError;
use logitscope::model::gguf::Gguf;
use logitscope::model::weights::FileBytes;

/// Reads a file that lies in memory, as an embedded one does.
fn read(bytes: Vec<u8>) -> Result<Gguf, ModelError> {
    Gguf::read(&FileBytes::embedded("m.gguf", bytes.leak()))
}
