//! How things look: the theme and the signs that the terminal's font has.

use ratatui::style::{Modifier, Style};

use super::theme::{Role, Theme};
use crate::glyph::{Charset, Glyph, Kind};

/// Everything that drawing asks for besides what is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Styles by role.
    pub theme: &'a Theme,
    /// Which symbols may be used.
    pub charset: Charset,
}

/// The program's own symbols, in one charset. All but words are one cell wide.
#[derive(Debug)]
pub struct Signs {
    /// Horizontal line.
    pub rule: &'static str,
    /// Before the selected row.
    pub selected: &'static str,
    /// Before the row that the draw landed on.
    pub chosen: &'static str,
    /// On a bar: what was drawn.
    pub mark: &'static str,
    /// Before the filter that removed a token.
    pub removed: &'static str,
    /// Points down at the draw.
    pub down: &'static str,
    /// From … to.
    pub arrow: &'static str,
    /// Between parts of a line.
    pub dot: &'static str,
    /// Minus.
    pub minus: &'static str,
    /// More is coming.
    pub ellipsis: &'static str,
    /// Bars in eighths, from one to eight.
    pub eighths: [&'static str; 8],
    /// The empty part of a bar.
    pub track: &'static str,
    /// Frames of something that goes on.
    pub spinner: &'static [&'static str],
    /// Corners and sides of a window: top left, top right, bottom left, bottom right, side.
    pub frame: [&'static str; 5],
    /// Of a tree: a branch with others after it, the last branch, and what runs past them.
    pub tree: [&'static str; 3],
    /// A sum.
    pub sum: &'static str,
    /// Pearson's statistic.
    pub chi_square: &'static str,
}

const UNICODE: Signs = Signs {
    rule: "─",
    selected: "▸",
    chosen: "●",
    mark: "◆",
    removed: "✕",
    down: "▼",
    arrow: "→",
    dot: "·",
    minus: "−",
    ellipsis: "…",
    eighths: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    track: " ",
    spinner: &["⠋", "⠙", "⠸", "⠴", "⠦", "⠇"],
    frame: ["╭", "╮", "╰", "╯", "│"],
    tree: ["├", "└", "│"],
    sum: "Σ",
    chi_square: "χ²",
};

const ASCII: Signs = Signs {
    rule: "-",
    selected: ">",
    chosen: "*",
    mark: "^",
    removed: "x",
    down: "v",
    arrow: ">",
    dot: "|",
    minus: "-",
    ellipsis: "~",
    eighths: [".", ".", ".", "-", "-", "=", "=", "#"],
    track: " ",
    spinner: &["|", "/", "-", "\\"],
    frame: ["+", "+", "+", "+", "|"],
    tree: ["+", "+", "|"],
    sum: "sum",
    chi_square: "chi2",
};

impl Look<'_> {
    /// The style of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// The symbols of the charset.
    #[must_use]
    pub fn signs(&self) -> &'static Signs {
        match self.charset {
            Charset::Unicode => &UNICODE,
            Charset::Ascii => &ASCII,
        }
    }

    /// The style of a glyph: what is spelt out is told apart from the text by its colour, where the background is one that
    /// this colour is made for.
    #[must_use]
    pub fn glyph(&self, glyph: &Glyph, style: Style) -> Style {
        let known = [self.style(Role::Base).bg, self.style(Role::Selected).bg, None].contains(&style.bg)
            && !style.add_modifier.contains(Modifier::REVERSED);
        match glyph.kind {
            Kind::Space | Kind::Newline | Kind::Mark if known => Style { fg: self.style(Role::Mark).fg, ..style },
            _ => style,
        }
    }
}
