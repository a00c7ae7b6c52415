//! Which row a context belongs to: the one whose context is the longest suffix of it.

use std::collections::{BTreeMap, VecDeque};

use crate::decode::TokenId;

/// A place in the automaton: what of the tokens read so far may still matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(u32);

/// Nothing read that matters.
pub(super) const ROOT: State = State(0);

#[derive(Debug, Default)]
struct Entry {
    children: BTreeMap<TokenId, u32>,
    /// The longest proper suffix of this place's tokens that is a place too.
    suffix: u32,
    row: Option<usize>,
}

/// The contexts of all rows as a trie with suffix links, so that each token costs one step however long the contexts are.
///
/// Aho and Corasick 1975, "Efficient string matching: an aid to bibliographic search".
#[derive(Debug)]
pub(super) struct Automaton {
    entries: Vec<Entry>,
}

impl Automaton {
    /// Row `i` is for the `i`-th context; of two equal contexts the first counts.
    pub(super) fn new<'a>(contexts: impl IntoIterator<Item = &'a [TokenId]>) -> Self {
        let mut automaton = Self { entries: vec![Entry::default()] };
        for (row, context) in contexts.into_iter().enumerate() {
            let place = context.iter().fold(0, |at, &token| automaton.child(at, token));
            automaton.entries[place as usize].row.get_or_insert(row);
        }
        automaton.link();
        automaton
    }

    fn child(&mut self, at: u32, token: TokenId) -> u32 {
        let new = self.entries.len() as u32;
        let child = *self.entries[at as usize].children.entry(token).or_insert(new);
        if child == new {
            self.entries.push(Entry::default());
        }
        child
    }

    /// Shorter places first, so that the place a suffix link leads to is done before it is used.
    fn link(&mut self) {
        let mut queue = VecDeque::from([0]);
        while let Some(at) = queue.pop_front() {
            let suffix = State(self.entries[at as usize].suffix);
            for (token, child) in self.entries[at as usize].children.clone() {
                let suffix = if at == 0 { ROOT } else { self.step(suffix, token) };
                let inherited = self.entries[suffix.0 as usize].row;
                let entry = &mut self.entries[child as usize];
                entry.suffix = suffix.0;
                entry.row = entry.row.or(inherited);
                queue.push_back(child);
            }
        }
    }

    /// The state after one more token.
    pub(super) fn step(&self, State(mut at): State, token: TokenId) -> State {
        loop {
            let entry = &self.entries[at as usize];
            match entry.children.get(&token) {
                Some(&child) => return State(child),
                None if at == 0 => return ROOT,
                None => at = entry.suffix,
            }
        }
    }

    /// The row of a state; none where no context fits, not even an empty one.
    pub(super) fn row(&self, State(at): State) -> Option<usize> {
        self.entries[at as usize].row
    }

    /// Number of states.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl State {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn longest(contexts: &[Vec<TokenId>], text: &[TokenId]) -> Option<usize> {
        let fits = |row: &usize| text.ends_with(&contexts[*row]);
        (0..contexts.len()).filter(fits).rev().max_by_key(|row| contexts[*row].len())
    }

    proptest! {
        #[test]
        fn the_longest_context_counts(
            contexts in prop::collection::vec(prop::collection::vec(0..3u32, 0..5), 1..12),
            text in prop::collection::vec(0..3u32, 0..30),
        ) {
            let automaton = Automaton::new(contexts.iter().map(Vec::as_slice));
            let mut state = ROOT;
            prop_assert_eq!(automaton.row(state), longest(&contexts, &[]));
            for (i, &token) in text.iter().enumerate() {
                state = automaton.step(state, token);
                prop_assert_eq!(automaton.row(state), longest(&contexts, &text[..=i]));
            }
        }
    }
}
