//! Weights from safetensors or GGUF files, in the type that they are stored in.
//!
//! Files are mapped into memory. What is multiplied is copied from there to [large pages](arena), unless the system has none or too little
//! memory is free; the rest is used where it lies. **While a model is
//! open its files must not change**: a file that is overwritten in place gives garbage logits, and one that is cut short is a
//! bus error when a missing page is read, see [`on_fault`]. Programs that replace a file by renaming a new one over it, as
//! downloaders do, are safe: the map keeps the old file.

pub mod arena;
mod bytes;
#[cfg(unix)]
mod fault;
mod generated;
mod matrix;
mod shard;
mod tensor;

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use serde::Deserialize;

pub use arena::{Arena, Placed};
pub use bytes::FileBytes;
#[cfg(unix)]
pub use fault::on_fault;
pub use matrix::{Matrix, Place};
pub use tensor::Tensor;

use super::{DtypeChoice, ModelError, StoredType};

/// The name of a model's only weight file.
pub const SINGLE: &str = "model.safetensors";
/// The name of the index of a model whose weights are in several files.
pub const INDEX: &str = "model.safetensors.index.json";

/// The tensors of a model, by name.
#[derive(Debug)]
pub struct Weights {
    /// The file that a tensor should be in, as messages name it.
    file: String,
    tensors: HashMap<String, Tensor>,
    origin: Origin,
}

/// Where tensors come from.
#[derive(Clone, Copy, Debug)]
enum Origin {
    Files,
    Generated,
}

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

impl Index {
    /// # Errors
    /// The file can't be read, is no index, or names a file elsewhere.
    fn read(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path).map_err(|source| ModelError::Read { path: path.to_owned(), source })?;
        let fail = |reason: String| ModelError::invalid(path.display().to_string(), reason);
        let index: Self = serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
        // A name with a folder in it could reach any file of the machine.
        match index.files().iter().find(|name| Path::new(name).file_name() != Some(name.as_ref())) {
            Some(name) => Err(fail(format!("weight_map names {name:?}, which is not a plain file name"))),
            None => Ok(index),
        }
    }

    /// The files, each once.
    fn files(&self) -> BTreeSet<String> {
        self.weight_map.values().cloned().collect()
    }
}

/// The files that an index of tensors names.
///
/// # Errors
/// It can't be read, is no index, or names a file elsewhere.
pub fn shard_names(index: &Path) -> Result<Vec<String>, ModelError> {
    Ok(Index::read(index)?.files().into_iter().collect())
}

impl Weights {
    /// The weights in a directory: `model.safetensors`, or the files that `model.safetensors.index.json` names.
    ///
    /// # Errors
    /// Neither file is there, one can't be read, or one is damaged.
    pub fn open(directory: &Path) -> Result<Self, ModelError> {
        let single = directory.join(SINGLE);
        let index = directory.join(INDEX);
        if single.exists() {
            Self::from_files(&[FileBytes::map(&single)?])
        } else if index.exists() {
            Self::open_sharded(directory, &index)
        } else {
            Err(ModelError::invalid(
                directory.display().to_string(),
                format!("no weights here: a model directory holds {SINGLE}, or {INDEX} and the files that it names"),
            ))
        }
    }

    /// Weights in memory, for example embedded in the program; `name` stands for the file in messages.
    ///
    /// # Errors
    /// The bytes are not a whole safetensors file.
    pub fn from_static(name: &str, bytes: &'static [u8]) -> Result<Self, ModelError> {
        Self::from_files(&[FileBytes::embedded(name, bytes)])
    }

    /// Weights that no file holds: any tensor that is asked for is made of random numbers, always the same for a name. A norm's
    /// are 1; all others are about normal with a deviation of 0.02. `name` stands for the file in messages.
    #[must_use]
    pub fn generated(name: &str) -> Self {
        Self { file: name.into(), tensors: HashMap::new(), origin: Origin::Generated }
    }

    /// Tensors that another reader found; `file` stands for the file in messages.
    ///
    /// # Errors
    /// Two have the same name.
    pub fn from_tensors(
        file: impl Into<String>,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> Result<Self, ModelError> {
        let mut weights = Self { file: file.into(), tensors: HashMap::new(), origin: Origin::Files };
        for (name, tensor) in tensors {
            match weights.tensors.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(tensor);
                }
                Entry::Occupied(place) => {
                    let reason = format!("there is a second tensor {}", place.key());
                    return Err(ModelError::invalid(tensor.file.name(), reason));
                }
            }
        }
        Ok(weights)
    }

    /// The weights in safetensors files, all of which are one model's.
    ///
    /// # Errors
    /// One is damaged, or two have a tensor of the same name.
    pub fn from_files(files: &[FileBytes]) -> Result<Self, ModelError> {
        let tensors: Vec<_> = files.iter().map(shard::tensors).collect::<Result<_, _>>()?;
        Self::from_tensors(files.first().map_or(INDEX, FileBytes::name), tensors.into_iter().flatten())
    }

    fn open_sharded(directory: &Path, path: &Path) -> Result<Self, ModelError> {
        let index = Index::read(path)?;
        let fail = |reason: String| ModelError::invalid(path.display().to_string(), reason);
        let files: Vec<FileBytes> =
            index.files().iter().map(|name| FileBytes::map(&directory.join(name))).collect::<Result<_, _>>()?;
        let weights = Self { file: path.display().to_string(), ..Self::from_files(&files)? };
        let missing = |(tensor, _): &(&String, &String)| !weights.contains(tensor);
        match index.weight_map.iter().filter(missing).min() {
            Some((tensor, file)) => Err(fail(format!("{tensor} should be in {file}, but is not there"))),
            None => Ok(weights),
        }
    }

    /// Bytes of all tensors, with the matrices in the type that they are kept in.
    #[must_use]
    pub fn bytes(&self, dtype: DtypeChoice) -> u64 {
        self.tensors.values().map(|tensor| tensor.kept_bytes(dtype)).sum()
    }

    /// Whether there is a tensor of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A matrix `[rows][columns]`, kept as it is stored unless `dtype` says otherwise.
    ///
    /// # Errors
    /// The tensor is missing, has another shape, or is of a type that can't be used.
    pub fn matrix(&self, name: &str, shape: [usize; 2], dtype: DtypeChoice) -> Result<Matrix, ModelError> {
        Ok(Matrix::new(&*self.tensor(name, &shape, dtype)?, name, shape)?.converted(dtype))
    }

    /// A vector of `length` numbers, widened to `f32`: biases and norm weights are too few to matter.
    ///
    /// # Errors
    /// The tensor is missing, has another shape, or is of a type that can't be used.
    pub fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        let tensor = self.tensor(name, &[length], DtypeChoice::Auto)?;
        tensor.check(name, &[length])?;
        let row = Tensor { shape: vec![1, length], ..tensor.into_owned() };
        let mut values = vec![0.0; length];
        Matrix::new(&row, name, [1, length])?.elements().widen_into(0, &mut values);
        Ok(values)
    }

    /// The shape of a tensor, if there is one of this name.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// The bytes of a tensor of any shape as they are stored, and their type.
    ///
    /// # Errors
    /// The tensor is missing, has another shape, or is of a type that can't be used.
    pub fn raw(&self, name: &str, shape: &[usize]) -> Result<(StoredType, &[u8]), ModelError> {
        let tensor = self.stored(name, shape)?;
        let dtype = tensor.check(name, shape)?;
        Ok((dtype, tensor.file.get(tensor.range.clone()).unwrap_or_default()))
    }

    /// The type that a tensor is stored in; none where there is no such tensor, or its type can't be used.
    #[must_use]
    pub fn stored_type(&self, name: &str) -> Option<StoredType> {
        self.tensors.get(name)?.dtype.clone().ok()
    }

    /// The number of weights in all files.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.tensors.values().map(Tensor::numbers).sum()
    }

    /// A tensor as it is stored, or made in the type that it is to be kept in.
    fn tensor(&self, name: &str, shape: &[usize], dtype: DtypeChoice) -> Result<Cow<'_, Tensor>, ModelError> {
        match (self.origin, shape) {
            (Origin::Generated, [.., columns]) => {
                let dtype = dtype.apply(StoredType::F32, *columns);
                generated::tensor(&self.file, name, shape, dtype).map(Cow::Owned)
            }
            _ => self.stored(name, shape).map(Cow::Borrowed),
        }
    }

    fn stored(&self, name: &str, shape: &[usize]) -> Result<&Tensor, ModelError> {
        let missing = || ModelError::invalid(&*self.file, format!("tensor {name} {shape:?} is missing"));
        self.tensors.get(name).ok_or_else(missing)
    }
}

impl DtypeChoice {
    /// The type that a matrix with rows of `columns` numbers, stored as `stored`, is kept in: none is made wider than it is to
    /// become quantized, and rows that don't divide into blocks stay as they are.
    #[must_use]
    pub fn apply(self, stored: StoredType, columns: usize) -> StoredType {
        match self {
            Self::Auto => stored,
            Self::F32 => StoredType::F32,
            Self::Bf16 => StoredType::Bf16,
            Self::F16 => StoredType::F16,
            Self::Q8_0 => {
                let (length, _) = StoredType::Q8_0.block();
                let is_wider = matches!(stored, StoredType::F32 | StoredType::Bf16 | StoredType::F16);
                if is_wider && columns.is_multiple_of(length) { StoredType::Q8_0 } else { stored }
            }
        }
    }
}

#[cfg(test)]
mod tests;
