//! What of a search is in the picture, and in which row: every leaf has a row of its own, and every token is in the row of its
//! first continuation.

use std::collections::{BTreeMap, BTreeSet};

use super::search::{Search, Status};
use crate::decode::TokenId;
use crate::decode::beam::BeamNode;

/// What was pruned so many steps ago is still shown where there is room.
pub const REMEMBERED: usize = 6;

/// What is to be drawn.
pub struct Scene<'a> {
    /// The search.
    pub search: &'a Search,
    /// Steps shown.
    pub step: usize,
    /// Branches that are shut.
    pub folded: &'a BTreeSet<BeamNode>,
    /// The tokens of the optimum, as far as it is known.
    pub optimum: &'a [TokenId],
    /// The contender that wins.
    pub best: Option<BeamNode>,
    /// Rows that there is room for; what must be shown may be more.
    pub rows: usize,
    /// The first step, from 0, whose pruned ones are shown.
    pub since: usize,
}

/// Which other paths a token is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// That of the best contender.
    pub best: bool,
    /// That of greedy.
    pub greedy: bool,
    /// That of the optimum.
    pub optimum: bool,
}

/// A path that is laid over the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overlay {
    Greedy,
    Optimum,
}

impl Marks {
    fn set(&mut self, overlay: Overlay) {
        match overlay {
            Overlay::Greedy => self.greedy = true,
            Overlay::Optimum => self.optimum = true,
        }
    }
}

/// A token of the picture.
#[derive(Clone, Debug)]
pub struct Item {
    /// Steps before it.
    pub step: usize,
    /// Its token.
    pub token: TokenId,
    /// log p under the model, in nats, where it is known.
    pub logprob: Option<f64>,
    /// The candidate; none where the search never looked at it.
    pub node: Option<BeamNode>,
    /// What became of it; none where the search never looked at it.
    pub status: Option<Status>,
    /// The other paths that it is on.
    pub marks: Marks,
    /// Leaves that are folded into it.
    pub folded: usize,
    /// The token before; none for the first.
    pub parent: Option<usize>,
    /// The tokens after it, from top to bottom.
    pub children: Vec<usize>,
    /// Its row, from 0.
    pub row: usize,
}

/// All tokens that are in the picture. A token comes after its parent.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The tokens.
    pub items: Vec<Item>,
    /// Those of the first step, from top to bottom.
    pub roots: Vec<usize>,
    /// Rows in all.
    pub rows: usize,
    known: BTreeMap<BeamNode, usize>,
}

impl Picture {
    /// The picture of a step.
    #[must_use]
    pub fn of(scene: &Scene<'_>) -> Self {
        let mut picture = Self::default();
        for leaf in leaves(scene) {
            picture.add(scene, leaf);
        }
        let greedy: Vec<(TokenId, Option<f64>)> =
            scene.search.greedy().iter().map(|token| (token.token, Some(token.logprob))).collect();
        picture.lay(scene, &greedy, Overlay::Greedy);
        let optimum: Vec<(TokenId, Option<f64>)> = scene.optimum.iter().map(|token| (*token, None)).collect();
        picture.lay(scene, &optimum, Overlay::Optimum);
        if let Some(best) = scene.best {
            for node in scene.search.path(best) {
                if let Some(&item) = picture.known.get(&node) {
                    picture.items[item].marks.best = true;
                }
            }
        }
        picture.order(scene.search);
        let mut row = 0;
        for root in picture.roots.clone() {
            picture.place(root, &mut row);
        }
        picture.rows = row;
        picture
    }

    /// Whether something that was pruned ends before a step.
    #[must_use]
    pub fn has_pruned_before(&self, step: usize) -> bool {
        let pruned = |item: &Item| matches!(item.status, Some(Status::Pruned(_))) && item.children.is_empty();
        self.items.iter().any(|item| item.step < step && pruned(item))
    }

    /// Where a candidate is, or the token that it is folded into.
    #[must_use]
    pub fn item_of(&self, search: &Search, node: BeamNode) -> Option<usize> {
        search.path(node).into_iter().rev().find_map(|node| self.known.get(&node)).copied()
    }

    /// Adds a leaf with everything before it.
    fn add(&mut self, scene: &Scene<'_>, leaf: BeamNode) {
        let path = scene.search.path(leaf);
        let mut parent = None;
        for &node in &path {
            let item = match self.known.get(&node) {
                Some(&item) => item,
                None => self.push(scene, node, parent),
            };
            if node != leaf && scene.folded.contains(&node) {
                self.items[item].folded += 1;
                return;
            }
            parent = Some(item);
        }
    }

    fn push(&mut self, scene: &Scene<'_>, node: BeamNode, parent: Option<usize>) -> usize {
        let index = self.items.len();
        if let Some(known) = scene.search.node(node) {
            self.items.push(Item {
                step: known.step,
                token: known.candidate.token,
                logprob: Some(known.candidate.logprob),
                node: Some(node),
                status: Some(scene.search.status(known, scene.step)),
                marks: Marks::default(),
                folded: 0,
                parent,
                children: Vec::new(),
                row: 0,
            });
            self.known.insert(node, index);
            self.hang(index, parent);
        }
        index
    }

    fn hang(&mut self, index: usize, parent: Option<usize>) {
        match parent {
            Some(parent) => self.items[parent].children.push(index),
            None => self.roots.push(index),
        }
    }

    /// Marks a path, and adds the tokens of it that are not there. It ends in a branch that is folded.
    fn lay(&mut self, scene: &Scene<'_>, path: &[(TokenId, Option<f64>)], overlay: Overlay) {
        let (mut parent, mut node): (Option<usize>, Option<BeamNode>) = (None, None);
        let mut among_nodes = true;
        for (step, &(token, logprob)) in path.iter().enumerate().take(scene.step) {
            let candidate = if among_nodes { scene.search.child(node, step, token) } else { None };
            among_nodes = candidate.is_some();
            let same = |&&item: &&usize| self.items[item].token == token && self.items[item].node == candidate;
            let siblings = parent.map_or(&self.roots, |parent| &self.items[parent].children);
            let item = match (siblings.iter().find(same).copied(), candidate) {
                (Some(item), _) => item,
                (None, Some(candidate)) => self.push(scene, candidate, parent),
                (None, None) => self.push_elsewhere(step, token, logprob, parent),
            };
            let Some(shown) = self.items.get_mut(item) else { return };
            shown.marks.set(overlay);
            if shown.folded > 0 {
                return;
            }
            (parent, node) = (Some(item), candidate);
        }
    }

    fn push_elsewhere(&mut self, step: usize, token: TokenId, logprob: Option<f64>, parent: Option<usize>) -> usize {
        let index = self.items.len();
        self.items.push(Item {
            step,
            token,
            logprob,
            node: None,
            status: None,
            marks: Marks::default(),
            folded: 0,
            parent,
            children: Vec::new(),
            row: 0,
        });
        self.hang(index, parent);
        index
    }

    /// Siblings from top to bottom: group by group, the higher sum first. It never changes, so that the tree stays where it is
    /// while it grows.
    fn order(&mut self, search: &Search) {
        let key = |items: &[Item], item: usize| {
            let node = items[item].node.and_then(|node| search.node(node));
            node.map_or((usize::MAX, f64::NEG_INFINITY), |node| (node.candidate.group, node.candidate.sum))
        };
        let sort = |items: &[Item], list: &mut Vec<usize>| {
            list.sort_by(|&a, &b| {
                let (a, b) = (key(items, a), key(items, b));
                a.0.cmp(&b.0).then(b.1.total_cmp(&a.1))
            });
        };
        let mut roots = std::mem::take(&mut self.roots);
        sort(&self.items, &mut roots);
        self.roots = roots;
        for index in 0..self.items.len() {
            let mut children = std::mem::take(&mut self.items[index].children);
            sort(&self.items, &mut children);
            self.items[index].children = children;
        }
    }

    fn place(&mut self, item: usize, row: &mut usize) {
        self.items[item].row = *row;
        let children = self.items[item].children.clone();
        if children.is_empty() {
            *row += 1;
        }
        for child in children {
            self.place(child, row);
        }
    }
}

/// The leaves: what competes, what the step looked at; and where there is room the beams that died a short while ago, then what
/// else was pruned on the way.
fn leaves(scene: &Scene<'_>) -> Vec<BeamNode> {
    let Scene { search, step, .. } = *scene;
    let mut leaves = search.contenders(step);
    let pruned = |number: usize| {
        let looked_at = search.step(number).map(|step| &step.candidates[..]).unwrap_or_default();
        looked_at.iter().filter(|one| one.verdict.reason().is_some()).map(|one| one.node)
    };
    leaves.extend(pruned(step));
    let earlier = || (scene.since.max(step.saturating_sub(REMEMBERED)) + 1..=step).rev();
    let dead = earlier().filter_map(|number| search.step(number)).flat_map(|made| {
        let since = |node: &&BeamNode| search.node(**node).is_some_and(|node| node.step >= scene.since);
        made.abandoned.iter().chain(&made.evicted).filter(since).copied()
    });
    let room = scene.rows.saturating_sub(leaves.len());
    let others = earlier().skip(1).flat_map(pruned);
    leaves.extend(dead.chain(others).take(room).collect::<Vec<_>>());
    leaves
}
