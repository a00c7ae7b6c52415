//! The interface over a real engine and a table of conditional probabilities: for tests of views that have jobs.

use std::sync::mpsc::channel;

use ratatui::buffer::Buffer;

use crate::engine::Engine;
use crate::glyph::Charset;
use crate::model::table;
use crate::ui::app::Setup;
use crate::ui::app::tests::{rows, setup};
use crate::ui::scene::Scene;
use crate::ui::theme::ColourDepth;
use crate::ui::views::View;

/// The textbook's beams: p(A) = .5, p(B) = .3; after A: A .6, B .2; after B: C .4, end .3.
pub(crate) const ABC: &str = "
vocabulary = ['A', 'B', 'C']
end = '<end>'
[[row]]
context = []
next = { A = 0.5, B = 0.3, C = 0.1, '<end>' = 0.1 }
[[row]]
context = ['A']
next = { A = 0.6, B = 0.2, C = 0.1, '<end>' = 0.1 }
[[row]]
context = ['B']
next = { C = 0.4, '<end>' = 0.3, A = 0.2, B = 0.1 }
";

/// Tokens that a terminal could stumble over, all as likely as one another.
pub(crate) const HOSTILE: &str = r#"
vocabulary = ["A", "\u001b[31m", "世界", "👩\u200d🚀", "\u0301", "שלום", "\u202eabc", "\r\n", "\u0000", "\t", "_ ", "🇫🇷"]
end = "<end>"
[[row]]
context = []
next = { "A" = 0.02, "\u001b[31m" = 0.1, "世界" = 0.1, "👩\u200d🚀" = 0.1, "\u0301" = 0.1, "שלום" = 0.1, "\u202eabc" = 0.1, "\r\n" = 0.1, "\u0000" = 0.1, "\t" = 0.08, "_ " = 0.05, "🇫🇷" = 0.04, "<end>" = 0.01 }
"#;

/// Draws a view over the hostile tokens at every size, and holds that nothing of them reaches the terminal as it is.
pub(crate) fn stands_every_size(view: View, keys: &str) {
    for charset in [Charset::Unicode, Charset::Ascii] {
        let mut scene = table_scene(HOSTILE, Setup { charset, ..table_setup("A") }, 80, 24);
        scene.show(view).unwrap();
        scene.press(keys).unwrap();
        for width in (0..=200).step_by(7) {
            for height in (0..=60).step_by(3) {
                scene.resize(width, height);
                scene.settle().unwrap();
                for cell in scene.buffer().content() {
                    let symbol = cell.symbol();
                    assert!(
                        symbol.chars().all(|c| !c.is_control() && c != '\u{202e}' && c != '\u{200d}'),
                        "{symbol:?}"
                    );
                    assert!(charset == Charset::Unicode || symbol.is_ascii(), "{symbol:?} at {width}x{height}");
                }
            }
        }
    }
}

/// What the tests of the interface are set up with, for a table.
pub(crate) fn table_setup(prompt: &str) -> Setup {
    Setup { prompt: prompt.into(), ..setup("dark", ColourDepth::True) }
}

/// A scene whose model is a table.
pub(crate) fn table_scene(table: &'static str, setup: Setup, width: u16, height: u16) -> Scene {
    let (sender, inbox) = channel();
    let emit = move |event| sender.send(event).unwrap_or_default();
    let engine = Engine::start_with(move || Ok(table::parse("table", table)?), emit).unwrap();
    Scene::with(setup, width, height, move |command| engine.send(command), inbox).unwrap()
}

/// The rows of a picture, one below the other.
pub(crate) fn shown(buffer: &Buffer) -> String {
    rows(buffer).join("\n")
}

#[test]
fn a_table_is_stepped_through() {
    let mut scene = table_scene(ABC, table_setup("A"), 80, 24);
    scene.press("s Right Right").unwrap();
    assert_eq!(scene.app().step_number(), 2);
    let picture = shown(&scene.buffer());
    assert!(picture.contains("60.0%") && picture.contains("Step 3"), "{picture}");
}
