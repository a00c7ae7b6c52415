//! Beam search over a model.

use super::*;
use crate::decode::beam::{BeamSettings, Selection};
use crate::model::{ModelSource, OpenOptions, open};

fn search<'a>(prompt: &'a [TokenId], chain: &'a Chain, change: impl FnOnce(&mut BeamRequest<'a>)) -> Vec<Generated> {
    let (mut model, _) = Counting::new();
    let read = read_prompt(&mut model, prompt, &mut unwatched).unwrap();
    let mut request = request(prompt, chain);
    change(&mut request);
    let found = generate_beams(&mut model, &Digits::new(), &read, &request, &mut |observed| {
        assert_eq!(observed.context_length, prompt.len() + observed.step.step);
        ControlFlow::Continue(())
    });
    found.unwrap()
}

fn request<'a>(prompt: &'a [TokenId], chain: &'a Chain) -> BeamRequest<'a> {
    BeamRequest {
        prompt,
        settings: BeamSettings { beams: 3, returned: 3, ..BeamSettings::default() },
        chain,
        max_new_tokens: 6,
        min_new_tokens: 0,
        eos_token_ids: &[],
        stop: &[],
        dropped: DroppedBeams::Freed,
    }
}

#[test]
fn every_beam_follows_its_own_parent() {
    let none = Chain::default();
    let found = search(&[1, 2], &none, |_| {});
    assert_eq!(found.len(), 3);
    for sequence in &found {
        // The log-probabilities of the sequence read on its own: another path through the cache would give others.
        let text: Vec<TokenId> = [1, 2].into_iter().chain(ids(sequence)).collect();
        let (mut model, _) = Counting::new();
        let read = read_prompt(&mut model, &text, &mut unwatched).unwrap();
        let alone: Vec<f64> = read.scores[2..].iter().map(|score| score.unwrap().logprob).collect();
        let found: Vec<f64> = sequence.tokens.iter().map(|token| token.logprob).collect();
        assert_eq!(found, alone);
        assert!((sequence.score - sequence.sum_logprob / 6.0).abs() < 1e-12);
    }
}

#[test]
fn one_beam_is_greedy() {
    let (greedy, _) = run(&[3, 0, 2], "greedy", "", |_| {});
    let none = Chain::default();
    let found = search(&[3, 0, 2], &none, |request| {
        request.settings = BeamSettings { beams: 1, ..BeamSettings::default() };
    });
    assert_eq!(ids(&found[0]), ids(&greedy));
    assert_eq!(found[0].sum_logprob, greedy.sum_logprob);
}

#[test]
fn each_step_reads_each_beam_once() {
    let (mut model, read_tokens) = Counting::new();
    let read = read_prompt(&mut model, &[1, 2], &mut unwatched).unwrap();
    let none = Chain::default();
    let watch = &mut |_: &ObservedBeams<'_>| ControlFlow::Continue(());
    generate_beams(&mut model, &Digits::new(), &read, &request(&[1, 2], &none), watch).unwrap();
    assert_eq!(*read_tokens.lock().unwrap(), 2 + 5 * 3);
}

#[test]
fn ends_stops_minimum_and_context() {
    let likes_end = Chain::parse("logit_bias=5=20").unwrap();
    let ended = search(&[1], &likes_end, |request| request.eos_token_ids = &[5]);
    assert_eq!((ids(&ended[0]), ended[0].finish_reason, ended[0].text.as_str()), (vec![5], FinishReason::Eos, ""));
    let held = search(&[1], &likes_end, |request| {
        request.eos_token_ids = &[5];
        request.min_new_tokens = 3;
    });
    assert!(held.iter().all(|sequence| sequence.tokens.len() >= 4));
    let stops = ["3".to_string()];
    let none = Chain::default();
    let stopped = search(&[1], &none, |request| request.stop = &stops);
    for sequence in &stopped {
        assert!(!sequence.text.contains('3'), "a stop string is no text");
        let by_stop = ids(sequence).last() == Some(&3);
        assert_eq!(sequence.finish_reason == FinishReason::Stop, by_stop);
    }
    assert!(stopped.iter().any(|sequence| sequence.finish_reason == FinishReason::Stop));
    let full = [1; CONTEXT - 2];
    let found = search(&full, &none, |_| {});
    assert!(found.iter().all(|one| (one.tokens.len(), one.finish_reason) == (2, FinishReason::Length)));
}

#[test]
fn a_break_and_a_wrong_setting_end_it() {
    let (mut model, _) = Counting::new();
    let read = read_prompt(&mut model, &[1], &mut unwatched).unwrap();
    let none = Chain::default();
    let broken = generate_beams(&mut model, &Digits::new(), &read, &request(&[1], &none), &mut |observed| {
        if observed.step.step == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(broken, Err(EngineError::Interrupted)));
    let mut wrong = request(&[1], &none);
    wrong.settings.returned = 9;
    let refused = generate_beams(&mut model, &Digits::new(), &read, &wrong, &mut |_| ControlFlow::Continue(()));
    assert!(refused.unwrap_err().to_string().starts_with("num_return_sequences: `9`"));
}

#[test]
fn drawn_beams_come_again_with_their_seed() {
    let chain = Chain::parse("temperature=1.5").unwrap();
    let drawn = |seed| {
        search(&[1], &chain, |request| {
            request.settings.selection = Selection::Drawn { seed };
            request.eos_token_ids = &[5];
        })
    };
    assert_eq!(drawn(4), drawn(4));
    assert_ne!(drawn(4), drawn(5));
}

#[test]
fn freeing_dropped_beams_changes_nothing_but_memory() {
    let mut loaded = open(&ModelSource::Builtin, &OpenOptions::default()).unwrap();
    let prompt: Vec<TokenId> = (100..110).collect();
    let none = Chain::default();
    let mut found = |dropped| {
        loaded.model.retain(&[]);
        let read = read_prompt(loaded.model.as_mut(), &prompt, &mut unwatched).unwrap();
        let request = BeamRequest { max_new_tokens: 40, dropped, ..request(&prompt, &none) };
        let (model, tokenizer) = (loaded.model.as_mut(), loaded.tokenizer.as_ref());
        let found = generate_beams(model, tokenizer, &read, &request, &mut |_| ControlFlow::Continue(())).unwrap();
        (found, loaded.model.cache_use().tokens)
    };
    let (kept, all) = found(DroppedBeams::Kept);
    let (freed, few) = found(DroppedBeams::Freed);
    assert_eq!(kept, freed);
    assert_eq!(all, 10 + 39 * 3);
    assert!(few < all, "{few} of {all}");
}
