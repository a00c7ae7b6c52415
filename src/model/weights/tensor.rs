//! A tensor in a file, before anything is known of its use.

use std::ops::Range;

use super::FileBytes;
use crate::model::{DtypeChoice, ModelError, StoredType};

/// Where a tensor lies and what its file says of it.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// The file.
    pub file: FileBytes,
    /// Its bytes; not checked against the file or the shape.
    pub range: Range<usize>,
    /// The length of each dimension, that of neighbouring numbers last.
    pub shape: Vec<usize>,
    /// The type of its numbers, or the name of a type that the kernels don't know.
    pub dtype: Result<StoredType, String>,
}

impl Tensor {
    /// How many numbers its shape says that it has.
    pub(super) fn numbers(&self) -> u64 {
        self.shape.iter().fold(1, |product, length| product.saturating_mul(*length as u64))
    }

    /// The bytes that it takes in memory, a matrix in the type that it is kept in.
    pub(super) fn kept_bytes(&self, choice: DtypeChoice) -> u64 {
        let (Ok(stored), [_, .., columns]) = (&self.dtype, &*self.shape) else { return self.range.len() as u64 };
        let (length, bytes) = choice.apply(*stored, *columns).block();
        self.numbers() / length as u64 * bytes as u64
    }

    /// The type, once the tensor is known to be of this shape and to lie within its file.
    ///
    /// # Errors
    /// It has another shape, a type that the kernels don't know, or other bytes than these need.
    pub(super) fn check(&self, name: &str, shape: &[usize]) -> Result<StoredType, ModelError> {
        let fail = |reason: String| Err(ModelError::invalid(self.file.name(), format!("tensor {name} {reason}")));
        if self.shape != shape {
            let found = &self.shape;
            return fail(format!("has shape {found:?}, but the configuration makes it {shape:?}"));
        }
        let dtype = match &self.dtype {
            Ok(dtype) => *dtype,
            Err(other) => return fail(format!("is stored as {other}; supported are {}", supported())),
        };
        let (length, bytes) = dtype.block();
        let columns = shape.last().copied().unwrap_or(1);
        if !columns.is_multiple_of(length) {
            let name = dtype.name();
            return fail(format!(
                "has rows of {columns} numbers, which {name} can't store: it takes {length} at a time"
            ));
        }
        let numbers = shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length));
        let needed = numbers.and_then(|numbers| (numbers / length).checked_mul(bytes));
        match self.file.get(self.range.clone()) {
            None => fail("lies beyond the end of the file".into()),
            Some(found) if Some(found.len()) != needed => {
                fail(format!("has {} bytes, which don't make {shape:?} of {}", found.len(), dtype.name()))
            }
            Some(_) => Ok(dtype),
        }
    }
}

fn supported() -> String {
    StoredType::NAMES.map(|(_, name)| name.to_uppercase()).join(", ")
}
