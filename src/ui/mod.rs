//! The interface: a state, messages that change it, and a view that draws it.
//!
//! [`app`] holds the state and `update`, which does no IO and answers with effects; [`view`] draws without changing anything;
//! [`action`] is the one table of keys; [`run`] joins them with a terminal and the engine, [`scene`] without a terminal.

pub mod action;
pub mod app;
pub mod knobs;
pub mod layout;
pub mod look;
pub mod message;
pub mod number;
mod options;
pub mod overlay;
pub mod paint;
pub mod panels;
mod run;
pub mod scene;
pub mod terminal;
pub mod theme;
pub mod view;

pub use options::{EXAMPLE, Options, UiError};
pub use run::run;
