//! Sizes and times as people read them.

/// Bytes in decimal units, as disks and downloads are sold: `812 B`, `4.2 MB`, `13.5 GB`.
#[must_use]
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    let mut value = bytes as f64;
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    value /= 1000.0;
    // 999.95 would be written as 1000.0.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A time that is still to come: `4 s`, `3 min`, `2 h`.
#[must_use]
pub fn human_time(seconds: f64) -> String {
    match seconds.ceil() {
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_change_where_rounding_would_add_a_digit() {
        let shown = [0, 999, 1000, 1_049, 999_949, 999_950, 98_765_432, 13_500_000_000].map(human);
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "1.0 kB", "999.9 kB", "1.0 MB", "98.8 MB", "13.5 GB"]);
        assert_eq!(human(u64::MAX), "18446.7 PB");
    }

    #[test]
    fn times_have_one_unit() {
        assert_eq!([0.2, 99.0, 100.0, 5999.0, 7200.0].map(human_time), ["1 s", "99 s", "2 min", "100 min", "2 h"]);
    }
}
