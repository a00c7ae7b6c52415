//! The chain as its definitions have it, token by token and with full sorts, for the fast one to agree with.

use std::sync::Arc;

use proptest::prelude::*;

use crate::decode::{Analysis, Chain, Context, Distribution, TokenId, by_score, uniform};

/// What is left, what each stage removed and what it measured, with plain sums.
struct Naive {
    scores: Vec<f64>,
    removed: Vec<Option<(usize, f64)>>,
    /// Removed mass and entropy after each stage.
    stages: Vec<(f64, f64)>,
}

impl Naive {
    fn new(logits: &[f64], chain: &Chain, history: &[TokenId]) -> Self {
        let mut naive = Self { scores: logits.to_vec(), removed: vec![None; logits.len()], stages: Vec::new() };
        for (index, stage) in chain.stages().iter().enumerate() {
            let before = naive.probs();
            let (name, value) = (stage.row().name, stage.to_string());
            let value = value.split_once('=').unwrap().1;
            naive.run(index, name, value, history);
            let gone = |id: &usize| naive.removed[*id].is_some_and(|(by, _)| by == index);
            let mass = (0..logits.len()).filter(gone).map(|id| before[id]).fold(0.0, |sum, p| sum + p);
            let entropy = naive.probs().iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
            naive.stages.push((mass, entropy));
        }
        naive
    }

    fn alive(&self) -> Vec<usize> {
        let mut ids: Vec<usize> = (0..self.scores.len()).filter(|&id| self.removed[id].is_none()).collect();
        ids.sort_by(|&a, &b| by_score((self.scores[a], a as TokenId), (self.scores[b], b as TokenId)));
        ids
    }

    /// After the stages so far, by token.
    fn probs(&self) -> Vec<f64> {
        let alive = self.alive();
        let max = alive.first().map_or(0.0, |&id| self.scores[id]);
        let sum: f64 = alive.iter().rev().map(|&id| (self.scores[id] - max).exp()).sum();
        let mut probs = vec![0.0; self.scores.len()];
        for id in alive {
            probs[id] = (self.scores[id] - max).exp() / sum;
        }
        probs
    }

    fn run(&mut self, index: usize, name: &str, value: &str, history: &[TokenId]) {
        let (alive, probs) = (self.alive(), self.probs());
        let number = || value.parse::<f64>().unwrap();
        let mut out: Vec<(usize, f64)> = Vec::new();
        match name {
            "temperature" => alive.iter().for_each(|&id| self.scores[id] /= number()),
            "repetition_penalty" => {
                for &id in &alive {
                    let z = self.scores[id];
                    if history.contains(&(id as TokenId)) {
                        self.scores[id] = if z < 0.0 { z * number() } else { z / number() };
                    }
                }
            }
            "suppress_tokens" => {
                let named: Vec<usize> = value.split(',').map(|id| id.parse().unwrap()).collect();
                out.extend(alive.iter().filter(|id| named.contains(id)).map(|&id| (id, f64::NAN)));
            }
            "top_k" => {
                let k = value.parse::<usize>().unwrap();
                if k > 0 && k < alive.len() {
                    let kth = self.scores[alive[k - 1]];
                    out.extend(alive.iter().filter(|&&id| self.scores[id] < kth).map(|&id| (id, self.scores[id])));
                }
            }
            "min_p" => {
                let limit = number() * probs[alive[0]];
                out.extend(alive.iter().filter(|&&id| probs[id] < limit).map(|&id| (id, probs[id])));
            }
            "top_p" => {
                let mut sum = 0.0;
                for &id in &alive {
                    if sum >= number() && number() < 1.0 && id != alive[0] {
                        out.push((id, probs[id]));
                    }
                    sum += probs[id];
                }
            }
            _ => unreachable!("{name}"),
        }
        for (id, measured) in out {
            self.removed[id] = Some((index, measured));
        }
    }
}

/// Within 10⁻¹² of each other, and what the rounding of the scores themselves makes of it: e to a difference of large numbers.
fn near(a: f64, b: f64, largest: f64) -> bool {
    let slack = 1e-12 + 8.0 * f64::EPSILON * largest;
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= slack * a.abs().max(b.abs()) + 1e-300
}

fn agrees(logits: &[f64], chain: &str, history: &[TokenId], u: f64) -> Result<(), TestCaseError> {
    let chain = Chain::parse(chain).unwrap();
    let naive = Naive::new(logits, &chain, history);
    let model = Arc::new(Distribution::from_logits(logits).unwrap());
    if naive.alive().iter().all(|&id| naive.scores[id] == f64::NEG_INFINITY) {
        let context = Context { history, ..Context::default() };
        prop_assert!(Analysis::new(model, &chain, context).is_err());
        return Ok(());
    }
    let analysis = Analysis::new(Arc::clone(&model), &chain, Context { history, ..Context::default() }).unwrap();
    let finite = logits.iter().chain(&naive.scores).filter(|z| z.is_finite());
    let largest = finite.fold(0.0, |largest: f64, z| largest.max(z.abs()));
    let near = |a: f64, b: f64| near(a, b, largest);
    let own = Naive::new(logits, &Chain::default(), &[]);
    let (alive, probs) = (naive.alive(), naive.probs());
    // A sum that meets the line of `top_p` but for a rounding error may cross it a token earlier or later.
    let kept = analysis.kept();
    let same = kept.iter().map(|&id| id as usize).eq(alive.iter().copied());
    prop_assert!(same || meets_the_line(&analysis, &naive), "{} kept, {} expected", kept.len(), alive.len());
    let score = |id: TokenId| (analysis.score(id), id);
    let in_order = kept.windows(2).all(|pair| by_score(score(pair[0]), score(pair[1])).is_lt());
    prop_assert!(in_order);
    for (place, &id) in own.alive().iter().enumerate().take(70) {
        prop_assert_eq!(model.rank(id as TokenId), place + 1);
        prop_assert_eq!(model.top(place + 1).last().copied(), Some(id as TokenId));
    }
    let model_probs = own.probs();
    for id in 0..logits.len() {
        let token = id as TokenId;
        prop_assert!(near(model.prob(token), model_probs[id]), "p {} {}", model.prob(token), model_probs[id]);
        prop_assert_eq!(analysis.score(token), naive.scores[id]);
        if same {
            let (got, want) = (analysis.sampling_prob(token), probs[id]);
            prop_assert!(near(got, want), "sampling p {got} {want}");
            let got = analysis.removal(token).map(|removal| (removal.stage, removal.margin));
            prop_assert_eq!(got.map(|(stage, _)| stage), naive.removed[id].map(|(stage, _)| stage));
            if let Some((_, Some(margin))) = got {
                prop_assert!(near(margin.measured, naive.removed[id].unwrap().1));
            }
        }
    }
    for (trace, (mass, entropy)) in analysis.stages().iter().zip(&naive.stages).filter(|_| same) {
        // A large mass is what the kept one leaves of 1.
        let rest = if *mass < 1.0 / 64.0 { 0.0 } else { 1.0 };
        prop_assert!(near(trace.removed_mass + rest, mass + rest), "mass {} {mass}", trace.removed_mass);
        prop_assert!(near(trace.entropy + 1.0, entropy + 1.0), "H {} {entropy}", trace.entropy);
    }
    if same {
        let draw = analysis.draw(u);
        let place = alive.iter().position(|&id| id == draw.token as usize).unwrap();
        let low: f64 = alive[..place].iter().map(|&id| probs[id]).sum();
        let slack = 1e-12 + 8.0 * f64::EPSILON * largest;
        let high = low + probs[draw.token as usize];
        prop_assert!((draw.low - low).abs() < slack && low <= u + slack && u < high + slack);
    }
    Ok(())
}

/// Whether what one of both keeps and the other does not is a token whose mass before it is the limit.
fn meets_the_line(analysis: &Analysis, naive: &Naive) -> bool {
    let other = |id: &usize| analysis.removal(*id as TokenId).is_some() != naive.removed[*id].is_some();
    let all = (0..naive.scores.len()).filter(other).count();
    // Later stages follow the first that differs.
    let tops = analysis.stages().iter().filter(|trace| trace.name == "top_p").count();
    tops > 0 && all <= tops
}

/// Random, tied, rounded, impossible, far away.
fn hostile(most: usize) -> impl Strategy<Value = Vec<f64>> {
    let logit = prop_oneof![
        8 => (-12.0..12.0f64).prop_map(|z| f64::from(z as f32)),
        3 => (-3..3i32).prop_map(f64::from),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(-0.0),
    ];
    let any = (proptest::collection::vec(logit, 1..most), prop_oneof![Just(0.0), Just(1e4), Just(-1e4)]);
    let shifted = any.prop_map(|(z, shift)| {
        let mut z: Vec<f64> = z.into_iter().map(|z| z + shift).collect();
        z[0] = shift;
        z
    });
    prop_oneof![
        8 => shifted,
        1 => (1..most).prop_map(|count| vec![1.5; count]),
        1 => proptest::collection::vec(-1e30..1e30f64, 1..most),
        1 => (1..most).prop_map(|count| (0..count).map(|i| if i == count / 2 { 3.0 } else { f64::NEG_INFINITY }).collect()),
    ]
}

/// One stage of those that are told naively.
fn any_stage() -> impl Strategy<Value = String> {
    prop_oneof![
        (0.1..5.0f64).prop_map(|t| format!("temperature={t}")),
        Just("temperature=1".to_string()),
        (0..400usize).prop_map(|k| format!("top_k={k}")),
        (0.0..=1.0f64).prop_map(|p| format!("top_p={p}")),
        (0.0..=1.0f64).prop_map(|p| format!("min_p={}", p * p * p)),
        (0.5..2.0f64).prop_map(|r| format!("repetition_penalty={r}")),
        Just("suppress_tokens=0".to_string()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_fast_chain_is_the_plain_one(
        logits in hostile(900),
        stages in proptest::collection::vec(any_stage(), 0..5),
        history in proptest::collection::vec(0..900u32, 0..9),
        u in 0.0..1.0f64,
    ) {
        let history: Vec<TokenId> = history.into_iter().filter(|id| (*id as usize) < logits.len()).collect();
        agrees(&logits, &stages.join(","), &history, u)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Enough tokens for buckets and for draws beyond the head.
    #[test]
    fn the_fast_chain_is_the_plain_one_for_many_tokens(
        logits in hostile(9000),
        stages in proptest::collection::vec(any_stage(), 0..4),
        u in 0.0..1.0f64,
    ) {
        agrees(&logits, &stages.join(","), &[0], u)?;
    }
}

#[test]
fn what_is_no_number_is_refused_wherever_it_stands() {
    for place in [0, 255, 256, 700, 999] {
        let mut logits = vec![0.5f32; 1000];
        logits[place] = if place == 256 { f32::INFINITY } else { f32::NAN };
        let error = Distribution::from_logits(&logits).unwrap_err().to_string();
        assert!(error.contains(&format!("token {place} ")), "{error}");
    }
}

/// Vocabularies whose sums take 16 single-precision exponentials at a time.
#[test]
fn the_chain_over_many_single_precision_logits_is_the_plain_one() {
    let chains = [
        "temperature=0.8,top_k=40,top_p=0.95",
        "top_p=0.95",
        "temperature=1.3,top_p=0.99",
        "min_p=0.001,top_p=0.7",
        "top_k=900,temperature=2",
        "",
    ];
    // The last ones are rounded so that hundreds tie where a nucleus ends, and so coarsely that thousands do.
    let fields = [
        (17_000, 2.5, 0.0),
        (20_000, 2.5, 0.0),
        (20_000, 0.5, 0.0),
        (20_000, 8.0, 0.0),
        (20_000, 2.5, 0.125),
        (18_000, 2.5, 1.0),
    ];
    for (count, sigma, grid) in fields {
        // Rounding errors of equal numbers don't cancel.
        let off = if grid < 1.0 { 1e-8 } else { 7e-8 };
        let logits: Vec<f32> = (0..count)
            .map(|id| {
                // A sum of uniforms is near enough to normal; every ninth token has a twin, every hundredth is impossible.
                let id = if id % 9 == 8 { id - 1 } else { id };
                let z: f64 = (0..6).map(|step| uniform(7, step, id as u64) - 0.5).sum();
                let z = if grid > 0.0 { (z * sigma / grid).round() * grid } else { z * sigma };
                if id % 100 == 50 { f32::NEG_INFINITY } else { z as f32 }
            })
            .collect();
        let wide: Vec<f64> = logits.iter().map(|z| f64::from(*z)).collect();
        for text in chains {
            let chain = Chain::parse(text).unwrap();
            let naive = Naive::new(&wide, &chain, &[]);
            let model = Arc::new(Distribution::from_logits(&logits).unwrap());
            let analysis = Analysis::new(model, &chain, Context::default()).unwrap();
            let (alive, probs) = (naive.alive(), naive.probs());
            let kept: Vec<usize> = analysis.kept().iter().map(|id| *id as usize).collect();
            assert_eq!(kept, alive, "{count} {sigma} {text}");
            for (id, want) in probs.iter().enumerate() {
                let removal = analysis.removal(id as TokenId).map(|removal| removal.stage);
                assert_eq!(removal, naive.removed[id].map(|(stage, _)| stage), "{text} {id}");
                let got = analysis.sampling_prob(id as TokenId);
                assert!((got - want).abs() <= off * want, "{text} {id}: {got} {want}");
            }
            for u in [0.0, 0.1, 0.37, 0.62, 0.9, 0.999] {
                let draw = analysis.draw(u);
                let place = alive.iter().position(|id| *id == draw.token as usize).unwrap();
                let low: f64 = alive[..place].iter().map(|id| probs[*id]).sum();
                assert!(low <= u + 1e-8 && u < low + probs[alive[place]] + 1e-8, "{text} {u}");
            }
        }
    }
}
