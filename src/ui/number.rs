//! Numbers as a class reads them: few digits, the same width in a column.

use std::f64::consts::LN_2;

use super::look::Signs;

/// Nats as bits.
#[must_use]
pub fn bits(nats: f64) -> f64 {
    nats / LN_2
}

/// A probability in at most six cells: `100%`, `23.4%`, `1.23%`, `0.045%`, `4e-7`.
#[must_use]
pub fn percent(p: f64) -> String {
    let value = 100.0 * p;
    // The limits are where rounding would add a digit.
    match value {
        v if v.is_nan() => "?".to_owned(),
        v if v >= 99.95 => "100%".to_owned(),
        v if v >= 9.995 => format!("{v:.1}%"),
        v if v >= 0.0995 => format!("{v:.2}%"),
        v if v >= 0.000_95 => format!("{v:.3}%"),
        _ if p == 0.0 => "0%".to_owned(),
        _ if p < 1e-99 => "0+".to_owned(),
        _ => format!("{p:.0e}"),
    }
}

/// A log-probability: three digits after the point, and a minus sign where the charset has one.
#[must_use]
pub fn logprob(nats: f64, signs: &Signs) -> String {
    if nats == f64::NEG_INFINITY {
        return signs.minus_infinity.to_owned();
    }
    format!("{nats:.3}").replace('-', signs.minus)
}

/// A perplexity in at most eight cells.
#[must_use]
pub fn perplexity(value: f64) -> String {
    if value < 99_999.995 { format!("{value:.2}") } else { format!("{value:.1e}") }
}

/// A count with its thousands apart: `31,988`.
#[must_use]
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An effective number of choices: `2.1`, `31`, `32,000`.
#[must_use]
pub fn choices(n: f64) -> String {
    // The limit is where rounding would add a digit.
    if n < 9.95 { format!("{n:.1}") } else { count(n.round() as usize) }
}

/// A count with a unit letter: `7.1M`.
#[must_use]
pub fn short(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..1_000_000 => format!("{:.0}k", n as f64 / 1e3),
        1_000_000..100_000_000 => format!("{:.1}M", n as f64 / 1e6),
        100_000_000..1_000_000_000 => format!("{:.0}M", n as f64 / 1e6),
        _ => format!("{:.1}B", n as f64 / 1e9),
    }
}

/// Floating-point operations: `14.2 M`.
#[must_use]
pub fn operations(n: f64) -> String {
    let (mut value, mut unit) = (n, 0);
    // The limit is where rounding would add a digit.
    while value >= 999.5 && unit + 1 < PREFIXES.len() {
        value /= 1e3;
        unit += 1;
    }
    format!("{}{}", three(value), PREFIXES[unit])
}

const PREFIXES: [&str; 7] = ["", " k", " M", " G", " T", " P", " E"];

/// Time: `3.12 ms`.
#[must_use]
pub fn seconds(s: f64) -> String {
    match s {
        0.0 => "0 s".to_owned(),
        ..0.000_999_5 => format!("{} us", three(s * 1e6)),
        ..0.9995 => format!("{} ms", three(s * 1e3)),
        _ => format!("{} s", three(s)),
    }
}

/// Memory: `432 KiB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    let (mut value, mut unit) = (n as f64, 0);
    while value >= 1023.5 && unit + 1 < BINARY.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", three(value), BINARY[unit])
}

const BINARY: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/// Three digits: `1.23`, `12.3`, `123`.
fn three(value: f64) -> String {
    match value {
        v if v == v.trunc() && v < 1e4 => format!("{v:.0}"),
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A figure of a measurement, in about four digits.
#[must_use]
pub fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        ..0.001 => format!("{value:.1e}"),
        ..1.0 => format!("{value:.4}"),
        ..100.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_never_need_more_than_six_cells() {
        let cases = [(1.0, "100%"), (0.999, "99.9%"), (0.2341, "23.4%"), (0.0995, "9.95%"), (0.0123, "1.23%")];
        let small =
            [(0.00045, "0.045%"), (1.2e-5, "0.001%"), (4.2e-7, "4e-7"), (0.0, "0%"), (3e-120, "0+"), (1e-42, "1e-42")];
        for (p, want) in cases.into_iter().chain(small) {
            assert_eq!(percent(p), want);
        }
        let mut p = 1.0;
        while p > 1e-110 {
            assert!(percent(p).len() <= 6, "{p}: {}", percent(p));
            p *= 0.997;
        }
    }

    #[test]
    fn quantities_have_three_digits_and_a_unit() {
        assert_eq!(
            [0.0, 999.0, 14_200.0, 999_600.0, 2.5e9, 3e22].map(operations),
            ["0", "999", "14.2 k", "1.00 M", "2.50 G", "30000 E"].map(str::to_owned)
        );
        assert_eq!(
            [0.0, 3.12e-3, 41.26e-6, 0.9996, 12.0].map(seconds),
            ["0 s", "3.12 ms", "41.3 us", "1.00 s", "12 s"]
        );
        assert_eq!([0, 1023, 1536, 72 << 20, 3 << 40].map(bytes), ["0 B", "1023 B", "1.50 KiB", "72 MiB", "3 TiB"]);
    }

    #[test]
    fn choices_by_hand() {
        assert_eq!([1.0, 2.14, 9.94, 9.96, 31.4, 32_000.2].map(choices), ["1.0", "2.1", "9.9", "10", "31", "32,000"]);
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(["7", "999", "1,000", "152,064"].map(str::to_owned), [7, 999, 1000, 152_064].map(count));
        assert_eq!(
            ["7", "7.1M", "135M", "7.2B"].map(str::to_owned),
            [7, 7_100_000, 135_000_000, 7_200_000_000].map(short)
        );
    }
}
