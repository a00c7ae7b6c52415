//! Pictures of a screen: a ratatui [`Buffer`](ratatui::buffer::Buffer) as SVG, PNG or plain text, and several as an animation.
//!
//! What comes out depends on the buffer alone, so that pictures in the repository can be made again and compared.
//!
//! ```
//! use logitscope::export::{Picture, png, svg, text};
//! use ratatui::buffer::Buffer;
//! use ratatui::style::{Color, Style};
//!
//! let mut buffer = Buffer::with_lines(["p(the) = 0.41", ""]);
//! buffer.set_string(0, 1, "████", Style::new().fg(Color::Green));
//! assert_eq!(text(&buffer), "p(the) = 0.41\n████\n");
//!
//! let picture = Picture { buffer, foreground: [220, 220, 220], background: [20, 20, 30] };
//! assert!(svg(&picture, "The probability of a token").starts_with("<svg"));
//! assert!(png(&picture)?.starts_with(b"\x89PNG"));
//! # Ok::<(), logitscope::export::PngError>(())
//! ```

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
