//! Weights from safetensors files, in the type that they are stored in.
//!
//! Files are mapped into memory, so that opening costs nothing and pages come from the system's cache. **While a model is
//! open its files must not change**: a file that is overwritten in place gives garbage logits, and one that is cut short ends the
//! program with a bus error when a missing page is read. Programs that replace a file by renaming a new one over it, as
//! downloaders do, are safe: the map keeps the old file.

mod bytes;
mod matrix;
mod shard;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use serde::Deserialize;

pub use bytes::FileBytes;
pub use matrix::Matrix;

use self::shard::Shard;
use super::{DtypeChoice, ModelError, StoredType};

/// The name of a model's only weight file.
pub const SINGLE: &str = "model.safetensors";
/// The name of the index of a model whose weights are in several files.
pub const INDEX: &str = "model.safetensors.index.json";

/// The tensors of a model, by name.
#[derive(Debug)]
pub struct Weights {
    shards: Vec<Shard>,
    /// Which shard holds a tensor.
    places: HashMap<String, usize>,
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
            Self::from_shards(vec![Shard::new(FileBytes::map(&single)?)?])
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
        Self::from_shards(vec![Shard::new(FileBytes::embedded(name, bytes))?])
    }

    fn from_shards(shards: Vec<Shard>) -> Result<Self, ModelError> {
        let mut places = HashMap::new();
        for (place, shard) in shards.iter().enumerate() {
            for name in shard.names() {
                if places.insert(name.to_owned(), place).is_some() {
                    return Err(ModelError::invalid(shard.file(), format!("tensor {name} is in two files")));
                }
            }
        }
        Ok(Self { shards, places })
    }

    fn open_sharded(directory: &Path, path: &Path) -> Result<Self, ModelError> {
        let index = Index::read(path)?;
        let fail = |reason: String| ModelError::invalid(path.display().to_string(), reason);
        let shard = |name: &String| Shard::new(FileBytes::map(&directory.join(name))?);
        let weights = Self::from_shards(index.files().iter().map(shard).collect::<Result<_, _>>()?)?;
        let missing = |(tensor, _): &(&String, &String)| !weights.places.contains_key(*tensor);
        match index.weight_map.iter().filter(missing).min() {
            Some((tensor, file)) => Err(fail(format!("{tensor} should be in {file}, but is not there"))),
            None => Ok(weights),
        }
    }

    /// Bytes of all tensors, with the matrices in the type that they are kept in.
    #[must_use]
    pub fn bytes(&self, dtype: DtypeChoice) -> u64 {
        self.shards.iter().map(|shard| shard.bytes(dtype)).sum()
    }

    /// Whether there is a tensor of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// A matrix `[rows][columns]`, kept as it is stored unless `dtype` says otherwise.
    ///
    /// # Errors
    /// The tensor is missing, has another shape, or is of a type that can't be used.
    pub fn matrix(&self, name: &str, shape: [usize; 2], dtype: DtypeChoice) -> Result<Matrix, ModelError> {
        let tensor = self.shard(name)?.tensor(name, &shape)?;
        Ok(Matrix::new(tensor, shape).converted(dtype))
    }

    /// A vector of `length` numbers, widened to `f32`: biases and norm weights are too few to matter.
    ///
    /// # Errors
    /// The tensor is missing, has another shape, or is of a type that can't be used.
    pub fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        let tensor = self.shard(name)?.tensor(name, &[length])?;
        let mut values = vec![0.0; length];
        Matrix::new(tensor, [1, length]).elements().widen_into(0, &mut values);
        Ok(values)
    }

    /// The bytes of a tensor of any shape as they are stored, and their type.
    ///
    /// # Errors
    /// The tensor is missing, has another shape, or is of a type that can't be used.
    pub fn raw(&self, name: &str, shape: &[usize]) -> Result<(StoredType, &[u8]), ModelError> {
        self.shard(name)?.bytes_of(name, shape)
    }

    /// The type that a tensor is stored in.
    ///
    /// # Errors
    /// The tensor is missing, or is of a type that can't be used.
    pub fn stored_type(&self, name: &str) -> Result<StoredType, ModelError> {
        self.shard(name)?.stored_type(name)
    }

    /// The number of weights in all files.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.shards.iter().map(Shard::parameters).sum()
    }

    fn shard(&self, name: &str) -> Result<&Shard, ModelError> {
        let place = self.places.get(name).copied().unwrap_or(0);
        let shard = self.shards.get(place).ok_or_else(|| ModelError::invalid(INDEX, "names no weight file"))?;
        Ok(shard)
    }
}

impl DtypeChoice {
    /// The type that a tensor stored as `stored` is kept in.
    #[must_use]
    pub fn apply(self, stored: StoredType) -> StoredType {
        match self {
            Self::Auto => stored,
            Self::F32 => StoredType::F32,
            Self::Bf16 => StoredType::Bf16,
            Self::F16 => StoredType::F16,
        }
    }
}

#[cfg(test)]
mod tests;
