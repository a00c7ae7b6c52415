//! What is compared before anybody says otherwise: the session's own way to choose tokens, and what differs from it.

use crate::decode::strategy::strategy;
use crate::decode::{Chain, Stage};
use crate::engine::ColumnAsked;
use crate::ui::app::App;
use crate::ui::knobs::Mode;

/// What draws where the session's own chain filters nothing.
const USUAL: [&str; 2] = ["temperature=0.8", "top_p=0.9"];
/// Beams of the column that searches.
const BEAMS: usize = 4;

/// Where a column comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is what the session does, and follows it.
    Session,
    /// It is there for contrast, and follows the session's penalties and seed. Its place among the columns at the beginning.
    Contrast(usize),
    /// Somebody changed it.
    Own,
}

impl Origin {
    /// The place among the columns at the beginning.
    pub(super) fn place(self) -> Option<usize> {
        match self {
            Self::Session => Some(0),
            Self::Contrast(place) => Some(place),
            Self::Own => None,
        }
    }

    /// What the column is.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Session => "yours",
            Self::Contrast(_) => "for contrast",
            Self::Own => "edited",
        }
    }
}

/// The columns at the beginning: what the session does; the other of drawing and taking the best; and a search. All have the
/// session's penalties and seed, so that they differ in the strategy alone.
#[must_use]
pub fn columns(app: &App) -> Vec<(Origin, ColumnAsked)> {
    let Ok(chain) = app.knobs().whole_chain() else { return Vec::new() };
    let seed = app.seed();
    let column = |name: &str, chain: &Chain| {
        let strategy = strategy(name)?;
        Some(ColumnAsked { strategy, chain: strategy.effective_chain(chain), seed, beams: BEAMS })
    };
    let (own, other) = match app.knobs().mode() {
        Mode::Sampling => (column("sample", &chain), column("greedy", &chain)),
        Mode::Greedy => (column("greedy", &chain), column("sample", &filtered(chain.clone()))),
    };
    let all = [own, other, column("beam", &chain)].into_iter().flatten().enumerate();
    all.map(|(place, asked)| (if place == 0 { Origin::Session } else { Origin::Contrast(place) }, asked)).collect()
}

/// A chain to draw from: the given one, with usual filters where it has none.
fn filtered(chain: Chain) -> Chain {
    if chain.before_sampling() != chain {
        return chain;
    }
    let usual = USUAL.iter().filter_map(|stage| stage.parse::<Stage>().ok());
    usual.fold(chain, Chain::with_in_order)
}
