//! The nucleus: the shortest prefix, in descending probability, that has a mass.

use super::candidates::Field;
use super::logits::numbers;
use super::passes::{BUCKETS, Number, counts, sum, sums_from};
use super::scan::{LogSum, Scored, first, from, within};
use super::{Candidates, TokenId};

/// Tokens that are put in order and summed one by one, before the others are counted in buckets.
const ONE_BY_ONE: usize = 256;

/// So many can as well all be put in order.
const FEW: usize = 1024;

/// How often it is guessed in which bucket the line is crossed. The second guess knows by how much the first was wrong.
const GUESSES: usize = 4;

/// The fewest tokens that have a mass.
pub(super) struct Nucleus {
    /// In no particular order.
    pub(super) kept: Vec<TokenId>,
    /// The probability of the last of them.
    pub(super) last: f64,
    /// The sum over them, where it was found on the way.
    pub(super) sum: Option<LogSum>,
}

/// The fewest tokens, the best first, whose probabilities under `normalizer` sum to `mass`. The token that crosses the line
/// stays, and so does at least one.
pub(super) fn nucleus(candidates: &mut Candidates, mass: f64, normalizer: LogSum) -> Nucleus {
    let total = candidates.count();
    let one_by_one = if total <= FEW { total } else { ONE_BY_ONE };
    let before = match prefix(candidates, mass, normalizer, one_by_one) {
        Ok(found) => return found,
        Err(before) => before,
    };
    if total > FEW {
        let top = candidates.ranked(one_by_one).last().copied();
        let top = top.map_or(f64::NEG_INFINITY, |id| candidates.score(id));
        let field = candidates.field();
        let search = Search { field: &field, mass, normalizer, top, before };
        if let Some(found) = numbers!(&*field.z, z => search.run(z)) {
            return found;
        }
    }
    prefix(candidates, mass, normalizer, total).unwrap_or_else(|_| {
        let last = candidates.ranked(total).last().copied();
        let last = last.map_or(1.0, |id| normalizer.prob(candidates.score(id)));
        Nucleus { kept: candidates.alive().collect(), last, sum: None }
    })
}

/// Looks among the first `most`; how much they have where that is not enough.
fn prefix(candidates: &mut Candidates, mass: f64, normalizer: LogSum, most: usize) -> Result<Nucleus, f64> {
    let (mut sum, mut kept) = (0.0, 0);
    while kept < most {
        // Sorts as far as is needed: mostly a few dozen tokens.
        let ranked = candidates.ranked((4 * kept).max(64).min(most)).to_vec();
        for &id in &ranked[kept..] {
            let last = normalizer.prob(candidates.score(id));
            sum += last;
            kept += 1;
            if sum >= mass {
                return Ok(Nucleus { kept: ranked[..kept].to_vec(), last, sum: None });
            }
        }
    }
    Err(sum)
}

/// A large nucleus: tokens are counted in buckets, which tells nearly where the line is crossed; above that place they are
/// summed, and only the few around it are put in order.
struct Search<'a> {
    field: &'a Field<'a>,
    mass: f64,
    normalizer: LogSum,
    /// The score of the last of the first [`ONE_BY_ONE`], and the probability of all of these.
    top: f64,
    before: f64,
}

impl Search<'_> {
    fn run<L: Number>(&self, z: &[L]) -> Option<Nucleus> {
        let Field { peaks, divisor, .. } = self.field;
        // What is less probable than this has less than 1 − mass together, and a rounding error makes no difference there.
        let floor = self.normalizer.score((1.0 - self.mass) / z.len() as f64) - 1e-6;
        let width = (self.top - floor) / BUCKETS as f64;
        if !(width > 0.0 && width.is_finite()) {
            return None;
        }
        let ends = self.estimate(&counts(z, self.top * divisor, (width * divisor).recip()), width);
        let edge = |bucket: usize| (self.top - bucket as f64 * width) * divisor;
        let (mut error, mut margin) = (0.0, 1);
        for _ in 0..GUESSES {
            let crossing = ends.partition_point(|end| end + error < self.mass);
            let above = crossing.saturating_sub(margin);
            let high = if above == 0 { f64::INFINITY } else { edge(above) };
            let high = L::least(|z| z.into() >= high).unwrap_or(L::INFINITY);
            let low = L::least(|z| z.into() >= edge(crossing + 1 + margin)).unwrap_or(L::INFINITY);
            let (masses, weighted) = sums_from(z, peaks, self.field.largest(), divisor.recip(), high);
            let total = sum(&masses);
            let before = self.normalizer.share(total);
            if let Some(band) = self.cross(z, low..high, before) {
                return Some(self.found(z, high, (total, weighted), &band));
            }
            error = if above == 0 { error } else { before - ends[above - 1] };
            margin *= 2;
        }
        None
    }

    /// About what the tokens up to the end of each bucket have.
    fn estimate(&self, counts: &[u32], width: f64) -> Vec<f64> {
        let falling = (-width).exp();
        let (mut sum, mut prob) = (self.before, self.normalizer.prob(self.top - width / 2.0));
        let mut next = |count: u32| {
            sum += f64::from(count) * prob;
            prob *= falling;
            sum
        };
        // The first ones are in the first bucket, and summed already.
        let beyond = counts
            .iter()
            .enumerate()
            .map(|(at, count)| if at == 0 { count.saturating_sub(ONE_BY_ONE as u32) } else { *count });
        beyond.map(&mut next).collect()
    }

    /// Of the tokens in a band, in order, those up to the one that crosses the line, where what is above has `before`.
    fn cross<L: Number>(&self, z: &[L], band: std::ops::Range<L>, before: f64) -> Option<Vec<Scored>> {
        let Field { peaks, divisor, ids, .. } = self.field;
        let of = |z: L| z.into() / divisor;
        let mut scored: Vec<Scored> = Vec::new();
        within(z, peaks, band.clone(), |z, at| scored.push((of(z), ids.map_or(at, |ids| ids[at as usize]))));
        let count = scored.len();
        let mut ordered = first(scored, count);
        let mut sum = before;
        let place = ordered.iter().position(|(score, _)| {
            sum += self.normalizer.prob(*score);
            sum >= self.mass
        });
        // What ties with it has to be in the band, too.
        let is_inside = |place: &usize| of(band.start) < ordered[*place].0 && ordered[*place].0 < of(band.end);
        let place = place.filter(|place| before < self.mass && is_inside(place))?;
        ordered.truncate(place + 1);
        Some(ordered)
    }

    /// What is from `high` on, whose sums are known, and the part of the band.
    fn found<L: Number>(&self, z: &[L], high: L, (mut sum, mut weighted): (f64, f64), band: &[Scored]) -> Nucleus {
        let largest = self.field.largest() / self.field.divisor;
        for d in band.iter().map(|(score, _)| score - largest) {
            sum += d.exp();
            weighted += d * d.exp();
        }
        let mut kept = Vec::new();
        from(z, &self.field.peaks, high, |found| kept.extend_from_slice(found));
        if let Some(ids) = self.field.ids {
            for at in &mut kept {
                *at = ids[*at as usize];
            }
        }
        kept.extend(band.iter().map(|(_, id)| *id));
        let last = band.last().map_or(1.0, |(score, _)| self.normalizer.prob(*score));
        Nucleus { kept, last, sum: Some(LogSum::of_sums(largest, sum, weighted)) }
    }
}
