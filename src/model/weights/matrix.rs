//! A weight matrix in the type that it is stored in.

mod reorder;

use std::ops::Range;

use bytemuck::Pod;
use half::{bf16, f16};

use super::{Arena, FileBytes, Placed, Tensor};
use crate::model::kernels::{BlockFormat, Blocks, Element, Elements, Linear, Tiles, quantize_q8_0};
use crate::model::{DtypeChoice, ModelError, StoredType};

// The files are little-endian, and its numbers are used where they lie.
const _: () = assert!(cfg!(target_endian = "little"), "weights are read in place, which takes a little-endian machine");

/// A matrix `[rows][columns]`, row-major: part of a file, or a copy where the file's alignment or type doesn't serve.
#[derive(Debug)]
pub struct Matrix {
    shape: [usize; 2],
    data: Data,
}

/// Where numbers that are multiplied as they are stored go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// They stay where they are.
    Kept,
    /// Into the arena.
    Arena,
}

#[derive(Debug)]
enum Data {
    F32(Numbers<f32>),
    Bf16(Numbers<bf16>),
    F16(Numbers<f16>),
    Blocks(&'static BlockFormat, Numbers<u8>),
    Tiles(&'static BlockFormat, Numbers<u8>),
}

/// Numbers in a file or in memory.
#[derive(Debug)]
enum Numbers<E> {
    /// Aligned for `E`: [`Numbers::new`] made sure.
    InFile(FileBytes, Range<usize>),
    /// Aligned for anything.
    Placed(Placed),
    Owned(Vec<E>),
}

impl<E: Pod> Numbers<E> {
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
            Self::Placed(placed) => bytemuck::try_cast_slice(placed).unwrap_or_default(),
            Self::Owned(values) => values,
        }
    }

    /// The same in an arena; where that has no room, as it is.
    fn placed(self, arena: &Arena) -> Self {
        let bytes: &[u8] = bytemuck::cast_slice(self.as_slice());
        let Some(placed) = arena.place(bytes.len(), |copy| copy.copy_from_slice(bytes)) else { return self };
        self.release();
        Self::Placed(placed)
    }

    fn is_in_file(&self) -> bool {
        matches!(self, Self::InFile(..))
    }

    /// Lets the system take back the memory of what was copied out of the file.
    fn release(&self) {
        if let Self::InFile(file, range) = self {
            file.release(range.clone());
        }
    }
}

impl Matrix {
    /// A tensor as a matrix.
    ///
    /// # Errors
    /// The tensor does not have this shape, or its bytes don't make it.
    pub(super) fn new(tensor: &Tensor, name: &str, shape: [usize; 2]) -> Result<Self, ModelError> {
        let dtype = tensor.check(name, &shape)?;
        let (file, range) = (tensor.file.clone(), tensor.range.clone());
        let data = match (dtype, BlockFormat::of(dtype)) {
            (_, Some(format)) => Data::Blocks(format, Numbers::new(file, range)),
            (StoredType::Bf16, _) => Data::Bf16(Numbers::new(file, range)),
            (StoredType::F16, _) => Data::F16(Numbers::new(file, range)),
            _ => Data::F32(Numbers::new(file, range)),
        };
        Ok(Self { shape, data })
    }

    /// The same matrix in the chosen type: rounded to nearest, ties to even; in Q8_0 as ggml rounds.
    #[must_use]
    pub fn converted(self, dtype: DtypeChoice) -> Self {
        let target = dtype.apply(self.dtype(), self.columns());
        if target == self.dtype() {
            return self;
        }
        let data = match (target, BlockFormat::of(target)) {
            (_, Some(format)) => Data::Blocks(format, self.rows_as(quantize_q8_0)),
            (StoredType::Bf16, _) => Data::Bf16(self.rows_as(narrow)),
            (StoredType::F16, _) => Data::F16(self.rows_as(narrow)),
            _ => Data::F32(self.rows_as(narrow)),
        };
        self.release();
        Self { data, ..self }
    }

    /// The same matrix as products take it, in an arena: blocks become tiles, and `numbers` says where others go. The file's pages go
    /// back to the system.
    #[must_use]
    pub fn packed(self, arena: &Arena, numbers: Place) -> Self {
        let shape = self.shape;
        let data = match self.data {
            Data::Blocks(format, ref blocks) => {
                let (length, stored) = (Tiles::length(format, shape), blocks.as_slice());
                let placed = arena.place(length, |tiles| Tiles::pack(format, shape, stored, tiles));
                let tiles = placed.map_or_else(
                    || {
                        let mut tiles = vec![0; length];
                        Tiles::pack(format, shape, stored, &mut tiles);
                        Numbers::Owned(tiles)
                    },
                    Numbers::Placed,
                );
                blocks.release();
                Data::Tiles(format, tiles)
            }
            Data::F32(values) if numbers == Place::Arena => Data::F32(values.placed(arena)),
            Data::Bf16(values) if numbers == Place::Arena => Data::Bf16(values.placed(arena)),
            Data::F16(values) if numbers == Place::Arena => Data::F16(values.placed(arena)),
            as_it_is => as_it_is,
        };
        Self { shape, data }
    }

    fn release(&self) {
        match &self.data {
            Data::F32(numbers) => numbers.release(),
            Data::Bf16(numbers) => numbers.release(),
            Data::F16(numbers) => numbers.release(),
            Data::Blocks(_, numbers) => numbers.release(),
            Data::Tiles(..) => (),
        }
    }

    /// Every row, widened and converted.
    fn rows_as<T: Pod>(&self, convert: fn(&[f32]) -> Vec<T>) -> Numbers<T> {
        let mut row = vec![0.0; self.columns()];
        let rows = (0..self.rows()).flat_map(|index| {
            self.elements().widen_into(index * self.columns(), &mut row);
            convert(&row)
        });
        Numbers::Owned(rows.collect())
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
            Data::Blocks(format, _) | Data::Tiles(format, _) => format.stored,
        }
    }

    /// All numbers, row by row.
    #[must_use]
    pub fn elements(&self) -> Elements<'_> {
        match &self.data {
            Data::F32(numbers) => Elements::F32(numbers.as_slice()),
            Data::Bf16(numbers) => Elements::Bf16(numbers.as_slice()),
            Data::F16(numbers) => Elements::F16(numbers.as_slice()),
            Data::Blocks(format, numbers) => Elements::Blocks(Blocks::new(format, numbers.as_slice())),
            Data::Tiles(format, tiles) => Elements::Tiles(Tiles::new(format, self.shape, tiles.as_slice())),
        }
    }

    /// The linear map `y = W·x + bias`.
    #[must_use]
    pub fn linear<'a>(&'a self, bias: Option<&'a [f32]>) -> Linear<'a> {
        Linear { weight: self.elements(), rows: self.rows(), bias }
    }

    /// Bytes that the numbers take.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let (length, bytes) = self.dtype().block();
        (self.rows() * self.columns() / length * bytes) as u64
    }

    /// Whether the numbers are used where they lie in the file.
    #[must_use]
    pub fn is_in_file(&self) -> bool {
        match &self.data {
            Data::F32(numbers) => numbers.is_in_file(),
            Data::Bf16(numbers) => numbers.is_in_file(),
            Data::F16(numbers) => numbers.is_in_file(),
            Data::Blocks(_, numbers) => numbers.is_in_file(),
            Data::Tiles(..) => false,
        }
    }
}

fn narrow<T: Element>(numbers: &[f32]) -> Vec<T> {
    numbers.iter().map(|number| T::narrow(*number)).collect()
}
