//! From `--model` to a model that runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::builtin::{self, Embedded};
use super::decoder::{Decoder, Identity};
use super::families::{self, Config};
use super::server::{self, ServerAddress};
use super::table;
use super::tokenizer::{HfTokenizer, Tokenizer};
use super::weights::Weights;
use super::{LanguageModel, ModelError};
use crate::decode::TokenId;

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// The model inside the program.
    Builtin,
    /// A directory in Hugging Face layout.
    Directory(PathBuf),
    /// A table of conditional probabilities, in TOML.
    Table(PathBuf),
    /// A model that a server runs.
    Server(Box<ServerAddress>),
}

impl ModelSource {
    /// The source as the user would name it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Builtin => "builtin".into(),
            Self::Directory(path) | Self::Table(path) => path.display().to_string(),
            Self::Server(address) => address.to_string(),
        }
    }
}

impl FromStr for ModelSource {
    type Err = ModelError;

    /// Reads the text of `--model`.
    fn from_str(text: &str) -> Result<Self, ModelError> {
        let path = Path::new(text);
        if text == "builtin" {
            return Ok(Self::Builtin);
        }
        if path.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        if path.extension().is_some_and(|extension| extension == "toml") {
            return Ok(Self::Table(path.to_owned()));
        }
        if ServerAddress::is_meant(text) {
            return text.parse().map(|address| Self::Server(Box::new(address)));
        }
        let reason = if path.exists() { "is a file" } else { "is not here" };
        Err(ModelError::Unsupported(format!(
            "--model {text:?} {reason}: supported are builtin, a directory that holds config.json, model.safetensors and \
             tokenizer.json, a .toml table of probabilities, and a server http://HOST:PORT/v1"
        )))
    }
}

/// The type that weight matrices are kept in: `--dtype`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DtypeChoice {
    /// As they are stored.
    #[default]
    Auto,
    /// 32-bit floating point.
    F32,
    /// 16-bit brain floating point.
    Bf16,
    /// 16-bit IEEE floating point.
    F16,
}

impl FromStr for DtypeChoice {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        match text {
            "auto" => Ok(Self::Auto),
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            "f16" => Ok(Self::F16),
            _ => Err(ModelError::Unsupported(format!("--dtype {text:?}: supported are auto, f32, bf16 and f16"))),
        }
    }
}

/// Where a model runs: `--device`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The best that this build supports.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// A CUDA device, by its number.
    Cuda(usize),
    /// Apple's graphics processor.
    Metal,
}

impl FromStr for DeviceChoice {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let cuda = |number: &str| number.parse().ok().map(Self::Cuda);
        let choice = match text {
            "auto" => Some(Self::Auto),
            "cpu" => Some(Self::Cpu),
            "cuda" => Some(Self::Cuda(0)),
            "metal" => Some(Self::Metal),
            _ => text.strip_prefix("cuda:").and_then(cuda),
        };
        choice.ok_or_else(|| {
            ModelError::Unsupported(format!("--device {text:?}: there are auto, cpu, cuda, cuda:N and metal"))
        })
    }
}

impl DeviceChoice {
    /// # Errors
    /// This build can't run models there.
    fn check(self) -> Result<(), ModelError> {
        let device = match self {
            Self::Auto | Self::Cpu => return Ok(()),
            Self::Cuda(number) => format!("cuda:{number}"),
            Self::Metal => "metal".into(),
        };
        Err(ModelError::Unsupported(format!("--device {device}: this build runs models on the processor only (cpu)")))
    }
}

/// How to open a model.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    /// Type of the weight matrices.
    pub dtype: DtypeChoice,
    /// Where it runs.
    pub device: DeviceChoice,
    /// Threads that it runs on, the calling one included; 0 means one for each core. Results don't depend on it.
    pub threads: usize,
}

/// A model and its tokenizer.
pub struct LoadedModel {
    /// The model.
    pub model: Box<dyn LanguageModel>,
    /// The tokenizer.
    pub tokenizer: Arc<dyn Tokenizer>,
}

/// The files of a model, read.
struct ModelFiles {
    name: String,
    config: Config,
    generation_config: Option<Config>,
    tokenizer_config: Option<Config>,
    tokenizer: HfTokenizer,
    weights: Weights,
}

/// Opens a model.
///
/// # Errors
/// A file is missing, damaged, or doesn't fit the others; or this build can't run the model.
pub fn open(source: &ModelSource, options: &OpenOptions) -> Result<LoadedModel, ModelError> {
    options.device.check()?;
    match source {
        ModelSource::Builtin => assemble(embedded(&builtin::FILES)?, options),
        ModelSource::Directory(path) => assemble(read_directory(path)?, options),
        ModelSource::Table(path) => table::open(path),
        ModelSource::Server(address) => server::open(address),
    }
}

fn embedded(files: &Embedded) -> Result<ModelFiles, ModelError> {
    Ok(ModelFiles {
        name: "builtin".into(),
        config: Config::parse("config.json", files.config)?,
        generation_config: Some(Config::parse("generation_config.json", files.generation_config)?),
        tokenizer_config: Some(Config::parse("tokenizer_config.json", files.tokenizer_config)?),
        tokenizer: HfTokenizer::from_bytes("tokenizer.json", files.tokenizer)?,
        weights: Weights::from_static("model.safetensors", files.weights)?,
    })
}

fn read_directory(directory: &Path) -> Result<ModelFiles, ModelError> {
    let config = required(directory, "config.json")?;
    let tokenizer = required(directory, "tokenizer.json")?;
    let path = |name: &str| directory.join(name).display().to_string();
    let optional = |name: &str| match fs::read(directory.join(name)) {
        Ok(bytes) => Config::parse(&path(name), &bytes).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ModelError::Read { path: directory.join(name), source }),
    };
    Ok(ModelFiles {
        name: directory.display().to_string(),
        config: Config::parse(&path("config.json"), &config)?,
        generation_config: optional("generation_config.json")?,
        tokenizer_config: optional("tokenizer_config.json")?,
        tokenizer: HfTokenizer::from_bytes(&path("tokenizer.json"), &tokenizer)?,
        weights: Weights::open(directory)?,
    })
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
    let ModelFiles { name, config, generation_config, tokenizer_config, tokenizer, weights } = files;
    if config.get("quantization_config").is_some() {
        return Err(
            config.invalid("quantization_config: quantized safetensors are not supported, only f32, bf16 and f16")
        );
    }
    let family = families::family(&config)?;
    let spec = (family.describe)(&config)?;
    let (model_size, tokens) = (spec.vocab_size, tokenizer.vocab_size());
    if tokens > model_size {
        return Err(config.invalid(format!(
            "vocab_size is {model_size}, but the tokenizer has {tokens} tokens: they don't belong together"
        )));
    }
    let ids = |key: &str| -> Result<Vec<TokenId>, ModelError> {
        let generation = generation_config.as_ref().map(|config| config.token_ids(key)).transpose()?.flatten();
        Ok(generation.or(config.token_ids(key)?).unwrap_or_default())
    };
    let eos_token_ids = ids("eos_token_id")?;
    if let Some(id) = eos_token_ids.iter().find(|id| **id as usize >= model_size) {
        return Err(config.invalid(format!("eos_token_id {id} is outside of the vocabulary of {model_size}")));
    }
    let bos_name = tokenizer_config.as_ref().and_then(|config| token_name(config, "bos_token"));
    let tokenizer = tokenizer
        .with_rows(model_size)
        .with_bos_id(ids("bos_token_id")?.first().copied())
        .with_bos_name(bos_name.as_deref());
    let architecture = config.first_text("architectures").unwrap_or(family.architecture).to_owned();
    let identity = Identity { name, architecture, eos_token_ids };
    let model = Decoder::load(spec, &weights, identity, options.dtype, options.threads)?;
    Ok(LoadedModel { model: Box::new(model), tokenizer: Arc::new(tokenizer) })
}

/// A special token in `tokenizer_config.json`: a text, or an object with a `content`.
fn token_name(config: &Config, key: &str) -> Option<String> {
    let value = config.get(key)?;
    value.as_str().or_else(|| value.get("content")?.as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_from_text() {
        assert_eq!("builtin".parse::<ModelSource>().unwrap(), ModelSource::Builtin);
        let directory = tempfile::tempdir().unwrap();
        let text = directory.path().display().to_string();
        assert_eq!(text.parse::<ModelSource>().unwrap(), ModelSource::Directory(directory.path().into()));
        for text in ["", "owner/name", "model.gguf"] {
            let error = text.parse::<ModelSource>().unwrap_err().to_string();
            assert!(error.contains("supported are builtin, a directory"), "{error}");
        }
    }

    #[test]
    fn choices_are_read_from_text() {
        assert_eq!("bf16".parse::<DtypeChoice>().unwrap(), DtypeChoice::Bf16);
        assert!("q8_0".parse::<DtypeChoice>().is_err());
        assert_eq!("cuda:2".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(2));
        assert!("cuda:x".parse::<DeviceChoice>().is_err());
        for device in [DeviceChoice::Cuda(1), DeviceChoice::Metal] {
            let error = open(&ModelSource::Builtin, &OpenOptions { device, ..OpenOptions::default() }).err().unwrap();
            assert!(matches!(error, ModelError::Unsupported(_)), "{error}");
        }
    }

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
