//! Blocks and box lines as shapes: fonts leave gaps between them, and bars have to be seamless.

/// A rectangle in units of a cell: left, top, width, height.
pub(super) type Part = [f64; 4];

/// Half the thickness of a line, as a part of a cell's width.
const THIN: f64 = 0.07;

/// The line under a run of cells.
pub(super) fn underline(cells: f64) -> Part {
    [0.0, 0.87, cells, 0.06]
}

/// The line through a run of cells.
pub(super) fn strike(cells: f64) -> Part {
    [0.0, 0.5, cells, 0.06]
}

/// The rectangles that a symbol consists of, if it is one that fonts can't be trusted with. `aspect` is a cell's height over
/// its width, so that lines are equally thick in both directions.
pub(super) fn parts(symbol: &str, aspect: f64) -> Option<Vec<Part>> {
    let mut characters = symbol.chars();
    let (Some(character), None) = (characters.next(), characters.next()) else { return None };
    block(character)
        .map(|part| vec![part])
        .or_else(|| quadrants(character))
        .or_else(|| braille(character, aspect))
        .or_else(|| line(character, aspect))
}

fn block(character: char) -> Option<Part> {
    let eighths = |count: u32| f64::from(count) / 8.0;
    Some(match character {
        '█' => [0.0, 0.0, 1.0, 1.0],
        '▀' => [0.0, 0.0, 1.0, 0.5],
        '▐' => [0.5, 0.0, 0.5, 1.0],
        '▔' => [0.0, 0.0, 1.0, 0.125],
        '▕' => [0.875, 0.0, 0.125, 1.0],
        '▁'..='▇' => {
            let height = eighths(character as u32 - 0x2580);
            [0.0, 1.0 - height, 1.0, height]
        }
        '▉'..='▏' => [0.0, 0.0, eighths(0x2590 - character as u32), 1.0],
        _ => return None,
    })
}

fn quadrants(character: char) -> Option<Vec<Part>> {
    // From the upper left, row by row, in the order of the code points from U+2596.
    const FILLED: [&[usize]; 10] =
        [&[2], &[3], &[0], &[0, 2, 3], &[0, 3], &[0, 1, 2], &[0, 1, 3], &[1], &[1, 2], &[1, 2, 3]];
    let filled = FILLED.get((character as usize).checked_sub(0x2596)?)?;
    Some(filled.iter().map(|&place| [(place % 2) as f64 / 2.0, (place / 2) as f64 / 2.0, 0.5, 0.5]).collect())
}

/// The dots of a Braille pattern, whose bits are the code point's last eight.
fn braille(character: char, aspect: f64) -> Option<Vec<Part>> {
    // Column and row of each bit.
    const PLACES: [(f64, f64); 8] =
        [(0.0, 0.0), (0.0, 1.0), (0.0, 2.0), (1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (0.0, 3.0), (1.0, 3.0)];
    const SIDE: f64 = 0.22;
    let bits = (character as u32).checked_sub(0x2800).filter(|bits| *bits < 256)?;
    let set = PLACES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    let centre = |(column, row): (f64, f64)| (0.25 + column / 2.0, 0.125 + row / 4.0);
    let dot = |(x, y): (f64, f64)| [x - SIDE / 2.0, y - SIDE / aspect / 2.0, SIDE, SIDE / aspect];
    Some(set.map(|(_, &place)| dot(centre(place))).collect())
}

/// Which arms a line has: left, right, up, down. Rounded corners are drawn square.
fn line(character: char, aspect: f64) -> Option<Vec<Part>> {
    let [left, right, up, down] = match character {
        '─' => [true, true, false, false],
        '│' => [false, false, true, true],
        '┌' | '╭' => [false, true, false, true],
        '┐' | '╮' => [true, false, false, true],
        '└' | '╰' => [false, true, true, false],
        '┘' | '╯' => [true, false, true, false],
        '├' => [false, true, true, true],
        '┤' => [true, false, true, true],
        '┬' => [true, true, false, true],
        '┴' => [true, true, true, false],
        '┼' => [true; 4],
        '╴' => [true, false, false, false],
        '╶' => [false, true, false, false],
        _ => return None,
    };
    let flat = THIN / aspect;
    let mut parts = Vec::new();
    if left || right {
        let from = if left { 0.0 } else { 0.5 - THIN };
        let to = if right { 1.0 } else { 0.5 + THIN };
        parts.push([from, 0.5 - flat, to - from, 2.0 * flat]);
    }
    if up || down {
        let from = if up { 0.0 } else { 0.5 - flat };
        let to = if down { 1.0 } else { 0.5 + flat };
        parts.push([0.5 - THIN, from, 2.0 * THIN, to - from]);
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighths_have_their_sizes() {
        assert_eq!(parts("▏", 2.0), Some(vec![[0.0, 0.0, 0.125, 1.0]]));
        assert_eq!(parts("▉", 2.0), Some(vec![[0.0, 0.0, 0.875, 1.0]]));
        assert_eq!(parts("▂", 2.0), Some(vec![[0.0, 0.75, 1.0, 0.25]]));
        assert_eq!(parts("a", 2.0), None);
        assert_eq!(parts("ab", 2.0), None);
        assert_eq!(parts("┼", 2.0).map(|parts| parts.len()), Some(2));
        assert_eq!(parts("▚", 2.0), Some(vec![[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]));
    }

    #[test]
    fn braille_dots_have_their_places() {
        let corners = |symbol: &str| -> Vec<[f64; 2]> {
            let centre = |[x, y, width, height]: Part| [x + width / 2.0, y + height / 2.0];
            parts(symbol, 2.0).unwrap().into_iter().map(centre).collect()
        };
        assert_eq!(corners("⠀"), Vec::<[f64; 2]>::new());
        assert_eq!(corners("⠁"), [[0.25, 0.125]]);
        assert_eq!(corners("⢀"), [[0.75, 0.875]]);
        assert_eq!(parts("⣿", 2.0).unwrap().len(), 8);
    }
}
