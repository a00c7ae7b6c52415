//! The view over a table of probabilities whose figures can be computed by hand.

use super::*;
use crate::ui::app::Notice;
use crate::ui::app::pictures::styled;
use crate::ui::scene::Scene;
use crate::ui::testing::{ABC, HOSTILE, shown, stands_every_size, table_scene, table_setup};

/// Two letters: together they are one token.
const JOINED: &str = "
vocabulary = ['A', 'B', 'AB']
end = '<end>'
[[row]]
context = []
next = { A = 0.5, B = 0.2, AB = 0.2, '<end>' = 0.1 }
";

/// The completions C and CAAA after B: .4, and .4 · .5 · .6 · .6.
fn scene(width: u16, height: u16) -> Scene {
    let mut scene = table_scene(ABC, table_setup("B"), width, height);
    scene.show(View::Score).unwrap();
    scene.press("Enter Ctrl-u C Enter Down Enter Ctrl-u C A A A Enter").unwrap();
    scene
}

fn said(scene: &Scene) -> String {
    match scene.app().notice() {
        Some(Notice::Info(text) | Notice::Error(text)) => text.clone(),
        None => String::new(),
    }
}

#[test]
fn sums_means_and_perplexities_are_those_of_the_hand() {
    let scene = scene(120, 36);
    let scored = scene.app().views.score.scored(scene.app()).unwrap();
    let (short, long) = (0.4f64.ln(), (0.4f64 * 0.5 * 0.6 * 0.6).ln());
    for (completion, (sum, tokens)) in scored.completions.iter().zip([(short, 1.0), (long, 4.0)]) {
        let totals = completion.totals;
        assert!((totals.sum_logprob - sum).abs() < 1e-6);
        assert!((totals.mean_logprob() - sum / tokens).abs() < 1e-6);
        assert!((totals.perplexity() - (-sum / tokens).exp()).abs() < 1e-5);
        assert!((totals.bits_per_byte().unwrap() + sum / tokens / 2f64.ln()).abs() < 1e-6, "a byte a token");
    }
    assert_eq!(scored.best, 0);
    let picture = shown(&scene.buffer());
    // ln .4, ln .072, a quarter of it, exp(.6578).
    for figure in ["−0.916", "−2.631", "−0.658", "1.93", "2.50", "1 ★", "≠ the mean would choose 2"] {
        assert!(picture.contains(figure), "{figure} in\n{picture}");
    }
    assert!(picture.contains("1 is the most probable: by 1.715 nats, 5.56 times"), "{picture}");
}

#[test]
fn the_audit_marks_who_would_choose_another() {
    let mut scene = scene(80, 24);
    let audit = |scene: &Scene, mistake: &str| {
        let picture = shown(&scene.buffer());
        let row = picture.lines().rev().find(|row| row.contains(&format!(" {mistake} ")));
        row.unwrap_or_else(|| panic!("{mistake} in\n{picture}")).to_owned()
    };
    assert!(audit(&scene, "mean").contains("≠ 2"));
    assert!(!audit(&scene, "joint").contains('≠'));
    scene.press("a").unwrap();
    assert!(audit(&scene, "mean").contains("an average stands"), "{}", shown(&scene.buffer()));
    assert!(!shown(&scene.buffer()).contains("entropy"));
    scene.press("a").unwrap();
    assert!(shown(&scene.buffer()).contains("rank"));
}

#[test]
fn the_selected_line_is_shown_token_by_token() {
    let mut scene = scene(120, 36);
    assert_eq!((scene.app().views.score.selected(), scene.app().views.score.token()), (2, 0));
    scene.press("End Left").unwrap();
    assert_eq!(scene.app().views.score.token(), 2);
    let picture = shown(&scene.buffer());
    assert!(picture.contains("3 of 4") && picture.contains("60.0%"), "{picture}");
    // After B: C .4, end .3, A .2, B .1: entropy 1.2799 nats.
    assert!(picture.contains("1.280"), "{picture}");
    scene.press("Up Up Up").unwrap();
    assert_eq!(scene.app().views.score.selected(), 0);
    assert!(shown(&scene.buffer()).contains("Tokens of the prompt"));
}

#[test]
fn lines_are_added_edited_and_taken_away() {
    let mut scene = scene(80, 24);
    scene.press("n Ctrl-u Enter").unwrap();
    assert!(shown(&scene.buffer()).contains("it is empty"), "{}", shown(&scene.buffer()));
    scene.press("A Enter").unwrap();
    assert_eq!(scene.app().views.score.completions(), ["C", "CAAA", "A"]);
    assert!(shown(&scene.buffer()).contains("−1.609"), "ln .2 in\n{}", shown(&scene.buffer()));
    scene.press("n Ctrl-u A A Enter n Ctrl-u B Enter n Ctrl-u C C Enter n").unwrap();
    assert!(said(&scene).contains("6 completions"), "{}", said(&scene));
    scene.press("Delete Up Delete").unwrap();
    assert_eq!(scene.app().views.score.completions().len(), 4);
    scene.press("Up Up Up Up Up Delete").unwrap();
    assert!(said(&scene).contains("can't be taken away"));
    scene.press("Enter Ctrl-u A Enter").unwrap();
    assert_eq!(scene.app().views.score.prompt(scene.app()), "A");
    assert_eq!(scene.app().prompt(), "B", "the session's own prompt stays");
}

#[test]
fn the_prompt_is_the_sessions_until_another_is_typed() {
    let mut scene = scene(80, 24);
    scene.press("i Ctrl-u A Enter").unwrap();
    // After A: C .1.
    assert!(shown(&scene.buffer()).contains("−2.303"), "{}", shown(&scene.buffer()));
}

#[test]
fn what_is_cut_otherwise_together_is_warned_of() {
    let mut scene = table_scene(JOINED, table_setup("A"), 80, 24);
    scene.show(View::Score).unwrap();
    scene.press("Enter Ctrl-u B Enter Down Enter Ctrl-u A Enter").unwrap();
    let picture = shown(&scene.buffer());
    assert!(picture.contains("1 gives other tokens when it is cut together with the prompt: AB"), "{picture}");
}

#[test]
fn a_text_that_can_not_be_cut_says_so() {
    let mut scene = table_scene(ABC, table_setup("B"), 80, 24);
    scene.show(View::Score).unwrap();
    assert!(matches!(scene.app().notice(), Some(Notice::Error(_))), "the examples are no text of this model");
}

#[test]
fn one_completion_alone_wins_nothing() {
    let mut scene = table_scene(ABC, table_setup("B"), 120, 36);
    scene.show(View::Score).unwrap();
    scene.press("Delete Enter Ctrl-u C Enter").unwrap();
    assert!(shown(&scene.buffer()).contains("one completion alone"), "{}", shown(&scene.buffer()));
}

#[test]
fn it_stands_hostile_tokens_at_every_size() {
    stands_every_size(View::Score, "");
    let mut scene = table_scene(HOSTILE, table_setup("A"), 80, 24);
    scene.show(View::Score).unwrap();
    scene.press("Enter Ctrl-u A Enter Down Enter Ctrl-u 世 界 Enter n Ctrl-u _ Space A Enter").unwrap();
    assert!(scene.app().views.score.scored(scene.app()).is_some(), "{}", shown(&scene.buffer()));
    for (width, height) in [(0, 0), (1, 1), (40, 12), (41, 13), (60, 20), (76, 30), (200, 60)] {
        scene.resize(width, height);
        let _ = scene.buffer();
    }
}

#[test]
fn how_far_the_reading_is_shows() {
    let mut scene = table_scene(ABC, table_setup("B"), 80, 24);
    scene.press("5 Enter Ctrl-u C Enter Down Enter Ctrl-u C A A A").unwrap();
    scene.handle(crate::ui::message::Message::Key(crate::ui::action::Key::parse("Enter").unwrap().event()));
    assert!(scene.app().is_under_way(Lane::Score));
    assert!(shown(&scene.buffer()).contains("being cut into tokens"), "{}", shown(&scene.buffer()));
    scene.settle().unwrap();
    // The prompt and the begin of text, C, and C A A A.
    assert_eq!(scene.app().views.score.progress().1, 7);
    assert!(!shown(&scene.buffer()).contains("tokens read"));
}

#[test]
fn it_looks_as_it_should() {
    insta::assert_snapshot!("score_80x24", styled(&scene(80, 24).buffer()));
    let mut scene = scene(120, 36);
    scene.press("Right").unwrap();
    insta::assert_snapshot!("score_120x36", styled(&scene.buffer()));
}
