//! Keys and values on a device: a row for every slot of the cache tree, in every layer.

use candle_core::{DType, Device, Result, Tensor};

/// Slots are reserved in multiples of this.
const STEP: usize = 256;

/// Rows that grow in number, and are read in any order.
pub(super) struct Arena {
    device: Device,
    /// Numbers in the keys, and in the values, of a token.
    width: usize,
    /// Keys and values, `[slots][width]` each.
    layers: Vec<[Tensor; 2]>,
    count: usize,
    /// Slots that every layer has room for.
    slots: usize,
}

impl Arena {
    /// No room yet, for so many layers.
    pub(super) fn new(count: usize, width: usize, device: Device) -> Self {
        Self { device, width, layers: Vec::new(), count, slots: 0 }
    }

    /// Makes room for so many slots, half as many more than there were at least; what is held stays.
    pub(super) fn reserve(&mut self, slots: usize) -> Result<()> {
        if slots <= self.slots {
            return Ok(());
        }
        let slots = slots.max(self.slots + self.slots / 2).next_multiple_of(STEP);
        // Layer by layer, so that one of them at a time is there twice. After an error some have more room than is counted.
        for layer in &mut self.layers {
            for rows in layer {
                let larger = Tensor::zeros((slots.max(rows.dim(0)?), self.width), DType::F32, &self.device)?;
                larger.slice_set(rows, 0, 0)?;
                *rows = larger;
            }
        }
        while self.layers.len() < self.count {
            let empty = || Tensor::zeros((slots, self.width), DType::F32, &self.device);
            self.layers.push([empty()?, empty()?]);
        }
        self.slots = slots;
        Ok(())
    }

    /// Writes the keys and values of a layer, `[slots.len()][width]` each, into their slots.
    pub(super) fn store(&self, layer: usize, slots: &[u32], keys: &Tensor, values: &Tensor) -> Result<()> {
        let mut start = 0;
        for neighbours in slots.chunk_by(|a, b| a + 1 == *b) {
            for (rows, new) in self.layers[layer].iter().zip([keys, values]) {
                rows.slice_set(&new.narrow(0, start, neighbours.len())?, 0, neighbours[0] as usize)?;
            }
            start += neighbours.len();
        }
        Ok(())
    }

    /// The keys and values of a layer in the order of `slots`, `[slots][width]` each.
    pub(super) fn gather(&self, layer: usize, slots: &Tensor) -> Result<[Tensor; 2]> {
        let [keys, values] = &self.layers[layer];
        Ok([keys.index_select(slots, 0)?, values.index_select(slots, 0)?])
    }

    /// Gives all memory back.
    pub(super) fn clear(&mut self) {
        self.layers.clear();
        self.slots = 0;
    }

    /// Bytes of the keys and values of a token.
    pub(super) fn slot_bytes(&self) -> usize {
        2 * self.count * self.width * DType::F32.size_in_bytes()
    }
}
