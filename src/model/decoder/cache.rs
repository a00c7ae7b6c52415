//! Keys and values of every token read, as a tree.
//!
//! A slot holds the keys and values of one token in all layers, and knows the slot of the token before it. A sequence is the path
//! from a slot to its root; sequences with a common beginning share its slots, and nothing is ever copied or moved.

use crate::model::kernels::Past;
use crate::model::{CacheNode, CacheUse};

/// Slots whose memory is allocated and freed together.
const BLOCK: usize = 64;
/// Bytes of freed blocks that are kept for the next text: the system takes as long to give memory as a small model to fill it.
const SPARE: usize = 16 << 20;

/// The arena of slots.
#[derive(Debug)]
pub(super) struct Cache {
    layers: usize,
    kv_heads: usize,
    head_dim: usize,
    /// For each block `[layer][key or value][kv_head][slot in block][head_dim]`; empty where no slot is used.
    blocks: Vec<Box<[f32]>>,
    /// Blocks that were freed; what they hold is never read.
    spare: Vec<Box<[f32]>>,
    /// [`BLOCK`] for each block.
    slots: Vec<Slot>,
    /// The unused slots, descending: the lowest is taken first.
    free: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Free,
    /// Number of tokens up to and with this one, and the one before it.
    Used {
        length: usize,
        parent: Option<u32>,
    },
}

/// The keys and values of one head in one layer along a path.
pub(super) struct HeadPath<'a> {
    cache: &'a Cache,
    path: &'a [u32],
    /// Where the head's keys begin in a block, in vectors; the values follow `values` vectors later.
    keys: usize,
    values: usize,
}

impl Past for HeadPath<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.path.len()
    }

    #[inline]
    fn key(&self, position: usize) -> &[f32] {
        self.cache.vector(self.path[position], self.keys)
    }

    #[inline]
    fn value(&self, position: usize) -> &[f32] {
        self.cache.vector(self.path[position], self.keys + self.values)
    }
}

impl Cache {
    /// An empty cache for keys and values of `[kv_heads][head_dim]` in each layer.
    pub(super) fn new(layers: usize, kv_heads: usize, head_dim: usize) -> Self {
        Self { layers, kv_heads, head_dim, blocks: Vec::new(), spare: Vec::new(), slots: Vec::new(), free: Vec::new() }
    }

    fn block_size(&self) -> usize {
        self.layers * 2 * self.kv_heads * BLOCK * self.head_dim
    }

    /// The number of tokens up to and with a node; none for a node that is not in the cache.
    pub(super) fn length(&self, node: CacheNode) -> Option<usize> {
        match self.slots.get(node.0 as usize)? {
            Slot::Free => None,
            Slot::Used { length, .. } => Some(*length),
        }
    }

    /// Takes a slot for a token that follows `parent`, the slot of a token in the cache.
    pub(super) fn allocate(&mut self, parent: Option<u32>) -> u32 {
        if self.free.is_empty() {
            let first = self.slots.len() as u32;
            self.free.extend((first..first + BLOCK as u32).rev());
            self.slots.extend([Slot::Free; BLOCK]);
            self.blocks.push(Box::default());
        }
        let slot = self.free.pop().unwrap_or_default();
        let block = slot as usize / BLOCK;
        if self.blocks[block].is_empty() {
            let spare = self.spare.pop();
            self.blocks[block] = spare.unwrap_or_else(|| vec![0.0; self.block_size()].into());
        }
        let before = parent.and_then(|parent| self.length(CacheNode(parent))).unwrap_or(0);
        self.slots[slot as usize] = Slot::Used { length: before + 1, parent };
        slot
    }

    /// Gives slots back, as if they had never been taken.
    pub(super) fn release(&mut self, slots: impl Iterator<Item = u32>) {
        for slot in slots {
            self.slots[slot as usize] = Slot::Free;
        }
        self.tidy();
    }

    /// Appends the path from the root to `node`.
    pub(super) fn path(&self, node: CacheNode, path: &mut Vec<u32>) {
        let start = path.len();
        let mut next = Some(node.0);
        while let Some(slot) = next {
            let Some(Slot::Used { parent, .. }) = self.slots.get(slot as usize) else { break };
            path.push(slot);
            next = *parent;
        }
        path[start..].reverse();
    }

    /// Forgets every slot that is on no path to a node of `live`: mark and sweep.
    pub(super) fn retain(&mut self, live: &[CacheNode]) {
        let mut marked = vec![false; self.slots.len()];
        for node in live {
            let mut next = Some(node.0);
            while let Some(slot) = next {
                let Some(Slot::Used { parent, .. }) = self.slots.get(slot as usize) else { break };
                if std::mem::replace(&mut marked[slot as usize], true) {
                    break;
                }
                next = *parent;
            }
        }
        for (slot, marked) in self.slots.iter_mut().zip(marked) {
            if !marked {
                *slot = Slot::Free;
            }
        }
        self.tidy();
    }

    /// Rebuilds the list of free slots and gives back the memory of blocks without a used one.
    fn tidy(&mut self) {
        let is_used = |slot: &Slot| *slot != Slot::Free;
        let used_blocks = self.slots.iter().rposition(is_used).map_or(0, |last| last / BLOCK + 1);
        self.slots.truncate(used_blocks * BLOCK);
        let mut unused = self.blocks.split_off(used_blocks);
        for (block, slots) in self.blocks.iter_mut().zip(self.slots.chunks(BLOCK)) {
            if !slots.iter().any(is_used) {
                unused.push(std::mem::take(block));
            }
        }
        self.spare.extend(unused.into_iter().filter(|block| !block.is_empty()));
        self.spare.truncate(SPARE / (self.block_size() * size_of::<f32>()).max(1));
        self.free.clear();
        self.free.extend((0..self.slots.len() as u32).rev().filter(|slot| !is_used(&self.slots[*slot as usize])));
    }

    /// Writes the keys and values of a token in a layer, `[kv_heads][head_dim]` each.
    pub(super) fn store(&mut self, layer: usize, slot: u32, keys: &[f32], values: &[f32]) {
        let (block, offset) = (slot as usize / BLOCK, slot as usize % BLOCK);
        let first = layer * 2 * self.kv_heads;
        let vectors = keys.chunks_exact(self.head_dim).chain(values.chunks_exact(self.head_dim));
        for (index, vector) in vectors.enumerate() {
            let start = ((first + index) * BLOCK + offset) * self.head_dim;
            self.blocks[block][start..start + self.head_dim].copy_from_slice(vector);
        }
    }

    /// What a head of a layer sees along a path of used slots.
    pub(super) fn head<'a>(&'a self, layer: usize, kv_head: usize, path: &'a [u32]) -> HeadPath<'a> {
        let keys = (layer * 2 * self.kv_heads + kv_head) * BLOCK;
        HeadPath { cache: self, path, keys, values: self.kv_heads * BLOCK }
    }

    #[inline]
    fn vector(&self, slot: u32, first: usize) -> &[f32] {
        let (block, offset) = (slot as usize / BLOCK, slot as usize % BLOCK);
        &self.blocks[block][(first + offset) * self.head_dim..][..self.head_dim]
    }

    /// How much the cache holds.
    pub(super) fn usage(&self) -> CacheUse {
        let floats: usize = self.blocks.iter().map(|block| block.len()).sum();
        CacheUse { tokens: self.slots.len() - self.free.len(), bytes: floats * size_of::<f32>() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appends `count` tokens after `parent`.
    fn grow(cache: &mut Cache, mut parent: Option<u32>, count: usize) -> Vec<u32> {
        let mut slots = Vec::new();
        for _ in 0..count {
            let slot = cache.allocate(parent);
            parent = Some(slot);
            slots.push(slot);
        }
        slots
    }

    fn path(cache: &Cache, slot: u32) -> Vec<u32> {
        let mut path = Vec::new();
        cache.path(CacheNode(slot), &mut path);
        path
    }

    #[test]
    fn forks_share_their_beginning() {
        let mut cache = Cache::new(1, 1, 2);
        let trunk = grow(&mut cache, None, 3);
        let left = grow(&mut cache, Some(trunk[1]), 2);
        assert_eq!(path(&cache, left[1]), [trunk[0], trunk[1], left[0], left[1]]);
        assert_eq!(cache.length(CacheNode(left[1])), Some(4));
        assert_eq!(cache.usage().tokens, 5);
    }

    #[test]
    fn retain_keeps_the_way_to_what_lives_and_frees_the_rest() {
        let mut cache = Cache::new(1, 1, 2);
        let trunk = grow(&mut cache, None, 100);
        let left = grow(&mut cache, Some(trunk[1]), 100);
        cache.retain(&[CacheNode(left[99])]);
        assert_eq!(cache.usage().tokens, 102);
        assert_eq!(cache.length(CacheNode(trunk[2])), None);
        assert_eq!(path(&cache, left[99]).len(), 102);
        assert_eq!(cache.allocate(None), trunk[2]);
        cache.retain(&[]);
        assert_eq!(cache.usage(), CacheUse::default());
    }

    #[test]
    fn nodes_that_are_gone_are_harmless() {
        let mut cache = Cache::new(1, 1, 2);
        assert_eq!(cache.length(CacheNode(7)), None);
        cache.retain(&[CacheNode(9)]);
        assert!(path(&cache, 3).is_empty());
    }

    #[test]
    fn releasing_restores_the_order_of_allocation() {
        let mut cache = Cache::new(2, 1, 4);
        let trunk = grow(&mut cache, None, 60);
        let before = cache.usage();
        let first = grow(&mut cache, trunk.last().copied(), 70);
        cache.release(first.iter().copied());
        assert_eq!(cache.usage(), before);
        assert_eq!(grow(&mut cache, trunk.last().copied(), 70), first);
    }

    #[test]
    fn what_is_stored_is_found() {
        let mut cache = Cache::new(2, 2, 3);
        let slots = grow(&mut cache, None, 130);
        for slot in &slots {
            let base = *slot as f32 * 100.0;
            let numbers: Vec<f32> = (0..12).map(|i| base + i as f32).collect();
            cache.store(1, *slot, &numbers[..6], &numbers[6..]);
        }
        let head = cache.head(1, 1, &slots);
        assert_eq!(head.len(), 130);
        assert_eq!(head.key(129), [12903.0, 12904.0, 12905.0]);
        assert_eq!(head.value(64), [6409.0, 6410.0, 6411.0]);
    }
}
