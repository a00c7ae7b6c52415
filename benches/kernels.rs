//! Products of weights of every stored type with activations, and attention, in the shapes of `--model shape:S` and `shape:L`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logitscope::model::StoredType;
use logitscope::model::kernels::{BlockFormat, Blocks, Elements, Heads, Kernels, Linear, Past, Scores};

/// Rows and columns of a layer's last projection, whose rows every type of blocks divides, and of the head.
const MATRICES: [(&str, usize, usize); 4] =
    [("S down", 288, 768), ("S head", 32_000, 288), ("L down", 576, 1536), ("L head", 49_152, 576)];

/// Query heads, heads of keys and values, and numbers in a head.
const HEADS: [(&str, usize, usize, usize); 2] = [("S", 6, 6, 48), ("L", 9, 3, 64)];

const POSITIONS: [usize; 3] = [1, 4, 64];

/// A byte that makes a small normal number of any type, and a scale of any block.
const BYTE: u8 = 0x2A;

/// Weights of a type; what is multiplied does not matter to the time. A vector of the widest numbers lies right for all.
fn elements(stored: StoredType, bytes: &[u32]) -> Elements<'_> {
    match (stored, BlockFormat::of(stored)) {
        (_, Some(format)) => Elements::Blocks(Blocks::new(format, bytemuck::cast_slice(bytes))),
        (StoredType::Bf16, _) => Elements::Bf16(bytemuck::cast_slice(bytes)),
        (StoredType::F16, _) => Elements::F16(bytemuck::cast_slice(bytes)),
        _ => Elements::F32(bytemuck::cast_slice(bytes)),
    }
}

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("product");
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
    for (name, rows, columns) in MATRICES {
        for (stored, dtype) in StoredType::NAMES {
            let (length, size) = stored.block();
            if !columns.is_multiple_of(length) {
                continue;
            }
            let bytes = rows * columns / length * size;
            let numbers = vec![u32::from_ne_bytes([BYTE; 4]); bytes / 4];
            let weight = elements(stored, &numbers);
            let mut kernels = Kernels::new(1);
            for positions in POSITIONS {
                let x = vec![0.5; positions * columns];
                let mut y = vec![0.0; positions * rows];
                group.throughput(Throughput::Bytes(bytes as u64));
                group.bench_function(format!("{name} {rows}x{columns} {dtype}, {positions} positions"), |bencher| {
                    bencher.iter(|| {
                        kernels.project(&[Linear { weight, rows, bias: None }], &x, columns, &mut y);
                        black_box(&mut y);
                    });
                });
            }
        }
    }
    group.finish();
}

/// The keys and values of one head, one after the other.
struct Row<'a> {
    keys: &'a [f32],
    values: &'a [f32],
    head_dim: usize,
}

impl Past for Row<'_> {
    fn len(&self) -> usize {
        self.keys.len() / self.head_dim
    }

    fn key(&self, position: usize) -> &[f32] {
        &self.keys[position * self.head_dim..][..self.head_dim]
    }

    fn value(&self, position: usize) -> &[f32] {
        &self.values[position * self.head_dim..][..self.head_dim]
    }
}

fn attention(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("attention");
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
    for (name, heads, kv_heads, head_dim) in HEADS {
        for length in [64, 512] {
            let size = length * head_dim;
            let past: Vec<f32> = (0..kv_heads * size).map(|i| (i % 17) as f32 * 0.1 - 0.8).collect();
            let queries: Vec<f32> = (0..heads * head_dim).map(|i| (i % 13) as f32 * 0.1 - 0.6).collect();
            let mut out = vec![0.0; heads * head_dim];
            let mut kernels = Kernels::new(1);
            let one: Vec<_> = std::iter::once(0..1).collect();
            let scores = Scores { scale: 1.0 / (head_dim as f32).sqrt(), softcap: None };
            group.bench_function(format!("{name}, a query of {heads} heads over {length} positions"), |bencher| {
                bencher.iter(|| {
                    let work = Heads { groups: &one, heads, head_dim, scores, longest: length };
                    kernels.attend(work, &mut out, |_, head| {
                        let past = &past[head / (heads / kv_heads) * size..][..size];
                        (&queries[head * head_dim..][..head_dim], Row { keys: past, values: past, head_dim })
                    });
                    black_box(&mut out);
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, products, attention);
criterion_main!(benches);
