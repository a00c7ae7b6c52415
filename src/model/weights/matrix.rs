//! A weight matrix in the type that it is stored in.

mod reorder;

use std::ops::Range;

use half::{bf16, f16};

use super::FileBytes;
use super::shard::TensorBytes;
use crate::model::kernels::{Element, Elements, Linear};
use crate::model::{DtypeChoice, StoredType};

// A safetensors file is little-endian, and its numbers are used where they lie.
const _: () = assert!(cfg!(target_endian = "little"), "weights are read in place, which takes a little-endian machine");

/// A matrix `[rows][columns]`, row-major: part of a file, or a copy where the file's alignment or type doesn't serve.
#[derive(Debug)]
pub struct Matrix {
    shape: [usize; 2],
    data: Data,
}

#[derive(Debug)]
enum Data {
    F32(Numbers<f32>),
    Bf16(Numbers<bf16>),
    F16(Numbers<f16>),
}

/// Numbers in a file or in memory.
#[derive(Debug)]
enum Numbers<E> {
    /// Aligned for `E`: [`Numbers::new`] made sure.
    InFile(FileBytes, Range<usize>),
    Owned(Vec<E>),
}

impl<E: Element> Numbers<E> {
    fn new(file: FileBytes, range: Range<usize>) -> Self {
        let bytes = &file[range.clone()];
        if bytemuck::try_cast_slice::<u8, E>(bytes).is_ok() {
            Self::InFile(file, range)
        } else {
            Self::Owned(bytes.chunks_exact(size_of::<E>()).map(bytemuck::pod_read_unaligned).collect())
        }
    }

    fn as_slice(&self) -> &[E] {
        match self {
            Self::InFile(file, range) => {
                file.get(range.clone()).and_then(|bytes| bytemuck::try_cast_slice(bytes).ok()).unwrap_or_default()
            }
            Self::Owned(values) => values,
        }
    }

    fn converted<T: Element>(&self) -> Numbers<T> {
        Numbers::Owned(self.as_slice().iter().map(|value| T::narrow(value.widen())).collect())
    }
}

impl Matrix {
    /// The bytes of a tensor as a matrix; they must be as many as the shape and type need.
    pub(super) fn new(tensor: TensorBytes, shape: [usize; 2]) -> Self {
        let TensorBytes { file, range, dtype } = tensor;
        let data = match dtype {
            StoredType::F32 => Data::F32(Numbers::new(file, range)),
            StoredType::Bf16 => Data::Bf16(Numbers::new(file, range)),
            StoredType::F16 => Data::F16(Numbers::new(file, range)),
        };
        Self { shape, data }
    }

    /// The same matrix in the chosen type: rounded to nearest, ties to even.
    pub(super) fn converted(self, dtype: DtypeChoice) -> Self {
        let target = dtype.apply(self.dtype());
        if target == self.dtype() {
            return self;
        }
        let data = match target {
            StoredType::F32 => Data::F32(self.numbers_as()),
            StoredType::Bf16 => Data::Bf16(self.numbers_as()),
            StoredType::F16 => Data::F16(self.numbers_as()),
        };
        Self { data, ..self }
    }

    fn numbers_as<T: Element>(&self) -> Numbers<T> {
        match &self.data {
            Data::F32(numbers) => numbers.converted(),
            Data::Bf16(numbers) => numbers.converted(),
            Data::F16(numbers) => numbers.converted(),
        }
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.shape[0]
    }

    /// The number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.shape[1]
    }

    /// The type of the numbers.
    #[must_use]
    pub fn dtype(&self) -> StoredType {
        match self.data {
            Data::F32(_) => StoredType::F32,
            Data::Bf16(_) => StoredType::Bf16,
            Data::F16(_) => StoredType::F16,
        }
    }

    /// All numbers, row by row.
    #[must_use]
    pub fn elements(&self) -> Elements<'_> {
        match &self.data {
            Data::F32(numbers) => Elements::F32(numbers.as_slice()),
            Data::Bf16(numbers) => Elements::Bf16(numbers.as_slice()),
            Data::F16(numbers) => Elements::F16(numbers.as_slice()),
        }
    }

    /// The linear map `y = W·x + bias`.
    #[must_use]
    pub fn linear<'a>(&'a self, bias: Option<&'a [f32]>) -> Linear<'a> {
        Linear { weight: self.elements(), rows: self.rows(), bias }
    }

    /// Whether the numbers are used where they lie in the file.
    #[must_use]
    pub fn is_in_file(&self) -> bool {
        match &self.data {
            Data::F32(numbers) => matches!(numbers, Numbers::InFile(..)),
            Data::Bf16(numbers) => matches!(numbers, Numbers::InFile(..)),
            Data::F16(numbers) => matches!(numbers, Numbers::InFile(..)),
        }
    }
}
