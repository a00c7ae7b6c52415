//! The nucleus: the shortest prefix, in descending probability, that has a mass.

use super::passes::{BLOCK, exponentials};
use super::scan::{LogSum, first};
use super::{Candidates, TokenId};

/// Tokens that are put in order and summed one by one, before the others are counted in buckets.
const ONE_BY_ONE: usize = 256;

/// So many can as well all be put in order.
const FEW: usize = 1024;

/// Buckets of equal width in log-probability.
const BUCKETS: usize = 4096;

/// The fewest tokens, the best first, whose probabilities under `normalizer` sum to `mass`, and the probability of the last of
/// them. The token that crosses the line stays, and so does at least one. In no particular order.
pub(super) fn nucleus(candidates: &mut Candidates, mass: f64, normalizer: LogSum) -> (Vec<TokenId>, f64) {
    let total = candidates.count();
    let one_by_one = if total <= FEW { total } else { ONE_BY_ONE };
    if let Some(found) = prefix(candidates, mass, normalizer, one_by_one) {
        return found;
    }
    let found = if total <= FEW { None } else { counted(candidates, mass, normalizer) };
    found.or_else(|| prefix(candidates, mass, normalizer, total)).unwrap_or_else(|| {
        let last = candidates.ranked(total).last().copied();
        (candidates.alive().collect(), last.map_or(1.0, |id| normalizer.prob(candidates.score(id))))
    })
}

/// Looks among the first `most`.
fn prefix(candidates: &mut Candidates, mass: f64, normalizer: LogSum, most: usize) -> Option<(Vec<TokenId>, f64)> {
    let (mut sum, mut kept) = (0.0, 0);
    while kept < most {
        // Sorts as far as is needed: mostly a few dozen tokens.
        let ranked = candidates.ranked((4 * kept).max(64).min(most)).to_vec();
        for &id in &ranked[kept..] {
            let last = normalizer.prob(candidates.score(id));
            sum += last;
            kept += 1;
            if sum >= mass {
                return Some((ranked[..kept].to_vec(), last));
            }
        }
    }
    None
}

/// Counts the mass of every bucket, and puts in order only the one in which the line is crossed.
fn counted(candidates: &Candidates, mass: f64, normalizer: LogSum) -> Option<(Vec<TokenId>, f64)> {
    // What is less probable than this has less than 1 − mass together, and a rounding error makes no difference there.
    let floor = normalizer.score((1.0 - mass) / candidates.count() as f64) - 1e-6;
    let width = BUCKETS as f64 / (normalizer.max - floor);
    let bucket = |score: f64| (((normalizer.max - score) * width) as usize).min(BUCKETS - 1);
    let mut weight_of = vec![0.0; BUCKETS];
    candidates.not_below(floor, |found| {
        let mut weights = [0.0; BLOCK];
        let weights = &mut weights[..found.len()];
        for (weight, (score, _)) in weights.iter_mut().zip(found) {
            *weight = *score;
        }
        exponentials(weights, normalizer.max, 1.0);
        for ((score, _), weight) in found.iter().zip(weights) {
            weight_of[bucket(*score)] += *weight;
        }
    });
    let mut before = 0.0;
    let crossing = weight_of.iter().position(|weight| {
        let crosses = normalizer.share(before + weight) >= mass;
        before += if crosses { 0.0 } else { *weight };
        crosses
    })?;
    // A little lower than where the last bucket ends: `bucket` itself decides.
    let end = normalizer.max - (crossing as f64 + 1.5) / width;
    let (mut kept, mut last_bucket) = (Vec::new(), Vec::new());
    candidates.not_below(end.max(floor), |found| {
        let (mut ids, mut count) = ([0; BLOCK], 0);
        for &(score, id) in found {
            let at = bucket(score);
            ids[count] = id;
            count += usize::from(at < crossing);
            if at == crossing {
                last_bucket.push((score, id));
            }
        }
        kept.extend_from_slice(&ids[..count]);
    });
    let (mut sum, mut last) = (normalizer.share(before), 1.0);
    let count = last_bucket.len();
    for (score, id) in first(last_bucket, count) {
        last = normalizer.prob(score);
        sum += last;
        kept.push(id);
        if sum >= mass {
            break;
        }
    }
    Some((kept, last))
}
