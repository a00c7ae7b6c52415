//! The letters of PNG pictures: fonts inside the program, so that a picture is the same on every machine.
//!
//! `assets/font/` has their licences and the script that cut them out of their originals.

use std::sync::LazyLock;

use fontdue::{Font, FontSettings};

/// Cells are this part of the font's size wide: the advance of its letters.
pub(super) const ADVANCE: f32 = 0.6;

/// Which of the fonts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Face {
    Regular,
    Bold,
    /// What the other two don't have.
    Symbols,
}

/// A character in one of the fonts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape {
    pub face: Face,
    index: u16,
}

/// How much of each pixel a shape covers, from 0 to 255, row by row.
pub(super) struct Bitmap {
    /// From the pen to the left edge.
    pub left: i32,
    /// From the baseline to the upper edge.
    pub above: i32,
    pub width: usize,
    pub coverage: Vec<u8>,
    pub advance: f32,
}

/// The fonts.
pub(super) struct Faces([Font; 3]);

static FACES: LazyLock<Result<Faces, &'static str>> = LazyLock::new(|| {
    let read = |bytes: &[u8]| Font::from_bytes(bytes, FontSettings::default());
    Ok(Faces([
        read(include_bytes!("../../assets/font/JetBrainsMono-Regular.subset.ttf"))?,
        read(include_bytes!("../../assets/font/JetBrainsMono-Bold.subset.ttf"))?,
        read(include_bytes!("../../assets/font/DejaVuSansMono.subset.ttf"))?,
    ]))
});

impl Faces {
    /// Those inside the program.
    pub(super) fn get() -> Result<&'static Self, &'static str> {
        FACES.as_ref().map_err(|reason| *reason)
    }

    /// The shape of a character; `None` where no font has it.
    pub(super) fn shape(&self, character: char, face: Face) -> Option<Shape> {
        let found = |face: Face| {
            let index = self.0[face as usize].lookup_glyph_index(character);
            (index != 0).then_some(Shape { face, index })
        };
        found(face).or_else(|| found(Face::Symbols))
    }

    /// A shape in pixels; `size` is the font's.
    pub(super) fn draw(&self, shape: Shape, size: f32) -> Bitmap {
        let (metrics, coverage) = self.0[shape.face as usize].rasterize_indexed(shape.index, size);
        Bitmap {
            left: metrics.xmin,
            above: metrics.ymin + i32::from(metrics.height as u16),
            width: metrics.width,
            coverage,
            advance: metrics.advance_width,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fonts_have_all_that_the_interface_draws() {
        let faces = Faces::get().unwrap();
        let letters = (' '..='~').chain('α'..='ω').chain("ÄÖÜäöüßéèàçñåøŁłžŠΣΔΩПривет".chars());
        let signs = "␣⏎⇥⟨⟩…·−→←↑↓▸▾●○✕✓✗▼▲◀▶◆◇★≤≥≈≠±×÷∞√∑∏∈∅–—‘’“”„•°²³½§©€№◌";
        let missing: String =
            letters.chain(signs.chars()).filter(|&character| faces.shape(character, Face::Bold).is_none()).collect();
        assert_eq!(missing, "");
        assert!(faces.shape('世', Face::Regular).is_none());
        assert_eq!(faces.shape('␣', Face::Regular).map(|shape| shape.face), Some(Face::Symbols));
    }

    #[test]
    fn letters_are_as_wide_as_cells() {
        let faces = Faces::get().unwrap();
        for face in [Face::Regular, Face::Bold] {
            for character in ' '..='~' {
                let bitmap = faces.draw(faces.shape(character, face).unwrap(), 100.0);
                assert!((bitmap.advance - 100.0 * ADVANCE).abs() < 0.01, "{character} {}", bitmap.advance);
            }
        }
    }
}
