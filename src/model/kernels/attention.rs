//! One attention head over a path of cached keys and values.

use super::lanes::{Lanes, dots};
use super::math::{exp, softcap};

/// Positions whose scores are held at once.
const BLOCK: usize = 64;

/// A one in place of every weight: turns a dot product into a sum.
const ONES: [f32; BLOCK] = [1.0; BLOCK];

/// The keys and values that a query may see, oldest first.
pub trait Past {
    /// How many positions there are.
    fn len(&self) -> usize;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The key at a position, `head_dim` numbers.
    fn key(&self, position: usize) -> &[f32];
    /// The value at a position, `head_dim` numbers.
    fn value(&self, position: usize) -> &[f32];
}

/// How the products of a query with the keys become the logits of the softmax.
#[derive(Clone, Copy, Debug)]
pub struct Scores {
    /// What they are multiplied by.
    pub scale: f32,
    /// What bounds them afterwards, see [`softcap`].
    pub softcap: Option<f32>,
}

/// `out = softmax(softcap(query · keys · scale)) · values` (Vaswani and others, 2017), `out` as long as `query`.
///
/// The softmax runs in blocks of 64 positions counted from the oldest, with the maximum so far subtracted and earlier sums
/// rescaled when it rises (Milakov and Gimelshein, 2018): the order depends on the past alone and needs no buffer of its length.
#[inline(always)]
pub(super) fn attend<L: Lanes, P: Past>(query: &[f32], how: Scores, past: &P, out: &mut [f32]) {
    let length = past.len();
    let mut maximum = f32::NEG_INFINITY;
    let mut total = 0.0;
    out.fill(0.0);
    let mut buffer = [0.0; BLOCK];
    let mut start = 0;
    while start < length {
        let scores = &mut buffer[..BLOCK.min(length - start)];
        score::<L, P>(query, how, past, start, scores);
        let highest = scores.iter().fold(f32::NEG_INFINITY, |high, score| high.max(*score));
        if highest > maximum {
            let shrink = exp(maximum - highest);
            total *= shrink;
            scale_all(out, shrink);
            maximum = highest;
        }
        for score in scores.iter_mut() {
            *score = exp(*score - maximum);
        }
        total += dots::<L, f32, 1, 1>([&*scores], [&ONES[..scores.len()]])[0][0];
        add_values(scores, past, start, out);
        start += BLOCK;
    }
    scale_all(out, 1.0 / total);
}

#[inline(always)]
fn scale_all(values: &mut [f32], factor: f32) {
    for value in values {
        *value *= factor;
    }
}

/// `scores[i] = softcap(query · key(start + i) · scale)`.
#[inline(always)]
fn score<L: Lanes, P: Past>(query: &[f32], how: Scores, past: &P, start: usize, scores: &mut [f32]) {
    let scale = how.scale;
    let (fours, rest) = scores.as_chunks_mut::<4>();
    let mut position = start;
    for four in fours {
        let keys = [past.key(position), past.key(position + 1), past.key(position + 2), past.key(position + 3)];
        let products = dots::<L, f32, 4, 1>(keys, [query]);
        for (score, [product]) in four.iter_mut().zip(products) {
            *score = product * scale;
        }
        position += 4;
    }
    for score in rest {
        *score = dots::<L, f32, 1, 1>([past.key(position)], [query])[0][0] * scale;
        position += 1;
    }
    if let Some(cap) = how.softcap {
        for score in scores {
            *score = softcap(*score, cap);
        }
    }
}

/// Adds `weights[i]·value(start + i)` to `out`, in order of `i`; four at a time only to touch `out` less often.
#[inline(always)]
fn add_values<P: Past>(weights: &[f32], past: &P, start: usize, out: &mut [f32]) {
    let (fours, rest) = weights.as_chunks::<4>();
    let mut position = start;
    for [a, b, c, d] in fours {
        let width = out.len();
        let (va, vb) = (&past.value(position)[..width], &past.value(position + 1)[..width]);
        let (vc, vd) = (&past.value(position + 2)[..width], &past.value(position + 3)[..width]);
        for i in 0..width {
            out[i] = (((out[i] + a * va[i]) + b * vb[i]) + c * vc[i]) + d * vd[i];
        }
        position += 4;
    }
    for weight in rest {
        for (out, value) in out.iter_mut().zip(past.value(position)) {
            *out += weight * value;
        }
        position += 1;
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact results are meant
mod tests {
    use super::*;
    use crate::model::kernels::{Isa, Kernels};

    struct Flat<'a>(&'a [f32], &'a [f32], usize);

    impl Past for Flat<'_> {
        fn len(&self) -> usize {
            self.0.len() / self.2
        }
        fn key(&self, position: usize) -> &[f32] {
            &self.0[position * self.2..][..self.2]
        }
        fn value(&self, position: usize) -> &[f32] {
            &self.1[position * self.2..][..self.2]
        }
    }

    fn wave(n: usize, step: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * step).sin() * 2.0).collect()
    }

    #[test]
    fn agrees_with_the_formula_and_across_instruction_sets() {
        let capped = Some(1.5);
        for (head_dim, length, softcap) in
            [(16, 1, None), (10, 3, None), (64, 64, None), (20, 65, capped), (32, 200, None), (32, 200, capped)]
        {
            let (keys, values) = (wave(head_dim * length, 0.37), wave(head_dim * length, 0.11));
            let query = wave(head_dim, 0.71);
            let past = Flat(&keys, &values, head_dim);
            let cap = |score: f64| softcap.map_or(score, |cap| f64::from(cap) * (score / f64::from(cap)).tanh());
            let scores: Vec<f64> = (0..length)
                .map(|p| cap((0..head_dim).map(|i| f64::from(query[i] * past.key(p)[i])).sum::<f64>() * 0.25))
                .collect();
            let total: f64 = scores.iter().map(|s| s.exp()).sum();
            let mut results = Vec::new();
            for isa in Isa::available() {
                let mut out = vec![f32::NAN; head_dim];
                let how = Scores { scale: 0.25, softcap };
                Kernels::with_isa(1, isa)
                    .attend(how, length, &mut out, head_dim, |_| (&query, Flat(&keys, &values, head_dim)));
                for (i, got) in out.iter().enumerate() {
                    let want: f64 = (0..length).map(|p| scores[p].exp() / total * f64::from(past.value(p)[i])).sum();
                    assert!((f64::from(*got) - want).abs() < 2e-5, "{got} {want}");
                }
                results.push(out.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
            }
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
        }
    }
}
