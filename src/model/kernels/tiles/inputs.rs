//! Activations rounded to 16 bits.

use super::STRIP;

/// Positions that are multiplied together where activations are in slabs.
pub const SIDE: usize = 16;

/// The largest rounded activation: its upper and lower bytes, both signed, are in −128…127.
pub const LARGEST: f32 = 127.0 * 256.0;

/// How four rounded activations are laid out in eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Four 16-bit integers.
    Whole,
    /// Four upper bytes, then four lower ones, both signed: for instructions that multiply bytes.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    Split,
}

/// Rounded activations of some positions: `x[i] ≈ scales[i/32]·q[i]`, `q` an integer of 16 bits.
#[derive(Debug, Default)]
pub struct Rounded {
    fours: Vec<[i32; 2]>,
    scales: Vec<f32>,
    sums: Vec<i32>,
    slabs: Vec<Slab>,
}

/// 32 rounded activations of each of [`SIDE`] positions.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Slab {
    /// Their upper bytes, signed.
    pub high: [[u8; STRIP]; SIDE],
    /// Their lower bytes, signed.
    pub low: [[u8; STRIP]; SIDE],
    /// The scale of each position.
    pub scales: [f32; SIDE],
    /// The sums of the first 16 integers and of the others.
    pub sums: [[i32; SIDE]; 2],
}

impl Slab {
    /// Nothing but zeros.
    pub const ZERO: Self =
        Self { high: [[0; STRIP]; SIDE], low: [[0; STRIP]; SIDE], scales: [0.0; SIDE], sums: [[0; SIDE]; 2] };
}

/// The rounded activations of one position.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// Four activations each.
    pub fours: &'a [[i32; 2]],
    /// The scale of each 32.
    pub scales: &'a [f32],
    /// The sum of each 16 integers.
    pub sums: &'a [i32],
}

impl Rounded {
    /// Makes room for `numbers` activations, a multiple of 32.
    fn resize(&mut self, numbers: usize) {
        self.fours.resize(numbers / 4, [0; 2]);
        self.scales.resize(numbers / STRIP, 0.0);
        self.sums.resize(numbers / 16, 0);
    }

    /// Room for one strip of 32 after the other: its fours, its scale, its two sums.
    pub fn strips(&mut self) -> impl Iterator<Item = (&mut [[i32; 2]; 8], &mut f32, &mut [i32; 2])> {
        let fours = self.fours.as_chunks_mut::<8>().0.iter_mut();
        let scales = fours.zip(&mut self.scales).zip(self.sums.as_chunks_mut::<2>().0);
        scales.map(|((fours, scale), sums)| (fours, scale, sums))
    }

    /// A position of `width` activations.
    #[inline(always)]
    pub fn position(&self, position: usize, width: usize) -> Inputs<'_> {
        let part = |share: usize| position * width / share..(position + 1) * width / share;
        Inputs { fours: &self.fours[part(4)], scales: &self.scales[part(STRIP)], sums: &self.sums[part(16)] }
    }

    /// Room for the slabs of so many positions.
    pub fn resize_slabs(&mut self, positions: usize, strips: usize) -> &mut [Slab] {
        self.slabs.resize(positions.div_ceil(SIDE) * strips, Slab::ZERO);
        &mut self.slabs
    }

    /// The strips of the [`SIDE`] positions from `first` on; those that are missing are zeros.
    pub fn slabs(&self, first: usize, strips: usize) -> &[Slab] {
        &self.slabs[first / SIDE * strips..][..strips]
    }
}

/// Rounds `x`, whole strips of 32, to the nearest, ties to even. A strip with a number that is not finite becomes not a number.
#[inline(always)]
pub fn round(form: Form, x: &[f32], out: &mut Rounded) {
    out.resize(x.len());
    for (x, (fours, scale, sums)) in x.as_chunks::<STRIP>().0.iter().zip(out.strips()) {
        *scale = round_strip(form, x, fours, sums);
    }
}

#[inline(always)]
fn round_strip(form: Form, x: &[f32; STRIP], fours: &mut [[i32; 2]; 8], sums: &mut [i32; 2]) -> f32 {
    // Adding 1.5·2²³ rounds to an integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let mut largest = [0.0_f32; 8];
    let mut check = [0.0_f32; 8];
    for x in x.as_chunks::<8>().0 {
        for lane in 0..8 {
            largest[lane] = largest[lane].max(x[lane].abs());
            check[lane] += x[lane] * 0.0; // not a number once anything is not finite
        }
    }
    let largest = largest.iter().fold(0.0, |largest: f32, x| largest.max(*x));
    let is_finite = check.iter().all(|check| *check == 0.0);
    let inverse = if largest > 0.0 && is_finite { LARGEST / largest } else { 0.0 };
    let mut q = [0_i32; STRIP];
    for (q, x) in q.iter_mut().zip(x) {
        *q = (x * inverse + ROUND).to_bits().cast_signed() - ROUND.to_bits().cast_signed();
    }
    *sums = [q[..16].iter().sum(), q[16..].iter().sum()];
    for (four, q) in fours.iter_mut().zip(q.as_chunks::<4>().0) {
        *four = match form {
            Form::Whole => [q[0] & 0xFFFF | q[1] << 16, q[2] & 0xFFFF | q[3] << 16],
            Form::Split => {
                let high = q.map(|q| (q + 128) >> 8);
                [bytes(high), bytes(*q)]
            }
        };
    }
    if is_finite { largest / LARGEST } else { f32::NAN }
}

/// The lowest bytes of four integers.
#[inline(always)]
fn bytes(q: [i32; 4]) -> i32 {
    q[0] & 255 | (q[1] & 255) << 8 | (q[2] & 255) << 16 | q[3] << 24
}
