//! What a style is for. One table: names for themes, stand-ins where there are no colours, what contrast is asked of each,
//! and which backgrounds besides its own it is drawn on.

use ratatui::style::Modifier;

/// What is read, so that its contrast is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Letters and numbers: at least 4.5 to 1.
    Text,
    /// Bars and marks that carry meaning: at least 3 to 1.
    Shape,
    /// Lines and fillings that only structure: no claim.
    Decor,
}

impl Ink {
    /// The contrast ratio that WCAG 2 (success criteria 1.4.3 and 1.4.11) asks for, from 1.
    #[must_use]
    pub fn least_contrast(self) -> f64 {
        match self {
            Self::Text => 4.5,
            Self::Shape => 3.0,
            Self::Decor => 1.0,
        }
    }
}

macro_rules! roles {
    ($($name:ident $key:literal $ink:ident $mono:expr, $grounds:ident, $doc:literal;)*) => {
        /// What a style is for; themes give each role a style.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Role { $(#[doc = $doc] $name,)* }

        impl Role {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in a theme's `[styles]`.
            #[must_use]
            pub fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)* }
            }

            /// What is drawn in it.
            #[must_use]
            pub fn ink(self) -> Ink {
                match self { $(Self::$name => Ink::$ink,)* }
            }

            /// What stands for its colours where there are none.
            #[must_use]
            pub fn mono(self) -> Modifier {
                match self { $(Self::$name => $mono,)* }
            }

            /// The roles whose backgrounds it is drawn on, besides its own.
            #[must_use]
            pub fn grounds(self) -> &'static [Self] {
                match self { $(Self::$name => $grounds,)* }
            }

            /// What it is for, in a few words.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }
    };
}

impl Role {
    /// The roles whose backgrounds its own has to be told from.
    #[must_use]
    pub fn beside(self) -> &'static [Self] {
        match self {
            Self::StripOdd => &[Self::Base, Self::StripEven],
            Self::StripHit | Self::StripRest => &[Self::Base, Self::StripEven, Self::StripOdd],
            Self::Ghost => &[Self::Base, Self::Cursor],
            _ => &[Self::Base],
        }
    }
}

const PLAIN: Modifier = Modifier::empty();
const BOLD: Modifier = Modifier::BOLD;
const DIM: Modifier = Modifier::DIM;
const REVERSED: Modifier = Modifier::REVERSED;
const UNDERLINED: Modifier = Modifier::UNDERLINED;
const ITALIC: Modifier = Modifier::ITALIC;

/// Only its own background.
const OWN: &[Role] = &[];
/// In lists with a selected row.
const ROW: &[Role] = &[Role::Selected];
/// In windows.
const WINDOW: &[Role] = &[Role::Overlay];
/// In lists and windows, and in lists in windows.
const ANY: &[Role] = &[Role::Selected, Role::Overlay];

roles! {
    Base "base" Text PLAIN, ROW, "The screen and ordinary text";
    Muted "muted" Text DIM, ANY, "Secondary text: ids, ranks, units";
    Strong "strong" Text BOLD, ANY, "Values that matter";
    Title "title" Text BOLD, WINDOW, "Headings of panels";
    Rule "rule" Decor DIM, OWN, "Lines between panels";
    Badge "badge" Text REVERSED.union(BOLD), OWN, "The program's name in the header";
    Header "header" Text PLAIN, OWN, "The header line";
    Running "running" Text BOLD, OWN, "The run state while something is going on";
    Key "key" Text BOLD, ANY, "A key in the footer and in help";
    Hint "hint" Text PLAIN, WINDOW, "What a key does";
    Mark "mark" Text DIM, ANY, "Invisible characters spelt out";
    Special "special" Text DIM.union(ITALIC), OWN, "Special tokens, the end of text among them";
    Selected "selected" Text REVERSED, OWN, "The selected row";
    Chosen "chosen" Text BOLD, ANY, "The token that the draw landed on";
    Removed "removed" Text DIM, ANY, "Tokens that a filter removed";
    Tag "tag" Text PLAIN, ANY, "The filter that removed a token";
    BarModel "bar_model" Shape PLAIN, ROW, "Bars of the model's own probability";
    BarAfter "bar_after" Shape PLAIN, ROW, "Bars of the probability after the chain";
    BarChosen "bar_chosen" Shape BOLD, ROW, "The bar of the token that the draw landed on";
    BarRemoved "bar_removed" Decor DIM, ROW, "The bar of a removed token";
    Track "track" Decor DIM, ROW, "The empty part of a bar";
    Cursor "cursor" Text REVERSED.union(BOLD), OWN, "The current token of the text";
    Ghost "ghost" Text BOLD.union(UNDERLINED), OWN, "The token that the next step will add";
    Future "future" Text DIM, OWN, "Tokens after the cursor";
    Surprise0 "surprise_0" Text DIM, ANY, "Tokens of less than 1 bit";
    Surprise1 "surprise_1" Text PLAIN, ANY, "Tokens of 1 to 3 bits";
    Surprise2 "surprise_2" Text ITALIC, ANY, "Tokens of 3 to 6 bits";
    Surprise3 "surprise_3" Text UNDERLINED, ANY, "Tokens of 6 to 10 bits";
    Surprise4 "surprise_4" Text UNDERLINED.union(BOLD), ANY, "Tokens of 10 bits and more";
    StripEven "strip_even" Text REVERSED, OWN, "Every other segment of the strip";
    StripOdd "strip_odd" Text UNDERLINED, OWN, "The segments between";
    StripHit "strip_hit" Text REVERSED.union(BOLD).union(UNDERLINED), OWN, "The segment that the draw fell in";
    StripRest "strip_rest" Text DIM, OWN, "The segment of all that are too small to draw";
    Marker "marker" Text BOLD, OWN, "The draw itself";
    Info "info" Text PLAIN, OWN, "A message";
    Error "error" Text BOLD.union(REVERSED), OWN, "Something that went wrong";
    Overlay "overlay" Text PLAIN, OWN, "Windows over the screen";
    OverlayRule "overlay_rule" Decor PLAIN, OWN, "Their frames";
    Input "input" Text PLAIN, OWN, "A line being typed";
    Series0 "series_0" Text BOLD, ANY, "First line of a chart";
    Series1 "series_1" Text PLAIN, ANY, "Second line of a chart";
    Series2 "series_2" Text UNDERLINED, ANY, "Third line of a chart";
    Series3 "series_3" Text ITALIC, ANY, "Fourth line of a chart";
    Series4 "series_4" Text BOLD.union(UNDERLINED), ANY, "Fifth line of a chart";
    Series5 "series_5" Text BOLD.union(ITALIC), ANY, "Sixth line of a chart";
    BeamRunning "beam_running" Text PLAIN, ANY, "Beams that go on";
    BeamFinished "beam_finished" Text UNDERLINED, ANY, "Beams that came to an end";
    BeamPruned "beam_pruned" Text DIM, ANY, "Beams that were given up";
    BeamBest "beam_best" Text BOLD, ANY, "The best beam";
    OverlayPath "overlay_path" Text ITALIC, ANY, "The path of greedy search, laid over another picture";
    Optimum "optimum" Text BOLD.union(UNDERLINED), ANY, "The path of the proven optimum";
    Good "good" Text BOLD, ANY, "What is right: a verdict, an answer";
    Bad "bad" Text REVERSED, ANY, "What is wrong: a verdict, an answer";
}
