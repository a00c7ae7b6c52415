//! What several samples from one prompt have in common.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::decode::TokenId;
use crate::decode::consensus::consensus;
use crate::engine::Generated;
use crate::glyph::visible_lines;

use super::style::Style;
use super::write::percent;

/// Lines of the table in text output.
const SHOWN: usize = 8;
/// Agreement is a matter of pairs: with more different texts than this it would take longer than the samples did.
const MOST_COMPARED: usize = 2000;

/// A text and how often it came.
#[derive(Debug, PartialEq, Serialize)]
struct SampledText {
    text: String,
    count: usize,
    /// Of all samples.
    share: f64,
}

/// The different texts, and the sample that the others agree with most.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Samples {
    distinct: usize,
    /// The most frequent first; equally frequent ones in the order of their scores.
    texts: Vec<SampledText>,
    /// An index into the sequences; none where there are too many different texts to compare.
    consensus: Option<usize>,
}

impl Samples {
    /// None for a single sequence.
    pub(super) fn of(sequences: &[Generated]) -> Option<Self> {
        if sequences.len() < 2 {
            return None;
        }
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (index, sequence) in sequences.iter().enumerate() {
            counts.entry(&sequence.text).or_insert((index, 0)).1 += 1;
        }
        let mut kinds: Vec<(&str, (usize, usize))> = counts.into_iter().collect();
        kinds.sort_by_key(|(_, (first, count))| (std::cmp::Reverse(*count), *first));
        let share = |count: usize| count as f64 / sequences.len() as f64;
        let text = |(text, (_, count)): &(&str, (usize, usize))| SampledText {
            text: (*text).to_string(),
            count: *count,
            share: share(*count),
        };
        let ids: Vec<Vec<TokenId>> =
            sequences.iter().map(|sequence| sequence.tokens.iter().map(|token| token.id).collect()).collect();
        Some(Self {
            distinct: kinds.len(),
            consensus: if kinds.len() > MOST_COMPARED { None } else { consensus(&ids) },
            texts: kinds.iter().map(text).collect(),
        })
    }

    /// A short table for people.
    pub(super) fn lines(&self, sequences: &[Generated], style: Style) -> Vec<String> {
        let mut lines = vec![String::new(), style.dim(&format!("{} different texts", self.distinct))];
        for sampled in self.texts.iter().take(SHOWN) {
            let text = visible_lines(sampled.text.as_bytes()).replace('\n', " ");
            lines.push(format!("{:>6}× {:>9} {text}", sampled.count, percent(sampled.share)));
        }
        if let Some(agreed) = self.consensus.and_then(|index| sequences.get(index)) {
            lines.push(style.dim("the one that the others agree with most"));
            lines.push(format!("      {}", visible_lines(agreed.text.as_bytes()).replace('\n', " ")));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{FinishReason, GeneratedToken};

    fn sample(ids: &[TokenId]) -> Generated {
        let token = |&id: &TokenId| GeneratedToken { id, logprob: -1.0, sampling_logprob: -1.0, rank: 1 };
        Generated {
            tokens: ids.iter().map(token).collect(),
            text: ids.iter().map(ToString::to_string).collect(),
            sum_logprob: 0.0,
            score: 0.0,
            finish_reason: FinishReason::Length,
        }
    }

    #[test]
    fn texts_are_counted_and_agreement_is_found() {
        let samples = Samples::of(&[sample(&[7, 8]), sample(&[1, 2]), sample(&[1, 3]), sample(&[1, 2])]).unwrap();
        assert_eq!((samples.distinct, samples.consensus), (3, Some(1)));
        assert_eq!((samples.texts[0].text.as_str(), samples.texts[0].count, samples.texts[0].share), ("12", 2, 0.5));
        assert_eq!(samples.texts[1].text, "78", "in the order of their scores");
        assert_eq!(Samples::of(&[sample(&[1])]), None);
    }
}
