//! The interface: a state, messages that change it, and a view that draws it.
//!
//! [`app`] holds the state and `update`, which does no IO and answers with effects; [`view`] draws without changing anything;
//! [`action`] is the one table of keys; [`run`] joins them with a terminal and the engine.

pub mod glyph;
pub mod terminal;
pub mod theme;
