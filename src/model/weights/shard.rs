//! One safetensors file: a JSON header that says where each tensor lies, then the tensors.

use safetensors::tensor::{SafeTensorError, TensorInfo};
use safetensors::{Dtype, SafeTensors};

use super::{FileBytes, Tensor};
use crate::model::{ModelError, StoredType};

/// Bytes before the header: its length.
const LENGTH_FIELD: usize = 8;

/// The tensors of a file, by name.
///
/// # Errors
/// The file is damaged: its header is no header, or the tensors don't fill it exactly.
pub(super) fn tensors(file: &FileBytes) -> Result<Vec<(String, Tensor)>, ModelError> {
    let (header, metadata) =
        SafeTensors::read_metadata(file).map_err(|error| ModelError::invalid(file.name(), explain(&error, file)))?;
    let data_start = LENGTH_FIELD + header;
    let tensor = |info: &TensorInfo| {
        let (start, end) = info.data_offsets;
        let range = data_start.saturating_add(start)..data_start.saturating_add(end);
        Tensor { file: file.clone(), range, shape: info.shape.clone(), dtype: stored_type(info.dtype) }
    };
    Ok(metadata.tensors().into_iter().map(|(name, info)| (name, tensor(info))).collect())
}

/// The type of a tensor, or the name of one that the kernels don't know.
fn stored_type(dtype: Dtype) -> Result<StoredType, String> {
    match dtype {
        Dtype::F32 => Ok(StoredType::F32),
        Dtype::BF16 => Ok(StoredType::Bf16),
        Dtype::F16 => Ok(StoredType::F16),
        other => Err(format!("{other:?}")),
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
