//! The pending decision: the distribution after the cursor, and the token that the next step will take.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decode::{Analysis, Chain, Draw, TokenId, chance, uniform};
use crate::session::{Chosen, How, NodeId};
use crate::ui::knobs::Mode;

/// The token that the next step will take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pick {
    /// The best one.
    Greedy(TokenId),
    /// The one that the draw landed on.
    Drawn(Draw),
}

impl Pick {
    /// The token.
    #[must_use]
    pub fn token(self) -> TokenId {
        match self {
            Self::Greedy(token) => token,
            Self::Drawn(draw) => draw.token,
        }
    }
}

/// A distribution that can be shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The token that it follows.
    pub node: NodeId,
    /// Everything about it.
    pub analysis: Arc<Analysis>,
    /// The token that the next step will take.
    pub pick: Pick,
}

impl Shown {
    /// The decision for a token, as the session keeps it.
    #[must_use]
    pub fn chosen(&self, token: TokenId) -> Chosen {
        let how = match self.pick {
            Pick::Greedy(best) if best == token => How::Greedy,
            Pick::Drawn(draw) if draw.token == token => How::Sampled(draw),
            _ => How::Forced,
        };
        let model = self.analysis.model();
        Chosen {
            how,
            logprob: model.logprob(token),
            sampling_logprob: self.analysis.sampling_logprob(token),
            rank: model.rank(token),
        }
    }

    /// Whether it is what this chain gives after this token.
    #[must_use]
    pub fn answers(&self, node: NodeId, chain: &Chain) -> bool {
        let ran = self.analysis.stages();
        let same = |(ran, asked): (&crate::decode::StageTrace, &crate::decode::Stage)| ran.label == asked.to_string();
        self.node == node && ran.len() == chain.stages().len() && ran.iter().zip(chain.stages()).all(same)
    }
}

/// The draws of a session: one for each step, and further ones for those who ask again.
#[derive(Clone, Debug, Default)]
pub struct Draws {
    seed: u64,
    redrawn: BTreeMap<NodeId, u64>,
}

impl Draws {
    /// The draws of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, redrawn: BTreeMap::new() }
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Forgets what was redrawn.
    pub fn clear(&mut self) {
        self.redrawn.clear();
    }

    /// Asks for another number after this token.
    pub fn redraw(&mut self, node: NodeId) {
        *self.redrawn.entry(node).or_default() += 1;
    }

    /// How often the number after this token was asked for again.
    #[must_use]
    pub fn redrawn(&self, node: NodeId) -> u64 {
        self.redrawn.get(&node).copied().unwrap_or_default()
    }

    /// Every token after which the number was asked for again, and how often.
    pub fn all_redrawn(&self) -> impl Iterator<Item = (NodeId, u64)> {
        self.redrawn.iter().map(|(node, times)| (*node, *times))
    }

    /// Notes how often the number after this token was asked for again.
    pub fn set_redrawn(&mut self, node: NodeId, times: u64) {
        self.redrawn.insert(node, times);
    }

    /// The random number of a step for processors that act by chance.
    #[must_use]
    pub fn chance(&self, step: usize) -> f64 {
        chance(self.seed, 0, step as u64)
    }

    /// The pick after a token, at the step of that number.
    #[must_use]
    pub fn pick(&self, analysis: &Analysis, mode: Mode, node: NodeId, step: usize) -> Pick {
        match mode {
            Mode::Greedy => Pick::Greedy(analysis.greedy()),
            Mode::Sampling => Pick::Drawn(analysis.draw(uniform(self.seed, self.redrawn(node), step as u64))),
        }
    }
}
