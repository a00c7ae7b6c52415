//! Time of a decode step and of reading a prompt, on the built-in model.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use logitscope::model::{CacheNode, LanguageModel, ModelSource, OpenOptions, Positions, Run, open, unwatched};

/// Tokens before the step that is measured.
const BEFORE: usize = 64;

fn load(threads: usize) -> Box<dyn LanguageModel> {
    let options = OpenOptions { threads, ..OpenOptions::default() };
    open(&ModelSource::Builtin, &options).expect("the built-in model opens").model
}

fn read(model: &mut dyn LanguageModel, after: Option<CacheNode>, tokens: &[u32]) -> Option<CacheNode> {
    let run = Run { after, tokens, logits: Positions::Last };
    let outputs = model.forward(&[run], &mut unwatched).expect("the tokens fit");
    outputs.first().and_then(|output| output.nodes.last().copied())
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (threads, sequences) in [(1, 1), (2, 1), (2, 4)] {
        let mut model = load(threads);
        let prompt: Vec<u32> = (100..100 + BEFORE as u32).collect();
        let after = read(&mut *model, None, &prompt);
        let runs = vec![Run { after, tokens: &[300], logits: Positions::Last }; sequences];
        group.throughput(Throughput::Elements(sequences as u64));
        group.bench_function(format!("{threads} threads, {sequences} sequences"), |bencher| {
            bencher.iter(|| {
                let outputs = model.forward(&runs, &mut unwatched);
                model.retain(after.as_slice());
                black_box(outputs)
            });
        });
    }
    group.finish();
}

fn prefill(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prefill");
    let prompt: Vec<u32> = (100..356).collect();
    group.throughput(Throughput::Elements(prompt.len() as u64));
    for threads in [1, 2] {
        let mut model = load(threads);
        group.bench_function(format!("{} tokens, {threads} threads", prompt.len()), |bencher| {
            bencher.iter_batched(
                || (),
                |()| {
                    let node = read(&mut *model, None, &prompt);
                    model.retain(&[]);
                    black_box(node)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn opening(criterion: &mut Criterion) {
    criterion.bench_function("open", |bencher| bencher.iter(|| black_box(load(1))));
}

criterion_group!(benches, decode, prefill, opening);
criterion_main!(benches);
