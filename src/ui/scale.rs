//! How a probability becomes a length.

/// Linear, or logarithmic down to a floor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Lengths are as probabilities.
    #[default]
    Linear,
    /// Equal lengths are equal factors, from 1 down to 1e-6.
    Logarithmic,
}

/// Factors of ten that a logarithmic scale shows.
pub const DECADES: u16 = 6;

impl Scale {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Linear => Self::Logarithmic,
            Self::Logarithmic => Self::Linear,
        }
    }

    /// The length of `p`, in [0, 1]. A linear scale ends at `full`, the logarithmic one at 1; what is below its floor has none.
    #[must_use]
    pub fn length(self, p: f64, full: f64) -> f64 {
        match self {
            Self::Linear => (p / full).clamp(0.0, 1.0),
            Self::Logarithmic if p > 0.0 => (1.0 + p.log10() / f64::from(DECADES)).clamp(0.0, 1.0),
            Self::Logarithmic => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_by_hand() {
        assert_eq!(Scale::Linear.length(0.1, 0.25), 0.4);
        assert_eq!(Scale::Linear.length(0.5, 0.25), 1.0);
        let log = |p| Scale::Linear.other().length(p, 0.25);
        assert_eq!([1.0, 0.0, 1e-6, 1e-9].map(log), [1.0, 0.0, 0.0, 0.0]);
        assert!((log(1e-3) - 0.5).abs() < 1e-12);
        assert_eq!(Scale::Logarithmic.other(), Scale::Linear);
    }
}
