//! Worked examples by hand, and properties that every row of the table has.

use std::sync::Arc;

use proptest::prelude::*;

use super::PROCESSORS;
use crate::decode::processor::Parameter;
use crate::decode::{Analysis, Chain, Context, Distribution, Kind, Stage, TokenId};

fn analyse(logits: &[f64], chain: &str, history: &[TokenId], prompt_length: usize) -> Analysis {
    let model = Arc::new(Distribution::from_logits(logits).unwrap());
    Analysis::new(model, &Chain::parse(chain).unwrap(), Context { history, prompt_length, ..Context::default() })
        .unwrap()
}

fn probs(logits: &[f64], chain: &str) -> Vec<f64> {
    let analysis = analyse(logits, chain, &[], 0);
    (0..logits.len()).map(|id| analysis.sampling_prob(id as TokenId)).collect()
}

#[track_caller]
fn assert_near(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    for (a, b) in got.iter().zip(want) {
        assert!((a - b).abs() <= tolerance, "{got:?} is not {want:?}");
    }
}

/// Logits whose softmax is `p`.
fn logs(p: &[f64]) -> Vec<f64> {
    p.iter().map(|p| p.ln()).collect()
}

#[test]
fn worked_examples() {
    let z = [3.0, 1.0, 0.5, 0.2];
    assert_near(&probs(&z, "temperature=0.5"), &[0.972, 0.018, 0.007, 0.004], 6e-4);
    assert_near(&probs(&z, "temperature=2"), &[0.526, 0.194, 0.151, 0.130], 6e-4);
    assert_near(&probs(&z, "top_p=0.9"), &[0.821, 0.111, 0.067, 0.0], 6e-4);
    assert_near(&probs(&[2.0, 1.5, 1.0, 0.5, 0.0], "temperature=0.8"), &[0.486, 0.260, 0.139, 0.075, 0.040], 6e-4);
    assert_near(&probs(&[10_000.0, 0.0], ""), &[1.0, 0.0], 0.0);
    assert_eq!(analyse(&logs(&[0.4, 0.3, 0.15, 0.1, 0.05]), "top_p=0.9", &[], 0).kept(), [0, 1, 2, 3]);
}

#[test]
fn top_k_then_top_p_renormalizes_in_between() {
    let mut p = vec![0.20, 0.15, 0.12, 0.10, 0.08];
    p.extend(vec![0.35 / 35.0; 35]);
    assert_eq!(analyse(&logs(&p), "top_k=5,top_p=0.5", &[], 0).kept(), [0, 1]);
}

#[test]
fn temperature_zero_leaves_the_lowest_id_among_the_best() {
    let analysis = analyse(&[1.0, 2.0, 2.0, f64::NEG_INFINITY], "temperature=0", &[], 0);
    assert_eq!(analysis.kept(), [1]);
    assert_eq!(analysis.removal(2).map(|removal| removal.stage), Some(0));
}

#[test]
fn a_temperature_near_zero_does_not_overflow() {
    assert_eq!(probs(&[1e4, 9e3, -1e4, f64::NEG_INFINITY], "temperature=1e-306"), [1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn top_k_keeps_ties() {
    assert_eq!(analyse(&[1.0, 2.0, 2.0, 2.0, 0.0], "top_k=2", &[], 0).kept(), [1, 2, 3]);
    let infinite = [1.0, f64::NEG_INFINITY, f64::NEG_INFINITY];
    assert_eq!(analyse(&infinite, "top_k=2", &[], 0).kept(), [0, 1, 2], "as transformers: nothing is below the second");
}

#[test]
fn min_p_and_cutoffs_by_hand() {
    let z = logs(&[0.5, 0.3, 0.15, 0.04, 0.01]);
    assert_eq!(analyse(&z, "min_p=0.31", &[], 0).kept(), [0, 1]);
    assert_eq!(analyse(&z, "epsilon_cutoff=0.05", &[], 0).kept(), [0, 1, 2]);
    assert_eq!(analyse(&z, "epsilon_cutoff=0.9", &[], 0).kept(), [0]);
    // Entropy 1.165: η = min(0.2, √0.2 · 0.312) = 0.1395.
    assert_eq!(analyse(&z, "eta_cutoff=0.2", &[], 0).kept(), [0, 1, 2]);
}

#[test]
fn typical_p_may_drop_the_most_probable() {
    // Surprisals .51 1.90 1.90 1.90 2.12 around an entropy of 1.35: the first lies farthest from it but for the last.
    let z = logs(&[0.6, 0.15, 0.15, 0.1]);
    let analysis = analyse(&z, "typical_p=0.5", &[], 0);
    assert_eq!(analysis.kept()[0], 0);
    let skewed = logs(&[0.45, 0.1375, 0.1375, 0.1375, 0.1375]);
    assert_eq!(analyse(&skewed, "typical_p=0.4", &[], 0).kept(), [1, 2, 3, 4], "ties with the last one stay");
}

#[test]
fn top_n_sigma_uses_the_population_deviation_of_finite_logits() {
    // Mean 2, population deviation √2: the limit at n = 1 is 4 − 1.414.
    let z = [0.0, 1.0, 2.0, 3.0, 4.0, f64::NEG_INFINITY];
    assert_eq!(analyse(&z, "top_n_sigma=1", &[], 0).kept(), [4, 3]);
    assert_eq!(analyse(&z, "top_n_sigma=0.5", &[], 0).kept(), [4]);
}

#[test]
fn penalties_by_hand() {
    let z = [2.0, -1.0, 0.5, 0.0];
    let score = |chain: &str, id| analyse(&z, chain, &[0, 1, 1, 3, 0, 0], 4).score(id);
    assert_eq!(score("repetition_penalty=2", 0), 1.0);
    assert_eq!(score("repetition_penalty=2", 1), -2.0);
    assert_eq!(score("repetition_penalty=2", 2), 0.5);
    assert_eq!(score("presence_penalty=0.5", 0), 1.5, "once, for the output [0, 0]");
    assert_eq!(score("presence_penalty=0.5", 1), -1.0, "the prompt does not count");
    assert_eq!(score("frequency_penalty=0.5", 0), 1.0);
    assert_eq!(score("logit_bias=2=1.5,3=-1", 2), 2.0);
}

#[test]
fn no_repeat_ngram_bans_what_completes_a_known_run() {
    let banned = |n: usize, history: &[TokenId]| {
        let analysis = analyse(&[0.0; 5], &format!("no_repeat_ngram_size={n}"), history, 0);
        (0..5).filter(|&id| analysis.removal(id).is_some()).collect::<Vec<TokenId>>()
    };
    assert_eq!(banned(2, &[1, 2, 1]), [2]);
    assert_eq!(banned(1, &[1, 2, 1]), [1, 2]);
    assert_eq!(banned(3, &[1, 2, 3, 1, 2]), [3]);
    assert_eq!(banned(3, &[1, 2]), [0; 0]);
    assert_eq!(banned(4, &[1, 2]), [0; 0]);
}

#[test]
fn xtc_removes_all_but_the_last_above_the_threshold_by_chance() {
    let model = Arc::new(Distribution::from_logits(&logs(&[0.4, 0.3, 0.15, 0.1, 0.05])).unwrap());
    let kept = |chain: &str, chance: f64| {
        let context = Context { chance, ..Context::default() };
        Analysis::new(Arc::clone(&model), &Chain::parse(chain).unwrap(), context).unwrap().kept().to_vec()
    };
    assert_eq!(kept("xtc=0.5:0.12", 0.49), [2, 3, 4]);
    assert_eq!(kept("xtc=0.5:0.12", 0.5), [0, 1, 2, 3, 4]);
    assert_eq!(kept("xtc=1:0.35", 0.0), [0, 1, 2, 3, 4], "one token above the threshold stays");
}

#[test]
fn dynamic_temperature_follows_the_entropy() {
    let flat = analyse(&[1.0, 1.0, 1.0], "dynamic_temperature=0.5:2:1", &[], 0);
    assert!((flat.score(0) - 0.5).abs() < 1e-12, "the highest entropy has the highest temperature");
    let z = logs(&[0.7, 0.2, 0.1]);
    let share = 0.801_818_552_543_533_1 / 3.0_f64.ln();
    let analysis = analyse(&z, "dynamic_temperature=0.5:1.5:2", &[], 0);
    assert!((analysis.score(1) - z[1] / (0.5 + share * share)).abs() < 1e-12);
}

#[test]
fn mirostat_bounds_the_surprisal_and_learns() {
    let z = logs(&[0.5, 0.25, 0.125, 0.0625, 0.0625]);
    let model = Arc::new(Distribution::from_logits(&z).unwrap());
    let kept = |sampling_logprobs: &[f64]| {
        let chain = Chain::parse("mirostat=1.25:0.5").unwrap();
        let context = Context { sampling_logprobs, ..Context::default() };
        Analysis::new(Arc::clone(&model), &chain, context).unwrap().kept().len()
    };
    assert_eq!(kept(&[]), 2, "the bound begins at 2.5 bits");
    assert_eq!(kept(&[0.0]), 3, "a token of no surprise raises it to 3.125");
    assert_eq!(kept(&[-6.0 * std::f64::consts::LN_2]), 1, "one of 6 bits lowers it to 0.125, and the best stays");
}

/// Token 2 is a line break.
#[derive(Debug)]
struct Breaks;

impl crate::decode::TokenBytes for Breaks {
    fn token_bytes(&self, id: TokenId) -> &[u8] {
        if id == 2 { b"\n" } else { b"x" }
    }
}

#[test]
fn dry_penalizes_by_the_length_of_the_run() {
    let score = |history: &[TokenId], chain: &str, id| analyse(&[5.0; 6], chain, history, 0).score(id);
    let history = [1, 2, 3, 4, 0, 1, 2, 3];
    assert_eq!(score(&history, "dry=1:2:2", 4), 3.0, "a run of 3 with 2 allowed: 1 · 2^1");
    assert_eq!(score(&history, "dry=1:2:3", 4), 4.0);
    assert_eq!(score(&history, "dry=1:2:4", 4), 5.0);
    assert_eq!(score(&history, "dry=1:2:2", 0), 5.0);
    let model = Arc::new(Distribution::from_logits(&[5.0; 6]).unwrap());
    let context = Context { history: &history, bytes: Some(&Breaks), ..Context::default() };
    let analysis = Analysis::new(model, &Chain::parse("dry=1:2:1").unwrap(), context).unwrap();
    assert_eq!(analysis.score(4), 4.0, "the run ends at the line break: its length is 1");
}

#[test]
fn ids_outside_of_the_vocabulary_are_errors() {
    let model = Arc::new(Distribution::from_logits(&[0.0, 1.0]).unwrap());
    for (chain, history) in [
        ("suppress_tokens=2", &[][..]),
        ("logit_bias=9=1", &[]),
        ("repetition_penalty=2", &[7]),
        ("presence_penalty=1", &[7]),
    ] {
        let chain = Chain::parse(chain).unwrap();
        let context = Context { history, prompt_length: 0, ..Context::default() };
        let error = Analysis::new(Arc::clone(&model), &chain, context).unwrap_err().to_string();
        assert!(error.contains("is outside of the vocabulary of 2"), "{error}");
    }
}

#[test]
fn a_chain_that_leaves_nothing_is_an_error() {
    let model = Arc::new(Distribution::from_logits(&[0.0, 1.0]).unwrap());
    let error = |chain: &str| {
        Analysis::new(Arc::clone(&model), &Chain::parse(chain).unwrap(), Context::default()).unwrap_err().to_string()
    };
    assert_eq!(error("suppress_tokens=0,1"), "suppress_tokens=0,1 leaves no token: relax it");
    assert_eq!(error("logit_bias=0=-inf,1=-inf"), "logit_bias=0=-inf,1=-inf leaves no token: relax it");
}

/// A stage for a row: `turn` picks the value from its grid. Where nothing says what the tokens mean, no text can follow a
/// pattern: such rows are tested on their own.
fn stage(row: usize, turn: usize) -> Stage {
    let rows: Vec<_> = PROCESSORS.iter().filter(|row| !matches!(row.parameter, Parameter::Text(_))).collect();
    let row = rows[row % rows.len()];
    let value = match row.usual_value() {
        Some(_) => row.parse(&row.grid[turn % row.grid.len()].to_string()).unwrap(),
        None => row.parse(if row.name == "logit_bias" { "0=1.5,2=-3" } else { "1" }).unwrap(),
    };
    Stage::new(row, value).unwrap()
}

/// Logits of a few kinds: spread, tied, partly minus infinity, shifted far away.
fn any_logits() -> impl Strategy<Value = Vec<f64>> {
    let logit = prop_oneof![6 => -12.0..12.0f64, 2 => (-3..3i32).prop_map(f64::from), 1 => Just(f64::NEG_INFINITY)];
    (proptest::collection::vec(logit, 3..80), prop_oneof![Just(0.0), Just(1e4), Just(-1e4)]).prop_map(|(z, shift)| {
        let mut z: Vec<f64> = z.into_iter().map(|z| z + shift).collect();
        z[0] = shift;
        z
    })
}

proptest! {
    #[test]
    fn every_chain_gives_a_distribution_and_accounts_for_every_token(
        logits in any_logits(),
        rows in proptest::collection::vec((0..64usize, 0..64usize), 0..6),
        history in proptest::collection::vec(0..3u32, 0..8),
    ) {
        let mut chain = Chain::default();
        for (row, turn) in rows {
            chain.push(stage(row, turn)).unwrap();
        }
        let model = Arc::new(Distribution::from_logits(&logits).unwrap());
        // Guidance finds the same model turned round after its negative prompt.
        let negative = Distribution::from_logits(&logits.iter().rev().copied().collect::<Vec<_>>()).unwrap();
        let context = Context {
            history: &history,
            prompt_length: history.len() / 2,
            negative: Some(&negative),
            ..Context::default()
        };
        let Ok(analysis) = Analysis::new(model, &chain, context) else { return Ok(()) };

        let ids = 0..logits.len() as TokenId;
        let sum: f64 = ids.clone().map(|id| analysis.sampling_prob(id)).sum();
        prop_assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        let gone = ids.clone().filter(|&id| analysis.removal(id).is_some()).count();
        prop_assert_eq!(gone + analysis.kept().len(), logits.len());
        prop_assert_eq!(gone, analysis.stages().iter().map(|stage| stage.removed).sum::<usize>());
        prop_assert!(!analysis.kept().is_empty());
        for pair in analysis.kept().windows(2) {
            let (a, b) = (analysis.score(pair[0]), analysis.score(pair[1]));
            prop_assert!(a > b || (a == b && pair[0] < pair[1]));
        }
        for trace in analysis.stages() {
            prop_assert!(trace.removed_mass >= 0.0 && trace.removed_mass < 1.0 + 1e-9);
            prop_assert!(trace.entropy >= 0.0 && trace.entropy <= (trace.kept as f64).ln() + 1e-9);
        }
        for id in ids {
            if let Some(margin) = analysis.removal(id).and_then(|removal| removal.margin) {
                prop_assert!(margin.measured <= margin.limit, "{margin:?}");
            }
        }
        for u in [0.0, 0.3, 0.999_999] {
            let draw = analysis.draw(u);
            prop_assert!(draw.low <= u && u < draw.high && analysis.sampling_prob(draw.token) > 0.0);
        }
    }

    #[test]
    fn neutral_values_change_nothing(logits in any_logits(), history in proptest::collection::vec(0..3u32, 0..8)) {
        let model = Arc::new(Distribution::from_logits(&logits).unwrap());
        for row in PROCESSORS.iter().filter(|row| row.neutral.is_some()) {
            let stage: Stage = format!("{}={}", row.name, row.neutral.unwrap()).parse().unwrap();
            let mut chain = Chain::default();
            chain.push(stage).unwrap();
            let context = Context { history: &history, prompt_length: 0, ..Context::default() };
            let analysis = Analysis::new(Arc::clone(&model), &chain, context).unwrap();
            prop_assert_eq!(analysis.kept(), model.ranked(), "{}", row.name);
            for &id in model.ranked() {
                prop_assert!((analysis.sampling_prob(id) - model.prob(id)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn warpers_do_not_mind_a_shift(logits in any_logits(), row in 0..64usize, turn in 0..64usize) {
        let stage = stage(row, turn);
        prop_assume!(stage.row().kind == Kind::Warper);
        let shifted: Vec<f64> = logits.iter().map(|z| z + 32.0).collect();
        let chain = stage.to_string();
        let (here, there) = (analyse(&logits, &chain, &[], 0), analyse(&shifted, &chain, &[], 0));
        for id in 0..logits.len() as TokenId {
            // A token that lies on a limit may fall to either side by rounding; the mass on limits is compared instead.
            let (a, b) = (here.removal(id).is_some(), there.removal(id).is_some());
            prop_assert!(a == b || on_the_limit(&here, id) || on_the_limit(&there, id));
        }
    }

    #[test]
    fn temperature_keeps_the_order_and_commutes_with_top_k(logits in any_logits(), t in 0.05..10.0f64, k in 1..20usize) {
        let first = analyse(&logits, &format!("temperature={t},top_k={k}"), &[], 0);
        let last = analyse(&logits, &format!("top_k={k},temperature={t}"), &[], 0);
        for id in 0..logits.len() as TokenId {
            prop_assert!((first.sampling_prob(id) - last.sampling_prob(id)).abs() < 1e-9);
        }
    }
}

fn on_the_limit(analysis: &Analysis, id: TokenId) -> bool {
    let near =
        |margin: crate::decode::Margin| (margin.measured - margin.limit).abs() < 1e-6 * margin.limit.abs().max(1e-6);
    analysis.removal(id).and_then(|removal| removal.margin).is_some_and(near)
}

#[test]
fn top_p_does_not_commute_with_temperature() {
    let z = logs(&[0.5, 0.3, 0.2]);
    assert_eq!(analyse(&z, "temperature=0.5,top_p=0.6", &[], 0).kept().len(), 1);
    assert_eq!(analyse(&z, "top_p=0.6,temperature=0.5", &[], 0).kept().len(), 2);
}

#[test]
fn the_table_is_well_formed() {
    for (i, row) in PROCESSORS.iter().enumerate() {
        assert!(row.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", row.name);
        assert!(PROCESSORS[..i].iter().all(|other| other.name != row.name), "{} is there twice", row.name);
        assert!(row.grid.windows(2).all(|pair| pair[0] < pair[1]), "{}: the grid ascends", row.name);
        assert!(!row.summary.is_empty() && !row.source.is_empty() && !row.measure.is_empty());
        if let Some(usual) = row.usual_value() {
            assert!(row.grid.contains(&row.usual), "{}: the usual value is on the grid", row.name);
            row.build(&usual).unwrap();
            for value in row.grid {
                row.parse(&value.to_string()).unwrap();
            }
            assert!(row.neutral.is_none_or(|neutral| row.grid.contains(&neutral)), "{}", row.name);
        }
    }
}
