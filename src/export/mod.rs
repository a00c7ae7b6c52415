//! Pictures of a screen: a ratatui [`Buffer`](ratatui::buffer::Buffer) as SVG, PNG or plain text, and several as an animation.
//!
//! What comes out depends on the buffer alone, so that pictures in the repository can be made again and compared.

mod animation;
mod boxes;
mod canvas;
mod font;
mod picture;
mod png;
mod svg;
mod text;

pub use animation::{Frame, animation};
pub use picture::{Picture, Rgb};
pub use png::{PngError, png};
pub use svg::svg;
pub use text::text;
