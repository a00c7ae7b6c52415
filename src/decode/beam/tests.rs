//! The search on small distributions made up from the history, so that every number can be had by hand or by brute force.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::decode::strategy::strategy;
use crate::decode::{Analysis, Chain, Context, DecodeError, Distribution, TokenId};

/// Logits that depend on the whole history.
fn model(history: &[TokenId], vocab: usize, salt: u64) -> Distribution {
    let mix = |hash: u64, id: &TokenId| (hash ^ u64::from(*id)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
    let hash = history.iter().fold(salt.wrapping_add(1), mix);
    let logit = |id: u64| (mix(hash, &(id as TokenId + 1)) >> 40) as f64 / f64::from(1 << 22);
    Distribution::from_logits(&(0..vocab as u64).map(logit).collect::<Vec<_>>()).unwrap()
}

fn run(
    settings: BeamSettings,
    task: BeamTask,
    chain: &Chain,
    model: impl Fn(&[TokenId]) -> Distribution,
) -> (BeamSearch, Vec<BeamStep>) {
    let mut search = BeamSearch::new(settings, task).unwrap();
    let mut steps = Vec::new();
    while search.stopped().is_none() {
        let models: Vec<Distribution> = search.live().map(|beam| model(&beam.history)).collect();
        steps.push(search.advance(&models, chain, BeamText::default()).unwrap());
    }
    (search, steps)
}

fn task(end_ids: &[TokenId], max_new_tokens: usize) -> BeamTask {
    BeamTask { prompt: vec![1], end_ids: end_ids.to_vec(), max_new_tokens }
}

/// p(A) = .5, p(B) = .3; after A: A .6, B .2; after B: C .4, end .3. What is missing to 1 is a token that comes last.
#[test]
fn the_textbook_example_by_hand() {
    let row = |p: &[f64]| Distribution::from_logits(&p.iter().map(|p| p.ln()).collect::<Vec<_>>()).unwrap();
    let table = |history: &[TokenId]| match history[1..] {
        [] => row(&[0.5, 0.3, 0.0, 0.0, 0.2]),
        [0] => row(&[0.6, 0.2, 0.0, 0.0, 0.2]),
        [1] => row(&[0.0, 0.0, 0.4, 0.3, 0.3]),
        _ => row(&[0.2; 5]),
    };
    let mut search = BeamSearch::new(BeamSettings { beams: 2, ..BeamSettings::default() }, task(&[3], 9)).unwrap();
    for _ in 0..2 {
        let models: Vec<Distribution> = search.live().map(|beam| table(&beam.history)).collect();
        search.advance(&models, &Chain::default(), BeamText::default()).unwrap();
    }
    let live: Vec<(&[TokenId], f64)> = search.live().map(|beam| (&beam.history[1..], beam.sum)).collect();
    assert_eq!((live[0].0, live[1].0), (&[0, 0][..], &[1, 2][..]));
    assert!((live[0].1 + 1.204).abs() < 5e-4 && (live[1].1 + 2.120).abs() < 5e-4, "{live:?}");
}

#[test]
fn ties_go_by_score_then_beam_then_token() {
    let flat = |_: &[TokenId]| Distribution::from_logits(&[0.0; 4]).unwrap();
    let (_, steps) = run(BeamSettings { beams: 3, ..BeamSettings::default() }, task(&[], 2), &Chain::default(), flat);
    let looked_at = |step: &BeamStep| step.candidates.iter().map(|one| (one.parent, one.token)).collect::<Vec<_>>();
    assert_eq!(looked_at(&steps[0]), [(None, 0), (None, 1), (None, 2), (None, 3)]);
    let of = |step: &BeamStep, i: usize| Some(step.candidates[i].node);
    let first = of(&steps[0], 0);
    assert_eq!(looked_at(&steps[1])[..4], [(first, 0), (first, 1), (first, 2), (first, 3)]);
    assert_eq!(looked_at(&steps[1])[4], (of(&steps[0], 1), 0));
}

#[test]
fn repetition_penalty_acts_on_logprobs() {
    let chain = Chain::parse("repetition_penalty=2").unwrap();
    let one = |_: &[TokenId]| Distribution::from_logits(&[4.0, 4.0, 0.0]).unwrap();
    let (search, _) = run(BeamSettings { beams: 1, ..BeamSettings::default() }, task(&[], 1), &chain, one);
    let best = search.ranked()[0];
    assert_eq!(best.tokens[0].id, 0, "token 1 is in the prompt: its log p doubled");
    let (all, steps) = run(BeamSettings { beams: 2, ..BeamSettings::default() }, task(&[], 1), &chain, one);
    let penalized = steps[0].candidates.iter().find(|one| one.token == 1).unwrap();
    assert!((penalized.sampling_logprob - 2.0 * penalized.logprob).abs() < 1e-12);
    assert_eq!(all.ranked().len(), 1, "only as many as are returned");
}

#[test]
fn refusals_name_the_option() {
    let refused = |change: fn(&mut BeamSettings)| {
        let mut settings = BeamSettings::default();
        change(&mut settings);
        settings.check().unwrap_err().to_string()
    };
    assert!(refused(|s| s.beams = 0).starts_with("num_beams: `0` is out of range"));
    assert!(refused(|s| s.beams = 1000).contains("from 1 to 256"));
    assert!(refused(|s| s.returned = 5).starts_with("num_return_sequences: `5`"));
    assert!(refused(|s| s.groups = 3).starts_with("num_beam_groups: `3`"));
    assert!(refused(|s| s.length_penalty = 5.1).contains("from -2 to 5"));
    assert!(refused(|s| s.length_penalty = f64::NAN).starts_with("length_penalty: `NaN`"));
    assert!(refused(|s| s.diversity_penalty = -0.1).contains("at least 0"));
    assert!(refused(|s| (s.groups, s.selection) = (2, Selection::Drawn { seed: 0 })).contains("draw nothing"));
    assert!(BeamSearch::new(BeamSettings::default(), task(&[], 0)).is_err());
    let mut search = BeamSearch::new(BeamSettings::default(), task(&[], 1)).unwrap();
    let none: [Distribution; 0] = [];
    assert_eq!(
        search.advance(&none, &Chain::default(), BeamText::default()),
        Err(DecodeError::BeamModels { live: 1, given: 0 })
    );
}

#[test]
fn a_chain_that_leaves_nothing_is_an_error() {
    let chain = Chain::parse("suppress_tokens=0,1,2").unwrap();
    let mut search = BeamSearch::new(BeamSettings::default(), task(&[], 3)).unwrap();
    let error = search.advance(&[model(&[1], 3, 0)], &chain, BeamText::default()).unwrap_err();
    assert_eq!(error.to_string(), "suppress_tokens=0,1,2 leaves no token: relax it");
}

#[test]
fn groups_pay_for_the_tokens_of_earlier_groups() {
    let flat = |_: &[TokenId]| Distribution::from_logits(&[0.3, 0.2, 0.1, 0.0]).unwrap();
    let settings = BeamSettings { beams: 6, groups: 3, diversity_penalty: 1.0, returned: 3, ..BeamSettings::default() };
    let (search, steps) = run(settings, task(&[], 3), &Chain::default(), flat);
    let chosen: Vec<TokenId> = steps[0].running().iter().map(|one| one.token).collect();
    assert_eq!(chosen, [0, 1, 2, 3, 0, 1], "each group takes what the others left");
    // The sum of a group keeps what was taken off; the model's own does not.
    let second = steps[0].candidates.iter().find(|one| one.group == 1 && one.token == 0).unwrap();
    assert!((second.sum - (second.sum_logprob - 1.0)).abs() < 1e-12);
    assert_eq!(search.ranked().len(), 3);
    let plain = BeamSettings { diversity_penalty: 0.0, ..settings };
    let (alike, _) = run(plain, task(&[], 3), &Chain::default(), flat);
    assert!(alike.ranked().iter().all(|one| one.tokens == alike.ranked()[0].tokens), "without λ all groups agree");
}

#[test]
fn a_stop_text_ends_like_an_end_token() {
    let settings = BeamSettings { beams: 2, ..BeamSettings::default() };
    let mut search = BeamSearch::new(settings, task(&[], 5)).unwrap();
    let stops = |output: &[TokenId]| output.last() == Some(&0);
    let flat = || Distribution::from_logits(&[1.0, 0.0, -1.0]).unwrap();
    let step = search.advance(&[flat()], &Chain::default(), BeamText { stops: &stops, bytes: None }).unwrap();
    assert_eq!(step.candidates[0].verdict, Verdict::Finished(Ending::Stop));
    assert_eq!(search.live().map(|beam| beam.history[1]).collect::<Vec<_>>(), [1, 2]);
}

/// Every sequence with its sum, by brute force: those that end within `length`, and those that have exactly `length`.
fn every_sequence(vocab: usize, salt: u64, end: TokenId, length: usize) -> Vec<(f64, Vec<TokenId>)> {
    let (mut open, mut all) = (vec![(0.0, vec![1])], Vec::new());
    for step in 0..length {
        let mut longer = Vec::new();
        for (sum, history) in open {
            let model = model(&history, vocab, salt);
            for id in 0..vocab as TokenId {
                let extended = (sum + model.logprob(id), [history.as_slice(), &[id]].concat());
                if id == end || step + 1 == length { all.push(extended) } else { longer.push(extended) }
            }
        }
        open = longer;
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all
}

/// With as many beams as there are sequences, and early stopping never, nothing is lost.
#[test]
fn enough_beams_find_the_optimum() {
    for salt in 0..20 {
        let all = every_sequence(4, salt, 3, 4);
        let settings = BeamSettings {
            beams: 100,
            length_penalty: 0.0,
            early_stopping: EarlyStopping::Never,
            returned: 5,
            ..BeamSettings::default()
        };
        let (search, _) = run(settings, task(&[3], 4), &Chain::default(), |history| model(history, 4, salt));
        for (found, (sum, sequence)) in search.ranked().iter().zip(&all) {
            assert!((found.sum - sum).abs() < 1e-9, "{salt}");
            assert_eq!(found.tokens.iter().map(|token| token.id).collect::<Vec<_>>(), sequence[1..]);
        }
    }
}

fn settings() -> impl Strategy<Value = BeamSettings> {
    let early = prop_oneof![Just(EarlyStopping::True), Just(EarlyStopping::False), Just(EarlyStopping::Never)];
    let norm = proptest::sample::select(LengthNorm::ALL.to_vec());
    let selection = prop_oneof![Just(Selection::Best), any::<u64>().prop_map(|seed| Selection::Drawn { seed })];
    (1..5usize, 1..4usize, -2.0..5.0f64, norm, early, selection).prop_map(
        |(size, groups, length_penalty, length_norm, early_stopping, selection)| {
            let groups = if selection == Selection::Best { groups } else { 1 };
            let beams = size * groups;
            let diversity_penalty = 0.5;
            let returned = beams;
            BeamSettings {
                beams,
                groups,
                diversity_penalty,
                length_penalty,
                length_norm,
                early_stopping,
                selection,
                returned,
            }
        },
    )
}

/// Every continuation has a number of its own, a parent of the step before, and sums that add up; every one gets a verdict, and
/// the beams and hypotheses afterwards are those that the verdicts say.
fn account(search: &BeamSearch, steps: &[BeamStep], ends: &[TokenId]) {
    let size = search.settings().group_size();
    let mut known: BTreeMap<BeamNode, BeamCandidate> = BTreeMap::new();
    let mut finished = BTreeSet::new();
    for step in steps {
        for one in &step.candidates {
            assert!(known.insert(one.node, *one).is_none(), "{} twice", one.node);
            let parent = one.parent.map(|parent| known[&parent]);
            assert_eq!(parent.is_none(), step.step == 0);
            assert_eq!(one.length, step.step + 1);
            let (sum, own) = parent.map_or((0.0, 0.0), |parent| (parent.sum, parent.sum_logprob));
            assert_eq!(one.sum, sum + one.sampling_logprob);
            assert_eq!(one.sum_logprob, own + one.logprob);
            assert!(parent.is_none_or(|parent| parent.verdict == Verdict::Kept && parent.group == one.group));
            assert!(one.verdict != Verdict::Kept || !ends.contains(&one.token));
            let ended = matches!(
                one.verdict,
                Verdict::Finished(Ending::End) | Verdict::EndedOutside(_) | Verdict::Outscored(Ending::End)
            );
            assert!(!ended || ends.contains(&one.token));
        }
        for group in 0..search.settings().groups {
            let of = |one: &&BeamCandidate| one.group == group;
            assert!(step.running().into_iter().filter(of).count() <= size);
            let looked_at = step.candidates.iter().filter(of).count();
            assert!(looked_at <= size * (1 + ends.len()).max(2));
        }
        finished.extend(step.finished().map(|one| one.node));
        assert!(step.evicted.iter().all(|node| finished.remove(node)), "only what had finished is evicted");
        assert_eq!(
            step.running().len() + step.finished().count() + step.pruned().count(),
            step.candidates.len(),
            "every continuation has one verdict"
        );
        let bounds = step.bounds.iter().map(|bound| bound.finished).sum::<usize>();
        assert!(bounds <= finished.len());
    }
    let ranked = search.ranked();
    assert_eq!(ranked.iter().map(|one| one.node).collect::<BTreeSet<_>>(), finished);
    assert!(ranked.windows(2).all(|pair| pair[0].score >= pair[1].score));
    for one in ranked {
        let sum: f64 = one.tokens.iter().map(|token| token.sampling_logprob).sum();
        assert!((sum - one.sum).abs() < 1e-9);
        assert_eq!(one.score, known[&one.node].score);
    }
}

proptest! {
    #[test]
    fn the_account_of_a_search_is_complete(
        settings in settings(), salt in any::<u64>(), vocab in 2..9usize, length in 1..9usize, ends in 0..3u32,
        chain in proptest::sample::select(vec!["", "repetition_penalty=1.3", "temperature=0.7,top_k=3", "top_p=0.6"]),
    ) {
        let ends: Vec<TokenId> = (0..ends.min(vocab as TokenId - 1)).collect();
        let chain = Chain::parse(chain).unwrap();
        let (search, steps) = run(settings, task(&ends, length), &chain, |history| model(history, vocab, salt));
        account(&search, &steps, &ends);
        prop_assert!(!search.ranked().is_empty());
        let (again, _) = run(settings, task(&ends, length), &chain, |history| model(history, vocab, salt));
        prop_assert_eq!(again.ranked(), search.ranked());
    }

    #[test]
    fn one_beam_is_greedy_while_nothing_ends(salt in any::<u64>(), vocab in 1..9usize, length in 1..12usize) {
        let settings = BeamSettings { beams: 1, ..BeamSettings::default() };
        let (search, _) = run(settings, task(&[], length), &Chain::default(), |history| model(history, vocab, salt));
        let greedy = strategy("greedy").unwrap().single(0).unwrap();
        let mut history = vec![1];
        for step in 0..length {
            let context = Context { history: &history, prompt_length: 1, ..Context::default() };
            let analysis = Analysis::new(model(&history, vocab, salt).into(), &Chain::default(), context).unwrap();
            history.push(greedy.choose(&analysis, 0, step as u64).token);
        }
        let found: Vec<TokenId> = search.ranked()[0].tokens.iter().map(|token| token.id).collect();
        prop_assert_eq!(found, &history[1..]);
    }

    /// `never` promises that no running beam could have become better than what is returned.
    #[test]
    fn more_steps_never_help_when_early_stopping_is_never(salt in any::<u64>(), alpha in 0.0..2.0f64, beams in 1..5usize) {
        let search = |early_stopping| {
            let settings = BeamSettings { beams, length_penalty: alpha, early_stopping, ..BeamSettings::default() };
            run(settings, task(&[0], 8), &Chain::default(), |history| model(history, 5, salt)).0
        };
        let best = |search: &BeamSearch| search.ranked()[0].score;
        let never = best(&search(EarlyStopping::Never));
        for other in [EarlyStopping::True, EarlyStopping::False] {
            prop_assert!(never >= best(&search(other)) - 1e-12);
        }
    }
}
