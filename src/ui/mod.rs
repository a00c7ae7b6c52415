//! The interface: a state, messages that change it, and a view that draws it.
//!
//! [`app`] holds the state and `update`, which does no IO and answers with effects; [`view`] draws without changing anything;
//! [`views`] and [`overlays`] hold a folder or a file for everything that fills the screen or lies over it; [`action`] is the one
//! table of keys; [`run`] joins them with a terminal and the engine, [`scene`] without a terminal.

pub mod action;
pub mod app;
pub mod config;
mod engines;
pub mod host;
pub mod knobs;
pub mod layout;
pub mod look;
pub mod message;
pub mod number;
mod options;
pub mod overlays;
pub mod paint;
pub mod panels;
pub mod plot;
mod run;
pub mod saved;
pub mod scale;
pub mod scene;
pub mod terminal;
#[cfg(test)]
pub(crate) mod testing;
pub mod theme;
pub mod view;
pub mod views;

pub use options::{EXAMPLE, Options, UiError};
pub use run::{kept_session, run};
