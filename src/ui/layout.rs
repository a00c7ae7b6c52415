//! Where the panels are. A pure function of the screen's size, so that state and view agree on it.

use ratatui::layout::Rect;

/// The smallest screen that shows anything but a message.
pub const SMALLEST: (u16, u16) = (40, 12);

/// The whole screen: a line above, a line below, and between them the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// One line.
    pub header: Rect,
    /// The view.
    pub body: Rect,
    /// One line.
    pub footer: Rect,
}

impl Frame {
    /// The parts of a screen; `None` where it is too small.
    #[must_use]
    pub fn of(screen: Rect) -> Option<Self> {
        if screen.width < SMALLEST.0 || screen.height < SMALLEST.1 {
            return None;
        }
        let margin = if screen.width >= 120 { 2 } else { 0 };
        let gap = u16::from(screen.height >= 32);
        let mut body = screen;
        let header = take_top(&mut body, 1);
        let footer = take_bottom(&mut body, 1);
        body = Rect { x: body.x + margin, width: body.width - 2 * margin, ..body };
        take_top(&mut body, gap);
        take_bottom(&mut body, gap);
        Some(Self { header, body, footer })
    }
}

/// The areas of the panels of a step; each includes its heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
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
}

impl Areas {
    /// The areas of a view's body.
    #[must_use]
    pub fn of(body: Rect) -> Self {
        let gap = u16::from(body.height >= 28);
        let mut rest = body;
        let text = take_top(&mut rest, text_height(body.height));
        take_top(&mut rest, gap);
        let strip = take_bottom(&mut rest, strip_height(body.height));
        take_bottom(&mut rest, gap);
        let (list, side) = split(rest, gap);
        let (chain, detail) = share_side(side, gap);
        Self { text, list, chain, detail, strip }
    }

    /// How many tokens the list shows: without its heading, its column titles and the row of all others.
    #[must_use]
    pub fn list_rows(&self) -> usize {
        usize::from(self.list.height).saturating_sub(3)
    }
}

/// Lines of running text with their heading, for a body so high.
#[must_use]
pub fn text_height(body: u16) -> u16 {
    1 + (body.saturating_sub(2) / 6).clamp(1, 8)
}

fn strip_height(body: u16) -> u16 {
    match body {
        ..16 => 2,
        16..32 => 4,
        32..46 => 5,
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

/// Cuts rows off at the top.
pub fn take_top(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    let top = Rect { height, ..*rest };
    rest.y += height;
    rest.height -= height;
    top
}

/// Cuts rows off at the bottom.
pub fn take_bottom(rest: &mut Rect, height: u16) -> Rect {
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
                let Some(Frame { header, body, footer }) = Frame::of(screen) else {
                    assert!(width < 40 || height < 12);
                    continue;
                };
                let areas = Areas::of(body);
                let Areas { text, list, chain, detail, strip } = areas;
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
