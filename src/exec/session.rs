//! Sessions: a launch that a device does in parts, and a device that does all of them.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use super::{Launch, Watcher, trace::Track};
use crate::{
    error::Result,
    plan::{TileEvent, TileSpace},
};

/// A launch that is open on a device, which does runs of its units. What was started lands in that order.
pub(crate) trait Session {
    /// The most units that it takes in one run.
    fn most_units(&self) -> u32;

    /// How many runs it takes in before the first has to be settled: transfers of one overlap with the computation of
    /// another.
    fn depth(&self) -> usize;

    /// Starts a run.
    fn start(&mut self, units: Range<u32>) -> Result<()>;

    /// Waits until the results of the oldest run are there; for no longer than `patience`, after which the device counts as
    /// hung. The host's memory is as it was, unless the session works in place: then it waits for as long as it takes.
    fn land(&mut self, patience: Option<Duration>) -> Result<()>;

    /// Brings the results of the oldest run, which has landed, to where they belong, as far as they are those of `units`;
    /// the others are dropped. A run that is never settled, since the session ends before, is dropped as well: what was
    /// computed in place is put back.
    fn settle(&mut self, units: &[Range<u32>]) -> Result<()>;

    /// Combines what was gathered in copies of merged bindings with the host's memory, and starts anew with copies that
    /// hold nothing. No run is under way. If it fails, nothing was combined.
    fn fold(&mut self) -> Result<()>;
}

/// What uses a session.
pub(crate) type Body<'b> = dyn FnMut(&mut dyn Session) -> Result<()> + 'b;

/// A session that does all of a launch, tile after tile.
pub(super) struct Alone<'a> {
    track: Option<Track<'a>>,
    watcher: Option<&'a mut Watcher<'a>>,
    landing: Option<&'a AtomicBool>,
    patience: Option<Duration>,
}

impl<'a> Alone<'a> {
    /// Takes the watcher of a launch over.
    pub fn of(launch: &mut Launch<'a>) -> Self {
        let Launch { track, landing, patience, .. } = *launch;
        Alone { track, watcher: launch.watcher.take(), landing, patience }
    }

    /// Runs all tiles, in their order.
    pub fn run(&mut self, session: &mut dyn Session, space: TileSpace) -> Result<()> {
        let space = space.narrowed(session.most_units().min(space.units_per_tile()));
        let mut started = VecDeque::with_capacity(session.depth());
        for (tile, units) in (0..).zip(space.iter()) {
            let began = Instant::now();
            session.start(units.clone())?;
            started.push_back((tile, units, began));
            if started.len() >= session.depth()
                && let Some(oldest) = started.pop_front()
            {
                self.settle(session, space, oldest)?;
            }
        }
        started.into_iter().try_for_each(|tile| self.settle(session, space, tile))
    }

    fn settle(
        &mut self,
        session: &mut dyn Session,
        space: TileSpace,
        (tile, units, began): (u32, Range<u32>, Instant),
    ) -> Result<()> {
        session.land(self.patience)?;
        self.landing.into_iter().for_each(|landing| landing.store(true, Ordering::Relaxed));
        let units_done = units.end;
        session.settle(std::slice::from_ref(&units))?;
        if let Some(track) = self.track {
            track.settled(tile as usize % session.depth(), began, units);
        }
        if let Some(watcher) = self.watcher.as_mut() {
            watcher(TileEvent { tile, tiles: space.count(), units_done, units: space.units() });
        }
        Ok(())
    }
}
