//! No row of a table is cut on the screen that everybody has.

use crate::decode::scoring::AUDITS;
use crate::lesson::{BUILT_IN, Lesson};
use crate::ui::action::{ACTIONS, Context, entries};
use crate::ui::app::tests::{scene_of, setup};
use crate::ui::knobs::Knobs;
use crate::ui::scene::Scene;
use crate::ui::testing::{ABC, shown, table_scene, table_setup};
use crate::ui::theme::ColourDepth;
use crate::ui::views::VIEWS;

fn small() -> Scene {
    scene_of(setup("dark", ColourDepth::True), 80, 24, 60)
}

/// Everything that is seen on the way down a list, blanks in one.
fn on_the_way(scene: &mut Scene, key: &str, rows: usize) -> String {
    let mut seen = flat(&shown(&scene.buffer()));
    for _ in 0..rows {
        scene.press(key).unwrap();
        seen.push_str(&flat(&shown(&scene.buffer())));
    }
    seen
}

/// The words without what frames them, however they are wrapped.
fn flat(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || "│▸".contains(c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_picker_shows_every_summary() {
    let mut scene = small();
    scene.press("a").unwrap();
    let seen = on_the_way(&mut scene, "Down", Knobs::addable().count());
    for row in Knobs::addable() {
        assert!(seen.contains(row.summary), "{}: {}", row.name, row.summary);
    }
}

#[test]
fn the_list_of_actions_shows_every_sentence() {
    for view in VIEWS {
        for (page, contexts) in view.contexts.iter().enumerate() {
            let mut scene = small();
            scene.show(view.view).unwrap();
            if page > 0 {
                scene.press("Enter").unwrap();
            }
            scene.press(":").unwrap();
            let here: Vec<_> = contexts.iter().chain([&Context::Everywhere]).flat_map(|it| entries(*it)).collect();
            let seen = on_the_way(&mut scene, "Down", here.len());
            for entry in here.iter().filter(|entry| entry.label != "more") {
                assert!(seen.contains(&flat(entry.help)), "{}: {}", view.name, entry.help);
            }
        }
    }
}

#[test]
fn help_shows_every_sentence() {
    let mut scene = small();
    scene.press("?").unwrap();
    let seen = on_the_way(&mut scene, "Down", 2 * ACTIONS.len());
    for entry in ACTIONS {
        assert!(seen.contains(&flat(entry.help)), "{}", entry.help);
    }
}

#[test]
fn the_list_of_lessons_shows_what_the_selected_one_is_about() {
    let mut scene = small();
    scene.press("7").unwrap();
    for (name, _) in BUILT_IN {
        let heading = Lesson::heading(name).unwrap();
        let seen = flat(&shown(&scene.buffer()));
        assert!(seen.contains(&flat(&heading.title)) && seen.contains(&flat(&heading.summary)), "{name}:\n{seen}");
        scene.press("Down").unwrap();
    }
}

#[test]
fn the_audit_shows_what_is_wrong() {
    let mut scene = table_scene(ABC, table_setup("A"), 80, 24);
    scene.press("5 Enter Ctrl-u C Enter Down Enter Ctrl-u C A A A Enter a").unwrap();
    let seen = flat(&shown(&scene.buffer()));
    for row in AUDITS {
        assert!(seen.contains(row.summary), "{}: {}\n{}", row.mistake, row.summary, shown(&scene.buffer()));
    }
}
