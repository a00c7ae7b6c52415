//! A cache tree whose entries hold anything: for models that are no local decoder with keys and values.

use super::{CacheNode, ModelError, Run};
use crate::decode::TokenId;

/// A token that was read.
#[derive(Clone, Debug)]
pub(super) struct Node<T> {
    parent: Option<u32>,
    pub(super) token: TokenId,
    /// Tokens up to and with this one.
    pub(super) length: usize,
    /// What the model keeps for it.
    pub(super) data: T,
}

/// Every token that was read, each knowing the one before it.
#[derive(Debug)]
pub(super) struct Tree<T> {
    nodes: Vec<Option<Node<T>>>,
    free: Vec<u32>,
}

impl<T> Default for Tree<T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: Vec::new() }
    }
}

impl<T> Tree<T> {
    /// An entry; none for one that is gone.
    pub(super) fn get(&self, CacheNode(node): CacheNode) -> Option<&Node<T>> {
        self.nodes.get(node as usize)?.as_ref()
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, CacheNode(node): CacheNode) -> Option<&mut Node<T>> {
        self.nodes.get_mut(node as usize)?.as_mut()
    }

    /// The number of tokens before a run.
    ///
    /// # Errors
    /// A run without tokens, after an unknown node, with a token outside of the vocabulary, or beyond the context.
    pub(super) fn check(&self, run: &Run<'_>, vocab_size: usize, context: usize) -> Result<usize, ModelError> {
        let refuse = |reason: String| Err(ModelError::Request(reason));
        let before = match run.after {
            None => 0,
            Some(after) => match self.get(after) {
                None => return refuse(format!("cache node {} is gone: read its sequence again", after.0)),
                Some(node) => node.length,
            },
        };
        let tokens = run.tokens.len();
        if tokens == 0 {
            return refuse("a run without tokens: there is nothing to read".into());
        }
        if let Some(id) = run.tokens.iter().find(|id| **id as usize >= vocab_size) {
            return refuse(format!("token id {id} is outside of the vocabulary of {vocab_size}"));
        }
        if before + tokens > context {
            return refuse(format!("{tokens} more tokens after {before} don't fit: the context holds {context}"));
        }
        Ok(before)
    }

    /// Adds a token after `after`.
    pub(super) fn push(&mut self, after: Option<CacheNode>, token: TokenId, data: T) -> CacheNode {
        let length = after.and_then(|node| self.get(node)).map_or(0, |node| node.length) + 1;
        let node = Some(Node { parent: after.map(|node| node.0), token, length, data });
        if let Some(free) = self.free.pop() {
            self.nodes[free as usize] = node;
            return CacheNode(free);
        }
        self.nodes.push(node);
        CacheNode(self.nodes.len() as u32 - 1)
    }

    /// A node and those before it, the last first.
    pub(super) fn upwards(&self, node: Option<CacheNode>) -> impl Iterator<Item = (CacheNode, &Node<T>)> {
        let entry = |node: CacheNode| Some((node, self.get(node)?));
        std::iter::successors(node.and_then(entry), move |(_, node)| node.parent.map(CacheNode).and_then(entry))
    }

    /// The tokens up to and with a node, the first one first.
    pub(super) fn tokens(&self, node: Option<CacheNode>) -> Vec<TokenId> {
        let mut tokens: Vec<TokenId> = self.upwards(node).map(|(_, node)| node.token).collect();
        tokens.reverse();
        tokens
    }

    /// The nodes of a run, which follow each other; `data` gives what is kept for each, by its place in the run.
    pub(super) fn push_run(&mut self, run: &Run<'_>, mut data: impl FnMut(usize) -> T) -> Vec<CacheNode> {
        let mut after = run.after;
        let mut push = |(place, &token)| {
            let node = self.push(after, token, data(place));
            after = Some(node);
            node
        };
        run.tokens.iter().enumerate().map(&mut push).collect()
    }

    /// All nodes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (CacheNode, &Node<T>)> {
        self.nodes.iter().enumerate().filter_map(|(place, node)| Some((CacheNode(place as u32), node.as_ref()?)))
    }

    /// Forgets nodes that nothing follows, as if they had never been added.
    pub(super) fn release(&mut self, nodes: &[CacheNode]) {
        for node in nodes {
            self.nodes[node.0 as usize] = None;
        }
        self.tidy();
    }

    /// Forgets every node that is neither in `live` nor before one of them: mark and sweep.
    pub(super) fn retain(&mut self, live: &[CacheNode]) {
        let mut kept = vec![false; self.nodes.len()];
        for &node in live {
            for (node, _) in self.upwards(Some(node)) {
                if std::mem::replace(&mut kept[node.0 as usize], true) {
                    break;
                }
            }
        }
        for (node, _) in self.nodes.iter_mut().zip(kept).filter(|(_, kept)| !kept) {
            *node = None;
        }
        self.tidy();
    }

    fn tidy(&mut self) {
        self.nodes.truncate(self.nodes.iter().rposition(Option::is_some).map_or(0, |last| last + 1));
        self.free = (0..self.nodes.len() as u32).rev().filter(|&node| self.nodes[node as usize].is_none()).collect();
    }

    /// The number of tokens held.
    pub(super) fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Positions;

    #[test]
    fn forks_share_their_beginning_and_retain_keeps_the_way_to_what_lives() {
        let mut tree = Tree::default();
        let a = tree.push(None, 1, ());
        let b = tree.push(Some(a), 2, ());
        let left = tree.push(Some(b), 3, ());
        let right = tree.push(Some(b), 4, ());
        assert_eq!(tree.tokens(Some(left)), [1, 2, 3]);
        assert_eq!(tree.tokens(Some(right)), [1, 2, 4]);
        assert_eq!(tree.get(right).unwrap().length, 3);
        tree.retain(&[right]);
        assert!(tree.get(left).is_none());
        assert_eq!((tree.len(), tree.tokens(Some(right))), (3, vec![1, 2, 4]));
        assert_eq!(tree.push(Some(a), 5, ()), left, "a free place is taken first");
        tree.retain(&[]);
        assert_eq!((tree.len(), tree.iter().count()), (0, 0));
    }

    #[test]
    fn runs_that_cannot_be_read_are_refused() {
        let mut tree = Tree::default();
        let node = tree.push(None, 0, ());
        let run = |after, tokens| Run { after, tokens, logits: Positions::Last };
        assert_eq!(tree.check(&run(Some(node), &[1, 2]), 3, 3).unwrap(), 1);
        for (run, part) in [
            (run(None, &[]), "without tokens"),
            (run(None, &[3]), "outside of the vocabulary"),
            (run(Some(CacheNode(9)), &[1]), "is gone"),
            (run(Some(node), &[1, 2, 0]), "3 more tokens after 1"),
        ] {
            let error = tree.check(&run, 3, 3).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
