//! What blocks are made of, worked out by hand.

use super::*;

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
