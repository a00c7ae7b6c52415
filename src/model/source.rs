//! Where models come from: `--model`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::ModelError;
use super::hub::HubName;
use super::server::ServerAddress;
use super::shape::NamedShape;

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// The model inside the program.
    Builtin,
    /// A directory in Hugging Face layout.
    Directory(PathBuf),
    /// A GGUF file.
    Gguf(PathBuf),
    /// A table of conditional probabilities, in TOML.
    Table(PathBuf),
    /// A model that a server runs.
    Server(Box<ServerAddress>),
    /// A model of the hub, or one of its files.
    Hub(HubName),
    /// A named shape with random weights.
    Shape(&'static NamedShape),
}

/// One of the forms that `--model` takes.
#[derive(Debug)]
pub struct SourceForm {
    /// How it is written.
    pub written: &'static str,
    /// What it is, in a few words.
    pub short: &'static str,
    /// What there is to know about it.
    pub about: &'static str,
}

/// Every form, in the order in which they are told apart.
pub const FORMS: &[SourceForm] = &[
    SourceForm {
        written: "builtin",
        short: "builtin",
        about: "the model inside the program; what is meant where nothing is said",
    },
    SourceForm {
        written: "shape:NAME",
        short: "shape:NAME with random weights",
        about: "random weights of the size of a known model, for measuring",
    },
    SourceForm {
        written: "DIRECTORY",
        short: "a directory that holds config.json, model.safetensors and tokenizer.json",
        about: "a model in Hugging Face layout: config.json, tokenizer.json, and model.safetensors or its shards",
    },
    SourceForm {
        written: "FILE.toml",
        short: "a .toml table of probabilities",
        about: "a table of conditional probabilities, written by hand",
    },
    SourceForm {
        written: "FILE.gguf",
        short: "a .gguf file",
        about: "a model in one file, quantized or not, with its tokenizer",
    },
    SourceForm {
        written: "http(s)://HOST:PORT/v1",
        short: "a server http://HOST:PORT/v1",
        about: "a model that a server runs; `?model=NAME&top=N&timeout=SECONDS` may follow",
    },
    SourceForm {
        written: "OWNER/NAME",
        short: "owner/name[@revision] on the hub",
        about: "a model of the Hugging Face hub; `@` and a branch, a tag or a commit may follow, and before it `/FILE.gguf` for one \
                of its files",
    },
];

impl ModelSource {
    /// The source as the user would name it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Builtin => "builtin".into(),
            Self::Directory(path) | Self::Gguf(path) | Self::Table(path) => path.display().to_string(),
            Self::Server(address) => address.to_string(),
            Self::Hub(name) => name.to_string(),
            Self::Shape(shape) => shape.to_string(),
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
        if let Some(shape) = NamedShape::parse(text) {
            return shape.map(Self::Shape);
        }
        if path.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        let extension = path.extension().and_then(OsStr::to_str).map(str::to_lowercase);
        match extension.as_deref() {
            Some("toml") => return Ok(Self::Table(path.to_owned())),
            Some("gguf") => return Ok(Self::Gguf(path.to_owned())),
            _ => {}
        }
        if ServerAddress::is_meant(text) {
            return text.parse().map(|address| Self::Server(Box::new(address)));
        }
        // A path that is meant as one begins with a dot or a slash, or is there.
        if !path.exists()
            && let Some(name) = HubName::parse(text)
        {
            return Ok(Self::Hub(name));
        }
        let reason = if path.exists() { "is a file" } else { "is not here" };
        let forms: Vec<&str> = FORMS.iter().map(|form| form.short).collect();
        Err(ModelError::Unsupported(format!("--model {text:?} {reason}: supported are {}", forms.join(", "))))
    }
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
        assert_eq!("a/M.GGUF".parse::<ModelSource>().unwrap(), ModelSource::Gguf("a/M.GGUF".into()));
        assert!(matches!("owner/name@v1".parse::<ModelSource>().unwrap(), ModelSource::Hub(_)));
        for text in ["", "./owner/name", "model.bin"] {
            let error = text.parse::<ModelSource>().unwrap_err().to_string();
            assert!(error.contains("supported are builtin, shape:NAME"), "{error}");
        }
    }
}
