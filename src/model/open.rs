//! From the files of a model to a model that runs.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use candle_core::Device;

use super::builtin;
use super::chat::ChatTemplate;
use super::decoder::{Decoder, DecoderSpec, Identity, TensorDecoder};
use super::families::{self, Config, Family};
use super::gguf::Gguf;
use super::hub::{self, HubPlace};
use super::tokenizer::{HfTokenizer, Tokenizer};
use super::weights::{FileBytes, Weights};
use super::{Fit, LanguageModel, ModelError, ModelSource, OpenOptions, Opening, server, stepped, table};
use crate::decode::TokenId;

/// A model and its tokenizer.
pub struct LoadedModel {
    /// The model.
    pub model: Box<dyn LanguageModel>,
    /// The tokenizer.
    pub tokenizer: Arc<dyn Tokenizer>,
}

/// The files of a directory in Hugging Face layout that stand beside the weights, as they are.
#[derive(Clone, Debug, Default)]
pub struct DirectoryFiles {
    /// `config.json`.
    pub config: Vec<u8>,
    /// `generation_config.json`.
    pub generation_config: Option<Vec<u8>>,
    /// `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// `tokenizer_config.json`.
    pub tokenizer_config: Option<Vec<u8>>,
    /// `chat_template.jinja`.
    pub chat_template: Option<String>,
}

/// The files of a model, read.
struct ModelFiles {
    name: String,
    config: Config,
    generation_config: Option<Config>,
    tokenizer_config: Option<Config>,
    tokenizer: HfTokenizer,
    chat_template: Option<String>,
    weights: Weights,
}

/// Opens a model.
///
/// # Errors
/// A file is missing, damaged, or doesn't fit the others; or this build can't run the model.
pub fn open(source: &ModelSource, options: &OpenOptions) -> Result<LoadedModel, ModelError> {
    open_watched(source, options, &mut |_| ControlFlow::Continue(()))
}

/// The same. `watch` hears what is going on; when it breaks, the call ends with [`ModelError::Cancelled`], and what has been
/// downloaded stays for the next time.
///
/// # Errors
/// As for [`open`]; or `watch` broke off.
pub fn open_watched(
    source: &ModelSource,
    options: &OpenOptions,
    watch: &mut dyn FnMut(Opening) -> ControlFlow<()>,
) -> Result<LoadedModel, ModelError> {
    options.device.check()?;
    match source {
        ModelSource::Builtin => open_gguf(source.name(), &builtin::file(), &builtin::options(options)),
        ModelSource::Directory(path) => open_directory(path, source.name(), options),
        ModelSource::Gguf(path) => open_gguf(source.name(), &FileBytes::map(path)?, options),
        ModelSource::Table(path) => table::open(path),
        ModelSource::Server(address) => server::open(address),
        ModelSource::Shape(shape) => shape.open(options),
        ModelSource::Hub(name) => {
            let path = hub::open(name, &HubPlace::from_env(options.network), watch)?;
            if watch(Opening::Loading).is_break() {
                return Err(ModelError::Cancelled);
            }
            match &name.file {
                Some(_) => open_gguf(source.name(), &FileBytes::map(&path)?, options),
                None => open_directory(&path, source.name(), options),
            }
        }
    }
}

/// Opens the model in a GGUF file, which may be mapped, made, or embedded in the program; `name` is what documents call it.
///
/// # Errors
/// The file is damaged, or this build can't run the model.
pub fn open_gguf(name: String, file: &FileBytes, options: &OpenOptions) -> Result<LoadedModel, ModelError> {
    let gguf = Gguf::read(file)?;
    let config = gguf.config()?;
    let family = families::family(&config)?;
    let mut spec = (family.describe)(&config)?;
    gguf.adapt(&mut spec)?;
    let tokenizer = gguf.tokenizer()?;
    check_vocabulary(&config, spec.vocab_size, &tokenizer)?;
    let chat_template = ChatTemplate::read(None, gguf.chat_template()?)?;
    let tokenizer = tokenizer.with_rows(spec.vocab_size).with_chat_template(chat_template);
    let device = device(options)?;
    check_memory(&name, &gguf.weights, options, device.as_ref())?;
    let eos_token_ids = config.token_ids("eos_token_id")?.unwrap_or_default();
    let identity = Identity { name, architecture: family.architecture.to_owned(), eos_token_ids };
    let model = decoder(spec, &gguf.weights, identity, options, device)?;
    Ok(LoadedModel { model, tokenizer: Arc::new(tokenizer) })
}

/// The device that a model is copied to; none where it is run, or only looked at, on the processor.
///
/// # Errors
/// There is no such device.
fn device(options: &OpenOptions) -> Result<Option<Device>, ModelError> {
    match options.fit {
        Fit::Needed => options.device.open(),
        Fit::Unneeded => Ok(None),
    }
}

/// A decoder: our own kernels on the processor, candle's tensors on any other device.
fn decoder(
    spec: DecoderSpec,
    weights: &Weights,
    identity: Identity,
    options: &OpenOptions,
    device: Option<Device>,
) -> Result<Box<dyn LanguageModel>, ModelError> {
    Ok(match device {
        None => Box::new(Decoder::load(spec, weights, identity, options.dtype, options.threads)?),
        Some(device) => Box::new(TensorDecoder::load(spec, weights, identity, options.dtype, device)?),
    })
}

/// # Errors
/// The weights are known not to fit into the processor's memory, and no other holds them.
fn check_memory(
    name: &str,
    weights: &Weights,
    options: &OpenOptions,
    device: Option<&Device>,
) -> Result<(), ModelError> {
    if device.is_some_and(Device::is_cuda) {
        return Ok(());
    }
    options.fit.check(name, || weights.bytes(options.dtype))
}

/// # Errors
/// The tokenizer has tokens that the model has no row for; marks that no text has, such as the place of a picture, don't count.
fn check_vocabulary(config: &Config, model_size: usize, tokenizer: &HfTokenizer) -> Result<(), ModelError> {
    let tokens = tokenizer.vocab_size();
    if (model_size..tokens).all(|id| tokenizer.piece(id as TokenId).special) {
        return Ok(());
    }
    Err(config.invalid(format!(
        "vocab_size is {model_size}, but the tokenizer has {tokens} tokens: they don't belong together"
    )))
}

fn open_directory(directory: &Path, name: String, options: &OpenOptions) -> Result<LoadedModel, ModelError> {
    let optional = |name: &str| match fs::read(directory.join(name)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ModelError::Read { path: directory.join(name), source }),
    };
    let files = DirectoryFiles {
        config: required(directory, "config.json")?,
        tokenizer: required(directory, "tokenizer.json")?,
        generation_config: optional("generation_config.json")?,
        tokenizer_config: optional("tokenizer_config.json")?,
        chat_template: optional_text(&directory.join("chat_template.jinja"))?,
    };
    open_files(directory, name, &files, || Weights::open(directory), options)
}

/// Opens the model in the files of a directory, which need not be there: it is what messages name. Weights are asked for once
/// the other files were read; `name` is what documents call the model.
///
/// # Errors
/// A file is damaged or doesn't fit the others; or this build can't run the model.
pub fn open_files(
    directory: &Path,
    name: String,
    files: &DirectoryFiles,
    weights: impl FnOnce() -> Result<Weights, ModelError>,
    options: &OpenOptions,
) -> Result<LoadedModel, ModelError> {
    let path = |name: &str| directory.join(name).display().to_string();
    let optional = |name: &str, bytes: &Option<Vec<u8>>| {
        bytes.as_deref().map(|bytes| Config::parse(&path(name), bytes)).transpose()
    };
    let files = ModelFiles {
        name,
        config: Config::parse(&path("config.json"), &files.config)?,
        generation_config: optional("generation_config.json", &files.generation_config)?,
        tokenizer_config: optional("tokenizer_config.json", &files.tokenizer_config)?,
        tokenizer: HfTokenizer::from_bytes(&path("tokenizer.json"), &files.tokenizer)?,
        chat_template: files.chat_template.clone(),
        weights: weights()?,
    };
    assemble(files, options)
}

/// A text that need not be there.
fn optional_text(path: &Path) -> Result<Option<String>, ModelError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ModelError::Read { path: path.to_owned(), source }),
    }
}

fn required(directory: &Path, name: &str) -> Result<Vec<u8>, ModelError> {
    let path = directory.join(name);
    fs::read(&path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ModelError::invalid(
            path.display().to_string(),
            "is missing: a model directory holds config.json, tokenizer.json and model.safetensors \
             (or model.safetensors.index.json and the files that it names)",
        ),
        _ => ModelError::Read { path, source },
    })
}

fn assemble(files: ModelFiles, options: &OpenOptions) -> Result<LoadedModel, ModelError> {
    let ModelFiles { name, config, generation_config, tokenizer_config, tokenizer, chat_template, weights } = files;
    if config.get("quantization_config").is_some() {
        return Err(
            config.invalid("quantization_config: quantized safetensors are not supported, only f32, bf16 and f16")
        );
    }
    let kind = Kind::of(&config)?;
    let model_size = kind.vocab_size(&config)?;
    check_vocabulary(&config, model_size, &tokenizer)?;
    let ids = |key: &str| -> Result<Vec<TokenId>, ModelError> {
        let generation = generation_config.as_ref().map(|config| config.token_ids(key)).transpose()?.flatten();
        Ok(generation.or(config.token_ids(key)?).unwrap_or_default())
    };
    let eos_token_ids = ids("eos_token_id")?;
    if let Some(id) = eos_token_ids.iter().find(|id| **id as usize >= model_size) {
        return Err(config.invalid(format!("eos_token_id {id} is outside of the vocabulary of {model_size}")));
    }
    let bos_name = tokenizer_config.as_ref().and_then(|config| config.token_name("bos_token"));
    let chat_template = ChatTemplate::read(tokenizer_config.as_ref(), chat_template)?;
    let tokenizer = tokenizer
        .with_rows(model_size)
        .with_bos_id(ids("bos_token_id")?.first().copied())
        .with_bos_name(bos_name.as_deref())
        .with_chat_template(chat_template);
    let device = device(options)?;
    check_memory(&name, &weights, options, device.as_ref())?;
    let architecture = config.first_text("architectures").unwrap_or(kind.architecture()).to_owned();
    let identity = Identity { name, architecture, eos_token_ids };
    let model = match kind {
        Kind::Decoder(_, spec) => decoder(*spec, &weights, identity, options, device)?,
        Kind::Stepped(family) => {
            let device = device.unwrap_or(Device::Cpu);
            let files = stepped::Files { config: &config, weights: &weights, dtype: options.dtype, device };
            (family.load)(&files, identity)?
        }
    };
    Ok(LoadedModel { model, tokenizer: Arc::new(tokenizer) })
}

/// What runs a model.
enum Kind {
    /// The decoder, by a description.
    Decoder(&'static Family, Box<DecoderSpec>),
    /// candle-transformers, token by token.
    Stepped(&'static stepped::Family),
}

impl Kind {
    /// # Errors
    /// A family that neither knows, or a configuration that makes no model.
    fn of(config: &Config) -> Result<Self, ModelError> {
        if let Some(family) = stepped::family(config)? {
            return Ok(Self::Stepped(family));
        }
        let family = families::family(config)?;
        Ok(Self::Decoder(family, Box::new((family.describe)(config)?)))
    }

    fn architecture(&self) -> &'static str {
        match self {
            Self::Decoder(family, _) => family.architecture,
            Self::Stepped(family) => family.architecture,
        }
    }

    /// # Errors
    /// The configuration does not say it.
    fn vocab_size(&self, config: &Config) -> Result<usize, ModelError> {
        match self {
            Self::Decoder(_, spec) => Ok(spec.vocab_size),
            Self::Stepped(_) => config.required_count("vocab_size"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_files_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let source = ModelSource::Directory(directory.path().into());
        let open = || open(&source, &OpenOptions::default()).err().unwrap().to_string();
        assert!(open().contains("config.json: is missing: a model directory holds"));
        fs::write(directory.path().join("config.json"), "{}").unwrap();
        assert!(open().contains("tokenizer.json: is missing"));
    }
}
