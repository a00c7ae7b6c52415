//! logitscope shows how a language model chooses its words: every logit, every filter, every draw.
//!
//! The layers, from the bottom: [`decode`] is the mathematics; [`session`] the history; [`model`] turns tokens into logits;
//! [`engine`] joins them on a thread of its own; [`headless`] and [`ui`] show what it does, [`export`] makes pictures of it, and
//! [`cli`] is the program. [`glyph`] turns token bytes into what can be shown, and [`file`] writes files that are whole, for all of them.

pub mod cli;
pub mod decode;
pub mod engine;
pub mod export;
pub mod file;
pub mod glyph;
pub mod headless;
pub mod lesson;
pub mod model;
pub mod session;
pub mod ui;
