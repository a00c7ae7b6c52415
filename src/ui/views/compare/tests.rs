//! The view over a table of probabilities whose figures can be computed by hand.

use super::*;
use crate::decode::Chain;
use crate::engine::ColumnEnd;
use crate::glyph::Charset;
use crate::ui::app::pictures::styled;
use crate::ui::app::{Notice, Setup};
use crate::ui::knobs::Mode;
use crate::ui::scene::Scene;
use crate::ui::testing::{ABC, shown, stands_every_size, table_scene, table_setup};

/// A session that takes the best token and filters nothing.
fn greedy(prompt: &str) -> Setup {
    Setup { mode: Mode::Greedy, chain: Chain::default(), ..table_setup(prompt) }
}

fn scene(width: u16, height: u16) -> Scene {
    let mut scene = table_scene(ABC, greedy("B"), width, height);
    scene.show(View::Compare).unwrap();
    scene
}

fn state(scene: &Scene) -> &State {
    &scene.app().views.compare
}

fn ids(scene: &Scene, column: usize) -> Vec<u32> {
    state(scene).columns()[column].tokens().iter().map(|token| token.token.id).collect()
}

fn draws(scene: &Scene, column: usize) -> Vec<f64> {
    state(scene).columns()[column].tokens().iter().filter_map(|token| Some(token.draw?.u)).collect()
}

fn said(scene: &Scene) -> String {
    match scene.app().notice() {
        Some(Notice::Info(text) | Notice::Error(text)) => text.clone(),
        None => String::new(),
    }
}

#[test]
fn a_greedy_session_is_compared_with_sampling_and_beams_that_all_have_run() {
    let scene = scene(120, 36);
    let names: Vec<_> = state(&scene).columns().iter().map(|column| column.asked.strategy.name).collect();
    assert_eq!(names, ["greedy", "sample", "beam"]);
    assert!(state(&scene).columns().iter().all(|column| matches!(column.end(), Some(ColumnEnd::Finished(_)))));
    assert_eq!(ids(&scene, 0).len(), 40);
    let picture = shown(&scene.buffer());
    for text in [
        "greedy · yours",
        "sample · for contrast",
        "temperature=0.8, top_p=0.9",
        "· seed 0",
        "beam · 4 beams",
        "each column draws for itself",
        "all 40",
    ] {
        assert!(picture.contains(text), "{text} in\n{picture}");
    }
}

#[test]
fn columns_that_nobody_changed_follow_the_session() {
    let setup =
        Setup { chain: Chain::parse("repetition_penalty=1.2,temperature=0.8,top_k=2").unwrap(), ..table_setup("B") };
    let mut scene = table_scene(ABC, Setup { seed: 7, ..setup }, 120, 36);
    scene.show(View::Compare).unwrap();
    let asked = |scene: &Scene| {
        let all = state(scene).columns().iter();
        all.map(|column| (column.asked.strategy.name, column.asked.chain.to_string(), column.asked.seed))
            .collect::<Vec<_>>()
    };
    let own = "repetition_penalty=1.2,temperature=0.8,top_k=2".to_owned();
    let penalty = "repetition_penalty=1.2".to_owned();
    let before = vec![("sample", own, 7), ("greedy", penalty.clone(), 7), ("beam", penalty, 7)];
    assert_eq!(asked(&scene), before);
    // The second column is changed, then the session's own chain.
    scene.press("Tab s 1 k 4").unwrap();
    let after = asked(&scene);
    assert_eq!((after[0].1.as_str(), after[1].0), ("repetition_penalty=1.2,temperature=0.8,top_k=1", "sample"));
    assert_eq!(after[1].1, before[1].1, "what was changed stays");
    assert!(shown(&scene.buffer()).contains("sample · edited"), "{}", shown(&scene.buffer()));
    scene.press("1 s 4").unwrap();
    assert_eq!((asked(&scene)[0].0, asked(&scene)[1].0), ("greedy", "sample"));
}

#[test]
fn the_totals_up_to_the_step_are_those_of_the_hand() {
    // After B: C .4, then A .5, then A .6 for good.
    let mut scene = scene(80, 24);
    scene.press("Right Right").unwrap();
    assert_eq!(&ids(&scene, 0)[..3], [2, 0, 0]);
    let picture = shown(&scene.buffer());
    let (sum, mean) = ((0.4f64 * 0.5 * 0.6).ln(), (0.4f64 * 0.5 * 0.6).ln() / 3.0);
    for figure in [format!("−{:.3}", -sum), format!("−{:.3}", -mean), format!("{:.2}", (-mean).exp())] {
        assert!(picture.contains(&figure), "{figure} in\n{picture}");
    }
    assert!(picture.contains("−2.120") && picture.contains("−0.707") && picture.contains("2.03"), "{picture}");
    assert!(picture.contains("3 tokens") && picture.contains("step 3"), "{picture}");
}

#[test]
fn where_a_column_leaves_the_first_is_marked() {
    // The first draw of seed 0 is .7091; after B the chain leaves C .472, the end up to .801, and A.
    let scene = scene(80, 24);
    let columns = state(&scene).columns();
    assert_eq!(ids(&scene, 1), [3], "it ends at once");
    assert_eq!((columns[0].parts(&columns[0]), columns[1].parts(&columns[0])), (None, Some(0)));
    let picture = shown(&scene.buffer());
    let row = picture.lines().find(|row| row.contains("step 1 ")).unwrap();
    assert!(row.contains('≠'), "{picture}");
    assert!(picture.contains("≠ from step 1 · ended"), "{picture}");
}

#[test]
fn shared_random_numbers_are_the_same_draw_at_every_step() {
    let mut scene = table_scene(ABC, greedy("A"), 120, 36);
    scene.show(View::Compare).unwrap();
    scene.press("Tab n T T T T").unwrap();
    assert_eq!(state(&scene).columns()[2].asked.seed, 1, "a copy draws for itself");
    assert_ne!(draws(&scene, 1)[0], draws(&scene, 2)[0]);
    scene.press("r").unwrap();
    let (one, other) = (draws(&scene, 1), draws(&scene, 2));
    assert!(one.len() > 1 && one.iter().zip(&other).all(|(a, b)| a == b));
    assert_eq!(one[0], state(&scene).shared_draw().unwrap());
    let picture = shown(&scene.buffer());
    assert!(picture.contains(&format!("one draw for all: u = {:.4}", one[0])), "{picture}");
    scene.press("Z").unwrap();
    assert_eq!(state(&scene).shared(), Some(2));
    assert_eq!(draws(&scene, 1)[0], draws(&scene, 2)[0]);
    scene.press("r z").unwrap();
    assert_eq!((state(&scene).shared(), state(&scene).columns()[2].asked.seed), (None, 0));
}

#[test]
fn the_same_seed_and_chain_give_the_same_text() {
    let mut scene = scene(120, 36);
    scene.press("Tab n r").unwrap();
    assert_eq!(ids(&scene, 1), ids(&scene, 2));
    let columns = state(&scene).columns();
    assert_eq!(columns[2].parts(&columns[1]), None);
}

#[test]
fn knobs_are_those_of_the_selected_column() {
    let mut scene = scene(120, 36);
    scene.press("T").unwrap();
    assert!(said(&scene).contains("greedy uses no temperature"), "{}", said(&scene));
    assert_eq!(state(&scene).columns()[0].asked.chain.to_string(), "");
    scene.press("Tab T k").unwrap();
    let chain = state(&scene).columns()[1].asked.chain.to_string();
    assert!(chain.contains("top_k=") && !chain.contains("temperature=0.8,"), "{chain}");
    scene.press("b").unwrap();
    assert!(said(&scene).contains("no beams"));
    scene.press("Shift-Tab Shift-Tab B").unwrap();
    assert_eq!(state(&scene).columns()[2].asked.beams, 5);
    let mut names = Vec::new();
    while !names.contains(&state(&scene).columns()[2].asked.strategy.name) {
        names.push(state(&scene).columns()[2].asked.strategy.name);
        scene.press("s").unwrap();
    }
    assert!(["greedy", "sample", "beam", "diverse-beam"].iter().all(|name| names.contains(name)), "{names:?}");
    assert!(!names.contains(&"exact"), "exact search can't be stepped");
    scene.press("l l").unwrap();
    assert_eq!(ids(&scene, 0).len(), 20);
}

#[test]
fn two_to_four_columns() {
    let mut scene = scene(120, 36);
    scene.press("n n").unwrap();
    assert_eq!(state(&scene).columns().len(), 4);
    assert!(said(&scene).contains("4 columns"));
    scene.press("Delete Delete Delete").unwrap();
    assert_eq!(state(&scene).columns().len(), 2);
    assert!(said(&scene).contains("needs 2"));
}

#[test]
fn a_chain_is_typed_and_what_is_wrong_with_it_is_said() {
    let mut scene = scene(80, 24);
    scene.press("Tab Enter Ctrl-u t o p _ k = x Enter").unwrap();
    assert_eq!(scene.app().overlays().len(), 1, "it stays open");
    assert!(shown(&scene.buffer()).contains("not a whole number"), "{}", shown(&scene.buffer()));
    scene.press("Backspace 1 Enter").unwrap();
    assert!(scene.app().overlays().is_empty());
    assert_eq!(state(&scene).columns()[1].asked.chain.to_string(), "top_k=1");
    assert_eq!(ids(&scene, 1), ids(&scene, 0), "top_k=1 is greedy");
    scene.press("Enter Ctrl-u x Escape").unwrap();
    assert_eq!(state(&scene).columns()[1].asked.chain.to_string(), "top_k=1");
}

#[test]
fn views_with_a_timeline_go_together_and_another_prompt_begins_anew() {
    let mut scene = table_scene(ABC, table_setup("B"), 80, 24);
    scene.press("s Right Right 4").unwrap();
    assert_eq!(state(&scene).step(), 2);
    scene.press("End").unwrap();
    assert_eq!(state(&scene).step(), 39);
    scene.press("Home Left Right").unwrap();
    assert_eq!(state(&scene).step(), 1);
    let before = ids(&scene, 0);
    scene.press("i Ctrl-u A Enter").unwrap();
    assert_ne!(ids(&scene, 0), before);
    assert_eq!(ids(&scene, 0).len(), 40);
}

#[test]
fn it_stands_hostile_tokens_at_every_size() {
    stands_every_size(View::Compare, "Right Right n");
}

#[test]
fn a_failed_column_says_why() {
    let mut scene = scene(80, 24);
    scene.press("Tab Enter Ctrl-u s u p p r e s s _ t o k e n s = 0 , 1 , 2 , 3 Enter").unwrap();
    let picture = shown(&scene.buffer());
    assert!(picture.contains("failed") && picture.contains("suppress_tokens"), "{picture}");
}

#[test]
fn it_looks_as_it_should() {
    insta::assert_snapshot!("compare_80x24", styled(&scene(80, 24).buffer()));
    let mut scene = scene(120, 36);
    scene.press("Tab Right Right Right").unwrap();
    insta::assert_snapshot!("compare_120x36", styled(&scene.buffer()));
    let setup = Setup { charset: Charset::Ascii, ..greedy("B") };
    let mut scene = table_scene(ABC, setup, 200, 60);
    scene.press("4 r n Right").unwrap();
    insta::assert_snapshot!("compare_ascii_200x60", styled(&scene.buffer()));
}
