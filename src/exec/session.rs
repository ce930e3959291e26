//! Sessions: a launch that a device does in parts, and a device that does all of them.

use std::{collections::VecDeque, ops::Range, time::Instant};

use super::{Watcher, trace::Track};
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

    /// Waits until the results of the oldest run are there. The host's memory is as it was, unless the session works in
    /// place.
    fn land(&mut self) -> Result<()>;

    /// Brings the results of the oldest run, which has landed, to where they belong, as far as they are those of `units`;
    /// the others are dropped.
    fn settle(&mut self, units: &[Range<u32>]) -> Result<()>;

    /// Combines what was gathered in copies of merged bindings with the host's memory, and starts anew with copies that
    /// hold nothing. No run is under way.
    fn fold(&mut self) -> Result<()>;
}

/// What uses a session.
pub(crate) type Body<'b> = dyn FnMut(&mut dyn Session) -> Result<()> + 'b;

/// Runs all tiles on one device, in their order.
pub(super) fn run_alone(
    session: &mut dyn Session,
    space: TileSpace,
    track: Option<Track<'_>>,
    watcher: &mut Option<&mut Watcher<'_>>,
) -> Result<()> {
    let space = space.narrowed(session.most_units().min(space.units_per_tile()));
    let tiles = space.count();
    let mut started = VecDeque::with_capacity(session.depth());
    let mut settle = |session: &mut dyn Session, (tile, units, began): (u32, Range<u32>, Instant)| {
        session.land()?;
        let units_done = units.end;
        session.settle(std::slice::from_ref(&units))?;
        if let Some(track) = track {
            track.settled(tile as usize % session.depth(), began, units);
        }
        if let Some(watcher) = watcher.as_mut() {
            watcher(TileEvent { tile, tiles, units_done, units: space.units() });
        }
        Ok(())
    };
    for (tile, units) in (0..).zip(space.iter()) {
        let began = Instant::now();
        session.start(units.clone())?;
        started.push_back((tile, units, began));
        if started.len() >= session.depth()
            && let Some(oldest) = started.pop_front()
        {
            settle(session, oldest)?;
        }
    }
    started.into_iter().try_for_each(|tile| settle(session, tile))
}
