//! Of several samples, the one that the others agree with most: minimum Bayes risk decoding (Eikema & Aziz 2020,
//! "Is MAP Decoding All You Need?"), with the samples themselves as candidates and as evidence.

use std::collections::HashMap;

use super::TokenId;

/// The unigram F1 of two sequences, from 0 (no token in common) to 1 (the same tokens, in any order):
/// twice the tokens that they share, each as often as both have it, over the tokens of both. Two empty sequences agree.
#[must_use]
pub fn unigram_f1(a: &[TokenId], b: &[TokenId]) -> f64 {
    overlap_f1((&counts(a), a.len()), (&counts(b), b.len()))
}

/// The index of the sequence with the highest mean [`unigram_f1`] to the others; among equals the first. A single one agrees
/// with itself; `None` where there is none. Repeated sequences count as often as they came.
#[must_use]
pub fn consensus<S: AsRef<[TokenId]>>(sequences: &[S]) -> Option<usize> {
    // Each different sequence once, with how often it came: many short samples are mostly the same few.
    let mut kinds: Vec<(&[TokenId], usize, usize)> = Vec::new();
    let mut known: HashMap<&[TokenId], usize> = HashMap::new();
    for (index, sequence) in sequences.iter().map(AsRef::as_ref).enumerate() {
        let kind = *known.entry(sequence).or_insert(kinds.len());
        match kinds.get_mut(kind) {
            Some((_, _, times)) => *times += 1,
            None => kinds.push((sequence, index, 1)),
        }
    }
    let counted: Vec<HashMap<TokenId, usize>> = kinds.iter().map(|(tokens, ..)| counts(tokens)).collect();
    let mut best: Option<(usize, f64)> = None;
    for (i, (tokens, index, times)) in kinds.iter().enumerate() {
        let with = |(j, (other, _, often)): (usize, &(&[TokenId], usize, usize))| {
            *often as f64 * overlap_f1((&counted[i], tokens.len()), (&counted[j], other.len()))
        };
        let others = |(j, _): &(usize, &(&[TokenId], usize, usize))| *j != i;
        // The divisor of the mean, the number of the others, is the same for all.
        let agreement = (*times - 1) as f64 + kinds.iter().enumerate().filter(others).map(with).sum::<f64>();
        if best.is_none_or(|(_, most)| agreement > most) {
            best = Some((*index, agreement));
        }
    }
    best.map(|(index, _)| index)
}

fn counts(tokens: &[TokenId]) -> HashMap<TokenId, usize> {
    let mut counts = HashMap::new();
    for &token in tokens {
        *counts.entry(token).or_default() += 1;
    }
    counts
}

fn overlap_f1((a, n): (&HashMap<TokenId, usize>, usize), (b, m): (&HashMap<TokenId, usize>, usize)) -> f64 {
    if n + m == 0 {
        return 1.0;
    }
    let shared: usize = a.iter().map(|(token, &times)| times.min(b.get(token).copied().unwrap_or(0))).sum();
    2.0 * shared as f64 / (n + m) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn agreement_by_hand() {
        assert_eq!(unigram_f1(&[1, 2, 3], &[3, 2, 1]), 1.0);
        assert_eq!(unigram_f1(&[1, 1, 2], &[1, 3]), 0.4);
        assert_eq!(unigram_f1(&[1], &[2]), 0.0);
        assert_eq!((unigram_f1(&[], &[]), unigram_f1(&[], &[1])), (1.0, 0.0));
    }

    #[test]
    fn the_middle_one_is_chosen() {
        // 1 2 3 shares two tokens with each other one; those share one.
        assert_eq!(consensus(&[vec![1, 2, 9], vec![1, 2, 3], vec![8, 2, 3]]), Some(1));
        assert_eq!(consensus(&[vec![7], vec![1], vec![1]]), Some(1), "what comes often agrees with itself");
        assert_eq!(consensus(&[vec![1], vec![2]]), Some(0), "among equals the first");
        assert_eq!(consensus::<Vec<TokenId>>(&[]), None);
    }

    proptest! {
        #[test]
        fn it_is_the_best_by_the_definition(sequences in prop::collection::vec(prop::collection::vec(0u32..4, 0..4), 1..7)) {
            let mean = |i: usize| -> f64 {
                let others = (0..sequences.len()).filter(|&j| j != i);
                others.map(|j| unigram_f1(&sequences[i], &sequences[j])).sum()
            };
            let chosen = consensus(&sequences).unwrap();
            for i in 0..sequences.len() {
                prop_assert!(mean(chosen) >= mean(i) - 1e-9);
            }
        }
    }
}
