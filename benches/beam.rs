//! Time of a step with several beams, beside a step with one sequence, on the built-in model.

use std::hint::black_box;
use std::ops::ControlFlow;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logitscope::decode::Chain;
use logitscope::decode::beam::BeamSettings;
use logitscope::decode::strategy::strategy;
use logitscope::engine::{BeamRequest, DroppedBeams, PromptRead, Request, generate, generate_beams, read_prompt};
use logitscope::model::{LoadedModel, ModelSource, OpenOptions, Positions, Run, open, unwatched};

/// Steps of a search; nothing ends before the last.
const STEPS: usize = 32;

fn load() -> (LoadedModel, Vec<u32>, PromptRead) {
    let options = OpenOptions { threads: 2, ..OpenOptions::default() };
    let mut loaded = open(&ModelSource::Builtin, &options).expect("the built-in model opens");
    let prompt: Vec<u32> = (100..104).collect();
    let read = read_prompt(loaded.model.as_mut(), &prompt, &mut unwatched).expect("the prompt fits");
    (loaded, prompt, read)
}

/// The model alone: what greedy search can't be faster than.
fn forward(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("32 steps");
    group.throughput(Throughput::Elements(STEPS as u64));
    let (mut loaded, prompt, _) = load();
    group.bench_function("model alone, 1 sequence", |bencher| {
        bencher.iter(|| {
            let model = loaded.model.as_mut();
            model.retain(&[]);
            let run = Run { after: None, tokens: &prompt, logits: Positions::Last };
            let mut node = model.forward(&[run], &mut unwatched).expect("it fits")[0].nodes[prompt.len() - 1];
            for _ in 1..STEPS {
                let run = Run { after: Some(node), tokens: &[300], logits: Positions::Last };
                node = model.forward(&[run], &mut unwatched).expect("it fits")[0].nodes[0];
            }
            black_box(node)
        });
    });
    group.finish();
}

fn greedy(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("32 steps");
    group.throughput(Throughput::Elements(STEPS as u64));
    let (mut loaded, prompt, _) = load();
    let strategy = strategy("greedy").and_then(|row| row.single(0)).expect("greedy is a strategy");
    group.bench_function("greedy", |bencher| {
        bencher.iter(|| {
            let model = loaded.model.as_mut();
            model.retain(&[]);
            let read = read_prompt(model, &prompt, &mut unwatched).expect("it fits");
            let request = Request {
                prompt: &prompt,
                strategy: strategy.as_ref(),
                chain: &Chain::default(),
                max_new_tokens: STEPS,
                min_new_tokens: 0,
                eos_token_ids: &[],
                stop: &[],
                sequence: 0,
            };
            let tokenizer = loaded.tokenizer.as_ref();
            black_box(generate(model, tokenizer, &read, &request, &mut |_| ControlFlow::Continue(())))
        });
    });
    group.finish();
}

fn beams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("32 steps");
    group.throughput(Throughput::Elements(STEPS as u64));
    let (mut loaded, prompt, _) = load();
    for (beams, chain) in [(1, ""), (4, ""), (8, ""), (4, "repetition_penalty=1.2")] {
        let chain = Chain::parse(chain).expect("a chain");
        group.bench_function(format!("{beams} beams {chain}"), |bencher| {
            bencher.iter(|| {
                let model = loaded.model.as_mut();
                model.retain(&[]);
                let read = read_prompt(model, &prompt, &mut unwatched).expect("it fits");
                let request = BeamRequest {
                    prompt: &prompt,
                    settings: BeamSettings { beams, ..BeamSettings::default() },
                    chain: &chain,
                    max_new_tokens: STEPS,
                    min_new_tokens: 0,
                    eos_token_ids: &[],
                    stop: &[],
                    dropped: DroppedBeams::Freed,
                };
                let tokenizer = loaded.tokenizer.as_ref();
                black_box(generate_beams(model, tokenizer, &read, &request, &mut |_| ControlFlow::Continue(())))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, forward, greedy, beams);
criterion_main!(benches);
