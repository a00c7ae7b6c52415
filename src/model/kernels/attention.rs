//! Attention heads over paths of cached keys and values.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ops::Range;

use super::lanes::{Lanes, dots, padded};
use super::math::{exp, softcap};
use super::pool::{Start, pays};
use super::{Isa, LANES, ThreadPool};

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

/// Attention heads of some positions: which rows go together, and how they are scored.
#[derive(Clone, Copy, Debug)]
pub struct Heads<'a> {
    /// Rows that follow each other in a sequence: each sees what the one before it sees, and one position more. Ascending, together all
    /// rows of the output.
    pub groups: &'a [Range<usize>],
    /// Heads of a row.
    pub heads: usize,
    /// Numbers of a head.
    pub head_dim: usize,
    /// How products become logits.
    pub scores: Scores,
    /// The most positions that a row sees.
    pub longest: usize,
}

/// The most rows that are taken together, see [`Isa::queries`].
pub const GROUP: usize = 4;

/// See [`super::Kernels::attend`].
pub(super) fn heads<'a, P: Past>(
    isa: Isa,
    pool: &mut ThreadPool,
    work: Heads<'_>,
    out: &mut [f32],
    item: &(impl Fn(usize, usize) -> (&'a [f32], P) + Sync),
) {
    let Heads { groups, heads, head_dim, scores, longest } = work;
    let rows = groups.iter().fold(0, |next, group| {
        assert!(group.start == next && !group.is_empty() && group.len() <= GROUP, "groups of all rows in order");
        group.end
    });
    assert_eq!(out.len(), rows * heads * head_dim, "an output for each row and head");
    let start = Start(out.as_mut_ptr());
    let one = |index: usize| {
        let (group, head) = (&groups[index / heads], index % heads);
        // SAFETY: row and head are within `out`, and every pair of them belongs to one item.
        let out = |row: usize| unsafe {
            std::slice::from_raw_parts_mut(start.get().add((row * heads + head) * head_dim), head_dim)
        };
        for row in group.clone().step_by(isa.queries()) {
            let item = |m| item(row + m, head);
            let out = |m| out(row + m);
            match isa.queries().min(group.end - row) {
                4 => together::<P, 4>(isa, scores, item, out),
                3 => together::<P, 3>(isa, scores, item, out),
                2 => together::<P, 2>(isa, scores, item, out),
                _ => together::<P, 1>(isa, scores, item, out),
            }
        }
    };
    let items = groups.len() * heads;
    let steps = out.len() * longest * 2;
    if pays(steps) {
        pool.run(items, steps, &one);
    } else {
        (0..items).for_each(one);
    }
}

/// `M` rows of a head.
fn together<'a, 'o, P: Past, const M: usize>(
    isa: Isa,
    scores: Scores,
    item: impl Fn(usize) -> (&'a [f32], P),
    out: impl Fn(usize) -> &'o mut [f32],
) {
    let (_, past) = item(M - 1);
    isa.attend::<P, M>(std::array::from_fn(|m| item(m).0), scores, &past, std::array::from_fn(out));
}

/// `out = softmax(softcap(query · keys · scale)) · values` (Vaswani and others, 2017) for `M` queries at positions that follow each
/// other; `past` is what the last of them sees, and each before it sees one position less. `out` is as long as its query.
///
/// The softmax runs in blocks of 64 positions counted from the oldest, with the maximum so far subtracted and earlier sums
/// rescaled when it rises (Milakov and Gimelshein, 2018): the order depends on the past alone and needs no buffer of its length.
#[inline(always)]
pub(super) fn attend<L: Lanes, P: Past, const M: usize>(
    queries: [&[f32]; M],
    how: Scores,
    past: &P,
    mut out: [&mut [f32]; M],
) {
    let length = past.len();
    let mut memory = PANEL.take();
    let panel = side_by_side(queries, &mut memory);
    let mut softmax = [Softmax { maximum: f32::NEG_INFINITY, total: 0.0 }; M];
    for out in &mut out {
        out.fill(0.0);
    }
    let mut scores = [[0.0; BLOCK]; M];
    let mut start = 0;
    while start < length {
        let block = BLOCK.min(length - start);
        score::<L, P, M>(panel, queries, how, past, start, block, &mut scores);
        // What a query sees of this block; all of them see `common`.
        let seen: [usize; M] = std::array::from_fn(|m| block.min((length + m + 1).saturating_sub(M + start)));
        for m in 0..M {
            softmax[m].add::<L>(&mut scores[m][..seen[m]], out[m]);
        }
        let common = seen[0];
        add_values::<L, P, M>(&scores, past, start..start + common, &mut out);
        for m in 1..M {
            let own = [std::array::from_fn(|i| scores[m][(common + i) % BLOCK])];
            add_values::<L, P, 1>(&own, past, start + common..start + seen[m], std::array::from_mut(&mut out[m]));
        }
        start += BLOCK;
    }
    PANEL.set(memory);
    for (softmax, out) in softmax.iter().zip(out) {
        scale_all(out, 1.0 / softmax.total);
    }
}

thread_local! {
    /// Memory for [`side_by_side`].
    static PANEL: Cell<Vec<[f32; LANES]>> = const { Cell::new(Vec::new()) };
}

/// Queries side by side, sixteen numbers of each in turn; the partial group, filled up with zeros, comes first.
#[inline(always)]
fn side_by_side<'a, const M: usize>(
    queries: [&[f32]; M],
    memory: &'a mut Vec<[f32; LANES]>,
) -> &'a [[[f32; LANES]; M]] {
    let (whole, rest) = (queries[0].len() / LANES, queries[0].len() % LANES);
    let groups = whole + usize::from(rest > 0);
    memory.resize(memory.len().max(groups * M), [0.0; LANES]);
    let panel = &mut memory.as_chunks_mut::<M>().0[..groups];
    for (m, query) in queries.iter().enumerate() {
        if rest > 0 {
            panel[0][m] = padded(&query[whole * LANES..]);
        }
        for (group, numbers) in panel[groups - whole..].iter_mut().zip(query.as_chunks::<LANES>().0) {
            group[m] = *numbers;
        }
    }
    panel
}

/// `result[m][i] = keys[i]·query m`; `queries` as [`side_by_side`] lays them.
#[inline(always)]
pub(super) fn products<L: Lanes, const M: usize>(keys: [&[f32]; 4], queries: &[[[f32; LANES]; M]]) -> [[f32; 4]; M] {
    let mut sums = [[L::zero(); M]; 4];
    let mut queries = queries;
    let rest = keys[0].len() % LANES;
    if rest > 0
        && let Some((first, others)) = queries.split_first()
    {
        for r in 0..4 {
            let key = L::load_f32(&padded(&keys[r][keys[r].len() - rest..]));
            for m in 0..M {
                sums[r][m] = sums[r][m].add_product(key, L::load_f32(&first[m]));
            }
        }
        queries = others;
    }
    // No closures here: the compiler would call them.
    let mut groups = [&[][..]; 4];
    for r in 0..4 {
        groups[r] = &keys[r].as_chunks::<LANES>().0[..queries.len()];
    }
    for (at, queries) in queries.iter().enumerate() {
        let mut query = [L::zero(); M];
        for m in 0..M {
            query[m] = L::load_f32(&queries[m]);
        }
        for r in 0..4 {
            let key = L::load_f32(&groups[r][at]);
            for m in 0..M {
                sums[r][m] = sums[r][m].add_product(key, query[m]);
            }
        }
    }
    L::sums_transposed(sums)
}

/// A softmax on its way: the highest score so far, and the sum of the exponentials less it.
#[derive(Clone, Copy)]
struct Softmax {
    maximum: f32,
    total: f32,
}

impl Softmax {
    /// Turns scores into exponentials less the maximum, and rescales what came before if that rises.
    #[inline(always)]
    fn add<L: Lanes>(&mut self, scores: &mut [f32], out: &mut [f32]) {
        let highest = highest(scores);
        if highest > self.maximum {
            let shrink = exp(self.maximum - highest);
            self.total *= shrink;
            scale_all(out, shrink);
            self.maximum = highest;
        }
        for score in scores.iter_mut() {
            *score = exp(*score - self.maximum);
        }
        self.total += dots::<L, f32, 1, 1>([&*scores], [&ONES[..scores.len()]])[0][0];
    }
}

/// The highest of the scores; what is not a number does not count.
#[inline(always)]
fn highest(scores: &[f32]) -> f32 {
    let higher = |a: f32, b: f32| if b > a { b } else { a };
    let (groups, rest) = scores.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for group in groups {
        for lane in 0..LANES {
            lanes[lane] = higher(lanes[lane], group[lane]);
        }
    }
    rest.iter().chain(&lanes).fold(f32::NEG_INFINITY, |high, score| higher(high, *score))
}

#[inline(always)]
fn scale_all(values: &mut [f32], factor: f32) {
    for value in values {
        *value *= factor;
    }
}

/// `scores[m][i] = softcap(queries[m] · key(start + i) · scale)` for `i` below `count`.
#[inline(always)]
fn score<L: Lanes, P: Past, const M: usize>(
    panel: &[[[f32; LANES]; M]],
    queries: [&[f32]; M],
    how: Scores,
    past: &P,
    start: usize,
    count: usize,
    scores: &mut [[f32; BLOCK]; M],
) {
    let mut at = 0;
    while at + 4 <= count {
        let first = start + at;
        let keys = [past.key(first), past.key(first + 1), past.key(first + 2), past.key(first + 3)];
        let products = L::products(keys, panel);
        for m in 0..M {
            for i in 0..4 {
                scores[m][at + i] = products[m][i] * how.scale;
            }
        }
        at += 4;
    }
    while at < count {
        let [products] = dots::<L, f32, 1, M>([past.key(start + at)], queries);
        for m in 0..M {
            scores[m][at] = products[m] * how.scale;
        }
        at += 1;
    }
    if let Some(cap) = how.softcap {
        for scores in scores {
            for score in &mut scores[..count] {
                *score = softcap(*score, cap);
            }
        }
    }
}

/// Adds `weights[m][i]·value(range.start + i)` to `out[m]`, in order of `i`.
#[inline(always)]
fn add_values<L: Lanes, P: Past, const M: usize>(
    weights: &[[f32; BLOCK]; M],
    past: &P,
    range: Range<usize>,
    out: &mut [&mut [f32]; M],
) {
    if range.is_empty() {
        return;
    }
    let width = out[0].len();
    let mut at = 0;
    while at + LANES <= width {
        let groups = ((width - at) / LANES).min(4);
        match groups {
            4 => add_columns::<L, P, M, 4>(weights, past, range.clone(), at, out),
            3 => add_columns::<L, P, M, 3>(weights, past, range.clone(), at, out),
            2 => add_columns::<L, P, M, 2>(weights, past, range.clone(), at, out),
            _ => add_columns::<L, P, M, 1>(weights, past, range.clone(), at, out),
        }
        at += groups * LANES;
    }
    if at < width {
        for m in 0..M {
            for (i, position) in range.clone().enumerate() {
                for (out, value) in out[m][at..].iter_mut().zip(&past.value(position)[at..]) {
                    *out = weights[m][i].mul_add(*value, *out);
                }
            }
        }
    }
}

/// [`add_values`] for `G` times sixteen columns from `at` on, which stay in registers.
#[inline(always)]
fn add_columns<L: Lanes, P: Past, const M: usize, const G: usize>(
    weights: &[[f32; BLOCK]; M],
    past: &P,
    range: Range<usize>,
    at: usize,
    out: &mut [&mut [f32]; M],
) {
    let mut sums = [[L::zero(); G]; M];
    for m in 0..M {
        let groups = out[m][at..].as_chunks::<LANES>().0;
        for g in 0..G {
            sums[m][g] = L::load_f32(&groups[g]);
        }
    }
    for (i, position) in range.enumerate() {
        let groups = past.value(position)[at..].as_chunks::<LANES>().0;
        let mut values = [L::zero(); G];
        for g in 0..G {
            values[g] = L::load_f32(&groups[g]);
        }
        for m in 0..M {
            let weight = L::splat(weights[m][i]);
            for g in 0..G {
                sums[m][g] = sums[m][g].add_product(weight, values[g]);
            }
        }
    }
    for m in 0..M {
        let groups = out[m][at..].as_chunks_mut::<LANES>().0;
        for g in 0..G {
            sums[m][g].store(&mut groups[g]);
        }
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
                let one: Vec<Range<usize>> = std::iter::once(0..1).collect();
                let heads = Heads { groups: &one, heads: 1, head_dim, scores: how, longest: length };
                Kernels::with_isa(1, isa).attend(heads, &mut out, |_, _| (&query, Flat(&keys, &values, head_dim)));
                for (i, got) in out.iter().enumerate() {
                    let want: f64 = (0..length).map(|p| scores[p].exp() / total * f64::from(past.value(p)[i])).sum();
                    assert!((f64::from(*got) - want).abs() < 2e-5, "{got} {want}");
                }
                results.push(out.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
            }
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
        }
    }

    #[test]
    fn rows_together_give_the_bits_of_rows_alone() {
        for (head_dim, before, rows) in
            [(16, 0, 4), (20, 3, 2), (64, 61, 3), (48, 63, 9), (112, 126, 7), (272, 60, 5), (7, 0, 1)]
        {
            let heads = 3;
            let (keys, values) = (wave(head_dim * (before + rows), 0.37), wave(head_dim * (before + rows), 0.11));
            let queries = wave(head_dim * heads * rows, 0.71);
            let item = |row: usize, head: usize| {
                let seen = (before + row + 1) * head_dim;
                (
                    &queries[(row * heads + head) * head_dim..][..head_dim],
                    Flat(&keys[..seen], &values[..seen], head_dim),
                )
            };
            let together: Vec<Range<usize>> = (0..rows).step_by(GROUP).map(|row| row..rows.min(row + GROUP)).collect();
            let attend = |isa: Isa, threads: usize, groups: &[Range<usize>]| {
                let mut out = vec![f32::NAN; rows * heads * head_dim];
                let scores = Scores { scale: 0.25, softcap: None };
                let work = Heads { groups, heads, head_dim, scores, longest: before + rows };
                Kernels::with_isa(threads, isa).attend(work, &mut out, item);
                out.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
            };
            let alone: Vec<Range<usize>> = (0..rows).map(|row| row..row + 1).collect();
            let expected = attend(Isa::PORTABLE, 1, &alone);
            for isa in Isa::available() {
                assert_eq!(attend(isa, 2, &together), expected, "{} {head_dim} {before} {rows}", isa.name());
            }
        }
    }
}
