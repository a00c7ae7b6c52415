//! Exponentials of f32, as many at a time as the widest register holds.

use pulp::{Arch, Simd, WithSimd};

use super::{BLOCK, LOG2_E, Look, blocks, exponentials, masked, sum};

/// (2^f − 1) / f for |f| ≤ ½, the constant term first: its Chebyshev approximation of degree 5. That 2^f is off by 9·10⁻⁹ at
/// most and by 10⁻¹⁰ on average, so that nothing adds up in a sum.
const TERMS: [f32; 6] =
    [std::f32::consts::LN_2, 0.240_226_5, 0.055_503_57, 0.009_618_057, 0.001_339_086_7, 0.000_154_614_48];

/// Adding 1.5·2²³ rounds to an integer and leaves it in the low bits.
const ROUND: f32 = 12_582_912.0;

/// What is below 2 to this of the largest counts as that.
const LEAST: f64 = -120.0;

/// A term with at least this share of the sum is taken in f64.
const HEAVY: f64 = 1.0 / 128.0;

/// A block with at least this share is summed again, more precisely: of few blocks the rounding of each would show.
const LARGE: f64 = 1.0 / 32.0;

/// What makes 2^(z · by − origin), where `origin` is the integer next to max · by.
#[derive(Clone, Copy)]
pub(super) struct Power {
    high: f32,
    low: f32,
    origin: f32,
    least: f32,
    max: f32,
}

impl Power {
    /// For z up to `max`, where f32 can tell z · by from the next integer.
    pub(super) fn new(max: f64, by: f64) -> Option<Self> {
        let fits = by > 1e-30 && by < 1e30 && (max * by).abs() < f64::from(1 << 20);
        let origin = (max * by).round();
        let least = ((origin + LEAST) / by).max(f64::from(f32::MIN)) as f32;
        let high = by as f32;
        fits.then(|| Self { high, low: (by - f64::from(high)) as f32, origin: origin as f32, least, max: max as f32 })
    }

    pub(super) fn origin(self) -> f32 {
        self.origin
    }

    /// What exp((z − max) · scale) is to 2^(z · by − origin).
    pub(super) fn to_max(self, max: f64, by: f64) -> f64 {
        (f64::from(self.origin) - max * by).exp2()
    }
}

/// The most numbers that a register holds.
pub(super) const WIDEST: usize = 16;

/// A [`Power`] in every lane.
#[derive(Clone, Copy)]
pub(super) struct Lanes<S: Simd> {
    high: S::f32s,
    low: S::f32s,
    least: S::f32s,
    max: S::f32s,
    terms: [S::f32s; TERMS.len()],
    one: S::f32s,
    /// [`ROUND`] less the origin.
    shift: S::f32s,
    mantissa: S::u32s,
}

impl<S: Simd> Lanes<S> {
    #[inline(always)]
    pub(super) fn new(simd: S, power: Power) -> Self {
        let mut terms = [simd.splat_f32s(0.0); TERMS.len()];
        for (lanes, term) in terms.iter_mut().zip(TERMS) {
            *lanes = simd.splat_f32s(term);
        }
        Self {
            high: simd.splat_f32s(power.high),
            low: simd.splat_f32s(power.low),
            least: simd.splat_f32s(power.least),
            max: simd.splat_f32s(power.max),
            terms,
            one: simd.splat_f32s(1.0),
            shift: simd.splat_f32s(ROUND - power.origin),
            mantissa: simd.splat_u32s(f32::MANTISSA_DIGITS - 1),
        }
    }

    /// The power, and z − max. The power is rounded once, at the end.
    #[inline(always)]
    fn of(&self, simd: S, z: S::f32s) -> (S::f32s, S::f32s) {
        // In this order what is not a number stays so.
        let z = simd.max_f32s(self.least, z);
        let rounded = simd.mul_add_f32s(z, self.high, self.shift);
        let f = simd.mul_add_f32s(z, self.high, simd.sub_f32s(self.shift, rounded));
        let f = simd.mul_add_f32s(z, self.low, f);
        let mut power = self.terms[TERMS.len() - 1];
        for term in self.terms.iter().rev().skip(1) {
            power = simd.mul_add_f32s(power, f, *term);
        }
        let power = simd.mul_add_f32s(power, f, self.one);
        let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(rounded), self.mantissa);
        let scaled = simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(power), exponent));
        (scaled, simd.sub_f32s(z, self.max))
    }

    /// Σ of the powers of a block; (z − max) times each is added to `products`.
    #[inline(always)]
    pub(super) fn sum(&self, simd: S, block: &[f32; BLOCK], products: &mut [f64; WIDEST]) -> f64 {
        // Four at a time, so that no addition waits for the one before.
        let (mut sums, mut weighted) = ([simd.splat_f32s(0.0); 4], [simd.splat_f32s(0.0); 4]);
        for four in S::as_simd_f32s(block).0.chunks_exact(4) {
            for at in 0..4 {
                let (e, d) = self.of(simd, four[at]);
                sums[at] = simd.add_f32s(sums[at], e);
                weighted[at] = simd.mul_add_f32s(d, e, weighted[at]);
            }
        }
        let together = |[a, b, c, d]: [S::f32s; 4]| simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
        let mut lanes = [0.0f32; WIDEST];
        S::as_mut_simd_f32s(&mut lanes).0[0] = together(weighted);
        for (product, lane) in products.iter_mut().zip(lanes) {
            *product += f64::from(lane);
        }
        f64::from(simd.reduce_sum_f32s(together(sums)))
    }

    /// The same of what is below `bar`, added up in f64; what is not is shown to `heavy`.
    #[inline(always)]
    fn sum_below(&self, simd: S, block: &[f32; BLOCK], bar: f32, heavy: &mut Vec<f32>) -> f64 {
        let bars = simd.splat_f32s(bar);
        let (mut sums, mut lanes) = ([0.0; WIDEST], [0.0f32; WIDEST]);
        let vectors = S::as_simd_f32s(block).0;
        for (&z, each) in vectors.iter().zip(block.chunks_exact(BLOCK / vectors.len())) {
            let is_heavy = simd.greater_than_or_equal_f32s(z, bars);
            S::as_mut_simd_f32s(&mut lanes).0[0] = self.of(simd, simd.select_f32s(is_heavy, self.least, z)).0;
            for (sum, lane) in sums.iter_mut().zip(lanes) {
                *sum += f64::from(lane);
            }
            if simd.first_true_m32s(is_heavy) < each.len() {
                heavy.extend(each.iter().filter(|z| **z >= bar));
            }
        }
        total(sums)
    }
}

/// Those of a block that are at least `bar`.
#[inline(always)]
fn add_heavy<S: Simd>(simd: S, block: &[f32; BLOCK], bar: f32, heavy: &mut Vec<f32>) {
    let bars = simd.splat_f32s(bar);
    let vectors = S::as_simd_f32s(block).0;
    for (&z, each) in vectors.iter().zip(block.chunks_exact(BLOCK / vectors.len())) {
        // Mostly none is, and that is seen at once.
        if simd.first_true_m32s(simd.greater_than_or_equal_f32s(z, bars)) < each.len() {
            heavy.extend(each.iter().filter(|z| **z >= bar));
        }
    }
}

/// Σ in a balanced tree.
#[inline(always)]
pub(super) fn total(mut lanes: [f64; WIDEST]) -> f64 {
    let mut half = WIDEST / 2;
    while half > 0 {
        for at in 0..half {
            lanes[at] += lanes[at + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// [`super::look`]
#[inline(always)]
pub(super) fn look<S: Simd>(simd: S, z: &[f32]) -> Look {
    let (infinity, least) = (simd.splat_f32s(f32::INFINITY), simd.splat_f32s(f32::NEG_INFINITY));
    let mut worst = least;
    let mut peaks = Vec::with_capacity(z.len().div_ceil(BLOCK));
    let (whole, last) = blocks(z);
    for block in whole.iter().chain(&last) {
        let mut highs = [least; 2];
        for pair in S::as_simd_f32s(block).0.chunks_exact(2) {
            for at in 0..2 {
                highs[at] = simd.max_f32s(highs[at], pair[at]);
                worst = simd.select_f32s(simd.less_than_f32s(pair[at], infinity), worst, infinity);
            }
        }
        peaks.push(f64::from(simd.reduce_max_f32s(simd.max_f32s(highs[0], highs[1]))));
    }
    Look { peaks, is_bad: simd.reduce_max_f32s(worst) == f32::INFINITY }
}

/// As [`super::sums_from`], with the largest of every block: the sum of all is off by about 10⁻⁸ of itself at most. `None` where f32 can't do it.
///
/// An f32 exponential is off by 6·10⁻⁸ at most, one way as often as the other. Where many terms make the sum that is
/// nothing; those that weigh are taken in f64. Errors of equal numbers don't cancel: where all take a handful of values, 7·10⁻⁸ may be left.
pub(super) fn sums(z: &[f32], peaks: &[f64], max: f64, scale: f64, from: f32) -> Option<(Vec<f64>, f64)> {
    let power = Power::new(max, scale * LOG2_E)?;
    Arch::new().dispatch(Sums { z, peaks, max, scale, from, power })
}

pub(super) struct Sums<'a> {
    pub(super) z: &'a [f32],
    pub(super) peaks: &'a [f64],
    pub(super) max: f64,
    pub(super) scale: f64,
    pub(super) from: f32,
    pub(super) power: Power,
}

impl WithSimd for Sums<'_> {
    type Output = Option<(Vec<f64>, f64)>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        // Without fused multiply-add nothing of this holds. (A closure might not be compiled for these instructions.)
        if S::F64_LANES > 1 { Some(self.run(simd)) } else { None }
    }
}

impl Sums<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (Vec<f64>, f64) {
        let to_max = self.power.to_max(self.max, self.scale * LOG2_E);
        let lanes = Lanes::new(simd, self.power);
        let mut products = [0.0; WIDEST];
        let (whole, last) = blocks(self.z);
        let mut masses = vec![0.0; self.peaks.len()];
        for ((block, peak), mass) in whole.iter().chain(&last).zip(self.peaks).zip(&mut masses) {
            if self.from == f32::NEG_INFINITY {
                *mass = lanes.sum(simd, block, &mut products) * to_max;
            } else if *peak >= f64::from(self.from) {
                *mass = lanes.sum(simd, &masked(block, self.from), &mut products) * to_max;
            }
        }
        let weighted = total(products) * to_max + self.weigh(simd, &lanes, to_max, &mut masses);
        (masses, weighted * self.scale)
    }

    /// Takes what weighs more precisely. Returns what that adds to Σ (z − max)·exp.
    #[inline(always)]
    pub(super) fn weigh<S: Simd>(&self, simd: S, lanes: &Lanes<S>, to_max: f64, masses: &mut [f64]) -> f64 {
        let sum = sum(masses);
        let bar = f64::from(self.from).max(self.max + (HEAVY * sum).ln() / self.scale);
        let (whole, last) = blocks(self.z);
        let (mut heavy, mut places) = (Vec::new(), Vec::new());
        for (at, block) in whole.iter().chain(&last).enumerate() {
            let is_large = masses[at] > LARGE * sum;
            if is_large {
                masses[at] = to_max * lanes.sum_below(simd, &masked(block, self.from), bar as f32, &mut heavy);
            } else if self.peaks[at] >= bar {
                add_heavy(simd, block, bar as f32, &mut heavy);
            }
            places.resize(heavy.len(), (at, is_large));
        }
        let mut exact: Vec<f64> = heavy.iter().map(|z| f64::from(*z)).collect();
        exponentials(&mut exact, self.max, self.scale);
        let mut narrow = heavy.clone();
        narrow.resize(heavy.len().next_multiple_of(BLOCK), f32::NEG_INFINITY);
        for z in S::as_mut_simd_f32s(&mut narrow).0 {
            *z = lanes.of(simd, *z).0;
        }
        let mut more = 0.0;
        for (((z, (at, is_left_out)), exact), narrow) in heavy.iter().zip(places).zip(exact).zip(narrow) {
            let missing = exact - f64::from(narrow) * to_max;
            masses[at] += if is_left_out { exact } else { missing };
            more += (f64::from(*z) - self.max) * missing;
        }
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::passes::{look, sums as of};
    use crate::decode::uniform;

    /// Normal deviates by Box and Muller.
    fn normal(count: u64, sigma: f64) -> Vec<f32> {
        let deviate = |i: u64| {
            let (a, b) = (uniform(1, 0, i), uniform(2, 0, i));
            (sigma * (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()) as f32
        };
        (0..count).map(deviate).collect()
    }

    #[test]
    fn sums_of_many_f32_are_those_of_f64_but_for_a_few_billionths() {
        let mut worst = (0.0f64, 0.0f64);
        for count in [5000, 32_003, 151_936] {
            for (sigma, shift, peak) in [
                (0.1, 0.0, 0.0),
                (2.5, 0.0, 0.0),
                (6.0, 0.0, 0.0),
                (2.5, -900.0, 0.0),
                (1.0, 12.5, 30.0),
                (2.5, 0.0, 9.0),
            ] {
                let mut z: Vec<f32> = normal(count, sigma).into_iter().map(|z| z + shift).collect();
                z[77] += peak;
                z[99] = f32::NEG_INFINITY;
                let peaks = look(&z).peaks;
                let max = peaks.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                for scale in [1.0, 1.25, 0.5] {
                    let Some((masses, weighted)) = sums(&z, &peaks, max, scale, f32::NEG_INFINITY) else { return };
                    let all: Vec<f64> = z.iter().map(|&z| f64::from(z)).collect();
                    let (exact, of_exact) = of(&all, &peaks, max, scale);
                    let (sum, want) = (masses.iter().sum::<f64>(), exact.iter().sum::<f64>());
                    let (h, want_h) = (sum.ln() - weighted / sum, want.ln() - of_exact / want);
                    worst = (worst.0.max((sum / want - 1.0).abs()), worst.1.max((h - want_h).abs()));
                    assert!(masses.iter().zip(&exact).all(|(a, b)| (a - b).abs() <= 5e-7 * b));
                }
            }
        }
        println!("sum {:e}, entropy {:e}", worst.0, worst.1);
        assert!(worst.0 < 1.2e-8 && worst.1 < 5e-8, "sum {:e}, entropy {:e}", worst.0, worst.1);
    }

    #[test]
    fn what_f32_cannot_tell_apart_is_left_to_f64() {
        assert!(Power::new(1e30, 1.0).is_none() && Power::new(1.0, 1e-40).is_none() && Power::new(0.0, 1e-3).is_some());
    }
}
