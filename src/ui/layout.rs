//! Where the panels are. A pure function of the screen's size, so that state and view agree on it.

use ratatui::layout::Rect;

/// The smallest screen that shows anything but a message.
pub const SMALLEST: (u16, u16) = (40, 12);

/// The areas of the panels; each includes its heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    /// One line.
    pub header: Rect,
    /// The running text.
    pub text: Rect,
    /// The distribution of the next token.
    pub list: Rect,
    /// The chain.
    pub chain: Rect,
    /// What there is to say of the selected token; empty where there is no room.
    pub detail: Rect,
    /// The draw.
    pub strip: Rect,
    /// One line.
    pub footer: Rect,
}

impl Areas {
    /// The areas of a screen; `None` where it is too small.
    #[must_use]
    pub fn of(screen: Rect) -> Option<Self> {
        if screen.width < SMALLEST.0 || screen.height < SMALLEST.1 {
            return None;
        }
        let margin = if screen.width >= 120 { 2 } else { 0 };
        let gap = u16::from(screen.height >= 32);
        let mut rest = screen;
        let header = take_top(&mut rest, 1);
        let footer = take_bottom(&mut rest, 1);
        rest = Rect { x: rest.x + margin, width: rest.width - 2 * margin, ..rest };
        take_top(&mut rest, gap);
        take_bottom(&mut rest, gap);
        let text = take_top(&mut rest, 1 + (screen.height.saturating_sub(6) / 6).clamp(1, 8));
        take_top(&mut rest, gap);
        let strip = take_bottom(&mut rest, strip_height(screen.height));
        take_bottom(&mut rest, gap);
        let (list, side) = split(rest, gap);
        let (chain, detail) = share_side(side, gap);
        Some(Self { header, text, list, chain, detail, strip, footer })
    }

    /// How many tokens the list shows: without its heading, its column titles and the row of all others.
    #[must_use]
    pub fn list_rows(&self) -> usize {
        usize::from(self.list.height).saturating_sub(3)
    }
}

fn strip_height(screen: u16) -> u16 {
    match screen {
        ..18 => 2,
        18..36 => 4,
        36..50 => 5,
        _ => 6,
    }
}

/// List and side by side where the list has room for two bars, else one above the other.
fn split(mut rest: Rect, gap: u16) -> (Rect, Rect) {
    if rest.width >= 74 {
        let side = (rest.width * 9 / 25).clamp(27, 76);
        let list = Rect { width: rest.width - side - 2 - gap, ..rest };
        return (list, Rect { x: list.right() + 2 + gap, width: side, ..rest });
    }
    let height = (rest.height / 3).min(7);
    let side = take_bottom(&mut rest, height);
    (rest, side)
}

/// The detail of the selected token gets what the chain can spare.
fn share_side(mut side: Rect, gap: u16) -> (Rect, Rect) {
    if side.height < 14 {
        return (side, Rect { y: side.bottom(), height: 0, ..side });
    }
    let height = side.height.saturating_sub(6).min(14);
    let chain = take_top(&mut side, height);
    take_top(&mut side, gap);
    (chain, side)
}

fn take_top(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    let top = Rect { height, ..*rest };
    rest.y += height;
    rest.height -= height;
    top
}

fn take_bottom(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    rest.height -= height;
    Rect { y: rest.bottom(), height, ..*rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_never_overlap_and_never_leave_the_screen() {
        for width in (0..=210).step_by(3) {
            for height in 0..=70 {
                let screen = Rect::new(0, 0, width, height);
                let Some(areas) = Areas::of(screen) else {
                    assert!(width < 40 || height < 12);
                    continue;
                };
                let Areas { header, text, list, chain, detail, strip, footer } = areas;
                let all = [header, text, list, chain, detail, strip, footer];
                for (index, area) in all.iter().enumerate() {
                    assert_eq!(area.intersection(screen).area(), area.area());
                    let apart = |other: &Rect| area.intersection(*other).is_empty();
                    assert!(all[index + 1..].iter().all(apart), "{width}x{height}: {areas:?}");
                }
                assert!(areas.list_rows() >= 1, "{width}x{height}");
                assert!(chain.height >= 1 && strip.height >= 2);
            }
        }
    }
}
