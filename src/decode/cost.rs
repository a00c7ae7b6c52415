//! What decoding costs, with and without a cache of keys and values: counted, not measured.

/// The sizes of a decoder-only transformer that its arithmetic and its cache follow from.
///
/// A multiplication and an addition are two operations, so a matrix with W weights costs 2·W for each token. In every layer, a
/// token at position n takes the products of its query with n keys and the weighted sum of n values: 4·n times the width of all
/// heads (Hoffmann and others 2022, appendix F; Kaplan and others 2020, table 1, counts the first half of it). Norms, the
/// softmax and rotations are left out: they are below a hundredth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of layers.
    pub layers: usize,
    /// Query heads times their size.
    pub query_size: usize,
    /// Key and value heads times their size: numbers in the keys, and in the values, of a token in a layer.
    pub kv_size: usize,
    /// Weights in the matrices of one layer.
    pub layer_weights: u64,
    /// Weights of the matrix that turns the last hidden state into logits.
    pub head_weights: u64,
    /// Bytes of a number in the cache.
    pub number_bytes: usize,
    /// Bytes of all weights.
    pub weight_bytes: u64,
}

impl Shape {
    /// Operations of one token in all layers, at a position that counts from 1.
    #[must_use]
    pub fn token(&self, position: usize) -> f64 {
        let (layers, position) = (self.layers as f64, position as f64);
        layers * (2.0 * self.layer_weights as f64 + 4.0 * self.query_size as f64 * position)
    }

    /// Operations of the logits after one token.
    #[must_use]
    pub fn head(&self) -> f64 {
        2.0 * self.head_weights as f64
    }

    /// Operations of a step whose context has so many tokens, all but the last of them in the cache.
    #[must_use]
    pub fn with_cache(&self, context: usize) -> f64 {
        self.token(context) + self.head()
    }

    /// Operations of the same step when nothing is kept: every token of the context goes through all layers again. The first
    /// step after a prompt costs this in either case.
    #[must_use]
    pub fn without_cache(&self, context: usize) -> f64 {
        // Σ of 1 to n is n · (n + 1) / 2, so the mean position is (n + 1) / 2.
        let n = context as f64;
        let layers = self.layers as f64;
        let mean = 2.0 * self.layer_weights as f64 + 4.0 * self.query_size as f64 * (n + 1.0) / 2.0;
        layers * n * mean + self.head()
    }

    /// Bytes of the keys and values of so many tokens.
    #[must_use]
    pub fn cache_bytes(&self, tokens: usize) -> u64 {
        (2 * self.layers * self.kv_size * self.number_bytes) as u64 * tokens as u64
    }

    /// Bytes that one step has to fetch from memory for `sequences` texts of `context` tokens side by side: the weights once for
    /// all of them, the cache of each. What memory delivers in a second, divided by this, bounds the steps in a second.
    ///
    /// Source: Pope et al. 2022, arXiv:2211.05102, section 2.1.
    #[must_use]
    pub fn bytes_per_step(&self, context: usize, sequences: u64) -> u64 {
        self.weight_bytes + sequences * self.cache_bytes(context)
    }
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
    /// Tokens after which logits are wanted: the new ones.
    pub logits: u64,
}

impl Cost {
    /// Generating `new` tokens after a prompt of `prompt`, at least one. The last token need not be read: nothing follows it.
    #[must_use]
    pub fn of(prompt: u64, new: u64, cache: KvCache) -> Self {
        let pairs_of = |length: u64| length * (length + 1) / 2;
        match (cache, new) {
            (_, 0) => Self { tokens_read: 0, pairs: 0, logits: 0 },
            (KvCache::Kept, _) => {
                let length = prompt + new - 1;
                Self { tokens_read: length, pairs: pairs_of(length), logits: new }
            }
            (KvCache::None, _) => {
                let passes = prompt..prompt + new;
                Self { tokens_read: passes.clone().sum(), pairs: passes.map(pairs_of).sum(), logits: new }
            }
        }
    }

    /// Multiplications and additions of all of it.
    #[must_use]
    pub fn operations(&self, shape: &Shape) -> f64 {
        let weights = 2.0 * shape.layer_weights as f64 * self.tokens_read as f64;
        let attention = 4.0 * shape.query_size as f64 * self.pairs as f64;
        shape.layers as f64 * (weights + attention) + shape.head() * self.logits as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// GPT-2 small: 12 layers of 768, four times that inside, 50257 tokens; 85 million weights in the layers.
    const GPT2: Shape = Shape {
        layers: 12,
        query_size: 768,
        kv_size: 768,
        layer_weights: 12 * 768 * 768,
        head_weights: 50_257 * 768,
        number_bytes: 4,
        weight_bytes: 4 * 124_000_000,
    };

    #[test]
    fn by_hand() {
        // 2 layers, 10 weights each, heads 3 wide in all, 5 weights in the head.
        let shape = Shape {
            layers: 2,
            query_size: 3,
            kv_size: 1,
            layer_weights: 10,
            head_weights: 5,
            number_bytes: 2,
            weight_bytes: 50,
        };
        assert_eq!(shape.token(1), 2.0 * (20.0 + 12.0));
        assert_eq!(shape.with_cache(4), 2.0 * (20.0 + 48.0) + 10.0);
        // Positions 1, 2 and 3: 64 + 88 + 112, and the head once.
        assert_eq!(shape.without_cache(3), 64.0 + 88.0 + 112.0 + 10.0);
        assert_eq!(shape.without_cache(1), shape.with_cache(1));
        assert_eq!(
            shape.cache_bytes(7),
            2 * 2 * 2 * 7,
            "keys and values, two layers, one number of two bytes, seven tokens"
        );
    }

    #[test]
    fn known_figures_of_gpt2() {
        // Twice the 124 million weights that are multiplied, within the share of attention.
        let weights = 2.0 * f64::from(12 * 12 * 768 * 768 + 50_257 * 768);
        assert_eq!(GPT2.with_cache(0), weights);
        assert!(GPT2.with_cache(1024) / weights < 1.2);
        assert_eq!(GPT2.cache_bytes(1024), 72 << 20, "72 MiB at f32, 36 at f16");
    }

    proptest! {
        #[test]
        fn without_a_cache_a_step_is_all_tokens_and_one_head(n in 1usize..2000) {
            let each: f64 = (1..=n).map(|position| GPT2.token(position)).sum();
            let whole = GPT2.without_cache(n);
            prop_assert!((each + GPT2.head() - whole).abs() <= 1e-12 * whole);
            prop_assert!(GPT2.with_cache(n) <= whole);
        }
    }

    #[test]
    fn whole_runs_by_hand() {
        // 3 tokens, then 2 more: with the cache 3, then 1. Without it 3, then 4.
        assert_eq!(Cost::of(3, 2, KvCache::Kept), Cost { tokens_read: 4, pairs: 10, logits: 2 });
        assert_eq!(Cost::of(3, 2, KvCache::None), Cost { tokens_read: 7, pairs: 6 + 10, logits: 2 });
        for cache in [KvCache::Kept, KvCache::None] {
            assert_eq!(Cost::of(5, 1, cache).tokens_read, 5, "one token needs one reading");
            assert_eq!(Cost::of(5, 0, cache).tokens_read, 0);
        }
    }

    #[test]
    fn a_run_is_the_sum_of_its_steps() {
        let steps = |cost: fn(&Shape, usize) -> f64| (8..12).map(|context| cost(&GPT2, context)).sum::<f64>();
        let none = Cost::of(8, 4, KvCache::None).operations(&GPT2);
        assert!((none - steps(Shape::without_cache)).abs() <= 1e-12 * none);
        // With the cache, the first step reads the whole prompt.
        let kept = Cost::of(8, 4, KvCache::Kept).operations(&GPT2);
        let wanted = GPT2.without_cache(8) + (9..12).map(|context| GPT2.with_cache(context)).sum::<f64>();
        assert!((kept - wanted).abs() <= 1e-12 * kept);
        assert_eq!(GPT2.bytes_per_step(10, 3), GPT2.weight_bytes + 3 * GPT2.cache_bytes(10));
    }
}
