//! What a style is for. One table: names for themes, stand-ins where there are no colours, and what contrast is asked of each.

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

macro_rules! roles {
    ($($name:ident $key:literal $ink:ident $mono:expr, $doc:literal;)*) => {
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

            /// What it is for, in a few words.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }
    };
}

const PLAIN: Modifier = Modifier::empty();
const BOLD: Modifier = Modifier::BOLD;
const DIM: Modifier = Modifier::DIM;
const REVERSED: Modifier = Modifier::REVERSED;
const UNDERLINED: Modifier = Modifier::UNDERLINED;

roles! {
    Base "base" Text PLAIN, "The screen and ordinary text";
    Muted "muted" Text DIM, "Secondary text: ids, ranks, units";
    Strong "strong" Text BOLD, "Values that matter";
    Title "title" Text BOLD, "Headings of panels";
    Rule "rule" Decor DIM, "Lines between panels";
    Badge "badge" Text REVERSED.union(BOLD), "The program's name in the header";
    Header "header" Text PLAIN, "The header line";
    Running "running" Text BOLD, "The run state while something is going on";
    Key "key" Text BOLD, "A key in the footer and in help";
    Hint "hint" Text PLAIN, "What a key does";
    Mark "mark" Text DIM, "Invisible characters spelt out";
    Special "special" Text DIM.union(Modifier::ITALIC), "Special tokens, the end of text among them";
    Selected "selected" Text REVERSED, "The selected row";
    Chosen "chosen" Text BOLD, "The token that the draw landed on";
    Removed "removed" Text DIM, "Tokens that a filter removed";
    Tag "tag" Text PLAIN, "The filter that removed a token";
    BarModel "bar_model" Shape PLAIN, "Bars of the model's own probability";
    BarAfter "bar_after" Shape PLAIN, "Bars of the probability after the chain";
    BarChosen "bar_chosen" Shape BOLD, "The bar of the token that the draw landed on";
    BarRemoved "bar_removed" Decor DIM, "The bar of a removed token";
    Track "track" Decor DIM, "The empty part of a bar";
    Cursor "cursor" Text REVERSED.union(BOLD), "The current token of the text";
    Ghost "ghost" Text BOLD.union(UNDERLINED), "The token that the next step will add";
    Future "future" Text DIM, "Tokens after the cursor";
    Surprise0 "surprise_0" Text DIM, "Tokens of less than 1 bit";
    Surprise1 "surprise_1" Text PLAIN, "Tokens of 1 to 3 bits";
    Surprise2 "surprise_2" Text Modifier::ITALIC, "Tokens of 3 to 6 bits";
    Surprise3 "surprise_3" Text UNDERLINED, "Tokens of 6 to 10 bits";
    Surprise4 "surprise_4" Text UNDERLINED.union(BOLD), "Tokens of 10 bits and more";
    StripEven "strip_even" Text REVERSED, "Every other segment of the strip";
    StripOdd "strip_odd" Text UNDERLINED, "The segments between";
    StripHit "strip_hit" Text REVERSED.union(BOLD).union(UNDERLINED), "The segment that the draw fell in";
    StripRest "strip_rest" Text DIM, "The segment of all that are too small to draw";
    Marker "marker" Text BOLD, "The draw itself";
    Info "info" Text PLAIN, "A message";
    Error "error" Text BOLD.union(REVERSED), "Something that went wrong";
    Overlay "overlay" Text PLAIN, "Windows over the screen";
    OverlayRule "overlay_rule" Decor PLAIN, "Their frames";
    Input "input" Text PLAIN, "A line being typed";
}
