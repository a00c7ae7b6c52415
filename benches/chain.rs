//! Time of one decision: the model's distribution, the chain with its trace, and the draw, for several vocabularies.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use logitscope::decode::{
    Analysis, Chain, Context, Distribution, PROCESSORS, Parameter, ProcessorRow, TokenBytes, TokenId, uniform,
};

/// GPT-2's and Llama's vocabulary and those of newer models.
const VOCABULARIES: [usize; 4] = [32_000, 50_257, 151_936, 262_144];

/// The vocabulary of the processors.
const ONE: usize = 151_936;
/// Tokens of prompt and output.
const HISTORY: u32 = 200;

/// Tokens that a record of the trace lists.
const LISTED: usize = 20;

/// Normal deviates of standard deviation 2.5, by Box and Muller.
fn logits(count: usize) -> Arc<[f32]> {
    let deviate = |i: usize| {
        let (a, b) = (uniform(1, 0, i as u64), uniform(2, 0, i as u64));
        (2.5 * (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()) as f32
    };
    (0..count).map(deviate).collect()
}

/// What a record of a step says, without its text.
fn decide(logits: &Arc<[f32]>, chain: &Chain, u: f64) -> (TokenId, f64) {
    let model = Distribution::shared(logits).expect("they are numbers");
    let analysis = Analysis::new(Arc::new(model), chain, Context::default()).expect("some tokens stay");
    let model = analysis.model();
    let token = analysis.draw(u).token;
    let figures = |id: TokenId| {
        let measured = analysis.removal(id).and_then(|removal| removal.margin).map_or(0.0, |margin| margin.measured);
        model.logprob(id) + analysis.sampling_prob(id) + measured
    };
    let listed: f64 = model.top(LISTED).into_iter().chain([token]).map(figures).sum();
    let stages: f64 = analysis.stages().iter().map(|stage| stage.entropy + stage.removed_mass).sum();
    (token, listed + stages + model.entropy() + model.rank(token) as f64)
}

fn chains(criterion: &mut Criterion) {
    let chains =
        ["temperature=0.8,top_k=40,top_p=0.95", "top_p=0.95", "repetition_penalty=1.2,temperature=0.8,min_p=0.05", ""];
    for text in chains {
        let chain = Chain::parse(text).expect("a chain");
        let mut group = criterion.benchmark_group(if text.is_empty() { "no chain" } else { text });
        for size in VOCABULARIES {
            let logits = logits(size);
            group.bench_with_input(BenchmarkId::from_parameter(size), &logits, |bencher, logits| {
                bencher.iter(|| black_box(decide(black_box(logits), &chain, 0.3)));
            });
        }
        group.finish();
    }
}

/// A turned knob: the model's distribution is there and in order, and the chain runs anew.
fn knob(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("turned knob");
    for size in VOCABULARIES {
        let logits = logits(size);
        let model = Arc::new(Distribution::shared(&logits).expect("they are numbers"));
        let _ = model.ranked();
        for text in ["temperature=0.8", "temperature=0.8,top_k=40,top_p=0.95"] {
            let chain = Chain::parse(text).expect("a chain");
            group.bench_function(BenchmarkId::new(text, size), |bencher| {
                bencher.iter(|| {
                    let analysis = Analysis::new(Arc::clone(&model), &chain, Context::default()).expect("some stay");
                    black_box(analysis.kept().len())
                });
            });
        }
        group.bench_function(BenchmarkId::new("all in order", size), |bencher| {
            bencher.iter(|| {
                let model = Distribution::shared(black_box(&logits)).expect("they are numbers");
                black_box(model.ranked().len())
            });
        });
    }
    group.finish();
}

/// Every token is a letter.
#[derive(Debug)]
struct Letters;

impl TokenBytes for Letters {
    fn token_bytes(&self, id: TokenId) -> &[u8] {
        let letter = id as usize % 26;
        &b"abcdefghijklmnopqrstuvwxyz"[letter..=letter]
    }
}

/// A distribution remembers its order once it was asked for: every time takes a new one.
fn fresh(logits: &Arc<[f32]>) -> Arc<Distribution> {
    Arc::new(Distribution::shared(logits).expect("it can be made"))
}

/// A value that does something.
fn value(row: &ProcessorRow) -> String {
    match row.parameter {
        Parameter::Bias(_) => "5=1.5,7=-2".into(),
        Parameter::Ids(_) => "0,1,2".into(),
        Parameter::Text(_) => "[a-m ]*".into(),
        Parameter::Number(..) | Parameter::Count(_) | Parameter::Fields(..) => {
            row.usual_value().expect("it can be made").to_string()
        }
    }
}

fn processors(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("processor, {ONE}"));
    group.sample_size(20).measurement_time(Duration::from_secs(1));
    let logits = logits(ONE);
    let negative = fresh(&logits);
    let history: Vec<TokenId> = (0..HISTORY).map(|i| i * 31 % 13).collect();
    let logprobs = vec![-2.0; history.len() / 2];
    let context = Context {
        history: &history,
        prompt_length: history.len() / 2,
        sampling_logprobs: &logprobs,
        chance: 0.3,
        bytes: Some(&Letters),
        end_ids: &[2],
        negative: Some(&negative),
    };
    for row in PROCESSORS {
        let chain = Chain::parse(&format!("{}={}", row.name, value(row))).expect("it can be made");
        group.bench_function(chain.to_string(), |bencher| {
            bencher.iter_batched(
                || fresh(&logits),
                |model| Analysis::new(model, &chain, context).expect("it can be made"),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, chains, knob, processors);
criterion_main!(benches);
