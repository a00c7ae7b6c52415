//! What a beam search is asked to do.

use std::fmt;
use std::str::FromStr;

use super::norm::{Length, LengthNorm};
use crate::decode::{DecodeError, TokenId};

/// The most beams: what they need grows with beams × vocabulary.
const MOST_BEAMS: usize = 256;
/// The range of the length penalty.
pub const PENALTIES: std::ops::RangeInclusive<f64> = -2.0..=5.0;

/// When enough hypotheses have finished. In every case B of them must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EarlyStopping {
    /// At once.
    True,
    /// When the best running sum, divided as at its present length, is not above the worst finished score. A guess: where
    /// α > 0, a running beam can still climb above it.
    #[default]
    False,
    /// The same, with the greatest length in place of the present one where α > 0: then no running beam can climb above it.
    Never,
}

impl EarlyStopping {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::True, Self::False, Self::Never];

    /// As in `--early-stopping`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
            Self::Never => "never",
        }
    }
}

impl fmt::Display for EarlyStopping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EarlyStopping {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::ALL.into_iter().find(|when| when.name() == text).ok_or_else(|| DecodeError::BadValue {
            name: "early_stopping".into(),
            value: text.into(),
            wrong: "not one of true, false, never".into(),
        })
    }
}

/// How the continuations that a step looks at are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// The best.
    #[default]
    Best,
    /// Drawn without replacement from the softmax over the sums of all continuations of all beams.
    ///
    /// The i-th draw of step t is `uniform(seed, t, i)`: a stream for each step. It chooses, in descending order of the sums
    /// (equal ones by beam, then by token id), the first continuation that was not drawn yet whose cumulative probability
    /// among those not drawn yet exceeds u.
    Drawn {
        /// The seed of the draws.
        seed: u64,
    },
}

/// The options of a beam search, whatever the prompt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeamSettings {
    /// B, all groups together: 1 to 256.
    pub beams: usize,
    /// G, a divisor of B; 1 is plain beam search.
    pub groups: usize,
    /// λ, in nats, at least 0: what a group loses for each beam of an earlier group with the same token.
    pub diversity_penalty: f64,
    /// α, from −2 to 5.
    pub length_penalty: f64,
    /// What α is the power of.
    pub length_norm: LengthNorm,
    /// When enough have finished.
    pub early_stopping: EarlyStopping,
    /// How continuations are chosen.
    pub selection: Selection,
    /// The most hypotheses to return: 1 to B.
    pub returned: usize,
}

impl Default for BeamSettings {
    fn default() -> Self {
        Self {
            beams: 4,
            groups: 1,
            diversity_penalty: 0.0,
            length_penalty: 1.0,
            length_norm: LengthNorm::default(),
            early_stopping: EarlyStopping::default(),
            selection: Selection::default(),
            returned: 1,
        }
    }
}

impl BeamSettings {
    /// Refuses what can't be searched with.
    ///
    /// # Errors
    /// Names the first option that is out of range, its value, and the range.
    pub fn check(&self) -> Result<(), DecodeError> {
        let bad =
            |name: &str, value: String, wrong: String| Err(DecodeError::BadValue { name: name.into(), value, wrong });
        let Self { beams, groups, returned, .. } = *self;
        if !(1..=MOST_BEAMS).contains(&beams) {
            return bad("num_beams", beams.to_string(), format!("out of range: it must be from 1 to {MOST_BEAMS}"));
        }
        if groups == 0 || beams % groups != 0 {
            let wrong = format!("no number of equal groups of {beams} beams: it must divide --num-beams");
            return bad("num_beam_groups", groups.to_string(), wrong);
        }
        if groups > 1 && self.selection != Selection::Best {
            let wrong =
                "more than 1, and groups draw nothing: use the diverse-beam strategy without sampling options".into();
            return bad("num_beam_groups", groups.to_string(), wrong);
        }
        if !(1..=beams).contains(&returned) {
            let wrong = format!("out of range: {beams} beams give 1 to {beams} sequences, more with more --num-beams");
            return bad("num_return_sequences", returned.to_string(), wrong);
        }
        if !PENALTIES.contains(&self.length_penalty) {
            let wrong = format!("out of range: it must be from {} to {}", PENALTIES.start(), PENALTIES.end());
            return bad("length_penalty", self.length_penalty.to_string(), wrong);
        }
        if !(self.diversity_penalty.is_finite() && self.diversity_penalty >= 0.0) {
            let wrong = "out of range: it must be at least 0 and finite".into();
            return bad("diversity_penalty", self.diversity_penalty.to_string(), wrong);
        }
        Ok(())
    }

    /// Beams of one group.
    #[must_use]
    pub fn group_size(&self) -> usize {
        self.beams / self.groups.max(1)
    }

    /// The score of a sum at a length.
    #[must_use]
    pub fn score(&self, sum: f64, length: Length) -> f64 {
        sum / self.length_norm.divisor(self.length_penalty, length)
    }
}

/// What one search works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeamTask {
    /// Token ids of the prompt.
    pub prompt: Vec<TokenId>,
    /// Ids that end a sequence; without any nothing ends before the last step.
    pub end_ids: Vec<TokenId>,
    /// The most tokens to generate, at least 1.
    pub max_new_tokens: usize,
}

impl BeamTask {
    /// How many continuations a step looks at for each beam that it keeps: max(2, 1 + number of end ids), so that enough are
    /// left when the best all end.
    #[must_use]
    pub fn looked_at_per_beam(&self) -> usize {
        (1 + self.end_ids.len()).max(2)
    }
}
