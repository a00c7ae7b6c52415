//! stub
pub use super::step::ROW;
#[derive(Default)]
pub struct State;
