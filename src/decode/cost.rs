//! What decoding costs: tokens read, pairs attended to, operations and bytes, with and without a cache of keys and values.

/// The sizes of a decoder that its cost depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Weights.
    pub parameters: u64,
    /// Layers.
    pub layers: u64,
    /// Query heads of a layer.
    pub heads: u64,
    /// Key and value heads of a layer: fewer than `heads` where they are shared.
    pub kv_heads: u64,
    /// Numbers in a head.
    pub head_dim: u64,
    /// Bytes of a weight, and of a cached number.
    pub bytes: u64,
}

/// Whether the keys and values of tokens that were read are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvCache {
    /// Every token is read once.
    Kept,
    /// The whole text is read again for every new token.
    None,
}

/// What it takes to generate after a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Tokens that go through the layers.
    pub tokens_read: u64,
    /// Pairs of a token and one that it attends to, itself included, in one head.
    pub pairs: u64,
}

impl Cost {
    /// Generating `new` tokens after a prompt of `prompt`, at least one. The last token need not be read: nothing follows it.
    #[must_use]
    pub fn of(prompt: u64, new: u64, cache: KvCache) -> Self {
        let pairs_of = |length: u64| length * (length + 1) / 2;
        match (cache, new) {
            (_, 0) => Self { tokens_read: 0, pairs: 0 },
            (KvCache::Kept, _) => {
                let length = prompt + new - 1;
                Self { tokens_read: length, pairs: pairs_of(length) }
            }
            (KvCache::None, _) => {
                let passes = prompt..prompt + new;
                Self { tokens_read: passes.clone().sum(), pairs: passes.map(pairs_of).sum() }
            }
        }
    }

    /// Multiplications and additions: 2 for each weight and token, and 4·`head_dim` for each pair, head and layer (the product of
    /// query and key, and the weighted sum of values).
    ///
    /// Source: Kaplan et al. 2020, arXiv:2001.08361, section 2.1, whose attention is counted here pair by pair.
    #[must_use]
    pub fn operations(&self, shape: &Shape) -> f64 {
        let weights = 2.0 * shape.parameters as f64 * self.tokens_read as f64;
        weights + 4.0 * (shape.layers * shape.heads * shape.head_dim) as f64 * self.pairs as f64
    }
}

impl Shape {
    /// Bytes that the cache grows by with every token: a key and a value in each layer and head of its own.
    ///
    /// Source: Pope et al. 2022, arXiv:2211.05102, section 2.1.
    #[must_use]
    pub fn cache_bytes_per_token(&self) -> u64 {
        2 * self.layers * self.kv_heads * self.head_dim * self.bytes
    }

    /// Bytes that one step has to fetch from memory for `sequences` texts of `context` tokens side by side: the weights once for
    /// all of them, the cache of each. What memory delivers in a second, divided by this, bounds the steps in a second.
    #[must_use]
    pub fn bytes_per_step(&self, context: u64, sequences: u64) -> u64 {
        self.parameters * self.bytes + sequences * context * self.cache_bytes_per_token()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // 3 tokens, then 2 more: with the cache 3, then 1. Without it 3, then 4.
        assert_eq!(Cost::of(3, 2, KvCache::Kept), Cost { tokens_read: 4, pairs: 10 });
        assert_eq!(Cost::of(3, 2, KvCache::None), Cost { tokens_read: 7, pairs: 6 + 10 });
        for cache in [KvCache::Kept, KvCache::None] {
            assert_eq!(Cost::of(5, 1, cache).tokens_read, 5, "one token needs one reading");
            assert_eq!(Cost::of(5, 0, cache).tokens_read, 0);
        }
    }

    #[test]
    fn bytes_and_operations_by_hand() {
        let shape = Shape { parameters: 1000, layers: 2, heads: 4, kv_heads: 2, head_dim: 8, bytes: 2 };
        assert_eq!(shape.cache_bytes_per_token(), 2 * 2 * 2 * 8 * 2);
        assert_eq!(shape.bytes_per_step(10, 3), 2000 + 3 * 10 * 128);
        let cost = Cost { tokens_read: 4, pairs: 10 };
        assert_eq!(cost.operations(&shape), 8000.0 + 4.0 * 64.0 * 10.0);
    }
}
