//! How things look: the theme and the signs that the terminal's font has.

use ratatui::style::{Color, Modifier, Style};

use super::theme::{Role, Theme, colour};
use crate::glyph::{Charset, Glyph, Kind};

/// Everything that drawing asks for besides what is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Styles by role.
    pub theme: &'a Theme,
    /// Which symbols may be used.
    pub charset: Charset,
}

/// The program's own symbols, in one charset. All are one cell wide, where nothing else is said.
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
    /// Before the token that the next step will add.
    pub pending: &'static str,
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
    /// Beams: one that runs on, one that finished, one that is out.
    pub beams: [&'static str; 3],
    /// A token of greedy's path.
    pub greedy: &'static str,
    /// A token of the proven optimum.
    pub optimum: &'static str,
    /// The branches of a tree.
    pub branches: Branches,
    /// Where a sequence leaves another one; a verdict that is not the true one.
    pub parts: &'static str,
    /// The winner.
    pub winner: &'static str,
    /// The sum sign, in one or three cells.
    pub sum: &'static str,
    /// Minus infinity, in two or three cells.
    pub minus_infinity: &'static str,
    /// Corners and sides of a window: top left, top right, bottom left, bottom right, side.
    pub frame: [&'static str; 5],
    /// Of a tree: a branch with others after it, the last branch, and what runs past them.
    pub tree: [&'static str; 3],
    /// At least, in one or two cells.
    pub at_least: &'static str,
    /// Pearson's statistic.
    pub chi_square: &'static str,
}

/// Lines between the nodes of a tree that grows to the right, in a light and a heavy form: the heavy one is the best path.
#[derive(Debug)]
pub struct Branches {
    /// On to the right.
    pub on: [&'static str; 2],
    /// Past other nodes, downwards.
    pub past: [&'static str; 2],
    /// The first of several children, in the parent's own row: light, heavy to the first, heavy to a later one.
    pub first: [&'static str; 3],
    /// One between: light, heavy to it, heavy past it.
    pub middle: [&'static str; 3],
    /// The last one.
    pub last: [&'static str; 2],
}

const UNICODE: Signs = Signs {
    rule: "─",
    selected: "▸",
    chosen: "●",
    mark: "◆",
    removed: "✕",
    pending: "┊",
    down: "▼",
    arrow: "→",
    dot: "·",
    minus: "−",
    ellipsis: "…",
    eighths: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    track: " ",
    spinner: &["⠋", "⠙", "⠸", "⠴", "⠦", "⠇"],
    beams: ["●", "■", "✕"],
    greedy: "◇",
    optimum: "★",
    branches: Branches {
        on: ["─", "━"],
        past: ["│", "┃"],
        first: ["┬", "┯", "┱"],
        middle: ["├", "┡", "┠"],
        last: ["└", "┗"],
    },
    parts: "≠",
    winner: "★",
    sum: "Σ",
    minus_infinity: "−∞",
    frame: ["╭", "╮", "╰", "╯", "│"],
    tree: ["├", "└", "│"],
    at_least: "≥",
    chi_square: "χ²",
};

const ASCII: Signs = Signs {
    rule: "-",
    selected: ">",
    chosen: "*",
    mark: "^",
    removed: "x",
    pending: ":",
    down: "v",
    arrow: ">",
    dot: "|",
    minus: "-",
    ellipsis: "~",
    eighths: [".", ".", ".", "-", "-", "=", "=", "#"],
    track: " ",
    spinner: &["|", "/", "-", "\\"],
    beams: ["o", "#", "x"],
    greedy: "g",
    optimum: "*",
    branches: Branches {
        on: ["-", "="],
        past: ["|", "|"],
        first: ["+", "+", "+"],
        middle: ["+", "+", "+"],
        last: ["`", "`"],
    },
    parts: "!",
    winner: "*",
    sum: "sum",
    minus_infinity: "-oo",
    frame: ["+", "+", "+", "+", "|"],
    tree: ["+", "+", "|"],
    at_least: ">=",
    chi_square: "chi2",
};

impl Look<'_> {
    /// The style of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// Colours of text and background, for a picture of what leaves them to the terminal.
    #[must_use]
    pub fn ground(&self) -> ([u8; 3], [u8; 3]) {
        let base = self.style(Role::Base);
        let fixed = |colour: Option<Color>, otherwise| colour.and_then(colour::rgb).unwrap_or(otherwise);
        (fixed(base.fg, [0xdd; 3]), fixed(base.bg, [0x11; 3]))
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
