//! The interface over a real engine and a table of conditional probabilities: for tests of views that have jobs.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::channel;

use ratatui::buffer::Buffer;
use serde_json::{Map, Value};

use crate::decode::Chain;
use crate::decode::beam::{BeamSettings, EarlyStopping};
use crate::engine::{BeamRequest, DroppedBeams, Engine, Recording, Timing, generate_beams, read_prompt, record};
use crate::glyph::Charset;
use crate::model::{LoadedModel, SpecialTokens, table, unwatched};
use crate::session::trace::{End, Trace};
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

/// The trace of a beam search over a table, as `run --format jsonl` records it.
pub(crate) fn recorded_search(table: &str, prompt: &str, settings: BeamSettings, length: usize) -> Trace {
    let LoadedModel { mut model, tokenizer } = table::parse("table", table).unwrap();
    let ids = tokenizer.encode(prompt, SpecialTokens::Auto).unwrap();
    let read = read_prompt(model.as_mut(), &ids, &mut unwatched).unwrap();
    let info = model.info().clone();
    let request = BeamRequest {
        prompt: &ids,
        settings,
        chain: &Chain::default(),
        max_new_tokens: length,
        min_new_tokens: 0,
        eos_token_ids: &info.eos_token_ids,
        stop: &[],
        dropped: DroppedBeams::Freed,
    };
    let mut beam_steps = Vec::new();
    let found = generate_beams(model.as_mut(), tokenizer.as_ref(), &read, &request, &mut |observed| {
        beam_steps.push(record::beam_step(observed, tokenizer.as_ref()));
        ControlFlow::Continue(())
    });
    let sequences = found.unwrap().iter().map(|found| record::sequence(found, tokenizer.as_ref())).collect();
    let timing = record::timing(ids.len(), Timing::default());
    let named = [
        ("strategy", "beam".into()),
        ("max_new_tokens", length.into()),
        ("num_beams", settings.beams.into()),
        ("length_penalty", settings.length_penalty.into()),
        ("length_norm", settings.length_norm.name().into()),
        ("early_stopping", (settings.early_stopping == EarlyStopping::True).into()),
    ];
    let settings = named.into_iter().map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect();
    Trace {
        header: record::header(&info, &settings, record::prompt(prompt, &ids, &read.scores, tokenizer.as_ref())),
        steps: Vec::new(),
        beam_steps,
        end: Some(End { sequences, more: Map::new(), timing }),
    }
}

/// A scene that shows a trace without a model.
pub(crate) fn recorded_scene(trace: Trace, width: u16, height: u16) -> Scene {
    let recording = Arc::new(Recording::new(trace).unwrap());
    let (sender, inbox) = channel();
    sender.send(recording.opened()).unwrap();
    let setup = Setup { recording: Some(Arc::clone(&recording)), ..table_setup(recording.prompt()) };
    let answer = move |command| recording.answer(command).into_iter().for_each(|event| sender.send(event).unwrap());
    Scene::with(setup, width, height, answer, inbox).unwrap()
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
