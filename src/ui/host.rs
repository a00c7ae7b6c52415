//! What the interface asks of the program around it: it knows no file itself.

use ratatui::buffer::Buffer;

/// The program around the interface.
pub trait Host {
    /// Writes a new file into the current directory, whole or not at all: `STEM.ENDING`, or with a number where that name is
    /// taken. Returns the name.
    ///
    /// # Errors
    /// One line.
    fn save(&self, stem: &str, ending: &str, content: &[u8]) -> Result<String, String>;

    /// A screen as a picture, for a terminal with these colours of text and background.
    fn picture(&self, buffer: &Buffer, ground: ([u8; 3], [u8; 3])) -> Picture;

    /// Keeps a text for the next run of the program, in place of the one before, whole or not at all.
    ///
    /// # Errors
    /// One line.
    fn keep(&self, what: Kept, text: &str) -> Result<(), String>;

    /// What was kept; `None` where nothing was.
    ///
    /// # Errors
    /// One line.
    fn kept(&self, what: Kept) -> Result<Option<String>, String>;

    /// Where it is kept, as people call it.
    fn place(&self, what: Kept) -> String;
}

/// What is kept between two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The session.
    Session,
    /// The prompts that were typed.
    Prompts,
    /// The models that were opened.
    Models,
}

/// A picture as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// How the file's name ends.
    pub ending: &'static str,
    /// What is in it.
    pub content: Vec<u8>,
}
