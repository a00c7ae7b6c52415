//! Pictures of a screen: a ratatui [`Buffer`](ratatui::buffer::Buffer) as SVG or as plain text.
//!
//! What comes out depends on the buffer alone, so that pictures in the repository can be made again and compared.

mod boxes;
mod svg;
mod text;

pub use svg::{SvgOptions, svg};
pub use text::text;
