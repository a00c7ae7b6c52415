//! Themes: TOML files that give every [`Role`] a style, brought down to the colours that the terminal has.

mod check;
pub mod colour;
mod file;
mod role;

use std::io;
use std::path::Path;

use ratatui::style::{Color, Style};

pub use check::Fault;
pub use colour::ColourDepth;
pub use file::ThemeError;
pub use role::{Ink, Role};

macro_rules! built_in {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("../../../themes/", $name, ".toml"))),)*] };
}

/// The themes inside the program: name and file.
pub const BUILT_IN: &[(&str, &str)] = built_in![
    "dark" "light" "high-contrast" "okabe-ito" "projector" "no-colour" "catppuccin-mocha" "gruvbox"
];

/// What a theme is for: the first line of its file, which is a comment.
#[must_use]
pub fn summary(file: &str) -> &str {
    file.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default()
}

/// A style for every role.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    name: String,
    styles: Vec<Style>,
}

impl Theme {
    /// The theme of that name, or the one in that file, which `read` reads.
    ///
    /// # Errors
    /// No such theme, an unreadable file, or one that is wrong; the message names file, line, key and value.
    pub fn load(name_or_path: &str, read: &dyn Fn(&Path) -> io::Result<String>) -> Result<Self, ThemeError> {
        match BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            Some((name, _)) => Self::built_in(name),
            None if file::is_file(name_or_path) => file::load(Path::new(name_or_path), read),
            None => Err(ThemeError::Unknown(name_or_path.to_owned())),
        }
    }

    /// A theme of the program.
    ///
    /// # Errors
    /// No such theme.
    pub fn built_in(name: &str) -> Result<Self, ThemeError> {
        file::built_in(name)
    }

    fn new(name: String, styles: Vec<Style>) -> Self {
        Self { name, styles }
    }

    /// Its name: that of a built-in theme, or the file's without `.toml`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The style of a role; what the theme leaves open comes from `base`.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// The same theme in fewer colours.
    ///
    /// Text stays readable on every background that it is drawn on. A background that can no longer be told from one beside
    /// it gets its role's stand-in, and without any colours all roles do: nothing may be lost that a class has to see.
    #[must_use]
    pub fn at_depth(&self, depth: ColourDepth) -> Self {
        if depth == ColourDepth::True {
            return self.clone();
        }
        let full = |role: Role| self.style(role).bg.unwrap_or(Color::Reset);
        let ground = |role: Role| depth.convert(full(role));
        let convert = |&role: &Role| {
            let from = self.style(role);
            let bg = ground(role);
            let grounds: Vec<_> = role.grounds().iter().map(|&other| ground(other)).chain([bg]).collect();
            let ink = depth.convert_ink(from.fg.unwrap_or(Color::Reset), &grounds, role.ink().least_contrast());
            let style = Style { fg: Some(ink), bg: Some(bg), ..from };
            let merged = role.beside().iter().any(|&other| full(other) != full(role) && ground(other) == bg);
            match depth {
                ColourDepth::None => Style { add_modifier: role.mono(), ..style },
                _ if merged => style.add_modifier(role.mono()),
                _ => style,
            }
        };
        Self { name: self.name.clone(), styles: Role::ALL.iter().map(convert).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Modifier;

    #[test]
    fn everyone_in_the_room_can_read_every_theme_in_true_colour_and_in_256() {
        for (name, _) in BUILT_IN {
            let theme = Theme::built_in(name).unwrap();
            for depth in [ColourDepth::True, ColourDepth::Indexed256] {
                let faults: Vec<_> = theme.at_depth(depth).faults().iter().map(Fault::to_string).collect();
                assert!(faults.is_empty(), "{name} {depth:?}: {faults:?}");
            }
        }
    }

    #[test]
    fn sixteen_colours_keep_text_apart_from_its_backgrounds() {
        for (name, _) in BUILT_IN {
            let theme = Theme::built_in(name).unwrap().at_depth(ColourDepth::Ansi16);
            for &role in Role::ALL.iter().filter(|role| role.ink() == Ink::Text) {
                for &ground in role.grounds().iter().chain([&role]) {
                    let ratio = colour::contrast(theme.style(role).fg.unwrap(), theme.style(ground).bg.unwrap());
                    assert!(
                        ratio.is_none_or(|ratio| ratio >= 3.0),
                        "{name}: {} on {}: {ratio:?}",
                        role.key(),
                        ground.key()
                    );
                }
            }
        }
    }

    #[test]
    fn no_depth_loses_a_meaning() {
        use Role::{Base, Cursor, Ghost, Selected, StripEven, StripHit, StripOdd};
        // Others are told by a sign as well: the drawn token by ●, a removed one by ✕.
        let pairs = [
            (Selected, Base),
            (Cursor, Base),
            (Ghost, Base),
            (Ghost, Cursor),
            (StripEven, StripOdd),
            (StripHit, StripEven),
            (StripHit, StripOdd),
        ];
        for (name, _) in BUILT_IN {
            for depth in [ColourDepth::True, ColourDepth::Indexed256, ColourDepth::Ansi16, ColourDepth::None] {
                let theme = Theme::built_in(name).unwrap().at_depth(depth);
                for (a, b) in pairs {
                    let [one, other] =
                        [a, b].map(|role| Style { fg: None, ..theme.style(role) }.remove_modifier(Modifier::DIM));
                    assert_ne!(one, other, "{name} {depth:?}: {} and {}", a.key(), b.key());
                }
            }
        }
    }

    #[test]
    fn without_colours_modifiers_tell_roles_apart() {
        let plain = Theme::built_in("no-colour").unwrap();
        for (name, _) in BUILT_IN {
            let theme = Theme::built_in(name).unwrap().at_depth(ColourDepth::None);
            for &role in Role::ALL {
                assert_eq!(theme.style(role), plain.style(role), "{name} {}", role.key());
            }
        }
        let surprise = [Role::Surprise0, Role::Surprise1, Role::Surprise2, Role::Surprise3, Role::Surprise4];
        let beams = [Role::BeamRunning, Role::BeamFinished, Role::BeamPruned, Role::BeamBest];
        for group in [&surprise[..], &SERIES, &beams[..], &[Role::Good, Role::Bad], &[Role::Removed, Role::Base]] {
            let kinds: std::collections::BTreeSet<_> =
                group.iter().map(|role| plain.style(*role).add_modifier.bits()).collect();
            assert_eq!(kinds.len(), group.len(), "{group:?}");
        }
    }

    const SERIES: [Role; 6] =
        [Role::Series0, Role::Series1, Role::Series2, Role::Series3, Role::Series4, Role::Series5];

    /// The smallest distance in `OKLab` of two lines of a chart, for eyes that see `seen`.
    fn nearest_lines(name: &str, seen: impl Fn([u8; 3]) -> [u8; 3]) -> f64 {
        let theme = Theme::built_in(name).unwrap();
        let places = SERIES.map(|role| colour::oklab(seen(colour::rgb(theme.style(role).fg.unwrap()).unwrap())));
        let pairs = places.iter().enumerate().flat_map(|(index, a)| places[..index].iter().map(move |b| (a, b)));
        pairs.map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()).fold(f64::MAX, f64::min)
    }

    #[test]
    fn the_lines_of_a_chart_are_told_apart() {
        for (name, _) in BUILT_IN.iter().filter(|(name, _)| *name != "no-colour") {
            let apart = nearest_lines(name, |value| value);
            assert!(apart >= 0.08, "{name}: two lines are only {apart:.3} apart");
        }
    }

    /// What eyes without red, green or blue cones see: Machado, Oliveira and Fernandes, "A physiologically-based model for
    /// simulation of color vision deficiency", 2009, severity 1, in linear light.
    const DEFICIENCIES: [[[f64; 3]; 3]; 3] = [
        [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
        [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
        [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]],
    ];

    #[test]
    fn the_lines_of_the_theme_for_all_eyes_are_told_apart_by_all_eyes() {
        for matrix in DEFICIENCIES {
            let seen = |value: [u8; 3]| {
                let light = value.map(|channel| (f64::from(channel) / 255.0).powf(2.2));
                let sum = |row: [f64; 3]| row.iter().zip(light).map(|(a, b)| a * b).sum::<f64>();
                matrix.map(|row| (255.0 * sum(row).clamp(0.0, 1.0).powf(1.0 / 2.2)).round() as u8)
            };
            let apart = nearest_lines("okabe-ito", seen);
            assert!(apart >= 0.08, "{apart:.3}");
        }
    }
}
