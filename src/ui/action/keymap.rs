//! Which keys do what: the table's own, and those that somebody has put in their place.

use std::collections::BTreeMap;

use super::{Action, Context, Entry, Key, entries};
use crate::glyph::Charset;

/// The keys of every action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keymap {
    changed: BTreeMap<(Context, Action), Vec<Key>>,
}

impl Keymap {
    /// Gives a row of the table these keys in place of its own.
    pub fn set(&mut self, entry: &Entry, keys: Vec<Key>) {
        self.changed.insert((entry.context, entry.action), keys);
    }

    /// The keys of a row; the first is the one that is shown where there is room for one.
    #[must_use]
    pub fn keys(&self, entry: &'static Entry) -> &[Key] {
        self.changed.get(&(entry.context, entry.action)).map_or(entry.keys, Vec::as_slice)
    }

    /// The first key of an action in a group, as it is shown; none where it has none.
    #[must_use]
    pub fn shown(&self, context: Context, action: Action, charset: Charset) -> Option<String> {
        let entry = entries(context).find(|entry| entry.action == action)?;
        self.keys(entry).first().map(|key| key.name(charset))
    }

    /// The keys of a row as help shows them.
    #[must_use]
    pub fn names(&self, entry: &'static Entry, charset: Charset) -> String {
        self.keys(entry).iter().map(|key| key.name(charset)).collect::<Vec<_>>().join("  ")
    }

    /// What a key does where these groups count, the first before the others.
    #[must_use]
    pub fn lookup(&self, contexts: &[Context], key: Key) -> Option<Action> {
        let of = |context: &Context| entries(*context).find(|entry| self.keys(entry).contains(&key));
        contexts.iter().find_map(of).map(|entry| entry.action)
    }
}
