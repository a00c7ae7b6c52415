//! Time of a step with several beams, beside a step with one sequence, on the built-in model.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logitscope::decode::Chain;
use logitscope::decode::beam::BeamSettings;
use logitscope::decode::strategy::strategy;
use logitscope::engine::{BeamRequest, DroppedBeams, Request, generate, generate_beams, read_prompt};
use logitscope::model::{CacheNode, LoadedModel, ModelSource, OpenOptions, Positions, Run, open, unwatched};

/// Steps of a search; nothing ends before the last.
const STEPS: usize = 32;

/// Rounds of the comparison.
const ROUNDS: usize = 41;

fn load() -> (LoadedModel, Vec<u32>) {
    let options = OpenOptions { threads: 2, ..OpenOptions::default() };
    let loaded = open(&ModelSource::Builtin, &options).expect("the built-in model opens");
    (loaded, (100..104).collect())
}

/// Generates with `beams` beams; 0 is greedy search.
fn search(loaded: &mut LoadedModel, prompt: &[u32], beams: usize, chain: &Chain) -> f64 {
    let (model, tokenizer) = (loaded.model.as_mut(), loaded.tokenizer.as_ref());
    model.retain(&[]);
    let read = read_prompt(model, prompt, &mut unwatched).expect("it fits");
    if beams == 0 {
        let strategy = strategy("greedy").and_then(|row| row.single(0)).expect("greedy is a strategy");
        let request = Request {
            prompt,
            strategy: strategy.as_ref(),
            chain,
            max_new_tokens: STEPS,
            min_new_tokens: 0,
            eos_token_ids: &[],
            stop: &[],
            sequence: 0,
            negative: None,
        };
        let found = generate(model, tokenizer, &read, &request, &mut |_| ControlFlow::Continue(()));
        return found.expect("nothing fails").score;
    }
    let request = BeamRequest {
        prompt,
        settings: BeamSettings { beams, ..BeamSettings::default() },
        chain,
        max_new_tokens: STEPS,
        min_new_tokens: 0,
        eos_token_ids: &[],
        stop: &[],
        dropped: DroppedBeams::Freed,
    };
    let found = generate_beams(model, tokenizer, &read, &request, &mut |_| ControlFlow::Continue(()));
    found.expect("nothing fails")[0].score
}

/// The model alone: what no strategy can be faster than.
fn forward(loaded: &mut LoadedModel, prompt: &[u32], sequences: usize) -> usize {
    let model = loaded.model.as_mut();
    model.retain(&[]);
    let run = Run { after: None, tokens: prompt, logits: Positions::Last };
    let mut nodes = vec![model.forward(&[run], &mut unwatched).expect("it fits")[0].nodes[prompt.len() - 1]; sequences];
    for _ in 1..STEPS {
        let next = |node: &CacheNode| Run { after: Some(*node), tokens: &[300], logits: Positions::Last };
        let runs: Vec<Run<'_>> = nodes.iter().map(next).collect();
        let outputs = model.forward(&runs, &mut unwatched).expect("it fits");
        nodes = outputs.iter().map(|output| output.nodes[0]).collect();
    }
    nodes.len()
}

fn beams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("32 steps");
    group.throughput(Throughput::Elements(STEPS as u64));
    let (mut loaded, prompt) = load();
    for sequences in [1, 4] {
        group.bench_function(format!("model alone, {sequences} sequences"), |bencher| {
            bencher.iter(|| black_box(forward(&mut loaded, &prompt, sequences)));
        });
    }
    for (beams, chain) in [(0, ""), (1, ""), (4, ""), (8, ""), (4, "repetition_penalty=1.2")] {
        let chain = Chain::parse(chain).expect("a chain");
        let name = if beams == 0 { "greedy".into() } else { format!("{beams} beams {chain}") };
        group.bench_function(name, |bencher| bencher.iter(|| black_box(search(&mut loaded, &prompt, beams, &chain))));
    }
    group.finish();
}

/// Four beams beside one sequence, in turn, so that a busy machine slows both: the medians and their ratio.
fn ratio(_: &mut Criterion) {
    let (mut loaded, prompt) = load();
    let none = Chain::default();
    let mut times = [const { Vec::new() }; 5];
    for _ in 0..ROUNDS {
        for (kind, times) in times.iter_mut().enumerate() {
            let start = Instant::now();
            match kind {
                0 => drop(black_box(forward(&mut loaded, &prompt, 1))),
                1 => drop(black_box(forward(&mut loaded, &prompt, 4))),
                kind => drop(black_box(search(&mut loaded, &prompt, [0, 1, 4][kind - 2], &none))),
            }
            times.push(start.elapsed().as_secs_f64() * 1e3 / STEPS as f64);
        }
    }
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let [one, four, greedy, beam, beams] = times.each_mut().map(median);
    println!(
        "ms a step: model {one:.3}, of 4 sequences {four:.3}; greedy {greedy:.3}; 1 beam {beam:.3}, 4 beams {beams:.3}"
    );
    println!(
        "4 beams: {:.2} times greedy, {:.2} times 1 beam, {:.2} times the model alone",
        beams / greedy,
        beams / beam,
        beams / one
    );
}

criterion_group!(benches, ratio, beams);
criterion_main!(benches);
