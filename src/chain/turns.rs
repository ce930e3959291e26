//! A run in turns: from one check of a loop to the next, and from one stored state to the next.

use std::{mem, ops::Range, time::Instant};

use super::{
    ChainReport,
    checkpoint::Keeper,
    run::{Data, Inner, One, State},
};
use crate::{
    error::Result,
    exec::{Download, SequenceTurn, stop::Stop},
};

/// A run of a chain.
pub(super) struct Turns<'r, 'a> {
    chain: &'r Inner,
    one: &'r One,
    state: &'r mut State,
    data: Data<'a>,
    stop: Option<&'r Stop>,
    keeper: Option<Keeper>,
    report: ChainReport,
}

impl<'r, 'a> Turns<'r, 'a> {
    pub fn new(
        (chain, one): (&'r Inner, &'r One),
        state: &'r mut State,
        data: Data<'a>,
        stop: Option<&'r Stop>,
        keeper: Option<Keeper>,
    ) -> Self {
        let report = ChainReport::new(one.device.clone(), chain.repeats.clone());
        Turns { chain, one, state, data, stop, keeper, report }
    }

    pub fn run(mut self) -> Result<ChainReport> {
        let (mut at, mut next) = self.resume()?;
        while let Some(check) = self.chain.breaks.get(next) {
            at = self.advance(at..check.at, next)?;
            let mut watched = vec![0; check.bytes];
            let look = Download { buffer: check.buffer, data: &mut watched, upload: None };
            self.turn(at..check.at, vec![look])?;
            (at, next) = (check.at, next + 1);
            if (check.done)(&watched) {
                self.report.rounds[check.repeat] = check.rounds;
                (at, next) = check.exit;
            }
        }
        let end = self.one.steps;
        if self.keeper.is_some() && at < end {
            at = self.advance(at..end, next)?;
            self.turn(at..end, Vec::new())?;
            self.keep(end, next)?;
            at = end;
        }
        let outputs = mem::take(&mut self.data.outputs);
        self.turn(at..end, outputs)?;
        Ok(self.report)
    }

    /// Goes on where an earlier process stored the state: the next step, and the next check.
    fn resume(&mut self) -> Result<(usize, usize)> {
        let Some(resumed) = self.keeper.as_ref().map(Keeper::resumed).transpose()?.flatten() else { return Ok((0, 0)) };
        let memories = self.one.lives.iter().map(|live| (live.memory, live.buffer));
        let buffers: Vec<_> = memories.collect();
        let buffer = |memory: u32| buffers.iter().find(|(number, _)| *number == memory).map(|(_, buffer)| *buffer);
        let pieces = resumed.pieces.iter().filter_map(|(memory, bytes)| Some((buffer(*memory)?, &bytes[..])));
        // They take the inputs' place.
        self.data.inputs.clear();
        self.data.outputs.iter_mut().for_each(|output| output.upload = None);
        self.turn_with(pieces.collect(), resumed.step..resumed.step, Vec::new())?;
        self.report.resumed = self.one.calls_before(resumed.step);
        self.report.rounds = resumed.rounds;
        Ok((resumed.step, resumed.check))
    }

    /// Runs steps as long as states are to be stored in between. How far it came; the rest is yet to run.
    fn advance(&mut self, steps: Range<usize>, next: usize) -> Result<usize> {
        let mut at = steps.start;
        while let Some(stretch) = self.keeper.as_ref().map(Keeper::stretch).filter(|stretch| at + stretch < steps.end) {
            let begin = Instant::now();
            self.turn(at..at + stretch, Vec::new())?;
            at += stretch;
            if self.keeper.as_mut().is_some_and(|keeper| keeper.ran(stretch, begin.elapsed())) {
                self.keep(at, next)?;
            }
        }
        Ok(at)
    }

    /// Stores the state in front of a step.
    fn keep(&mut self, at: usize, next: usize) -> Result<()> {
        let begin = Instant::now();
        let lives = self.one.lives.iter().filter(|live| live.steps.contains(&at));
        let mut copies: Vec<_> = lives.map(|live| (live, vec![0; live.bytes as usize])).collect();
        let downloads =
            copies.iter_mut().map(|(live, data)| Download { buffer: live.buffer, data, upload: None }).collect();
        self.turn(at..at, downloads)?;
        let pieces: Vec<_> = copies.iter().map(|(live, data)| (live.memory, 0, &data[..])).collect();
        if let Some(keeper) = &mut self.keeper {
            keeper.store(at, next, &self.report.rounds, &pieces, begin)?;
        }
        self.report.checkpoints += 1;
        self.report.checkpoint_time += begin.elapsed();
        Ok(())
    }

    fn turn(&mut self, steps: Range<usize>, downloads: Vec<Download<'_>>) -> Result<()> {
        let inputs = mem::take(&mut self.data.inputs);
        let mut outputs = mem::take(&mut self.data.outputs);
        let updated = outputs.iter_mut().filter_map(|output| Some((output.upload.take()?, &*output.data)));
        let uploads = inputs.into_iter().chain(updated).collect();
        let done = self.turn_with(uploads, steps, downloads);
        self.data.outputs = outputs;
        done
    }

    fn turn_with(
        &mut self,
        uploads: Vec<(usize, &[u8])>,
        steps: Range<usize>,
        downloads: Vec<Download<'_>>,
    ) -> Result<()> {
        let uniforms_changed = mem::replace(&mut self.state.changed[0], true);
        let uniforms = &self.state.uniforms;
        let turn = SequenceTurn { uploads, uniforms, uniforms_changed, steps, downloads, stop: self.stop };
        let metrics = self.one.device.inner.backend.run_turn(&self.one.ready, turn)?;
        // Only now: after an error nobody knows what the device has.
        self.state.changed[0] = false;
        self.report.add(&metrics);
        Ok(())
    }
}
