//! The view of temperature over a real engine and a table of probabilities.

use crate::decode::Chain;
use crate::glyph::Charset;
use crate::ui::app::pictures::styled;
use crate::ui::app::tests::{scene_of, setup};
use crate::ui::app::{App, Setup};
use crate::ui::scene::Scene;
use crate::ui::testing::{ABC, shown, table_scene, table_setup};
use crate::ui::theme::ColourDepth;

/// p(A) = .6, p(B) = .2, p(C) = .1 and the end .1 after the prompt.
fn opened(chain: &str, width: u16, height: u16) -> Scene {
    let setup = Setup { chain: Chain::parse(chain).unwrap(), ..table_setup("A") };
    let mut scene = table_scene(ABC, setup, width, height);
    scene.press("2").unwrap();
    scene
}

fn picture(scene: &Scene) -> String {
    shown(&scene.buffer())
}

fn row<'a>(picture: &'a str, of: &str) -> &'a str {
    picture.lines().find(|line| line.contains(of)).unwrap_or_else(|| panic!("no {of}:\n{picture}"))
}

fn prob(app: &App, temperature: f64, place: usize) -> f64 {
    let shown = app.shown().unwrap();
    let id = shown.analysis.model().ranked()[place];
    app.views.temperature.at(shown.node, temperature).unwrap().prob(shown.analysis.model().logit(id))
}

#[test]
fn figures_at_todays_temperature_and_at_the_limits() {
    let scene = opened("temperature=0.5", 80, 24);
    // Squares: .36, .04, .01, .01 of .42.
    for (place, want) in [0.36, 0.04, 0.01, 0.01].into_iter().enumerate() {
        assert!((prob(scene.app(), 0.5, place) - want / 0.42).abs() < 1e-6);
    }
    let drawn = picture(&scene);
    let best = row(&drawn, "a A ");
    assert!(best.contains("100%") && best.contains("85.7%") && best.contains("25.0%"), "{drawn}");
    let second = row(&drawn, "b B ");
    assert!(second.contains("0%") && second.contains("9.52%") && second.contains("25.0%"), "{drawn}");
    // H(.857, .095, .024, .024) = .7696 bits; 2^.7696 = 1.70; and of .6 .2 .1 .1: 1.571 bits, 2.97.
    assert!(row(&drawn, "choices  ").contains("1.7"), "{drawn}");
    assert!(drawn.contains("sharper: 1.7 choices instead of the model's own 3.0"), "{drawn}");
}

#[test]
fn the_mark_moves_at_once_and_the_words_follow() {
    let mut scene = opened("temperature=0.9", 80, 24);
    scene.press("+").unwrap();
    assert!(picture(&scene).contains("T = 1: 3.0 choices, the model's own distribution"), "{}", picture(&scene));
    scene.press("T T").unwrap();
    assert_eq!(scene.app().knobs().chain().unwrap().to_string(), "temperature=1.2");
    assert!(picture(&scene).contains("flatter: 3.2 choices"), "{}", picture(&scene));
    scene.press("- - - Tab -").unwrap();
    assert_eq!(scene.app().knobs().chain().unwrap().to_string(), "temperature=0.8", "whatever stage is selected");
    scene.press("t t t t t t t t t t").unwrap();
    assert!(picture(&scene).contains("greedy: at T = 0 only the best token is left"), "{}", picture(&scene));
}

#[test]
fn a_value_that_no_knob_has_is_computed_too() {
    let scene = opened("temperature=0.777", 80, 24);
    assert!(picture(&scene).contains("At T = 0.777") && picture(&scene).contains("sharper"));
    let without = opened("top_k=3", 80, 24);
    assert!(picture(&without).contains("At T = 1 "), "{}", picture(&without));
}

#[test]
fn nothing_covers_the_pointer_to_todays_temperature() {
    for keys in ["", "l"] {
        let mut scene = opened("temperature=0.5", 80, 24);
        scene.press(keys).unwrap();
        for typed in ["0 . 5", "1", "1 . 8", "2", "3 . 5", "5", "1 0", "2 0"] {
            scene.press(&format!("v Ctrl-u {typed} Enter")).unwrap();
            let drawn = picture(&scene);
            assert!(row(&drawn, "Probability").contains('▼'), "{drawn}");
            assert!(row(&drawn, "Choices").contains('▼'), "{drawn}");
        }
    }
}

#[test]
fn steps_and_back_have_their_own_curves() {
    let mut scene = opened("top_k=1", 80, 24);
    // Below the text, which now shows what lies ahead.
    let below = |scene: &Scene| picture(scene).lines().skip(4).map(str::to_owned).collect::<Vec<_>>();
    let first = below(&scene);
    scene.press("Right Left").unwrap();
    assert_eq!(below(&scene), first);
    scene.press("End Down Down Down Enter").unwrap();
    assert!(scene.app().step_number() == 1 && picture(&scene).contains("T = 1"));
}

#[test]
fn another_prompt_forgets_the_curves() {
    let mut scene = opened("top_p=1", 80, 24);
    scene.press("i Ctrl-u B Enter").unwrap();
    let app = scene.app();
    assert!((prob(app, 1.0, 0) - 0.4).abs() < 1e-6, "after B, C has .4");
}

#[test]
fn the_view_can_be_drawn_at_every_size_with_any_tokens() {
    let prompt: Vec<String> = (0..20).map(|id| id.to_string()).collect();
    for charset in [Charset::Unicode, Charset::Ascii] {
        let setup = Setup { prompt: prompt.join(" "), charset, ..setup("dark", ColourDepth::True) };
        let mut hostile = scene_of(setup.clone(), 80, 24, 20);
        let mut real = table_scene(ABC, Setup { prompt: "A".into(), ..setup }, 80, 24);
        for scene in [&mut hostile, &mut real] {
            scene.press("2 Right Down Down Down l").unwrap();
            for (width, height) in [
                (0, 0),
                (1, 1),
                (39, 12),
                (40, 12),
                (41, 14),
                (60, 20),
                (73, 24),
                (74, 16),
                (80, 24),
                (120, 36),
                (200, 60),
            ] {
                scene.resize(width, height);
                scene.settle().unwrap();
                let drawn = picture(scene);
                assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{width}x{height}");
                assert!(charset == Charset::Unicode || drawn.is_ascii(), "{width}x{height}:\n{drawn}");
            }
        }
    }
}

#[test]
fn it_looks_as_it_should() {
    let at = |width, height, keys: &str| {
        let mut scene = opened("temperature=0.8,top_k=3,top_p=0.9", width, height);
        scene.press(keys).unwrap();
        styled(&scene.buffer())
    };
    insta::assert_snapshot!("temperature_80x24", at(80, 24, ""));
    insta::assert_snapshot!("temperature_120x36_logarithmic", at(120, 36, "T T T T T l Down"));
    let ascii = Setup { charset: Charset::Ascii, ..setup("dark", ColourDepth::None) };
    let mut scene = table_scene(ABC, Setup { prompt: "A".into(), ..ascii }, 80, 24);
    scene.press("2").unwrap();
    insta::assert_snapshot!("temperature_ascii_80x24", styled(&scene.buffer()));
}
