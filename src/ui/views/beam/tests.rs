//! The view over a real engine and tables whose beams can be had by hand.

mod recorded;

use super::*;
use crate::glyph::Charset;
use crate::ui::action::Key;
use crate::ui::app::{Notice, Setup};
use crate::ui::message::Message;
use crate::ui::scene::Scene;
use crate::ui::testing::{ABC, HOSTILE, shown, stands_every_size, table_scene, table_setup};

/// A ends at once, B goes on: p(A end) = .7·.6 = .42, p(B B B B) = .3·.9³ = .2187.
const SHORT_OR_LONG: &str = "
vocabulary = ['A', 'B']
end = '<end>'
[[row]]
context = []
next = { A = 0.7, B = 0.3 }
[[row]]
context = ['A']
next = { A = 0.2, B = 0.2, '<end>' = 0.6 }
[[row]]
context = ['B']
next = { B = 0.9, '<end>' = 0.1 }
";

fn beams(table: &'static str, prompt: &str, (width, height): (u16, u16), keys: &str) -> Scene {
    let mut scene = table_scene(table, table_setup(prompt), width, height);
    scene.show(View::Beam).unwrap();
    scene.press(keys).unwrap();
    scene
}

fn state(scene: &Scene) -> &State {
    &scene.app().views.beam
}

/// A key without waiting for what follows.
fn touch(scene: &mut Scene, key: &str) {
    scene.handle(Message::Key(Key::parse(key).unwrap().event()));
}

fn winner(scene: &Scene) -> (f64, usize) {
    let search = state(scene).search().unwrap();
    let settings = state(scene).knobs.settings(0);
    let best = search.ranked(state(scene).step(), &settings)[0];
    (best.score, search.node(best.node).unwrap().candidate.length)
}

#[test]
fn the_textbook_beams_are_on_the_screen() {
    let scene = beams(ABC, "", (80, 24), "b b Right Right");
    let picture = shown(&scene.buffer());
    for expected in ["step 2 of", "−1.204", "−2.120", "●A", "●C", "✕B", "✕<end>", "#1", "AA", "BC", "0 of 2 finished"]
    {
        assert!(picture.contains(expected), "{expected}:\n{picture}");
    }
    let search = state(&scene).search().unwrap();
    let sums: Vec<f64> = search.step(2).unwrap().running().iter().map(|one| one.sum).collect();
    assert!((sums[0] - 0.3f64.ln()).abs() < 1e-6 && (sums[1] - 0.12f64.ln()).abs() < 1e-6);
    let greedy: Vec<_> = search.greedy().iter().take(2).map(|token| token.token).collect();
    assert_eq!(greedy, [0, 0]);
}

#[test]
fn steps_go_forward_and_back_and_the_search_is_made_once() {
    let mut scene = beams(ABC, "", (80, 24), "");
    assert_eq!(state(&scene).step(), 0);
    assert!(shown(&scene.buffer()).contains("every beam is continued by every token"));
    let made = state(&scene).search().unwrap().made();
    scene.press("Right Space Right Left").unwrap();
    assert_eq!(state(&scene).step(), 2);
    let before = shown(&scene.buffer());
    scene.press("Right Left").unwrap();
    assert_eq!(shown(&scene.buffer()), before, "there and back is the same picture");
    scene.press("End").unwrap();
    assert_eq!(state(&scene).step(), made);
    scene.press("Right").unwrap();
    assert!(matches!(scene.app().notice(), Some(Notice::Info(text)) if text.contains("the search is over")));
    scene.press("Home Left").unwrap();
    assert_eq!((state(&scene).step(), state(&scene).search().unwrap().made()), (0, made));
}

#[test]
fn the_step_is_that_of_the_view_before() {
    let mut scene = table_scene(ABC, table_setup("A"), 80, 24);
    scene.press("s Right Right 3").unwrap();
    assert_eq!(state(&scene).step(), 2);
    scene.press("Right 1").unwrap();
    assert_eq!(scene.app().step_number(), 3);
}

/// The two change places at α = ln(ln .2187 / ln .42) / ln(4/2) = 0.8097.
#[test]
fn alpha_ranks_anew_at_once_and_the_search_follows() {
    let mut scene = beams(SHORT_OR_LONG, "", (80, 24), "b b l l l l l End");
    let long = (0.2187f64.ln() / 4.0, 4);
    assert!((winner(&scene).0 - long.0).abs() < 1e-6 && winner(&scene).1 == 4, "{:?}", winner(&scene));
    assert!(shown(&scene.buffer()).contains("0.81"), "{}", shown(&scene.buffer()));
    for _ in 0..5 {
        touch(&mut scene, "a");
    }
    let short = 0.42f64.ln() / 2.0f64.sqrt();
    assert!((winner(&scene).0 - short).abs() < 1e-6 && winner(&scene).1 == 2, "before another search has answered");
    assert!(state(&scene).is_replaced());
    scene.settle().unwrap();
    assert!(!state(&scene).is_replaced());
    assert!((state(&scene).search().unwrap().settings().length_penalty - 0.5).abs() < 1e-9);
    scene.press("n n n").unwrap();
    assert_eq!(state(&scene).knobs.norm, crate::decode::beam::LengthNorm::None);
    assert!((winner(&scene).0 - 0.42f64.ln()).abs() < 1e-6, "without a norm the sum is the score");
}

#[test]
fn knobs_search_anew() {
    let mut scene = beams(ABC, "", (120, 36), "Right Right");
    for (key, beams, groups) in [("B", 5, 1), ("s", 5, 1), ("s", 5, 5), ("s", 5, 1), ("b", 4, 1), ("E", 4, 1)] {
        scene.press(key).unwrap();
        let settings = *state(&scene).search().unwrap().settings();
        assert_eq!((settings.beams, settings.groups), (beams, groups), "after {key}");
        assert_eq!(state(&scene).step(), 2);
    }
    assert_eq!(state(&scene).knobs.early, crate::decode::beam::EarlyStopping::Never);
    scene.press(&"B ".repeat(30)).unwrap();
    assert_eq!(state(&scene).knobs.beams, 16);
    scene.press(&"a ".repeat(80)).unwrap();
    assert!((state(&scene).knobs.alpha + 2.0).abs() < 1e-9);
    scene.press(&"l ".repeat(20)).unwrap();
    assert_eq!((state(&scene).knobs.length, state(&scene).step()), (1, 1), "there is no second step any more");
}

/// After two steps without a norm, A end (ln .42) and B B (ln .27) are finished and running; with α = 1 per token.
#[test]
fn the_bound_is_that_of_the_knobs_before_another_search_has_answered() {
    let mut scene = beams(SHORT_OR_LONG, "", (80, 24), "b b Right Right");
    let bound = |scene: &Scene| {
        let settings = state(scene).knobs.settings(0);
        state(scene).search().unwrap().bound((2, 0), &settings, state(scene).knobs.length).unwrap()
    };
    let (running, finished) = (0.27f64.ln(), 0.42f64.ln());
    let before = bound(&scene);
    assert_eq!((before.finished, before.needed, before.stop), (1, 2, None));
    assert!((before.attainable.unwrap() - running / 2.0).abs() < 1e-6);
    touch(&mut scene, "n");
    touch(&mut scene, "n");
    touch(&mut scene, "n");
    assert!(state(&scene).is_replaced());
    let after = bound(&scene);
    assert!((after.attainable.unwrap() - running).abs() < 1e-6, "{after:?}");
    assert!((after.worst_finished.unwrap() - finished).abs() < 1e-6, "{after:?}");
    assert!(shown(&scene.buffer()).contains("best still reachable −1.309"), "{}", shown(&scene.buffer()));
    scene.settle().unwrap();
    let searched = bound(&scene);
    assert_eq!(searched, after, "the search says the same");
}

#[test]
fn one_winner_for_every_alpha_says_why() {
    let scene = beams(ABC, "", (120, 36), "b b Right");
    assert!(shown(&scene.buffer()).contains("all are equally long"), "{}", shown(&scene.buffer()));
    let scene = beams(ABC, "", (120, 36), "b b b b Right");
    assert!(shown(&scene.buffer()).contains("nothing else is there"), "{}", shown(&scene.buffer()));
    let scene = beams(ABC, "", (120, 36), "b b n n n Right Right");
    assert!(shown(&scene.buffer()).contains("α changes nothing"), "{}", shown(&scene.buffer()));
}

#[test]
fn groups_and_their_penalty_are_knobs() {
    let mut scene = beams(ABC, "", (120, 36), "Right Right G");
    assert!(matches!(scene.app().notice(), Some(Notice::Info(text)) if text.contains("no groups")));
    scene.press("s s g p P P").unwrap();
    let settings = *state(&scene).search().unwrap().settings();
    assert_eq!((settings.beams, settings.groups, settings.diversity_penalty), (4, 2, 0.6));
    let picture = shown(&scene.buffer());
    assert!(
        picture.contains("g/G groups 2") && picture.contains("p/P λ 0.6") && picture.contains("group 1"),
        "{picture}"
    );
    // 5 beams make 1 group of 5 or 5 of 1; 6 beams 2 again.
    for (key, groups) in [("B", 1), ("B", 2), ("G", 3), ("G", 6), ("G", 6), ("g", 3)] {
        scene.press(key).unwrap();
        assert_eq!(state(&scene).search().unwrap().settings().groups, groups, "after {key}");
    }
    scene.press(&"p ".repeat(9)).unwrap();
    assert_eq!(state(&scene).search().unwrap().settings().diversity_penalty, 0.0);
}

/// Greedy finds A A (.3); nothing of two tokens is more probable.
#[test]
fn the_optimum_is_proven_and_compared() {
    let mut scene = beams(ABC, "", (120, 36), "Right Right e");
    let found = state(&scene).optimum.as_ref().unwrap().found.clone().unwrap();
    assert_eq!(found.proof, crate::engine::Proof::Proven);
    assert!((found.progress.best - 0.3f64.ln()).abs() < 1e-6);
    let picture = shown(&scene.buffer());
    assert!(picture.contains("proven: −1.204 in 2 tokens") && picture.contains("greedy found it"), "{picture}");
    assert!(picture.contains("A◇★"), "{picture}");
    scene.press("i A Enter").unwrap();
    assert!(!shown(&scene.buffer()).contains("proven"), "it was that of another prompt");
}

#[test]
fn a_search_for_the_optimum_can_be_stopped() {
    let mut scene = beams(ABC, "", (120, 36), "End");
    touch(&mut scene, "e");
    assert!(scene.app().is_under_way(Lane::Optimum));
    touch(&mut scene, "Esc");
    assert!(!scene.app().is_under_way(Lane::Optimum));
    scene.settle().unwrap();
    assert!(!shown(&scene.buffer()).contains("proven: "));
}

#[test]
fn branches_fold_and_candidates_are_selected() {
    let mut scene = beams(ABC, "", (80, 24), "Right Right Right");
    let leaves = |scene: &Scene| shown(&scene.buffer()).matches('✕').count();
    let open = leaves(&scene);
    scene.press("Enter").unwrap();
    assert!(shown(&scene.buffer()).contains(" +"), "{}", shown(&scene.buffer()));
    assert!(leaves(&scene) <= open);
    scene.press("Enter").unwrap();
    assert_eq!(leaves(&scene), open);
    scene.press("Down Down Down Down Down").unwrap();
    let one = *state(&scene).candidate().unwrap();
    assert!(shown(&scene.buffer()).contains(lists::verdict(one.verdict)));
    scene.press("d").unwrap();
    assert!(shown(&scene.buffer()).contains("Ledger of step 3"));
    scene.press("Down Down Down Down Down Down Down Down Down Up").unwrap();
    assert_eq!(state(&scene).selected(), state(&scene).search().unwrap().step(3).unwrap().candidates.len() - 2);
}

#[test]
fn another_prompt_is_searched_anew() {
    let mut scene = beams(ABC, "", (80, 24), "Right Right");
    scene.press("i B Enter").unwrap();
    let search = state(&scene).search().unwrap();
    assert_eq!(search.greedy()[0].token, 2, "after B comes C");
    assert_eq!(state(&scene).step(), 2);
}

#[test]
fn every_size_can_be_drawn_with_hostile_tokens() {
    for keys in ["", "B B B B Right Right Right Right Right e Enter", "s s End PageDown d Down"] {
        stands_every_size(View::Beam, keys);
    }
}

#[test]
fn sixteen_beams_of_two_hundred_tokens_scroll_and_fold() {
    let keys = format!("{}{}End", "B ".repeat(12), "L ".repeat(8));
    let mut scene = beams(HOSTILE, "", (80, 24), &keys);
    let search = state(&scene).search().unwrap();
    assert!(search.made() > 20, "{}", search.made());
    let first = shown(&scene.buffer());
    assert!(first.contains("before"), "{first}");
    scene.press("PageDown").unwrap();
    assert_ne!(shown(&scene.buffer()), first);
    scene.press("PageUp Up").unwrap();
    assert_eq!(shown(&scene.buffer()), first);
    for (width, height) in [(40, 12), (120, 36), (200, 60)] {
        scene.resize(width, height);
        shown(&scene.buffer());
    }
}

#[test]
fn every_row_of_the_picture_has_one_leaf() {
    let scene = beams(HOSTILE, "", (120, 36), "B B End");
    let (state, search) = (state(&scene), state(&scene).search().unwrap());
    for step in 1..=state.step().min(12) {
        let optimum = [2, 2, 2];
        let scene =
            picture::Scene { search, step, folded: &state.folded, optimum: &optimum, best: None, rows: 40, since: 0 };
        let picture = picture::Picture::of(&scene);
        let mut rows: Vec<usize> =
            picture.items.iter().filter(|item| item.children.is_empty()).map(|item| item.row).collect();
        rows.sort_unstable();
        assert_eq!(rows, (0..picture.rows).collect::<Vec<_>>());
        for (index, item) in picture.items.iter().enumerate() {
            assert!(item.parent.is_none_or(|parent| parent < index && picture.items[parent].step + 1 == item.step));
            let first = item.children.first().map(|&child| picture.items[child].row);
            assert!(first.is_none_or(|row| row == item.row));
        }
    }
}

/// The picture without the line of the program's header, which names all views.
fn body(scene: &Scene) -> String {
    let picture = shown(&scene.buffer());
    picture.split_once('\n').map(|(_, body)| body.to_owned()).unwrap_or_default()
}

#[test]
fn the_tree_looks_as_it_should() {
    insta::assert_snapshot!("abc_80x24", body(&beams(ABC, "", (80, 24), "b b Right Right e")));
    insta::assert_snapshot!("abc_120x36", body(&beams(ABC, "A", (120, 36), "Right Right Right Down")));
    insta::assert_snapshot!("abc_200x60", body(&beams(ABC, "A B", (200, 60), "End e")));
    let ascii = Setup { charset: Charset::Ascii, ..table_setup("") };
    let mut scene = table_scene(SHORT_OR_LONG, ascii, 80, 24);
    scene.press("3 b b l l l l l End").unwrap();
    insta::assert_snapshot!("ascii_80x24", body(&scene));
}

#[test]
fn the_options_are_typed_in_one_line() {
    let mut scene = beams(ABC, "", (80, 24), "");
    scene.press("v Home").unwrap();
    let drawn = shown(&scene.buffer());
    assert!(drawn.contains("num_beams=4,length_penalty=1,max_new_tokens="), "{drawn}");
    let typed: Vec<String> = "num_beams=3,length_penalty=1.25".chars().map(String::from).collect();
    scene.press(&format!("Ctrl-u {} Enter", typed.join(" "))).unwrap();
    assert_eq!((state(&scene).knobs.beams, state(&scene).knobs.alpha), (3, 1.25));
    assert!(shown(&scene.buffer()).contains("1.25"));
    scene.press("A").unwrap();
    assert_eq!(state(&scene).knobs.alpha, 1.3);
    scene.press("v Ctrl-u x Enter").unwrap();
    assert_eq!(scene.app().overlays().len(), 1, "what is wrong keeps the window open");
}
