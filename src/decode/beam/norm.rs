//! Length norms: what the sum of a hypothesis is divided by.

use std::fmt;
use std::str::FromStr;

use crate::decode::DecodeError;

/// What counts as the length of a sequence, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// The prompt.
    pub prompt: usize,
    /// The output, an end token included.
    pub generated: usize,
    /// How many of the generated ones are an end token: 0 or 1.
    pub end_tokens: usize,
}

/// How a sum of log-probabilities becomes a score: score = sum / divisor, where α is the length penalty.
///
/// Sums are negative, so that α above 0 favours long sequences, and below 0 short ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthNorm {
    /// n^α over generated tokens, the end token counted. Source: transformers, `GenerationMixin._update_finished_beams`.
    #[default]
    Transformers,
    /// ((5 + n)/6)^α over the same n. Source: Wu et al. 2016, arXiv:1609.08144, equation 14.
    Gnmt,
    /// m^α over prompt and generated tokens, the end token not counted. Source: vLLM, `get_beam_search_score`.
    Vllm,
    /// 1: the sum itself.
    None,
}

impl LengthNorm {
    /// Every norm.
    pub const ALL: [Self; 4] = [Self::Transformers, Self::Gnmt, Self::Vllm, Self::None];

    /// As in `--length-norm`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Transformers => "transformers",
            Self::Gnmt => "gnmt",
            Self::Vllm => "vllm",
            Self::None => "none",
        }
    }

    /// What a sum is divided by, above 0. A length of 0 counts as 1, so that nothing is divided by 0.
    #[must_use]
    pub fn divisor(self, alpha: f64, length: Length) -> f64 {
        let at_least_one = |tokens: usize| tokens.max(1) as f64;
        match self {
            Self::Transformers => at_least_one(length.generated).powf(alpha),
            Self::Gnmt => ((5.0 + length.generated as f64) / 6.0).powf(alpha),
            Self::Vllm => {
                at_least_one((length.prompt + length.generated).saturating_sub(length.end_tokens)).powf(alpha)
            }
            Self::None => 1.0,
        }
    }
}

impl fmt::Display for LengthNorm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LengthNorm {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::ALL.into_iter().find(|norm| norm.name() == text).ok_or_else(|| DecodeError::BadValue {
            name: "length_norm".into(),
            value: text.into(),
            wrong: "not one of transformers, gnmt, vllm, none".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Length = Length { prompt: 4, generated: 7, end_tokens: 1 };

    #[test]
    fn divisors_by_hand() {
        assert_eq!(LengthNorm::Transformers.divisor(2.0, LENGTH), 49.0);
        assert_eq!(LengthNorm::Gnmt.divisor(2.0, LENGTH), 4.0);
        assert_eq!(LengthNorm::Vllm.divisor(2.0, LENGTH), 100.0);
        assert_eq!(LengthNorm::None.divisor(2.0, LENGTH), 1.0);
        assert!((LengthNorm::Transformers.divisor(-1.0, LENGTH) - 1.0 / 7.0).abs() < 1e-15);
        for norm in LengthNorm::ALL {
            assert_eq!(norm.divisor(0.0, LENGTH), 1.0);
            let nothing = Length { prompt: 0, generated: 1, end_tokens: 1 };
            assert!(norm.divisor(-2.0, nothing).is_finite() && norm.divisor(5.0, nothing) > 0.0);
            assert_eq!(norm.name().parse(), Ok(norm));
        }
        assert!("google".parse::<LengthNorm>().unwrap_err().to_string().contains("transformers, gnmt"));
    }

    /// Five hypotheses at α = 0.6: a longer one with a lower sum can win.
    #[test]
    fn the_norm_reorders_hypotheses() {
        let mut hypotheses = [(-5.2, 10), (-5.3, 12), (-5.3, 10), (-5.8, 15), (-5.9, 8)];
        let score = |(sum, generated): (f64, usize)| {
            sum / LengthNorm::Transformers.divisor(0.6, Length { prompt: 3, generated, end_tokens: 1 })
        };
        hypotheses.sort_by(|a, b| score(*b).total_cmp(&score(*a)));
        assert_eq!(hypotheses, [(-5.8, 15), (-5.3, 12), (-5.2, 10), (-5.3, 10), (-5.9, 8)]);
    }
}
