//! One safetensors file: a JSON header that says where each tensor lies, then the tensors.

use std::ops::Range;

use safetensors::tensor::{Metadata, SafeTensorError, TensorInfo};
use safetensors::{Dtype, SafeTensors};

use super::FileBytes;
use crate::model::{DtypeChoice, ModelError, StoredType};

/// Bytes before the header: its length.
const LENGTH_FIELD: usize = 8;

/// A weight file with its header read.
#[derive(Debug)]
pub(super) struct Shard {
    bytes: FileBytes,
    metadata: Metadata,
    names: Vec<String>,
    data_start: usize,
}

/// Where a tensor lies.
#[derive(Debug)]
pub(super) struct TensorBytes {
    pub(super) file: FileBytes,
    pub(super) range: Range<usize>,
    pub(super) dtype: StoredType,
}

impl Shard {
    /// Reads the header.
    ///
    /// # Errors
    /// The file is damaged: its header is no header, or the tensors don't fill it exactly.
    pub(super) fn new(bytes: FileBytes) -> Result<Self, ModelError> {
        let (header, metadata) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| ModelError::invalid(bytes.name(), explain(&error, &bytes)))?;
        let names = metadata.offset_keys();
        Ok(Self { data_start: LENGTH_FIELD + header, bytes, metadata, names })
    }

    pub(super) fn file(&self) -> &str {
        self.bytes.name()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Bytes of all tensors, with the matrices in the type that they are kept in.
    pub(super) fn bytes(&self, dtype: DtypeChoice) -> u64 {
        let bytes = |name: &String| {
            let Some(info) = self.metadata.info(name) else { return 0 };
            let (start, end) = info.data_offsets;
            match stored_type(info).filter(|_| info.shape.len() > 1) {
                Some(stored) => info.shape.iter().product::<usize>() as u64 * dtype.apply(stored).bytes(),
                None => end.saturating_sub(start) as u64,
            }
        };
        self.names.iter().map(bytes).sum()
    }

    /// The tensor of this name and shape.
    ///
    /// # Errors
    /// It is not here, has another shape, or a type that the kernels don't know.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Result<TensorBytes, ModelError> {
        let fail = |reason: String| ModelError::invalid(self.file(), reason);
        let info = self.metadata.info(name).ok_or_else(|| fail(format!("tensor {name} {shape:?} is missing")))?;
        if info.shape != shape {
            let found = &info.shape;
            return Err(fail(format!("tensor {name} has shape {found:?}, but config.json makes it {shape:?}")));
        }
        let dtype = self.known_type(name, info)?;
        let (start, end) = info.data_offsets;
        let range = self.data_start.saturating_add(start)..self.data_start.saturating_add(end);
        if self.bytes.get(range.clone()).is_none() {
            return Err(fail(format!("tensor {name} lies beyond the end of the file")));
        }
        Ok(TensorBytes { file: self.bytes.clone(), range, dtype })
    }

    /// The bytes of the tensor of this name and shape, and their type.
    ///
    /// # Errors
    /// As of [`Shard::tensor`].
    pub(super) fn bytes_of(&self, name: &str, shape: &[usize]) -> Result<(StoredType, &[u8]), ModelError> {
        let TensorBytes { range, dtype, .. } = self.tensor(name, shape)?;
        Ok((dtype, self.bytes.get(range).unwrap_or_default()))
    }

    /// # Errors
    /// The tensor is not here, or of a type that the kernels don't know.
    pub(super) fn stored_type(&self, name: &str) -> Result<StoredType, ModelError> {
        let missing = || ModelError::invalid(self.file(), format!("tensor {name} is missing"));
        self.known_type(name, self.metadata.info(name).ok_or_else(missing)?)
    }

    /// The number of weights in this file.
    pub(super) fn parameters(&self) -> u64 {
        let tensors = self.names.iter().filter_map(|name| self.metadata.info(name));
        tensors.map(|info| info.shape.iter().map(|size| *size as u64).product::<u64>()).sum()
    }

    fn known_type(&self, name: &str, info: &TensorInfo) -> Result<StoredType, ModelError> {
        stored_type(info).ok_or_else(|| {
            let reason = format!("tensor {name} is stored as {:?}; supported are F32, BF16 and F16", info.dtype);
            ModelError::invalid(self.file(), reason)
        })
    }
}

fn stored_type(info: &TensorInfo) -> Option<StoredType> {
    match info.dtype {
        Dtype::F32 => Some(StoredType::F32),
        Dtype::BF16 => Some(StoredType::Bf16),
        Dtype::F16 => Some(StoredType::F16),
        _ => None,
    }
}

/// What is wrong with a file, in words that say what to do.
fn explain(error: &SafeTensorError, bytes: &[u8]) -> String {
    let size = bytes.len();
    match error {
        SafeTensorError::HeaderTooSmall => format!("truncated: {size} bytes are too few for a safetensors file"),
        SafeTensorError::HeaderTooLarge => "not a safetensors file: its header would be larger than 100 MB".into(),
        SafeTensorError::InvalidHeaderLength => {
            format!("truncated or not a safetensors file: the header is longer than the file of {size} bytes")
        }
        SafeTensorError::MetadataIncompleteBuffer => {
            format!("truncated or damaged: {size} bytes are not what its tensors need; download it again")
        }
        other => format!("damaged: {other}"),
    }
}
