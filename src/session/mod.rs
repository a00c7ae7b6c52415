//! The history of a decoding session: a tree of every token decoded from a prompt, and a cursor in it.
//!
//! A branch is a path from the root. Stepping back moves the cursor and forgets nothing; choosing another token there begins
//! a sibling branch.

mod branches;
pub mod saved;
pub mod trace;

use std::fmt;

use crate::decode::{Draw, TokenId};

pub use branches::{Branch, branches};

/// A token in the tree; valid in the session that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// Its number in the tree, from 0 at the root.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a token came to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    /// It was the best.
    Greedy,
    /// It was drawn.
    Sampled(Draw),
    /// The user chose it.
    Forced,
}

/// A decision of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    /// How the token came to be.
    pub how: How,
    /// log p under the model alone, in nats.
    pub logprob: f64,
    /// log p after the chain, in nats; minus infinity for a forced token that the chain had removed.
    pub sampling_logprob: f64,
    /// Its rank under the model alone, from 1.
    pub rank: usize,
}

#[derive(Clone, Debug)]
struct Node {
    token: TokenId,
    parent: Option<NodeId>,
    children: Vec<NodeId>,
    /// The child visited last: where `forward` leads.
    favourite: Option<NodeId>,
    chosen: Option<Chosen>,
}

/// The tree of all tokens of a session, with a cursor. The prompt is its trunk.
///
/// ```
/// use logitscope::session::{Chosen, How, Session, branches};
///
/// let chosen = |how| Chosen { how, logprob: -0.5, sampling_logprob: -0.3, rank: 1 };
/// let mut session = Session::new(&[10, 11]).unwrap();
/// session.step(12, chosen(How::Greedy));
/// session.step(13, chosen(How::Greedy));
///
/// // Back and onto another way; the old one is still there.
/// session.back();
/// session.step(14, chosen(How::Forced));
/// assert_eq!(session.tokens(), [10, 11, 12, 14]);
/// assert_eq!(session.children(session.node_at(2).unwrap()).len(), 2);
/// assert_eq!(branches(&session).len(), 3); // what both begin with, and the two ways on
/// ```
#[derive(Clone, Debug)]
pub struct Session {
    nodes: Vec<Node>,
    prompt_length: usize,
    cursor: NodeId,
}

impl Session {
    /// Begins after a prompt; `None` when it has no token.
    #[must_use]
    pub fn new(prompt: &[TokenId]) -> Option<Self> {
        let last = prompt.len().checked_sub(1)?;
        let id = |i: usize| NodeId(i as u32);
        let node = |(i, &token): (usize, &TokenId)| Node {
            token,
            parent: i.checked_sub(1).map(id),
            children: if i < last { vec![id(i + 1)] } else { Vec::new() },
            favourite: (i < last).then(|| id(i + 1)),
            chosen: None,
        };
        let nodes = prompt.iter().enumerate().map(node).collect();
        Some(Self { nodes, prompt_length: prompt.len(), cursor: id(last) })
    }

    /// The token after which the next one is decided.
    #[must_use]
    pub fn cursor(&self) -> NodeId {
        self.cursor
    }

    /// Number of tokens of the prompt.
    #[must_use]
    pub fn prompt_length(&self) -> usize {
        self.prompt_length
    }

    /// Number of tokens in the tree.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: a session has a prompt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The last token of the prompt.
    #[must_use]
    pub fn prompt_end(&self) -> NodeId {
        NodeId(self.prompt_length.saturating_sub(1) as u32)
    }

    /// The token of a node.
    #[must_use]
    pub fn token(&self, node: NodeId) -> TokenId {
        self.node(node).token
    }

    /// The token before; `None` at the root.
    #[must_use]
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        self.node(node).parent
    }

    /// The tokens that were decided after a node, oldest first.
    #[must_use]
    pub fn children(&self, node: NodeId) -> &[NodeId] {
        &self.node(node).children
    }

    /// The decision behind a token of the output; `None` for the prompt.
    #[must_use]
    pub fn chosen(&self, node: NodeId) -> Option<&Chosen> {
        self.node(node).chosen.as_ref()
    }

    /// The node of a number.
    #[must_use]
    pub fn node_at(&self, index: usize) -> Option<NodeId> {
        (index < self.nodes.len()).then_some(NodeId(index as u32))
    }

    /// From the root to a node, both included.
    #[must_use]
    pub fn path_to(&self, node: NodeId) -> Vec<NodeId> {
        let mut path: Vec<NodeId> = std::iter::successors(Some(node), |&node| self.parent(node)).collect();
        path.reverse();
        path
    }

    /// From the root to the cursor, both included.
    #[must_use]
    pub fn path(&self) -> Vec<NodeId> {
        self.path_to(self.cursor)
    }

    /// Token ids from the root to the cursor.
    #[must_use]
    pub fn tokens(&self) -> Vec<TokenId> {
        self.path().into_iter().map(|node| self.token(node)).collect()
    }

    /// The log-probability that each token of the output up to the cursor was chosen with, in nats.
    #[must_use]
    pub fn sampling_logprobs(&self) -> Vec<f64> {
        let chosen = |node: NodeId| self.chosen(node).map(|chosen| chosen.sampling_logprob);
        self.path().into_iter().filter_map(chosen).collect()
    }

    /// How many tokens the output has up to the cursor: the number of the step that is decided next.
    #[must_use]
    pub fn step_number(&self) -> usize {
        self.path().len() - self.prompt_length
    }

    /// The token after a node on the branch visited last; `None` at its end.
    #[must_use]
    pub fn next(&self, node: NodeId) -> Option<NodeId> {
        self.node(node).favourite
    }

    /// What lies ahead of the cursor on the branch visited last.
    #[must_use]
    pub fn future(&self) -> Vec<NodeId> {
        let next = |node: &NodeId| self.node(*node).favourite;
        std::iter::successors(next(&self.cursor), next).collect()
    }

    /// Decides on a token and moves onto it. A child with that token is reused, with the new decision noted.
    pub fn step(&mut self, token: TokenId, chosen: Chosen) -> NodeId {
        let parent = self.cursor;
        let known = self.children(parent).iter().copied().find(|&child| self.token(child) == token);
        let child = known.unwrap_or_else(|| {
            let child = NodeId(self.nodes.len() as u32);
            let parent = Some(parent);
            self.nodes.push(Node { token, parent, children: Vec::new(), favourite: None, chosen: None });
            child
        });
        if known.is_none() {
            self.node_mut(parent).children.push(child);
        }
        self.node_mut(child).chosen = Some(chosen);
        self.node_mut(parent).favourite = Some(child);
        self.cursor = child;
        child
    }

    /// Moves to the token before. Returns false at the end of the prompt, where the output begins.
    pub fn back(&mut self) -> bool {
        let parent = self.parent(self.cursor).filter(|_| self.cursor != self.prompt_end());
        parent.is_some_and(|parent| self.jump(parent))
    }

    /// Moves along the branch visited last. Returns false at its end.
    pub fn forward(&mut self) -> bool {
        let next = self.node(self.cursor).favourite;
        next.is_some_and(|next| self.jump(next))
    }

    /// Moves to any token of the output or the end of the prompt. Returns false for one inside of the prompt.
    pub fn jump(&mut self, node: NodeId) -> bool {
        if node.0 as usize + 1 < self.prompt_length || node.0 as usize >= self.nodes.len() {
            return false;
        }
        let mut child = node;
        while let Some(parent) = self.parent(child) {
            self.node_mut(parent).favourite = Some(child);
            child = parent;
        }
        self.cursor = node;
        true
    }

    fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.0 as usize]
    }

    fn node_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORCED: Chosen = Chosen { how: How::Forced, logprob: -1.0, sampling_logprob: -1.0, rank: 2 };

    #[test]
    fn back_and_forward_lose_nothing() {
        let mut session = Session::new(&[5, 6]).unwrap();
        assert!(!session.back(), "the prompt is not stepped through");
        let a = session.step(7, FORCED);
        let b = session.step(8, FORCED);
        assert_eq!(session.tokens(), [5, 6, 7, 8]);
        assert!(session.back() && session.back() && !session.back());
        assert_eq!(session.future(), [a, b]);
        assert!(session.forward() && session.forward() && !session.forward());
        assert_eq!(session.cursor(), b);
        assert_eq!(session.step_number(), 2);
    }

    #[test]
    fn another_token_begins_a_branch_and_the_same_one_does_not() {
        let mut session = Session::new(&[5]).unwrap();
        let a = session.step(7, FORCED);
        session.back();
        let b = session.step(8, FORCED);
        assert_eq!(session.children(session.prompt_end()), [a, b]);
        session.back();
        assert_eq!(session.future(), [b], "forward leads to the branch visited last");
        assert_eq!(session.step(7, FORCED), a);
        assert_eq!(session.len(), 3);
        assert!(session.jump(b));
        assert_eq!(session.tokens(), [5, 8]);
        assert_eq!(session.chosen(a), Some(&FORCED));
        assert_eq!(session.chosen(session.prompt_end()), None);
    }

    #[test]
    fn a_session_needs_a_prompt() {
        assert!(Session::new(&[]).is_none());
    }
}
