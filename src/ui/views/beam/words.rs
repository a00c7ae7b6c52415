//! What is said of a search: why it is over, what decides whether it goes on, what is known of the optimum.

use std::borrow::Cow;

use super::pen::signed;
use super::state::Optimum;
use crate::decode::beam::{BeamStop, StoppingBound};
use crate::engine::{Lane, Proof};
use crate::ui::app::App;
use crate::ui::look::Look;
use crate::ui::number::count;

/// Why a search is over.
#[must_use]
pub fn why(stop: BeamStop) -> &'static str {
    match stop {
        BeamStop::Enough => "enough have finished",
        BeamStop::NoBetter => "no running beam can get better",
        BeamStop::Length => "the last step was made",
        BeamStop::NothingRuns => "nothing runs on",
    }
}

/// What decides whether the search goes on: at length and in short.
#[must_use]
pub fn bound_in_words(bound: &StoppingBound, look: Look<'_>) -> Vec<Cow<'static, str>> {
    let StoppingBound { finished, needed, .. } = *bound;
    let number = |value: f64| signed(value, 3, look);
    let compared = bound.attainable.zip(bound.worst_finished).filter(|_| finished == needed);
    match (bound.stop, compared) {
        (Some(BeamStop::NoBetter) | None, Some((attainable, worst))) => {
            let (relation, end) = if attainable > worst { (">", "goes on") } else { ("not above", "over") };
            vec![
                format!(
                    "best still reachable {} {relation} worst finished {}: {end}",
                    number(attainable),
                    number(worst)
                )
                .into(),
                format!("reachable {} {relation} {}: {end}", number(attainable), number(worst)).into(),
            ]
        }
        (Some(stop), _) => vec![format!("over: {}", why(stop)).into()],
        (None, _) => {
            let best = bound.attainable.map(|best| format!(", best still reachable {}", number(best)));
            vec![
                format!("{finished} of {needed} finished{}: goes on", best.unwrap_or_default()).into(),
                format!("{finished} of {needed} finished: goes on").into(),
            ]
        }
    }
}

/// How far the search for the optimum is, or what it found.
#[must_use]
pub fn of_optimum(app: &App, optimum: &Optimum) -> String {
    let look = app.look();
    let number = |value: f64| signed(value, 3, look);
    let Some(found) = &optimum.found else { return format!("optimum of {} tokens: begins", optimum.length) };
    let progress = found.progress;
    let expanded = count(progress.expanded);
    let best = found.best.as_ref().map_or(f64::NEG_INFINITY, |best| best.sum);
    let gap = |rival: &crate::engine::Rival| match best - rival.sum_logprob {
        gap if gap.abs() < 5e-4 => format!("{} found it", rival.name),
        gap => format!("{} {gap:.3} below", rival.name),
    };
    let gaps: Vec<String> = optimum.rivals.iter().map(gap).collect();
    let tokens = optimum.length;
    match found.proof {
        Proof::Proven => {
            format!("proven: {} in {tokens} tokens; {} ({expanded} expanded)", number(best), gaps.join(", "))
        }
        Proof::Open if app.is_under_way(Lane::Optimum) => {
            let bound = number(progress.bound);
            format!("optimum of {tokens} tokens: expanded {expanded}, bound {bound}, best {} (Esc stops)", number(best))
        }
        Proof::Open | Proof::OutOfBudget => {
            let bound = number(progress.bound);
            format!(
                "not proven: best {} of {tokens} tokens, bound {bound}, {expanded} expanded: {}",
                number(best),
                gaps.join(", ")
            )
        }
    }
}
