//! The views' longer work: what is under way, and where its news goes.

use std::collections::BTreeMap;

use super::{App, Notice};
use crate::engine::{Command, Job, Lane, News};
use crate::ui::message::Effect;
use crate::ui::views::{VIEWS, ViewRow};

/// The newest job of each lane, and whether it is under way.
#[derive(Default)]
pub(super) struct Jobs {
    lanes: BTreeMap<Lane, (u64, State)>,
    last: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    UnderWay,
    Over,
}

impl Jobs {
    pub(super) fn is_idle(&self) -> bool {
        self.lanes.values().all(|(_, state)| *state == State::Over)
    }

    /// All of them belong to a prompt that is gone.
    pub(super) fn clear(&mut self) {
        self.lanes.clear();
    }

    fn is_newest(&self, lane: Lane, serial: u64) -> bool {
        self.lanes.get(&lane).is_some_and(|(newest, _)| *newest == serial)
    }
}

impl App {
    /// Begins a job in the place of what is under way on its lane.
    pub fn start(&mut self, lane: Lane, job: Box<dyn Job>) -> Vec<Effect> {
        self.put(lane, Some(job), State::UnderWay)
    }

    /// Ends what is under way on a lane.
    pub fn end(&mut self, lane: Lane) -> Vec<Effect> {
        if self.is_under_way(lane) { self.put(lane, None, State::Over) } else { Vec::new() }
    }

    /// Whether a job of this lane is under way.
    #[must_use]
    pub fn is_under_way(&self, lane: Lane) -> bool {
        self.jobs.lanes.get(&lane).is_some_and(|(_, state)| *state == State::UnderWay)
    }

    fn put(&mut self, lane: Lane, job: Option<Box<dyn Job>>, state: State) -> Vec<Effect> {
        self.jobs.last += 1;
        let serial = self.jobs.last;
        self.jobs.lanes.insert(lane, (serial, state));
        vec![Effect::Engine(Command::Job { epoch: self.epoch, lane, serial, job }), Effect::Wake(super::update::SPIN)]
    }

    /// Hands news of the newest job of a lane to its view.
    pub(super) fn news(&mut self, lane: Lane, serial: u64, news: Option<News>) -> Vec<Effect> {
        if !self.jobs.is_newest(lane, serial) {
            return Vec::new();
        }
        if news.is_none() {
            self.jobs.lanes.insert(lane, (serial, State::Over));
        }
        if lane == Lane::Trace {
            return self.told(news);
        }
        if lane == Lane::Checkup {
            return self.checked(news);
        }
        let of = |row: &&ViewRow| row.lanes.contains(&lane);
        VIEWS.iter().find(of).map(|row| (row.news)(self, news)).unwrap_or_default()
    }

    pub(super) fn job_failed(&mut self, lane: Lane, serial: u64, message: String) -> Vec<Effect> {
        if self.jobs.is_newest(lane, serial) {
            self.jobs.lanes.insert(lane, (serial, State::Over));
            self.notice = Some(Notice::Error(message));
        }
        Vec::new()
    }
}
