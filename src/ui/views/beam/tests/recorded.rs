//! A recorded search: it steps, ranks and refuses, without a model.

use super::*;
use crate::decode::beam::BeamSettings;
use crate::session::trace::Trace;
use crate::ui::testing::{recorded_scene, recorded_search};

fn trace(length: usize) -> Trace {
    recorded_search(SHORT_OR_LONG, "", BeamSettings { beams: 2, returned: 2, ..BeamSettings::default() }, length)
}

fn said(scene: &Scene) -> String {
    match scene.app().notice() {
        Some(Notice::Info(text) | Notice::Error(text)) => text.clone(),
        None => String::new(),
    }
}

#[test]
fn it_is_the_search_that_was_made() {
    let mut recorded = recorded_scene(trace(4), 80, 24);
    assert_eq!(
        (recorded.app().view(), said(&recorded)),
        (View::Beam, "a recording of 4 steps of beam, without its model".into())
    );
    let mut live = beams(SHORT_OR_LONG, "", (80, 24), "b b l l l l l");
    assert_eq!(state(&live).knobs.length, 4);
    for key in ["Right", "Right", "Right", "Right", "Left", "Home", "End"] {
        live.press(key).unwrap();
        recorded.press(key).unwrap();
        let (ours, theirs) = (state(&recorded).search().unwrap(), state(&live).search().unwrap());
        let step = state(&live).step();
        assert_eq!((state(&recorded).step(), ours.stopped()), (step, theirs.stopped()));
        assert_eq!(ours.step(step), theirs.step(step), "after {key}");
        let settings = state(&live).knobs.settings(0);
        assert_eq!(ours.ranked(step, &settings), theirs.ranked(step, &settings));
        assert_eq!(state(&recorded).knobs.settings(0), settings);
    }
    recorded.press("Right").unwrap();
    assert!(said(&recorded).starts_with("the search is over"), "{}", said(&recorded));
}

/// The two change places at α = 0.8097.
#[test]
fn alpha_and_norm_rank_what_was_recorded() {
    let mut scene = recorded_scene(trace(4), 80, 24);
    scene.press("End").unwrap();
    assert_eq!(winner(&scene).1, 4);
    scene.press("a a a a a").unwrap();
    assert!(winner(&scene).1 == 2 && (winner(&scene).0 - 0.42f64.ln() / 2.0f64.sqrt()).abs() < 1e-6);
    scene.press("n n n").unwrap();
    assert!((winner(&scene).0 - 0.42f64.ln()).abs() < 1e-6, "without a norm the sum is the score");
    assert_eq!(state(&scene).step(), 4, "it is the same search");
}

#[test]
fn what_needs_the_model_is_refused() {
    let mut scene = recorded_scene(trace(4), 80, 24);
    scene.press("Right Right").unwrap();
    let knobs = state(&scene).knobs.clone();
    for key in ["b", "B", "s", "E", "l", "L", "G", "p", "e"] {
        scene.press(key).unwrap();
        assert!(said(&scene).contains("can't search anew"), "{key}: {}", said(&scene));
    }
    assert_eq!(state(&scene).knobs, knobs);
    scene.press("i").unwrap();
    assert!(said(&scene).contains("can't change"), "{}", said(&scene));
    scene.press("d Down Enter").unwrap();
    assert_eq!(state(&scene).selected(), 1, "looking is allowed");
    scene.press("1 Right g").unwrap();
    assert!(said(&scene).contains("3 shows it") && scene.app().is_settled(), "{}", said(&scene));
    scene.press("2 4 5 6 7 3").unwrap();
    assert_eq!(state(&scene).step(), 2);
}

#[test]
fn one_that_breaks_off_opens_as_far_as_it_goes() {
    let mut cut = trace(4);
    cut.end = None;
    cut.beam_steps.truncate(2);
    let mut scene = recorded_scene(cut, 80, 24);
    assert!(said(&scene).contains("2 steps of beam") && said(&scene).contains("cut off"), "{}", said(&scene));
    scene.press("End").unwrap();
    assert!(state(&scene).step() == 2 && shown(&scene.buffer()).contains("step 2 of 2"));
    scene.press("Right").unwrap();
    assert!(said(&scene).contains("breaks off"), "{}", said(&scene));
}

#[test]
fn it_looks_as_it_should() {
    let mut scene = recorded_scene(trace(4), 80, 24);
    scene.press("Right Right Right").unwrap();
    insta::assert_snapshot!("recorded_80x24", body(&scene));
}
