//! logitscope shows how a language model chooses its words: every logit, every filter, every draw.
//!
//! The layers, from the bottom: [`decode`] is the mathematics; [`session`] the history; [`model`] turns tokens into logits;
//! [`engine`] joins them on a thread of its own; `ui`, `headless` and `cli` show what it does, `export` makes pictures of it.

pub mod decode;
pub mod export;
pub mod ui;
