//! A session as it is kept on disk: the tree of tokens, each with the decision behind it.
//!
//! Minus infinity is `null`, as in the trace.

use serde::{Deserialize, Serialize};

use super::{Chosen, How, Node, NodeId, Session};
use crate::decode::{Draw, TokenId};

/// The tree. Nodes count from 0, those of the prompt first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedTree {
    /// Token ids of the prompt, at least one.
    pub prompt: Vec<TokenId>,
    /// The tokens of the output, each after its parent.
    pub nodes: Vec<SavedNode>,
    /// The node of the cursor.
    pub cursor: u32,
    /// Where going forward leads from the end of the prompt.
    pub ahead: Option<u32>,
}

/// A token of the output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedNode {
    token: TokenId,
    parent: u32,
    how: SavedHow,
    logprob: Option<f64>,
    sampling_logprob: Option<f64>,
    rank: usize,
    /// Where going forward leads.
    ahead: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SavedHow {
    Greedy,
    Sampled { u: f64, low: f64, high: f64 },
    Forced,
}

impl Session {
    /// The tree as it is kept.
    #[must_use]
    pub fn saved(&self) -> SavedTree {
        let finite = |x: f64| x.is_finite().then_some(x);
        let node = |node: &Node| {
            let (chosen, parent) = (node.chosen?, node.parent?);
            Some(SavedNode {
                token: node.token,
                parent: parent.0,
                how: match chosen.how {
                    How::Greedy => SavedHow::Greedy,
                    How::Sampled(Draw { u, low, high, .. }) => SavedHow::Sampled { u, low, high },
                    How::Forced => SavedHow::Forced,
                },
                logprob: finite(chosen.logprob),
                sampling_logprob: finite(chosen.sampling_logprob),
                rank: chosen.rank,
                ahead: node.favourite.map(|node| node.0),
            })
        };
        SavedTree {
            prompt: self.nodes[..self.prompt_length].iter().map(|node| node.token).collect(),
            nodes: self.nodes[self.prompt_length..].iter().filter_map(node).collect(),
            cursor: self.cursor.0,
            ahead: self.node(self.prompt_end()).favourite.map(|node| node.0),
        }
    }

    /// The session of a tree; `None` where the tree is none: a parent that comes later or lies inside of the prompt, a cursor
    /// or a way forward that leads nowhere, a token outside of a vocabulary of this size.
    #[must_use]
    pub fn restored(tree: &SavedTree, vocab_size: usize) -> Option<Self> {
        let mut session = Self::new(&tree.prompt)?;
        let end = session.prompt_end().0;
        for saved in &tree.nodes {
            let node = NodeId(session.nodes.len() as u32);
            let parent = NodeId(saved.parent);
            if parent >= node || parent.0 < end {
                return None;
            }
            session.node_mut(parent).children.push(node);
            let (parent, chosen) = (Some(parent), Some(saved.chosen()));
            session.nodes.push(Node { token: saved.token, parent, children: Vec::new(), favourite: None, chosen });
        }
        let ahead = std::iter::once((end, tree.ahead))
            .chain(tree.nodes.iter().enumerate().map(|(i, node)| (end + 1 + i as u32, node.ahead)));
        for (node, ahead) in ahead {
            let (node, ahead) = (NodeId(node), ahead.map(NodeId));
            if ahead.is_some_and(|ahead| !session.node(node).children.contains(&ahead)) {
                return None;
            }
            session.node_mut(node).favourite = ahead;
        }
        let known = |node: &Node| (node.token as usize) < vocab_size;
        if tree.cursor < end || tree.cursor as usize >= session.nodes.len() || !session.nodes.iter().all(known) {
            return None;
        }
        session.cursor = NodeId(tree.cursor);
        Some(session)
    }
}

impl SavedNode {
    fn chosen(&self) -> Chosen {
        let infinite = |x: Option<f64>| x.unwrap_or(f64::NEG_INFINITY);
        Chosen {
            how: match self.how {
                SavedHow::Greedy => How::Greedy,
                SavedHow::Sampled { u, low, high } => How::Sampled(Draw { u, low, high, token: self.token }),
                SavedHow::Forced => How::Forced,
            },
            logprob: infinite(self.logprob),
            sampling_logprob: infinite(self.sampling_logprob),
            rank: self.rank,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chosen(how: How, sampling_logprob: f64) -> Chosen {
        Chosen { how, logprob: -0.1, sampling_logprob, rank: 3 }
    }

    /// A session after moves: below 4 a step back, else a token.
    fn walked(moves: &[u8]) -> Session {
        let mut session = Session::new(&[5, 6, 7]).unwrap();
        for &token in moves {
            let token = TokenId::from(token);
            match token {
                0..4 => {
                    session.back();
                }
                4 => {
                    session.forward();
                }
                5..12 => {
                    session.step(token, chosen(How::Forced, f64::NEG_INFINITY));
                }
                12..20 => {
                    session.step(token, chosen(How::Greedy, -0.25));
                }
                _ => {
                    let draw = Draw { u: 0.1 + 1e-17, low: 0.0, high: 1.0 / 3.0, token };
                    session.step(token, chosen(How::Sampled(draw), -0.5));
                }
            }
        }
        session
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_back(moves in prop::collection::vec(0u8..30, 0..60)) {
            let session = walked(&moves);
            let text = serde_json::to_string(&session.saved()).unwrap();
            let back = Session::restored(&serde_json::from_str(&text).unwrap(), 30).unwrap();
            prop_assert_eq!(back.tokens(), session.tokens());
            prop_assert_eq!(back.future(), session.future());
            prop_assert_eq!(format!("{back:?}"), format!("{session:?}"));
        }
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let good = walked(&[9, 10, 0, 11]).saved();
        assert!(Session::restored(&good, 12).is_some());
        assert!(Session::restored(&good, 11).is_none(), "a token that the model doesn't have");
        let broken = |change: fn(&mut SavedTree)| {
            let mut tree = good.clone();
            change(&mut tree);
            Session::restored(&tree, 12)
        };
        assert!(broken(|tree| tree.prompt.clear()).is_none());
        assert!(broken(|tree| tree.cursor = 99).is_none());
        assert!(broken(|tree| tree.cursor = 1).is_none(), "inside of the prompt");
        assert!(broken(|tree| tree.nodes[0].parent = 3).is_none(), "its own parent");
        assert!(broken(|tree| tree.nodes[0].parent = 0).is_none());
        assert!(broken(|tree| tree.ahead = Some(4)).is_none(), "not a child");
        assert!(broken(|tree| tree.nodes[0].ahead = Some(77)).is_none());
    }
}
