//! The decoding chain: whole, top-p alone, and every processor, over vocabularies of four sizes.
#![allow(clippy::unwrap_used)] // a bench that can not go on should stop

use std::f64::consts::TAU;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use logitscope::decode::{
    Analysis, Chain, Context, Distribution, PROCESSORS, Parameter, ProcessorRow, TokenBytes, TokenId, uniform,
};

/// Vocabularies of Llama 2, GPT-2, Qwen 2.5 and Gemma 3.
const VOCABULARIES: [usize; 4] = [32_000, 50_257, 151_936, 262_144];
/// The vocabulary of the processors.
const ONE: usize = 151_936;
/// Tokens of prompt and output.
const HISTORY: u32 = 200;

/// Normal numbers of deviation 2.5 (Box and Muller, 1958).
fn logits(count: usize) -> Vec<f32> {
    let number = |step: usize| {
        let (u, v) = (uniform(1, 0, step as u64), uniform(1, 1, step as u64));
        (2.5 * (-2.0 * (1.0 - u).ln()).sqrt() * (TAU * v).cos()) as f32
    };
    (0..count).map(number).collect()
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
fn fresh(logits: &[f32]) -> Arc<Distribution> {
    Arc::new(Distribution::from_logits(logits).unwrap())
}

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chain");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    let chain = Chain::parse("temperature=0.8,top_k=40,top_p=0.95").unwrap();
    let top_p = Chain::parse("top_p=0.95").unwrap();
    for vocabulary in VOCABULARIES {
        let logits = logits(vocabulary);
        group.bench_function(format!("softmax, {vocabulary}"), |bencher| bencher.iter(|| black_box(fresh(&logits))));
        group.bench_function(format!("softmax, temperature, top-k, top-p, draw, {vocabulary}"), |bencher| {
            bencher.iter(|| {
                let analysis = Analysis::new(fresh(&logits), &chain, Context::default()).unwrap();
                black_box(analysis.draw(0.5));
                analysis
            });
        });
        group.bench_function(format!("top-p alone, {vocabulary}"), |bencher| {
            bencher.iter_batched(
                || fresh(&logits),
                |model| Analysis::new(model, &top_p, Context::default()).unwrap(),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// A value that does something.
fn value(row: &ProcessorRow) -> String {
    match row.parameter {
        Parameter::Bias(_) => "5=1.5,7=-2".into(),
        Parameter::Ids(_) => "0,1,2".into(),
        Parameter::Text(_) => "[a-m ]*".into(),
        Parameter::Number(..) | Parameter::Count(_) | Parameter::Fields(..) => row.usual_value().unwrap().to_string(),
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
        let chain = Chain::parse(&format!("{}={}", row.name, value(row))).unwrap();
        group.bench_function(chain.to_string(), |bencher| {
            bencher.iter_batched(
                || fresh(&logits),
                |model| Analysis::new(model, &chain, context).unwrap(),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, whole, processors);
criterion_main!(benches);
