//! `cost`: what generating takes, with and without the cache of keys and values.

use serde::Deserialize;

use super::{Arguments, ComputationRow, Figure, within};
use crate::decode::cost::{Cost, KvCache, Shape};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Bar, Cell, Column, Mark, Picture, Row};

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "cost",
    summary: "what generating takes with and without the cache of keys and values, and how big the cache gets",
    parameters: &[
        ("weights", "weights of the model"),
        ("layers", "its layers"),
        ("heads", "query heads of a layer"),
        ("kv_heads", "key and value heads of a layer; as many as heads if not given"),
        ("head_dim", "numbers in a head"),
        ("bytes", "bytes of a number; 2 if not given"),
        ("prompt", "tokens of the prompt"),
        ("new", "numbers of new tokens: a row for each"),
        ("bandwidth", "bytes that memory delivers in a second"),
        ("beams", "sequences side by side; 1 if not given"),
    ],
    values: &[
        ("at.V.with, at.V.without", "tokens that go through the layers for V new ones, with and without the cache"),
        ("at.V.times", "how many times as many without it"),
        ("at.V.operations_with, at.V.operations_without", "multiplications and additions"),
        ("at.V.operations_times", "how many times as many without it"),
        ("at.V.cache", "bytes of the cache at the end, of all sequences"),
        ("at.V.rate", "the most steps in a second that the bandwidth allows at the end"),
        ("at.V.tokens_rate", "the most tokens in a second: a step gives one for each sequence"),
        ("per_token", "bytes that the cache grows by with each token of a sequence"),
        ("model_bytes", "bytes of the weights"),
    ],
    example: r#"weights = 1_000_000_000
layers = 16
heads = 32
kv_heads = 8
head_dim = 64
prompt = 100
new = [10, 100]
expect = { "at.100.with" = 199, "at.100.without" = 14950, per_token = 32768 }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    weights: u64,
    layers: usize,
    heads: usize,
    kv_heads: Option<usize>,
    head_dim: usize,
    bytes: Option<usize>,
    prompt: usize,
    new: Vec<usize>,
    bandwidth: Option<f64>,
    beams: Option<usize>,
}

/// Larger sizes than any model has.
const MOST: usize = 100_000;

impl Parameters {
    fn shape(&self) -> Result<Shape, Fault> {
        let size = |what, number| within(what, number, 1..=MOST);
        let (layers, bytes) = (size("layers", self.layers)?, within("bytes", self.bytes.unwrap_or(2), 1..=8)?);
        let (heads, head_dim) = (size("heads", self.heads)?, size("head_dim", self.head_dim)?);
        let kv_heads = size("kv_heads", self.kv_heads.unwrap_or(self.heads))?;
        let weights = self.weights.clamp(1, 1 << 50);
        Ok(Shape {
            layers,
            query_size: heads * head_dim,
            kv_size: kv_heads * head_dim,
            // All weights are taken for those of layers.
            layer_weights: weights / layers as u64,
            head_weights: 0,
            number_bytes: bytes,
            weight_bytes: weights * bytes as u64,
        })
    }
}

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let parameters: Parameters = arguments.read()?;
    let shape = parameters.shape()?;
    let prompt = within("prompt", parameters.prompt, 1..=MOST)? as u64;
    let beams = within("beams", parameters.beams.unwrap_or(1), 1..=MOST)? as u64;
    let most = parameters.new.iter().copied().max().unwrap_or(1);
    let full = Cost::of(prompt, within("new", most, 1..=MOST)? as u64, KvCache::None).tokens_read;
    let columns = vec![
        Column::Number("new tokens".into()),
        Column::Number("read with cache".into()),
        Column::Number("cache".into()),
        Column::Bar("read without cache".into(), Bar::Model),
        Column::Number("times".into()),
    ];
    let caption = format!("tokens that go through the layers after a prompt of {prompt}");
    let mut figure = Figure::new(Picture { caption, columns, rows: Vec::new() });
    figure.set("per_token", shape.cache_bytes(1) as f64);
    figure.set("model_bytes", shape.weight_bytes as f64);
    for &count in &parameters.new {
        let new = within("new", count, 1..=MOST)? as u64;
        let (with, without) = (Cost::of(prompt, new, KvCache::Kept), Cost::of(prompt, new, KvCache::None));
        let context = (prompt + new - 1) as usize;
        let cache = beams * shape.cache_bytes(context);
        let times = without.tokens_read as f64 / with.tokens_read as f64;
        let (few, many) = (with.operations(&shape), without.operations(&shape));
        let at = |name: &str| format!("at.{count}.{name}");
        figure.set(at("with"), with.tokens_read as f64);
        figure.set(at("without"), without.tokens_read as f64);
        figure.set(at("times"), times);
        figure.set(at("operations_with"), few);
        figure.set(at("operations_without"), many);
        figure.set(at("operations_times"), many / few);
        figure.set(at("cache"), cache as f64);
        if let Some(bandwidth) = parameters.bandwidth {
            let rate = bandwidth / shape.bytes_per_step(context, beams) as f64;
            figure.set(at("rate"), rate);
            figure.set(at("tokens_rate"), rate * beams as f64);
        }
        let bar = Cell::Bar(without.tokens_read.to_string(), without.tokens_read as f64 / full as f64);
        let (with, size) = (with.tokens_read.to_string(), bytes(cache));
        let cells = [count.to_string().into(), with.into(), size.into(), bar, format!("{times:.1}").into()];
        figure.picture.rows.push(Row::new(Mark::Plain, cells));
    }
    Ok(figure)
}

/// A size in the unit that it is read best in.
fn bytes(size: u64) -> String {
    let units = [(1u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(unit, _)| size >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", size as f64 / *unit as f64),
        None => format!("{size} B"),
    }
}
