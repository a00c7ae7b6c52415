//! Products with tiles against the same numbers in f32, and between instruction sets.

use proptest::prelude::*;

use super::*;
use crate::model::StoredType;
use crate::model::kernels::{Blocks, Elements, Isa, Kernels, Linear};

/// Every type of blocks.
fn formats() -> impl Iterator<Item = &'static BlockFormat> {
    use StoredType as T;
    let all = [T::Q8_0, T::Q4_0, T::Q4_1, T::Q5_0, T::Q5_1, T::Q2K, T::Q3K, T::Q4K, T::Q5K, T::Q6K, T::Q8K];
    all.into_iter().filter_map(BlockFormat::of)
}

/// Rows of blocks from any bytes, those aside that give infinities or no number.
fn finite_rows(format: &'static BlockFormat, bytes: &[u8], width: usize) -> Vec<u8> {
    let finite = |block: &&[u8]| {
        let mut numbers = vec![0.0; format.length];
        Blocks::new(format, block).widen_into(0, &mut numbers);
        numbers.iter().all(|number| number.abs() < 1e4)
    };
    let blocks: Vec<&[u8]> = bytes.chunks_exact(format.bytes).filter(finite).collect();
    let in_row = width / format.length;
    blocks[..blocks.len() / in_row * in_row].concat()
}

fn packed(format: &'static BlockFormat, shape: [usize; 2], blocks: &[u8]) -> Vec<u8> {
    let mut tiles = vec![0; Tiles::length(format, shape)];
    Tiles::pack(format, shape, blocks, &mut tiles);
    tiles
}

fn product(isa: Isa, threads: usize, weight: Elements<'_>, x: &[f32], width: usize, bias: Option<&[f32]>) -> Vec<f32> {
    let rows = weight.len() / width;
    let mut y = vec![f32::NAN; x.len() / width * rows];
    Kernels::with_isa(threads, isa).project(&[Linear { weight, rows, bias }], x, width, &mut y);
    y
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_product_is_that_of_the_numbers_to_sixteen_bits_and_the_same_everywhere(
        bytes in prop::collection::vec(any::<u8>(), 2048..8000),
        positions in prop_oneof![1_usize..8, 10_usize..40],
        x in prop::collection::vec(-1.0_f32..1.0, 40 * 512),
        wide in 1_usize..3,
    ) {
        let width = 256 * wide;
        let x = &x[..positions * width];
        for format in formats() {
            let bytes = finite_rows(format, &bytes, width);
            let blocks = Blocks::new(format, &bytes);
            let shape = [blocks.numbers() / width, width];
            let packed = packed(format, shape, &bytes);
            let tiles = Tiles::new(format, shape, &packed);
            let mut numbers = vec![0.0; blocks.numbers()];
            blocks.widen_into(0, &mut numbers);
            let mut unpacked = vec![f32::NAN; numbers.len()];
            tiles.widen_into(0, &mut unpacked);
            prop_assert_eq!(&unpacked, &numbers, "{}", format.stored.name());

            let bias: Vec<f32> = (0..shape[0]).map(|row| row as f32).collect();
            let expected = product(Isa::PORTABLE, 1, Elements::Tiles(tiles), x, width, Some(&bias));
            for isa in Isa::available() {
                let got = product(isa, 2, Elements::Tiles(tiles), x, width, Some(&bias));
                prop_assert_eq!(bits(&got), bits(&expected), "{} {}", format.stored.name(), isa.name());
            }
            for (at, got) in expected.iter().enumerate() {
                let (position, row) = (at / shape[0], at % shape[0]);
                let pairs = numbers[row * width..][..width].iter().zip(&x[position * width..][..width]);
                let products: Vec<f64> = pairs.map(|(w, x)| f64::from(*w) * f64::from(*x)).collect();
                let exact: f64 = products.iter().sum::<f64>() + row as f64;
                // An activation is off by half of the largest of its 32 over 32512 at most, a minimum is a large number that cancels.
                let size: f64 = numbers[row * width..][..width].iter().map(|w| f64::from(w.abs())).sum();
                prop_assert!((f64::from(*got) - exact).abs() <= size * 4e-5 + 1e-4, "{} {got} {exact}", format.stored.name());
            }
        }
    }
}

#[test]
fn batches_and_threads_change_nothing() {
    let format = BlockFormat::of(StoredType::Q8_0).unwrap();
    let (rows, width, positions) = (523, 160, 37);
    let noise =
        |n: usize, step: usize| -> Vec<f32> { (0..n).map(|i| ((i * step) % 1009) as f32 / 504.0 - 1.0).collect() };
    let blocks = crate::model::kernels::quantize_q8_0(&noise(rows * width, 7919));
    let packed = packed(format, [rows, width], &blocks);
    let tiles = Elements::Tiles(Tiles::new(format, [rows, width], &packed));
    let x = noise(positions * width, 31);
    let together = product(Isa::best(), 1, tiles, &x, width, None);
    for threads in [2, 3, 8] {
        assert_eq!(bits(&product(Isa::best(), threads, tiles, &x, width, None)), bits(&together));
    }
    for position in 0..positions {
        let alone = product(Isa::best(), 2, tiles, &x[position * width..][..width], width, None);
        assert_eq!(bits(&alone), bits(&together[position * rows..][..rows]));
    }
}

#[test]
fn what_is_not_finite_stays_visible_in_every_position() {
    let format = BlockFormat::of(StoredType::Q8_0).unwrap();
    let (rows, width, positions) = (20, 64, 18);
    let packed = packed(format, [rows, width], &crate::model::kernels::quantize_q8_0(&vec![0.5; rows * width]));
    let tiles = Elements::Tiles(Tiles::new(format, [rows, width], &packed));
    let mut x = vec![0.25; positions * width];
    (x[3 * width + 40], x[17 * width], x[5 * width + 1]) = (f32::INFINITY, f32::NAN, f32::NEG_INFINITY);
    x[9 * width..10 * width].fill(0.0);
    for isa in Isa::available() {
        let y = product(isa, 1, tiles, &x, width, None);
        for (position, y) in y.chunks_exact(rows).enumerate() {
            let is_not_finite = [3, 5, 17].contains(&position);
            assert!(y.iter().all(|y| y.is_nan() == is_not_finite), "{} {position}", isa.name());
            assert!(position != 9 || y.iter().all(|y| *y == 0.0));
        }
    }
}

#[test]
fn activations_are_rounded_to_sixteen_bits() {
    let mut x = [0.0; 64];
    (x[0], x[1], x[2], x[3], x[40]) = (2.0, -1.0, 0.25, -2.0, f32::INFINITY);
    for form in [Form::Whole, Form::Split] {
        let mut rounded = Rounded::default();
        round(form, &x, &mut rounded);
        let inputs = rounded.position(0, 64);
        assert_eq!(inputs.scales[0], 2.0 / 32512.0);
        assert!(inputs.scales[1].is_nan(), "what is not finite stays visible");
        assert_eq!(inputs.sums[..2], [32512 - 16256 + 4064 - 32512, 0]);
        let bytes: [u8; 8] = bytemuck::cast(inputs.fours[0]);
        match form {
            Form::Whole => {
                let q: [i16; 4] = bytemuck::cast(bytes);
                assert_eq!(q, [32512, -16256, 4064, -32512]);
            }
            Form::Split => {
                let q: [i8; 8] = bytemuck::cast(bytes);
                assert_eq!(q, [127, -63, 16, -127, 0, -128, -32, 0]);
            }
        }
    }
}
