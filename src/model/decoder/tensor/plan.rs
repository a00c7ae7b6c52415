//! What a chunk of rows needs in every layer: its turns, and for attention the slots that each row sees.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use candle_core::{Device, Result, Tensor};

use crate::model::decoder::batch::{Batch, Row};
use crate::model::decoder::rotary::{Pairing, Rotary};
use crate::model::decoder::spec::{DecoderSpec, Layer};

/// Slots whose keys and values are gathered at once; those of one sequence always are. Few in tests, so that groups are parted.
const SLOTS: usize = if cfg!(test) { 150 } else { 1 << 16 };

/// The rows of a forward pass that go through the layers together.
pub(super) struct Chunk {
    /// The slots of the rows.
    pub(super) slots: Vec<u32>,
    /// For each of the spec's rotary positions.
    pub(super) turns: Vec<DeviceTurns>,
    /// All rows, in order.
    pub(super) groups: Vec<Group>,
}

/// Cosines and sines of a chunk, `[rows][pairs]` each.
pub(super) struct DeviceTurns {
    pub(super) cosines: Tensor,
    pub(super) sines: Tensor,
    pub(super) pairing: Pairing,
}

/// Neighbouring sequences with equally many rows, whose attention is one product: the beams of a step, for example.
pub(super) struct Group {
    /// Where its rows are in the chunk.
    pub(super) rows: Range<usize>,
    /// How many sequences these belong to.
    pub(super) sequences: usize,
    /// By the window of a layer, see [`window`].
    seen: BTreeMap<usize, Seen>,
}

/// What the rows of a group see through a window.
pub(super) struct Seen {
    /// Slots, `[sequences · length]`; where a sequence has fewer, some slot fills it up.
    pub(super) slots: Tensor,
    /// Slots of a sequence.
    pub(super) length: usize,
    /// Added to the scores, `[sequences][1][rows of a sequence][length]`: 0 where a row sees a slot, and −∞ where not. None
    /// where all see all.
    pub(super) mask: Option<Tensor>,
}

/// Tokens of the longest of some sequences.
fn longest(sequences: &[&[Row]]) -> usize {
    sequences.iter().map(|rows| rows[rows.len() - 1].position + 1).max().unwrap_or(1)
}

/// The most positions that a token of a layer sees.
fn window(layer: &Layer) -> usize {
    layer.window.unwrap_or(usize::MAX)
}

impl Chunk {
    /// `rows` are some of `batch`, in order.
    pub(super) fn new(spec: &DecoderSpec, batch: &Batch, rows: &[Row], device: &Device) -> Result<Self> {
        let turns = spec.rotaries().iter().map(|rotary| DeviceTurns::new(rotary, rows, device));
        let sequences: Vec<&[Row]> = rows.chunk_by(|a, b| a.run == b.run).collect();
        let windows: BTreeSet<usize> = spec.layers.iter().map(window).collect();
        let mut groups = Vec::new();
        let mut start = 0;
        let alike = sequences.chunk_by(|a, b| a.len() == b.len());
        for alike in alike.flat_map(|alike| alike.chunks((SLOTS / longest(alike)).max(1))) {
            let see = |&window: &usize| Ok((window, Seen::new(batch, alike, window, device)?));
            let seen = windows.iter().map(see).collect::<Result<_>>()?;
            let end = start + alike.len() * alike[0].len();
            groups.push(Group { rows: start..end, sequences: alike.len(), seen });
            start = end;
        }
        let slots = rows.iter().map(|row| row.slot).collect();
        Ok(Self { slots, turns: turns.collect::<Result<_>>()?, groups })
    }
}

impl Group {
    /// What its rows see in a layer.
    pub(super) fn seen(&self, layer: &Layer) -> &Seen {
        &self.seen[&window(layer)]
    }
}

impl Seen {
    /// `sequences` are the rows of each, equally many.
    fn new(batch: &Batch, sequences: &[&[Row]], window: usize, device: &Device) -> Result<Self> {
        // The slots that any row of a sequence sees are a stretch of its last row's path.
        let stretch = |rows: &[Row]| {
            let (first, last) = (rows[0].position, rows[rows.len() - 1].position);
            (first + 1).saturating_sub(window)..last + 1
        };
        let length = sequences.iter().map(|rows| stretch(rows).len()).max().unwrap_or(0);
        let (mut slots, mut mask) = (Vec::with_capacity(sequences.len() * length), Vec::new());
        for rows in sequences {
            let all = stretch(rows);
            let path = &batch.path(&rows[rows.len() - 1])[all.clone()];
            slots.extend(path.iter().copied().chain(std::iter::repeat(path[0])).take(length));
            for row in *rows {
                let sees = (row.position + 1).saturating_sub(window)..=row.position;
                mask.extend(
                    (all.start..).take(length).map(|at| if sees.contains(&at) { 0.0 } else { f32::NEG_INFINITY }),
                );
            }
        }
        let shape = (sequences.len(), 1, sequences[0].len(), length);
        let mask = mask.iter().any(|number| *number != 0.0).then(|| Tensor::from_vec(mask, shape, device));
        Ok(Self { slots: Tensor::new(slots, device)?, length, mask: mask.transpose()? })
    }
}

impl DeviceTurns {
    fn new(rotary: &Rotary, rows: &[Row], device: &Device) -> Result<Self> {
        let (frequencies, factor) = (rotary.frequencies(), rotary.attention_factor());
        let angles = rows.iter().flat_map(|row| frequencies.iter().map(|frequency| row.position as f32 * frequency));
        let (cosines, sines): (Vec<f32>, Vec<f32>) =
            angles.map(|angle| (angle.cos() * factor, angle.sin() * factor)).unzip();
        let table = |numbers| Tensor::from_vec(numbers, (rows.len(), frequencies.len()), device);
        Ok(Self { cosines: table(cosines)?, sines: table(sines)?, pairing: rotary.pairing })
    }

    /// Turns the first elements of every head in `heads`, `[rows][heads][head_dim]`.
    pub(super) fn rotate(&self, heads: &Tensor) -> Result<Tensor> {
        let (rows, count, head_dim) = heads.dims3()?;
        let dim = 2 * self.cosines.dim(1)?;
        let first = heads.narrow(2, 0, dim)?;
        let turned = match self.pairing {
            Pairing::Halves => {
                let first = first.reshape((1, rows, count, dim))?.contiguous()?;
                candle_nn::rotary_emb::rope_thd(&first, &self.cosines, &self.sines)?
            }
            Pairing::Neighbours => {
                let first = first.transpose(0, 1)?.contiguous()?.unsqueeze(0)?;
                candle_nn::rotary_emb::rope_i(&first, &self.cosines, &self.sines)?.transpose(1, 2)?
            }
        };
        let turned = turned.reshape((rows, count, dim))?;
        if dim == head_dim {
            return Ok(turned);
        }
        Tensor::cat(&[turned, heads.narrow(2, dim, head_dim - dim)?], 2)
    }
}
