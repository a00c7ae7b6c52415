//! Pixels, and the strokes that change them. What lies outside is not drawn.

use super::font::Bitmap;
use super::picture::Rgb;

/// How far slanted letters lean: pixels to the right for each pixel up.
const SLANT: f32 = 0.2;

/// Pixels, row by row from the top.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
}

/// Where a shape is put, and how.
#[derive(Clone, Copy)]
pub(super) struct Pen {
    pub x: i32,
    pub baseline: i32,
    pub colour: Rgb,
    pub italic: bool,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize, ground: Rgb) -> Self {
        Self { width, height, pixels: vec![ground; width * height] }
    }

    /// Red, green and blue of all pixels.
    pub(super) fn bytes(&self) -> &[u8] {
        self.pixels.as_flattened()
    }

    /// A rectangle from (left, top) up to and without (right, bottom).
    pub(super) fn fill(&mut self, [left, top, right, bottom]: [i32; 4], colour: Rgb) {
        let inside = |value: i32, most: usize| (value.max(0) as usize).min(most);
        let [left, right] = [left, right].map(|x| inside(x, self.width));
        for y in inside(top, self.height)..inside(bottom, self.height) {
            let start = y * self.width;
            self.pixels[start + left..start + right.max(left)].fill(colour);
        }
    }

    /// A shape, mixed with what is under it.
    pub(super) fn stamp(&mut self, bitmap: &Bitmap, pen: Pen) {
        for (line, row) in (0..).zip(bitmap.coverage.chunks_exact(bitmap.width.max(1))) {
            let above = bitmap.above - line;
            let lean = if pen.italic { above as f32 * SLANT } else { 0.0 };
            let (whole, part) = (lean.floor() as i32, lean - lean.floor());
            let mut carried = 0.0;
            for (column, &coverage) in (0..).zip(row.iter().chain(&[0])) {
                // A pixel that leans by a part of a pixel lies on two.
                let (here, next) = (f32::from(coverage) * (1.0 - part), f32::from(coverage) * part);
                let x = pen.x + bitmap.left + whole + column;
                self.mix(x, pen.baseline - above, (here + carried).round() as u16, pen.colour);
                carried = next;
            }
        }
    }

    fn mix(&mut self, x: i32, y: i32, coverage: u16, colour: Rgb) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.width || y >= self.height || coverage == 0 {
            return;
        }
        let pixel = &mut self.pixels[y * self.width + x];
        for (channel, ink) in pixel.iter_mut().zip(colour) {
            let mixed = u16::from(*channel) * (255 - coverage.min(255)) + u16::from(ink) * coverage.min(255);
            *channel = ((mixed + 127) / 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_outside_are_not_drawn() {
        let mut canvas = Canvas::new(3, 2, [0; 3]);
        canvas.fill([2, 1, 9, 9], [255; 3]);
        canvas.fill([5, 0, 9, 9], [255; 3]);
        let bitmap = Bitmap { left: -5, above: 9, width: 20, coverage: vec![255; 20], advance: 0.0 };
        canvas.stamp(&bitmap, Pen { x: 0, baseline: 9, colour: [10; 3], italic: false });
        assert_eq!(canvas.bytes(), [[10; 9], [0, 0, 0, 0, 0, 0, 255, 255, 255]].as_flattened());
    }

    #[test]
    fn half_covered_pixels_are_mixed() {
        let mut canvas = Canvas::new(1, 1, [100; 3]);
        let bitmap = Bitmap { left: 0, above: 1, width: 1, coverage: vec![51], advance: 1.0 };
        canvas.stamp(&bitmap, Pen { x: 0, baseline: 1, colour: [200, 0, 100], italic: false });
        assert_eq!(canvas.bytes(), [120, 80, 100]);
    }
}
