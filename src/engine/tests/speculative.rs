//! Speculative decoding: what comes out is the target's alone, whatever the draft says.

use proptest::prelude::*;

use super::*;
use crate::decode::Distribution;
use crate::decode::speculative::{Proposal, Verdict};
use crate::engine::{Reader, Speculation, SpeculativeCount, StepDetail, Verification, generate_speculatively};
use crate::model::table;

/// Another model of the same vocabulary, as far from the first as `bend` says; it counts its passes.
pub(super) struct Bent {
    inner: Counting,
    bend: f32,
    pub(super) passes: usize,
}

impl Bent {
    pub(super) fn new(bend: f32, context_length: usize) -> Self {
        let mut inner = Counting::new().0;
        inner.info.context_length = context_length;
        Self { inner, bend, passes: 0 }
    }
}

impl LanguageModel for Bent {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    fn forward(
        &mut self,
        runs: &[Run<'_>],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError> {
        self.passes += 1;
        let mut outputs = self.inner.forward(runs, watch)?;
        for logits in outputs.iter_mut().flat_map(|output| &mut output.logits) {
            let turned = logits.iter().rev().zip(logits.iter());
            *logits = turned.map(|(other, own)| own * (1.0 - self.bend) + other * self.bend).collect();
        }
        Ok(outputs)
    }

    fn retain(&mut self, live: &[CacheNode]) {
        self.inner.retain(live);
    }

    fn cache_use(&self) -> CacheUse {
        self.inner.cache_use()
    }
}

/// A request that differs from one test to the next.
#[derive(Clone, Debug)]
struct Case {
    prompt: Vec<TokenId>,
    chain: String,
    tokens: usize,
    min_new_tokens: usize,
    ends: Vec<TokenId>,
    stop: Vec<String>,
    sequence: u64,
}

impl Default for Case {
    fn default() -> Self {
        let (prompt, chain) = (vec![1, 2], String::new());
        Self { prompt, chain, tokens: 8, min_new_tokens: 0, ends: vec![5], stop: Vec::new(), sequence: 0 }
    }
}

impl Case {
    fn with<T>(&self, verification: Verification, work: impl FnOnce(&Request<'_>) -> T) -> T {
        let chosen = match verification {
            Verification::Greedy => strategy("greedy").unwrap().single(0).unwrap(),
            Verification::Sampled { seed } => strategy("sample").unwrap().single(seed).unwrap(),
        };
        work(&Request {
            prompt: &self.prompt,
            strategy: chosen.as_ref(),
            chain: &Chain::parse(&self.chain).unwrap(),
            max_new_tokens: self.tokens,
            min_new_tokens: self.min_new_tokens,
            eos_token_ids: &self.ends,
            stop: &self.stop,
            sequence: self.sequence,
            negative: None,
        })
    }
}

/// What came out, with what every step had to say.
fn speculate(
    (target, draft): (&mut dyn LanguageModel, &mut dyn LanguageModel),
    case: &Case,
    speculation: Speculation,
) -> (Generated, SpeculativeCount, Vec<(GeneratedToken, Proposal)>) {
    let (read, drafted) = (
        read_prompt(target, &case.prompt, &mut unwatched).unwrap(),
        read_prompt(draft, &case.prompt, &mut unwatched).unwrap(),
    );
    let mut steps = Vec::new();
    let found = case.with(speculation.verification, |request| {
        let readers = (Reader::new(target, &read), Reader::new(draft, &drafted));
        generate_speculatively(readers, &Digits::new(), request, speculation, &mut |step| {
            assert_eq!(step.context_length, case.prompt.len() + step.step);
            let StepDetail::Speculative(proposal) = step.detail else { panic!("a step without a proposal") };
            steps.push((step.token, *proposal));
            ControlFlow::Continue(())
        })
    });
    let (generated, count) = found.unwrap();
    (generated, count, steps)
}

fn greedily(assistant_tokens: usize) -> Speculation {
    Speculation { assistant_tokens, verification: Verification::Greedy }
}

fn sampled(assistant_tokens: usize, seed: u64) -> Speculation {
    Speculation { assistant_tokens, verification: Verification::Sampled { seed } }
}

/// The same without a draft.
fn alone(target: &mut dyn LanguageModel, case: &Case) -> Generated {
    let read = read_prompt(target, &case.prompt, &mut unwatched).unwrap();
    case.with(Verification::Greedy, |request| {
        generate(target, &Digits::new(), &read, request, &mut |_| ControlFlow::Continue(())).unwrap()
    })
}

/// What the steps say fits what came out.
fn check(generated: &Generated, count: SpeculativeCount, steps: &[(GeneratedToken, Proposal)]) {
    assert_eq!(generated.tokens, steps.iter().map(|(token, _)| *token).collect::<Vec<_>>());
    let verdicts = steps.iter().map(|(_, proposal)| proposal.drafted.map(|drafted| drafted.verdict));
    assert_eq!(count.accepted, verdicts.filter(|verdict| *verdict == Some(Verdict::Accepted)).count());
    assert_eq!(count.tokens, steps.len());
    assert_eq!(count.rounds, steps.last().map_or(0, |(_, proposal)| proposal.round + 1));
    for (token, proposal) in steps {
        let Some(drafted) = proposal.drafted else { continue };
        assert_eq!(drafted.u.unwrap_or(0.0) < drafted.acceptance, drafted.verdict == Verdict::Accepted);
        assert_eq!(
            drafted.token == token.id,
            drafted.verdict == Verdict::Accepted,
            "a rejected token does not come back"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn greedy_is_greedy_whatever_is_drafted(
        prompt in prop::collection::vec(0..5u32, 1..4),
        chain in prop::sample::select(vec!["", "repetition_penalty=1.5", "suppress_tokens=2", "no_repeat_ngram_size=2"]),
        (tokens, minimum, context) in (1..9usize, 0..4usize, 4..12usize),
        ends in prop::collection::vec(0..6u32, 0..2),
        stop in prop::sample::select(vec!["", "33", "4", "01"]),
        (bend, most) in (prop::sample::select(vec![0.0f32, 0.2, 0.5, 1.0]), 1..7usize),
    ) {
        let stop = if stop.is_empty() { Vec::new() } else { vec![stop.to_string()] };
        let case = Case { prompt, chain: chain.into(), tokens, min_new_tokens: minimum, ends, stop, sequence: 0 };
        let want = alone(&mut Bent::new(0.0, CONTEXT), &case);
        let (mut target, mut draft) = (Bent::new(0.0, CONTEXT), Bent::new(bend, context));
        let (got, count, steps) = speculate((&mut target, &mut draft), &case, greedily(most));
        prop_assert_eq!(&got, &want);
        check(&got, count, &steps);
        // One pass for the prompt; the first round may have its logits already.
        prop_assert!(target.passes <= 1 + count.rounds);
        if bend == 0.0 && context == CONTEXT {
            prop_assert_eq!(count.accepted, count.drafted);
        }
    }

    #[test]
    fn samples_end_where_samples_end(
        (seed, sequence, most) in (0..50u64, 0..3u64, 1..7usize),
        chain in prop::sample::select(vec!["", "temperature=0.7,top_k=3", "xtc=0.5:0.1", "mirostat=1:0.5"]),
        (tokens, minimum) in (1..12usize, 0..4usize),
        stop in prop::sample::select(vec!["33", "4", "01"]),
    ) {
        let stop = vec![stop.to_string()];
        let case = Case { chain: chain.into(), tokens, min_new_tokens: minimum, stop, sequence, ..Case::default() };
        let both = || speculate(
            (&mut Bent::new(0.0, CONTEXT), &mut Bent::new(0.3, CONTEXT)), &case, sampled(most, seed));
        let (got, count, steps) = both();
        check(&got, count, &steps);
        prop_assert_eq!(&both().0, &got, "a seed gives the same text");
        let end = got.tokens.iter().position(|token| token.id == 5);
        prop_assert!(end.is_none_or(|end| end >= minimum && end + 1 == got.tokens.len()));
        let length = tokens.min(CONTEXT - case.prompt.len());
        prop_assert!(got.tokens.len() <= length && !got.text.contains(&case.stop[0]));
        prop_assert!(got.finish_reason != FinishReason::Length || got.tokens.len() == length);
    }
}

/// All texts of three tokens with the probabilities that the target gives them, after the chain's temperature.
fn exactly(model: &mut dyn LanguageModel, text: &mut Vec<TokenId>, left: usize) -> Vec<(Vec<TokenId>, f64)> {
    if left == 0 {
        return vec![(text.clone(), 1.0)];
    }
    let run = Run { after: None, tokens: text, logits: Positions::Last };
    let logits = model.forward(&[run], &mut unwatched).unwrap().remove(0).logits.remove(0);
    let warm: Vec<f64> = logits.iter().map(|z| f64::from(*z) / 0.8).collect();
    let next = Distribution::from_logits(&warm).unwrap();
    let mut all = Vec::new();
    for token in 0..VOCAB as TokenId {
        text.push(token);
        all.extend(exactly(model, text, left - 1).into_iter().map(|(text, p)| (text, p * next.prob(token))));
        text.pop();
    }
    all
}

#[test]
fn texts_come_as_often_as_the_target_says() {
    const SAMPLES: u64 = 20_000;
    let case = Case { chain: "temperature=0.8".into(), tokens: 3, ends: Vec::new(), ..Case::default() };
    let all = exactly(&mut Bent::new(0.0, CONTEXT), &mut case.prompt.clone(), 3);
    assert_eq!(all.len(), VOCAB.pow(3));
    let mut counts = std::collections::HashMap::new();
    let (mut target, mut draft) = (Bent::new(0.0, CONTEXT), Bent::new(0.4, CONTEXT));
    for sequence in 0..SAMPLES {
        let case = Case { sequence, ..case.clone() };
        let (generated, ..) = speculate((&mut target, &mut draft), &case, sampled(2, 1));
        *counts.entry(ids(&generated)).or_insert(0u64) += 1;
    }
    for (text, p) in all {
        let share = *counts.get(&text[case.prompt.len()..]).unwrap_or(&0) as f64 / SAMPLES as f64;
        let deviation = (p * (1.0 - p) / SAMPLES as f64).sqrt();
        assert!((share - p).abs() < 5.0 * deviation + 1e-4, "{text:?} came with {share}, not {p}");
    }
}

#[test]
fn what_was_rejected_leaves_the_cache() {
    let rows = |a: f64, b: f64, c: f64| {
        let row = |context: &str| {
            format!(
                "[[row]]\ncontext = [{context}]\nnext = {{ '0' = {a}, '1' = {b}, '2' = {c}, '3' = 0.05, '4' = 0.05 }}\n"
            )
        };
        let text = "vocabulary = ['0', '1', '2', '3', '4']\nend = '$'\n".to_string() + &row("") + &row("'1'");
        table::parse("table", &text).unwrap()
    };
    let (mut target, mut draft) = (rows(0.3, 0.4, 0.2), rows(0.1, 0.2, 0.6));
    let case = Case { prompt: vec![1], tokens: 40, ends: Vec::new(), ..Case::default() };
    for speculation in [greedily(4), sampled(4, 3)] {
        let models: (&mut dyn LanguageModel, &mut dyn LanguageModel) = (target.model.as_mut(), draft.model.as_mut());
        let (generated, count, _) = speculate(models, &case, speculation);
        assert!(count.accepted < count.drafted, "{count:?}");
        // The last token is never read.
        for model in [&mut target.model, &mut draft.model] {
            assert!(model.cache_use().tokens <= case.prompt.len() + generated.tokens.len());
            model.retain(&[]);
        }
    }
}

#[test]
fn a_draft_that_is_the_target_has_everything_accepted() {
    let case = Case { ends: Vec::new(), ..Case::default() };
    for speculation in [greedily(3), sampled(3, 9)] {
        let models: (&mut dyn LanguageModel, &mut dyn LanguageModel) =
            (&mut Bent::new(0.0, CONTEXT), &mut Bent::new(0.0, CONTEXT));
        let (_, count, steps) = speculate(models, &case, speculation);
        assert_eq!(count, SpeculativeCount { rounds: 2, drafted: 6, accepted: 6, tokens: 8 });
        assert!([3, 7].iter().all(|&step| steps[step].1.drafted.is_none()), "one more after each round");
    }
}

#[test]
fn it_can_be_broken_off() {
    let (mut target, mut draft) = (Bent::new(0.0, CONTEXT), Bent::new(0.5, CONTEXT));
    let case = Case::default();
    let read = read_prompt(&mut target, &case.prompt, &mut unwatched).unwrap();
    let drafted = read_prompt(&mut draft, &case.prompt, &mut unwatched).unwrap();
    let result = case.with(Verification::Greedy, |request| {
        let readers = (Reader::new(&mut target, &read), Reader::new(&mut draft, &drafted));
        let stop =
            &mut |step: &Step<'_>| if step.step == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        generate_speculatively(readers, &Digits::new(), request, greedily(2), stop)
    });
    assert!(matches!(result, Err(EngineError::Interrupted)));
}
