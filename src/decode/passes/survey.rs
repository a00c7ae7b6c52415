//! The first pass over a model's logits: their peaks and their sums at once, though the largest of all is known only at its end.

use pulp::{Arch, Simd, WithSimd};

use super::narrow::{Lanes, Power, Sums, WIDEST, total};
use super::{BLOCK, LOG2_E, Look, Survey, blocks};

/// Of f32 that are many. `None` where f32 can't do it, or one of them is bad.
pub(super) fn survey(z: &[f32]) -> Option<Survey> {
    Arch::new().dispatch(Surveying { z })
}

struct Surveying<'a> {
    z: &'a [f32],
}

impl WithSimd for Surveying<'_> {
    type Output = Option<Survey>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        if S::F64_LANES > 1 { self.run(simd) } else { None }
    }
}

/// Sums of the blocks so far, relative to the largest number so far. Their exponentials are powers of two with an integer origin, so
/// that another origin changes no digit of theirs.
struct Rising {
    power: Power,
    largest: f32,
    /// Σ of the powers.
    mass: f64,
    /// Σ of (z − largest) times each power.
    weighted: f64,
}

impl Rising {
    /// The same relative to a larger number, and what that makes of every power.
    fn to(self, largest: f32) -> Option<(Self, f64)> {
        let power = Power::new(f64::from(largest), LOG2_E)?;
        let lower = f64::from(self.power.origin() - power.origin()).exp2();
        let farther = f64::from(self.largest) - f64::from(largest);
        let weighted = lower * (self.weighted + farther * self.mass);
        Some((Self { power, largest, mass: lower * self.mass, weighted }, lower))
    }
}

impl Surveying<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Option<Survey> {
        let (whole, last) = blocks(self.z);
        let blocks: Vec<&[f32; BLOCK]> = whole.iter().chain(&last).collect();
        let (mut peaks, mut masses) = (vec![f64::NEG_INFINITY; blocks.len()], vec![0.0; blocks.len()]);
        // Where everything is impossible there is nothing to sum.
        let is_possible = |block: &&[f32; BLOCK]| block.iter().any(|z| *z != f32::NEG_INFINITY);
        let Some(mut at) = blocks.iter().position(is_possible) else {
            return Some((Look { peaks, is_bad: false }, None));
        };
        let largest = peak(simd, blocks[at]);
        let mut sums = Rising { power: Power::new(f64::from(largest), LOG2_E)?, largest, mass: 0.0, weighted: 0.0 };
        // Of each power before a place, what became of it when a larger number was found.
        let mut lowered: Vec<(usize, f64)> = Vec::new();
        loop {
            let higher = stretch(simd, &mut sums, &blocks[at..], &mut peaks[at..], &mut masses[at..]);
            let Some((count, largest)) = higher else { break };
            at += count;
            let (rising, lower) = sums.to(largest)?;
            sums = rising;
            lowered.push((at, lower));
        }
        // What is not a number makes a sum that is none.
        if sums.mass.is_nan() {
            return None;
        }
        let max = f64::from(sums.largest);
        let to_max = sums.power.to_max(max, LOG2_E);
        let (mut end, mut lower) = (blocks.len(), to_max);
        for (begin, by) in lowered.into_iter().rev().chain([(0, 0.0)]) {
            masses[begin..end].iter_mut().for_each(|mass| *mass *= lower);
            (end, lower) = (begin, lower * by);
        }
        let precise = Sums { z: self.z, peaks: &peaks, max, scale: 1.0, from: f32::NEG_INFINITY, power: sums.power };
        let more = precise.weigh(simd, &Lanes::new(simd, sums.power), to_max, &mut masses);
        Some((Look { peaks, is_bad: false }, Some((masses, sums.weighted * to_max + more))))
    }
}

/// The largest of a block.
#[inline(always)]
fn peak<S: Simd>(simd: S, block: &[f32; BLOCK]) -> f32 {
    let mut highs = [simd.splat_f32s(f32::NEG_INFINITY); 2];
    for pair in S::as_simd_f32s(block).0.chunks_exact(2) {
        for at in 0..2 {
            highs[at] = simd.max_f32s(highs[at], pair[at]);
        }
    }
    simd.reduce_max_f32s(simd.max_f32s(highs[0], highs[1]))
}

/// Goes over blocks until one has a number that is larger than all before: its place, and that number.
#[inline(always)]
fn stretch<S: Simd>(
    simd: S,
    sums: &mut Rising,
    blocks: &[&[f32; BLOCK]],
    peaks: &mut [f64],
    masses: &mut [f64],
) -> Option<(usize, f32)> {
    let (lanes, largest) = (Lanes::new(simd, sums.power), sums.largest);
    let (mut products, mut mass, mut higher) = ([0.0; WIDEST], 0.0, None);
    for (at, ((block, of), sum)) in blocks.iter().zip(peaks).zip(masses).enumerate() {
        let peak = peak(simd, block);
        if peak > largest {
            higher = Some((at, peak));
            break;
        }
        *of = f64::from(peak);
        *sum = lanes.sum(simd, block, &mut products);
        mass += *sum;
    }
    sums.mass += mass;
    sums.weighted += total(products);
    higher
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::passes::{look, sums};

    #[test]
    fn one_pass_tells_what_two_tell() {
        let wave = |i: usize| ((i * 7919) % 1013) as f32 / 101.0 - 5.0;
        let rows: [(&str, &dyn Fn(usize) -> f32); 7] = [
            ("a wave", &wave),
            ("ever larger", &|i| i as f32 / 50.0 - 300.0),
            ("ever smaller", &|i| -(i as f32) / 50.0),
            ("impossible at first", &move |i| if i < 700 { f32::NEG_INFINITY } else { wave(i) - 900.0 }),
            ("one far above", &move |i| if i == 4000 { 60.0 } else { wave(i) }),
            ("two by two", &|i| [0.5, -2.25][i % 2]),
            ("far above zero", &move |i| wave(i) + 5000.0),
        ];
        for count in [16_385, 17_024, 30_001] {
            for (name, number) in &rows {
                let z: Vec<f32> = (0..count).map(number).collect();
                let Look { peaks, is_bad } = look(&z);
                let max = peaks.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let (masses, weighted) = sums(&z, &peaks, max, 1.0);
                let Some((found, summed)) = survey(&z) else { return };
                assert_eq!((found.peaks, found.is_bad), (peaks, is_bad), "{name}");
                let (got, got_weighted) = summed.unwrap();
                // What is impossible is 0 in one of them, and next to nothing in the other.
                assert!(got.iter().zip(&masses).all(|(a, b)| (a - b).abs() <= 1e-15 * b + 1e-30), "{name}");
                assert!((got_weighted - weighted).abs() <= 3e-8 * weighted.abs(), "{name}: {got_weighted}, {weighted}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_left_to_a_closer_look() {
        for (at, bad) in [(0, f32::NAN), (4999, f32::NAN), (77, f32::INFINITY), (5, 1e30)] {
            for others in [0.25, f32::NEG_INFINITY] {
                let mut z = vec![others; 5000];
                z[at] = bad;
                assert!(survey(&z).is_none(), "{bad} at {at}");
            }
        }
        let Some((look, sums)) = survey(&vec![f32::NEG_INFINITY; 5000]) else { return };
        assert!(!look.is_bad && sums.is_none());
    }
}
