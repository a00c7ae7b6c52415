//! Where the columns of the tree are: a step a column, older steps without a branch in one, the oldest folded away.

use std::ops::Range;

use super::picture::Picture;

/// The last steps always have columns of their own.
const OWN: usize = 2;
/// Between two columns: a gap, the branch, and a line to the token.
pub const BETWEEN: u16 = 3;
/// The most cells of several steps in one column, where there is little room.
const SEGMENT: u16 = 26;
/// The fewest cells for what comes before the first column.
const TRUNK: u16 = 7;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its steps, from 0.
    pub steps: Range<usize>,
    /// Its left edge, from that of the tree.
    pub x: u16,
    /// Cells.
    pub width: u16,
}

/// The columns that there is room for, and what comes before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// From left to right; the last one is the current step.
    pub list: Vec<Column>,
    /// Cells of the trunk at the left: the prompt, or what is folded.
    pub trunk: u16,
    /// The first step that has a column: those before are folded.
    pub first: usize,
}

impl Columns {
    /// The columns of a picture of so many steps in so many cells. `measure` tells how many cells a token takes, alone or as a
    /// part of a longer text.
    #[must_use]
    pub fn of(picture: &Picture, steps: usize, room: u16, prompt: u16, measure: &dyn Fn(usize, Form) -> u16) -> Self {
        let mut of_step: Vec<Vec<usize>> = vec![Vec::new(); steps];
        for (index, item) in picture.items.iter().enumerate() {
            if let Some(list) = of_step.get_mut(item.step) {
                list.push(index);
            }
        }
        let groups = groups(picture, &of_step);
        let segment = SEGMENT.max(room / 4);
        let mut left = room.saturating_sub(TRUNK);
        let mut chosen: Vec<(Range<usize>, u16)> = Vec::new();
        for steps in groups.iter().rev() {
            let wanted = width(picture, steps, (&of_step, segment), measure);
            let needed = wanted + BETWEEN;
            if needed > left && !chosen.is_empty() {
                break;
            }
            let width = wanted.min(left.saturating_sub(BETWEEN));
            left = left.saturating_sub(needed);
            chosen.push((steps.clone(), width));
        }
        chosen.reverse();
        let first = chosen.first().map_or(0, |(steps, _)| steps.start);
        let spare = if first == 0 { prompt.saturating_sub(TRUNK).min(left) } else { left.min(SEGMENT) };
        let trunk = if first == 0 { prompt.min(TRUNK) } else { TRUNK } + spare;
        let mut x = trunk;
        let column = |(steps, width)| {
            let column = Column { steps, x: x + BETWEEN, width };
            x += BETWEEN + width;
            column
        };
        Self { list: chosen.into_iter().map(column).collect(), trunk, first }
    }
}

/// How a token is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In a column of its own, with its sign and its figure.
    Alone,
    /// As a part of a longer text.
    Part,
}

/// Steps that go together: where nothing branches, older steps are one text.
fn groups(picture: &Picture, of_step: &[Vec<usize>]) -> Vec<Range<usize>> {
    let siblings = |item: &usize| {
        let parent = picture.items[*item].parent;
        parent.map_or(picture.roots.len(), |parent| picture.items[parent].children.len()) > 1
    };
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (step, items) in of_step.iter().enumerate() {
        let recent = step + OWN >= of_step.len();
        match groups.last_mut() {
            Some(last) if !recent && !items.iter().any(siblings) => last.end = step + 1,
            _ => groups.push(step..step + 1),
        }
    }
    groups
}

fn width(
    picture: &Picture,
    steps: &Range<usize>,
    (of_step, most): (&[Vec<usize>], u16),
    measure: &dyn Fn(usize, Form) -> u16,
) -> u16 {
    let begin = of_step[steps.start].iter();
    if steps.len() == 1 {
        return begin.map(|&item| measure(item, Form::Alone)).max().unwrap_or(0);
    }
    let chain = |&item: &usize| chain(picture, item, steps.end).iter().map(|&item| measure(item, Form::Part)).sum();
    begin.map(chain).max().unwrap_or(0u16).min(most)
}

/// A token and those that follow it without a branch, up to a step.
#[must_use]
pub fn chain(picture: &Picture, item: usize, end: usize) -> Vec<usize> {
    let next = |&item: &usize| match picture.items[item].children[..] {
        [child] if picture.items[child].step < end => Some(child),
        _ => None,
    };
    std::iter::successors(Some(item), next).collect()
}
