//! Products with blocks: the bits of a product with the same numbers in f32.

use proptest::prelude::*;

use super::*;
use crate::model::kernels::{Elements, Kernels, Linear};

/// Whole rows of blocks from any bytes, those aside that give infinities or no number.
fn finite_rows(format: &BlockFormat, bytes: &[u8], width: usize) -> Vec<u8> {
    let finite = |block: &&[u8]| {
        let mut numbers = vec![0.0; format.length];
        (format.widen)(block, &mut numbers);
        numbers.iter().all(|number| number.abs() < 1e6)
    };
    let blocks: Vec<&[u8]> = bytes.chunks_exact(format.bytes).filter(finite).collect();
    let in_row = width / format.length;
    blocks[..blocks.len() / in_row * in_row].concat()
}

fn product(isa: Isa, weight: Elements<'_>, rows: usize, x: &[f32], width: usize) -> Vec<u32> {
    let mut y = vec![f32::NAN; x.len() / width * rows];
    Kernels::with_isa(2, isa).project(&[Linear { weight, rows, bias: None }], x, width, &mut y);
    y.iter().map(|y| y.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_product_is_that_of_the_widened_numbers(
        bytes in prop::collection::vec(any::<u8>(), 2048..6000),
        positions in 1_usize..7,
        x in prop::collection::vec(-1.0_f32..1.0, 7 * 256),
    ) {
        let width = 256;
        let x = &x[..positions * width];
        for format in &FORMATS {
            let bytes = finite_rows(format, &bytes, width);
            let blocks = Blocks::new(format, &bytes);
            let mut numbers = vec![0.0; blocks.numbers()];
            blocks.widen_into(0, &mut numbers);
            let rows = numbers.len() / width;
            let expected = product(Isa::PORTABLE, Elements::F32(&numbers), rows, x, width);
            for isa in Isa::available() {
                let got = product(isa, Elements::Blocks(blocks), rows, x, width);
                prop_assert_eq!(&got, &expected, "{} {}", format.stored.name(), isa.name());
            }
        }
    }
}

#[test]
fn numbers_of_a_block_worked_out_by_hand() {
    // d = 2: the byte 0x81 has 1 in its lower half, number 0, and 8 in its upper, number 16; all others are 0 − 8.
    let mut block = [0_u8; 18];
    block[..3].copy_from_slice(&[0x00, 0x40, 0x81]);
    let mut out = [0.0; 32];
    widen::<small::Q4_0, 32>(&block, &mut out);
    assert_eq!((out[0], out[16], out[1], out[31]), (-14.0, 0.0, -16.0, -16.0));
    // Q8_K: an f32 scale of 0.5, the first number −3.
    let mut block = [0_u8; 292];
    block[..5].copy_from_slice(&[0, 0, 0, 0x3F, 0xFD]);
    let mut out = [1.0; 256];
    widen::<k::Q8K, 256>(&block, &mut out);
    assert_eq!((out[0], out[1], out[255]), (-1.5, 0.0, 0.0));
}

#[test]
fn rows_are_found_by_their_first_number() {
    let bytes = quantize_q8_0(&(0..96).map(|i| i as f32).collect::<Vec<_>>());
    let blocks = Blocks::new(BlockFormat::of(StoredType::Q8_0).unwrap(), &bytes);
    let mut out = [0.0; 32];
    blocks.widen_into(64, &mut out);
    assert!((out[31] - 95.0).abs() < 0.1 && (out[0] - 64.0).abs() < 0.4);
}
