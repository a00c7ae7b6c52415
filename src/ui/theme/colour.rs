//! Colours: how they are written, how they are brought down to what a terminal has, and how well they are read.

use ratatui::style::Color;

/// How many colours the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColourDepth {
    /// None at all: meaning rests on signs, bold, underline and reverse video.
    None,
    /// The sixteen names that the terminal's own palette decides.
    Ansi16,
    /// The 256 numbered ones.
    Indexed256,
    /// Red, green and blue.
    True,
}

impl ColourDepth {
    /// What the environment says of the terminal: `NO_COLOR`, `COLORTERM`, `TERM`.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name| variable(name).unwrap_or_default();
        let (term, colorterm) = (value("TERM"), value("COLORTERM"));
        if !value("NO_COLOR").is_empty() || term == "dumb" {
            Self::None
        } else if matches!(colorterm.as_str(), "truecolor" | "24bit")
            || term.ends_with("-direct")
            || !value("WT_SESSION").is_empty()
        {
            Self::True
        } else if term.contains("256color")
            || ["kitty", "alacritty", "ghostty", "foot"].iter().any(|name| term.contains(name))
        {
            Self::Indexed256
        } else {
            Self::Ansi16
        }
    }

    /// The depth by the name that the command line and the configuration use.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "16" => Self::Ansi16,
            "256" => Self::Indexed256,
            "true" | "truecolor" => Self::True,
            _ => return None,
        })
    }

    /// The nearest colour that this depth has.
    #[must_use]
    pub fn convert(self, colour: Color) -> Color {
        match (self, rgb(colour)) {
            (Self::True, _) => colour,
            (Self::None, _) | (_, None) => Color::Reset,
            (Self::Indexed256, Some(value)) if matches!(colour, Color::Rgb(..)) => Color::Indexed(nearest_256(value)),
            (Self::Ansi16, Some(value)) if matches!(colour, Color::Rgb(..) | Color::Indexed(16..)) => nearest_16(value),
            _ => colour,
        }
    }

    /// The nearest colour of this depth that is read on all these backgrounds, where there is one. Of sixteen colours, whose
    /// values the terminal decides, no more than 3 to 1 is asked, and black or white stands in.
    #[must_use]
    pub fn convert_ink(self, colour: Color, grounds: &[Color], least: f64) -> Color {
        let least = if self == Self::Ansi16 { least.min(3.0) } else { least };
        let lowest = |ink: Color| grounds.iter().filter_map(|&ground| contrast(ink, ground)).fold(f64::MAX, f64::min);
        let nearest = self.convert(colour);
        let (Some(value), true) = (rgb(colour), lowest(nearest) < least) else { return nearest };
        match self {
            Self::Indexed256 => {
                let read = (16..=255).filter(|&index| lowest(Color::Indexed(index)) >= least);
                read.min_by_key(|&index| away(value, index)).map_or(nearest, Color::Indexed)
            }
            Self::Ansi16 if lowest(Color::Black) > lowest(Color::White) => Color::Black,
            Self::Ansi16 => Color::White,
            Self::True | Self::None => nearest,
        }
    }
}

/// A colour as a theme writes it: `#rgb`, `#rrggbb`, a number up to 255, `default`, or one of the sixteen names.
#[must_use]
pub fn parse(text: &str) -> Option<Color> {
    if let Some(hex) = text.strip_prefix('#') {
        if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let value = u32::from_str_radix(hex, 16).ok()?;
        let [_, red, green, blue] = value.to_be_bytes();
        return match hex.len() {
            6 => Some(Color::Rgb(red, green, blue)),
            3 => Some(Color::Rgb((value >> 8) as u8 * 17, (value >> 4 & 15) as u8 * 17, (value & 15) as u8 * 17)),
            _ => None,
        };
    }
    if text == "default" {
        return Some(Color::Reset);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Color::Indexed);
    }
    NAMED.iter().find(|(name, ..)| *name == text).map(|(_, colour, _)| *colour)
}

/// The names of the sixteen colours, with the values that xterm gives them.
const NAMED: [(&str, Color, [u8; 3]); 16] = [
    ("black", Color::Black, [0, 0, 0]),
    ("red", Color::Red, [205, 0, 0]),
    ("green", Color::Green, [0, 205, 0]),
    ("yellow", Color::Yellow, [205, 205, 0]),
    ("blue", Color::Blue, [0, 0, 238]),
    ("magenta", Color::Magenta, [205, 0, 205]),
    ("cyan", Color::Cyan, [0, 205, 205]),
    ("white", Color::Gray, [229, 229, 229]),
    ("bright-black", Color::DarkGray, [127, 127, 127]),
    ("bright-red", Color::LightRed, [255, 0, 0]),
    ("bright-green", Color::LightGreen, [0, 255, 0]),
    ("bright-yellow", Color::LightYellow, [255, 255, 0]),
    ("bright-blue", Color::LightBlue, [92, 92, 255]),
    ("bright-magenta", Color::LightMagenta, [255, 0, 255]),
    ("bright-cyan", Color::LightCyan, [0, 255, 255]),
    ("bright-white", Color::White, [255, 255, 255]),
];

/// The six levels of the colour cube that the indices 16 to 231 are.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Red, green and blue, where the colour has fixed ones (the terminal's own default has none).
#[must_use]
pub fn rgb(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Reset => None,
        Color::Rgb(red, green, blue) => Some([red, green, blue]),
        Color::Indexed(index @ 0..16) => Some(NAMED[usize::from(index)].2),
        Color::Indexed(index @ 16..232) => {
            let index = usize::from(index - 16);
            Some([LEVELS[index / 36], LEVELS[index / 6 % 6], LEVELS[index % 6]])
        }
        Color::Indexed(index) => Some([8 + (index - 232) * 10; 3]),
        named => NAMED.iter().find(|(_, colour, _)| *colour == named).map(|(.., value)| *value),
    }
}

fn nearest_256(value: [u8; 3]) -> u8 {
    (16..=255).min_by_key(|&index| away(value, index)).unwrap_or(16)
}

fn away(value: [u8; 3], index: u8) -> u32 {
    rgb(Color::Indexed(index)).map_or(u32::MAX, |other| distance(value, other))
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    // Weights near those of luminance: the eye tells greens apart best and blues worst.
    let weights = [3, 6, 1];
    a.iter().zip(b).zip(weights).map(|((a, b), weight)| weight * u32::from(a.abs_diff(b)).pow(2)).sum()
}

/// Greys by lightness, everything else by hue: by distance alone most pastels would end up grey.
fn nearest_16([red, green, blue]: [u8; 3]) -> Color {
    let [r, g, b] = [red, green, blue].map(f64::from);
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    if high - low < 48.0 {
        return match luminance([red, green, blue]) {
            ..0.05 => Color::Black,
            0.05..0.25 => Color::DarkGray,
            0.25..0.7 => Color::Gray,
            _ => Color::White,
        };
    }
    let chroma = high - low;
    let hue = if high == r {
        ((g - b) / chroma).rem_euclid(6.0)
    } else if high == g {
        (b - r) / chroma + 2.0
    } else {
        (r - g) / chroma + 4.0
    };
    let plain = [Color::Red, Color::Yellow, Color::Green, Color::Cyan, Color::Blue, Color::Magenta];
    let bright = [
        Color::LightRed,
        Color::LightYellow,
        Color::LightGreen,
        Color::LightCyan,
        Color::LightBlue,
        Color::LightMagenta,
    ];
    let sextant = hue.round() as usize % 6;
    if high > 170.0 { bright[sextant] } else { plain[sextant] }
}

/// Relative luminance as WCAG 2 defines it.
#[must_use]
pub fn luminance(value: [u8; 3]) -> f64 {
    let [red, green, blue] = value.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// A colour in `OKLab` (Björn Ottosson, "A perceptual color space for image processing", 2020): lightness from 0 to 1, then
/// green to red and blue to yellow. Distances in it are about as large as differences look.
#[must_use]
pub fn oklab(value: [u8; 3]) -> [f64; 3] {
    let rgb = value.map(linear);
    let dot = |row: [f64; 3], column: [f64; 3]| row.iter().zip(column).map(|(a, b)| a * b).sum::<f64>();
    let cones = [
        [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
        [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
        [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
    ]
    .map(|row| dot(row, rgb).cbrt());
    [
        [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
        [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
        [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
    ]
    .map(|row| dot(row, cones))
}

/// A channel of sRGB as light, from 0 to 1.
fn linear(channel: u8) -> f64 {
    let channel = f64::from(channel) / 255.0;
    if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
}

/// Contrast ratio of two colours as WCAG 2 defines it, from 1 to 21; `None` where the terminal decides one of them.
#[must_use]
pub fn contrast(a: Color, b: Color) -> Option<f64> {
    let (a, b) = (luminance(rgb(a)?), luminance(rgb(b)?));
    Some((a.max(b) + 0.05) / (a.min(b) + 0.05))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_is_read_and_nothing_else() {
        assert_eq!(parse("#1e90ff"), Some(Color::Rgb(0x1e, 0x90, 0xff)));
        assert_eq!(parse("#f0a"), Some(Color::Rgb(0xff, 0, 0xaa)));
        assert_eq!(parse("208"), Some(Color::Indexed(208)));
        assert_eq!(parse("bright-blue"), Some(Color::LightBlue));
        assert_eq!(parse("default"), Some(Color::Reset));
        for wrong in ["", "#", "#12", "#12345g", "#+12345", "256", "-1", "blu", "Blue"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_environment_decides_the_depth() {
        let with = |pairs: &'static [(&str, &str)]| {
            ColourDepth::detect(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(with(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), ColourDepth::True);
        assert_eq!(with(&[("TERM", "xterm-256color")]), ColourDepth::Indexed256);
        assert_eq!(with(&[("TERM", "xterm")]), ColourDepth::Ansi16);
        assert_eq!(with(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]), ColourDepth::None);
        assert_eq!(with(&[("NO_COLOR", ""), ("COLORTERM", "24bit")]), ColourDepth::True);
        assert_eq!(with(&[("TERM", "dumb")]), ColourDepth::None);
    }

    #[test]
    fn colours_come_down_to_the_nearest() {
        assert_eq!(ColourDepth::Indexed256.convert(Color::Rgb(255, 0, 0)), Color::Indexed(196));
        assert_eq!(ColourDepth::Indexed256.convert(Color::Rgb(8, 8, 8)), Color::Indexed(232));
        assert_eq!(ColourDepth::Ansi16.convert(Color::Rgb(122, 162, 247)), Color::LightBlue);
        assert_eq!(ColourDepth::Ansi16.convert(Color::Rgb(20, 22, 30)), Color::Black);
        assert_eq!(ColourDepth::Ansi16.convert(Color::Indexed(196)), Color::LightRed);
        assert_eq!(ColourDepth::None.convert(Color::Rgb(1, 2, 3)), Color::Reset);
        assert_eq!(ColourDepth::Ansi16.convert(Color::Blue), Color::Blue);
    }

    #[test]
    fn ink_stays_readable_in_fewer_colours() {
        let ground = [Color::Indexed(231)];
        let ink = ColourDepth::Indexed256.convert_ink(Color::Rgb(0x76, 0x76, 0x76), &ground, 4.5);
        assert_eq!(ink, Color::Indexed(243), "the nearest, 244, has 3.9 to 1");
        let white = [Color::White];
        assert_eq!(ColourDepth::Ansi16.convert_ink(Color::Rgb(138, 82, 0), &white, 4.5), Color::Black, "not yellow");
        assert_eq!(ColourDepth::Ansi16.convert_ink(Color::Rgb(21, 89, 179), &white, 4.5), Color::LightBlue);
        assert_eq!(ColourDepth::Ansi16.convert_ink(Color::Rgb(21, 89, 179), &[Color::Reset], 4.5), Color::LightBlue);
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        let white_on_black = contrast(Color::Rgb(255, 255, 255), Color::Rgb(0, 0, 0)).unwrap();
        assert!((white_on_black - 21.0).abs() < 1e-9);
        let grey = contrast(Color::Rgb(0x76, 0x76, 0x76), Color::Rgb(255, 255, 255)).unwrap();
        assert!((grey - 4.54).abs() < 0.01);
    }
}
