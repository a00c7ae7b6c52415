//! Copies of a matrix in another order, in the type that it is stored in.

use super::{Data, Matrix, Numbers};
use crate::model::kernels::Element;
use bytemuck::Pod;

/// Rows and columns that are transposed together, so that both sides stay in the nearest cache.
const TILE: usize = 32;

impl Matrix {
    /// The matrix whose row `i` is row `rows[i]` of this one. Tiles are widened.
    ///
    /// # Panics
    /// If a row is not there.
    #[must_use]
    pub fn gathered(&self, rows: &[usize]) -> Self {
        let columns = self.columns();
        let data = match &self.data {
            Data::F32(numbers) => Data::F32(gather(numbers, columns, rows)),
            Data::Bf16(numbers) => Data::Bf16(gather(numbers, columns, rows)),
            Data::F16(numbers) => Data::F16(gather(numbers, columns, rows)),
            Data::Blocks(format, numbers) => {
                Data::Blocks(format, gather(numbers, columns / format.length * format.bytes, rows))
            }
            Data::Tiles(..) => {
                let mut out = vec![0.0; rows.len() * columns];
                for (row, out) in rows.iter().zip(out.chunks_exact_mut(columns.max(1))) {
                    self.elements().widen_into(row * columns, out);
                }
                Data::F32(Numbers::Owned(out))
            }
        };
        Self { shape: [rows.len(), columns], data }
    }

    /// The matrix whose rows are the columns of this one. Blocks lie along rows: their numbers are widened.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let [rows, columns] = self.shape;
        let data = match &self.data {
            Data::F32(numbers) => Data::F32(transpose(numbers, self.shape)),
            Data::Bf16(numbers) => Data::Bf16(transpose(numbers, self.shape)),
            Data::F16(numbers) => Data::F16(transpose(numbers, self.shape)),
            Data::Blocks(..) | Data::Tiles(..) => Data::F32(transpose(&self.rows_as(<[f32]>::to_vec), self.shape)),
        };
        Self { shape: [columns, rows], data }
    }
}

fn gather<E: Pod>(numbers: &Numbers<E>, columns: usize, rows: &[usize]) -> Numbers<E> {
    let numbers = numbers.as_slice();
    Numbers::Owned(rows.iter().flat_map(|row| &numbers[row * columns..][..columns]).copied().collect())
}

fn transpose<E: Element>(numbers: &Numbers<E>, [rows, columns]: [usize; 2]) -> Numbers<E> {
    let numbers = numbers.as_slice();
    let mut out = vec![E::zeroed(); rows * columns];
    for first_row in (0..rows).step_by(TILE) {
        for first_column in (0..columns).step_by(TILE) {
            for column in first_column..columns.min(first_column + TILE) {
                for row in first_row..rows.min(first_row + TILE) {
                    out[column * rows + row] = numbers[row * columns + column];
                }
            }
        }
    }
    Numbers::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kernels::Elements;

    fn matrix(rows: usize, columns: usize) -> Matrix {
        let numbers = (0..rows * columns).map(|i| i as f32).collect();
        Matrix { shape: [rows, columns], data: Data::F32(Numbers::Owned(numbers)) }
    }

    fn numbers(matrix: &Matrix) -> &[f32] {
        match matrix.elements() {
            Elements::F32(numbers) => numbers,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_are_gathered() {
        let gathered = matrix(3, 2).gathered(&[2, 0, 2]);
        assert_eq!((gathered.rows(), gathered.columns()), (3, 2));
        assert_eq!(numbers(&gathered), [4.0, 5.0, 0.0, 1.0, 4.0, 5.0]);
    }

    #[test]
    fn columns_become_rows() {
        let transposed = matrix(2, 3).transposed();
        assert_eq!((transposed.rows(), transposed.columns()), (3, 2));
        assert_eq!(numbers(&transposed), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        for (rows, columns) in [(1, 70), (33, 32), (65, 100)] {
            assert_eq!(numbers(&matrix(rows, columns).transposed().transposed()), numbers(&matrix(rows, columns)));
        }
    }
}
