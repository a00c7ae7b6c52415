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
    /// Text stays readable on every background that it is drawn on. A background that can no longer be told from another one
    /// gets its role's stand-in, and without any colours all roles do: nothing may be lost that a class has to see.
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
            let before = &Role::ALL[..role as usize];
            let merged = before.iter().any(|&other| full(other) != full(role) && ground(other) == bg);
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
    fn every_theme_file_is_in_the_program() {
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("themes")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(BUILT_IN.iter().any(|(built_in, _)| *built_in == name), "{name}");
        }
    }

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
        let series = [Role::Series0, Role::Series1, Role::Series2, Role::Series3, Role::Series4, Role::Series5];
        let beams = [Role::BeamRunning, Role::BeamFinished, Role::BeamPruned, Role::BeamBest];
        for group in [&surprise[..], &series[..], &beams[..], &[Role::Good, Role::Bad], &[Role::Removed, Role::Base]] {
            let kinds: std::collections::BTreeSet<_> =
                group.iter().map(|role| plain.style(*role).add_modifier.bits()).collect();
            assert_eq!(kinds.len(), group.len(), "{group:?}");
        }
    }

    #[test]
    fn the_lines_of_a_chart_are_told_apart() {
        for (name, _) in BUILT_IN.iter().filter(|(name, _)| *name != "no-colour") {
            let theme = Theme::built_in(name).unwrap();
            let series = [Role::Series0, Role::Series1, Role::Series2, Role::Series3, Role::Series4, Role::Series5];
            let places = series.map(|role| colour::oklab(colour::rgb(theme.style(role).fg.unwrap()).unwrap()));
            for (index, a) in places.iter().enumerate() {
                for b in &places[..index] {
                    let apart = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                    assert!(apart >= 0.08, "{name}: series_{index} is {apart:.3} from another");
                }
            }
        }
    }
}
