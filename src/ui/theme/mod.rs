//! Themes: TOML files that give every [`Role`] a style, brought down to the colours that the terminal has.

pub mod colour;
mod file;
mod role;

use std::io;
use std::path::Path;

use ratatui::style::{Color, Style};

pub use colour::ColourDepth;
pub use file::ThemeError;
pub use role::{Ink, Role};

/// The themes inside the program: name and file.
pub const BUILT_IN: &[(&str, &str)] =
    &[("dark", include_str!("../../../themes/dark.toml")), ("light", include_str!("../../../themes/light.toml"))];

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
    /// A background that can no longer be told from the screen's becomes reverse video, and without any colours each role's
    /// own stand-in takes over: nothing may be lost that a class has to see.
    #[must_use]
    pub fn at_depth(&self, depth: ColourDepth) -> Self {
        if depth == ColourDepth::True {
            return self.clone();
        }
        let base = self.style(Role::Base);
        let convert = |role: &Role| {
            let from = self.style(*role);
            let fg = depth.convert(from.fg.unwrap_or(Color::Reset));
            let bg = depth.convert(from.bg.unwrap_or(Color::Reset));
            let mut style = Style { fg: Some(fg), bg: Some(bg), ..from };
            if depth == ColourDepth::None {
                style.add_modifier = role.mono();
            } else if from.bg != base.bg && Some(bg) == base.bg.map(|bg| depth.convert(bg)) {
                style = Style { bg: Some(fg), fg: Some(bg), ..style };
            } else if fg == bg {
                style.fg = base.fg.map(|fg| depth.convert(fg));
            }
            style
        };
        Self { name: self.name.clone(), styles: Role::ALL.iter().map(convert).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_themes_can_be_read_by_everyone_in_the_room() {
        for (name, _) in BUILT_IN {
            let theme = Theme::built_in(name).unwrap();
            for role in Role::ALL {
                let style = theme.style(*role);
                let least = match role.ink() {
                    Ink::Text => 4.5,
                    Ink::Shape => 3.0,
                    Ink::Decor => continue,
                };
                let ratio = colour::contrast(style.fg.unwrap(), style.bg.unwrap()).unwrap();
                assert!(ratio >= least, "{name}: {} has contrast {ratio:.2}", role.key());
            }
        }
    }

    #[test]
    fn sixteen_colours_keep_text_apart_from_its_background() {
        for (name, _) in BUILT_IN {
            for depth in [ColourDepth::Indexed256, ColourDepth::Ansi16] {
                let theme = Theme::built_in(name).unwrap().at_depth(depth);
                for role in Role::ALL.iter().filter(|role| role.ink() == Ink::Text) {
                    let style = theme.style(*role);
                    assert_ne!(style.fg, style.bg, "{name} {depth:?} {}", role.key());
                }
            }
        }
    }

    #[test]
    fn without_colours_modifiers_tell_roles_apart() {
        let theme = Theme::built_in("dark").unwrap().at_depth(ColourDepth::None);
        let surprise = [Role::Surprise0, Role::Surprise1, Role::Surprise2, Role::Surprise3, Role::Surprise4];
        let kinds: std::collections::BTreeSet<_> =
            surprise.iter().map(|role| theme.style(*role).add_modifier.bits()).collect();
        assert_eq!(kinds.len(), surprise.len());
        for (a, b) in [(Role::Selected, Role::Base), (Role::Removed, Role::Base), (Role::StripEven, Role::StripOdd)] {
            assert_ne!(theme.style(a).add_modifier, theme.style(b).add_modifier);
        }
        assert!(Role::ALL.iter().all(|role| theme.style(*role).fg == Some(Color::Reset)));
    }
}
