//! How a model is opened: type of its weights, device, threads, network.

use std::str::FromStr;

use super::hub::{Download, Network};
use super::{ModelError, memory};

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
    /// Matrices of wider types in 8 bits, in blocks of 32.
    Q8_0,
}

impl DtypeChoice {
    /// Every choice and its name.
    pub const NAMES: [(Self, &str); 5] =
        [(Self::Auto, "auto"), (Self::F32, "f32"), (Self::Bf16, "bf16"), (Self::F16, "f16"), (Self::Q8_0, "q8_0")];

    /// As `--dtype` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(choice, _)| *choice == self).map_or("auto", |(_, name)| name)
    }
}

impl FromStr for DtypeChoice {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let found = Self::NAMES.iter().find(|(_, name)| *name == text);
        found.map(|(choice, _)| *choice).ok_or_else(|| {
            ModelError::Unsupported(format!("--dtype {text:?}: supported are auto, f32, bf16, f16 and q8_0"))
        })
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

/// How to open a model.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    /// Type of the weight matrices.
    pub dtype: DtypeChoice,
    /// Where it runs.
    pub device: DeviceChoice,
    /// Threads that it runs on, the calling one included; 0 means one for each core. Results don't depend on it.
    pub threads: usize,
    /// Whether files may be downloaded.
    pub network: Network,
    /// Whether a model that does not fit into memory is opened.
    pub fit: Fit,
}

/// Whether a model has to fit into memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// One that does not is refused before it is read.
    #[default]
    Needed,
    /// Its weights are not going to be read.
    Unneeded,
}

impl Fit {
    /// # Errors
    /// So many bytes of weights are known not to fit into memory.
    pub(super) fn check(self, name: &str, bytes: impl FnOnce() -> u64) -> Result<(), ModelError> {
        match self {
            Self::Needed => memory::check(name, bytes(), memory::available()),
            Self::Unneeded => Ok(()),
        }
    }
}

/// What goes on while a model is opened.
#[derive(Clone, Debug, PartialEq)]
pub enum Opening {
    /// The hub is asked which files there are.
    Asking,
    /// Files are coming.
    Downloading(Download),
    /// The files are read.
    Loading,
}

#[cfg(test)]
mod tests {
    use crate::model::{ModelSource, open};

    use super::*;

    #[test]
    fn choices_are_read_from_text() {
        assert_eq!("bf16".parse::<DtypeChoice>().unwrap(), DtypeChoice::Bf16);
        assert_eq!("q8_0".parse::<DtypeChoice>().unwrap(), DtypeChoice::Q8_0);
        assert!("q4_0".parse::<DtypeChoice>().unwrap_err().to_string().contains("f16 and q8_0"));
        assert_eq!("cuda:2".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(2));
        assert!("cuda:x".parse::<DeviceChoice>().is_err());
        // Too many for any machine, where a build can use some.
        let device = DeviceChoice::Cuda(99);
        let error = open(&ModelSource::Builtin, &OpenOptions { device, ..OpenOptions::default() }).err().unwrap();
        assert!(
            matches!(error, ModelError::Unsupported(_)) && error.to_string().starts_with("--device cuda:99: "),
            "{error}"
        );
    }
}
