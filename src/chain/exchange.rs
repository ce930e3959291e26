//! A run of a chain on several devices: each runs its branches in their order, on a thread of its own, and waits for what comes
//! from others.

use std::{
    mem,
    ops::Range,
    panic::resume_unwind,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;

use super::{
    ChainReport,
    report::ChainMember,
    run::{Data, State},
    several::{Export, Member, Several, Source, Turn},
};
use crate::{
    error::{Error, Message, Result},
    exec::{
        Download, SequenceTurn,
        stop::{LeftBehind, Stop},
    },
};

/// How long a device that waits does not look whether it has to stop.
const LOOK: Duration = Duration::from_millis(5);

/// A buffer, and what came over for it.
type Arrived = (usize, Arc<Vec<u8>>);

/// What devices tell each other.
struct Board {
    posted: Mutex<Posted>,
    changed: Condvar,
}

struct Posted {
    /// Contents that cross, from when they are there until the last that takes them has done so.
    contents: Vec<Option<Arc<Vec<u8>>>>,
    readers: Vec<usize>,
    /// Whether a device has failed, so that nobody is to wait for it.
    failed: bool,
}

impl Board {
    fn new(readers: &[usize]) -> Board {
        let posted = Posted { contents: vec![None; readers.len()], readers: readers.to_vec(), failed: false };
        Board { posted: Mutex::new(posted), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, number: usize, contents: Vec<u8>) {
        self.lock().contents[number] = Some(Arc::new(contents));
        self.changed.notify_all();
    }

    fn fail(&self) {
        self.lock().failed = true;
        self.changed.notify_all();
    }

    /// Waits until some of what is `wanted` is there, and takes it off the list: buffers with what belongs there.
    fn take(&self, wanted: &mut Vec<(usize, usize)>, stop: Option<&Stop>) -> Result<Vec<Arrived>, Ended> {
        let mut posted = self.lock();
        loop {
            let mut found = Vec::new();
            wanted.retain(|&(buffer, number)| {
                let Some(contents) = posted.contents[number].clone() else { return true };
                posted.readers[number] -= 1;
                if posted.readers[number] == 0 {
                    posted.contents[number] = None;
                }
                found.push((buffer, contents));
                false
            });
            if !found.is_empty() || wanted.is_empty() {
                return Ok(found);
            }
            if posted.failed {
                return Err(Ended::Elsewhere);
            }
            if let Some(stop) = stop.filter(|stop| stop.is_due()) {
                return Err(Ended::Here(stop.error(LeftBehind::Unspecified)));
            }
            posted = self.changed.wait_timeout(posted, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Why a device has not done all of its branches.
enum Ended {
    Here(Error),
    /// Another one has failed.
    Elsewhere,
}

/// What a device has done.
struct Done {
    member: ChainMember,
    /// Results that are copied once nobody looks at what the run was given: by memory.
    kept: Vec<(usize, Vec<u8>)>,
    /// Seconds of each branch.
    seconds: Vec<f64>,
}

/// Has the others not wait for a device whose thread is gone.
struct OnExit<'b>(&'b Board);

impl Drop for OnExit<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail();
        }
    }
}

/// A device at work.
struct Worker<'w, 'a> {
    member: &'w Member,
    board: &'w Board,
    uniforms: &'w [u32],
    changed: &'w mut bool,
    /// What the run gives, by memory.
    given: &'w FxHashMap<usize, &'w [u8]>,
    /// Memories whose last contents the run takes in the place of what it gives.
    updated: &'w [usize],
    /// Where other results go, by memory.
    results: FxHashMap<usize, &'a mut [u8]>,
    stop: Option<&'w Stop>,
    done: Done,
}

/// Runs the chain once.
pub(super) fn run(
    several: &Several,
    mut report: ChainReport,
    state: &mut State,
    data: Data<'_>,
    stop: Option<&Stop>,
) -> Result<ChainReport> {
    let Data { inputs, outputs } = data;
    let (updates, outputs): (Vec<_>, Vec<_>) = outputs.into_iter().partition(|output| output.upload.is_some());
    let board = Board::new(&several.readers);
    let mut kept: FxHashMap<usize, Vec<u8>> = FxHashMap::default();
    let done = {
        let updated: Vec<usize> = updates.iter().map(|update| update.buffer).collect();
        let replaced = updates.iter().filter_map(|each| Some((each.upload?, &*each.data)));
        let given: FxHashMap<usize, &[u8]> = inputs.into_iter().chain(replaced).collect();
        let mut results: FxHashMap<usize, &mut [u8]> =
            outputs.into_iter().map(|output| (output.buffer, output.data)).collect();
        let State { uniforms, changed } = state;
        let mut workers: Vec<Worker<'_, '_>> = Vec::new();
        for (member, changed) in several.members.iter().zip(changed) {
            let exports = member.turns.iter().flat_map(|turn| &turn.exports);
            let own = exports.filter_map(|export| Some((export.result?, results.remove(&export.result?)?))).collect();
            let done = Done { member: ChainMember::new(member.device.clone()), kept: Vec::new(), seconds: Vec::new() };
            workers.push(Worker {
                member,
                board: &board,
                uniforms,
                changed,
                given: &given,
                updated: &updated,
                results: own,
                stop,
                done,
            });
        }
        let done = work(workers, &board);
        // What no branch writes is what it starts with.
        for (memory, result) in results {
            match given.get(&memory) {
                Some(bytes) => result.copy_from_slice(bytes),
                None => result.fill(0),
            }
        }
        let written = several.members.iter().flat_map(|member| &member.turns).flat_map(|turn| &turn.exports);
        let written: Vec<usize> = written.filter_map(|export| export.result).collect();
        for (memory, update) in updated.iter().zip(&updates).filter(|(memory, _)| !written.contains(memory)) {
            // After a swap that may be what another slot is given, which is about to be replaced.
            let bytes = given.get(memory).map_or_else(|| vec![0; update.data.len()], |bytes| bytes.to_vec());
            kept.insert(*memory, bytes);
        }
        done?
    };
    for (member, done) in several.members.iter().zip(done) {
        for (turn, seconds) in member.turns.iter().zip(&done.seconds) {
            if let Some((task, name)) = &turn.task {
                several.devices.tell_of(task, name, &member.device, *seconds);
            }
        }
        report.add_member(done.member);
        kept.extend(done.kept);
    }
    for update in updates {
        if let Some(bytes) = kept.get(&update.buffer) {
            let bytes = &bytes[..update.data.len()];
            update.data.copy_from_slice(bytes);
        }
    }
    Ok(report)
}

/// Has all work at the same time, the first on this thread.
fn work(workers: Vec<Worker<'_, '_>>, board: &Board) -> Result<Vec<Done>> {
    let ended: Vec<Result<Done, Ended>> = thread::scope(|scope| {
        let mut workers = workers.into_iter();
        let first = workers.next();
        let threads: Vec<_> = workers
            .map(|worker| {
                let name = format!("swath-{}", worker.member.device.alias());
                thread::Builder::new().name(name).spawn_scoped(scope, move || worker.work())
            })
            .inspect(|thread| {
                if thread.is_err() {
                    board.fail();
                }
            })
            .collect();
        let first = first.map(Worker::work);
        let others = threads.into_iter().map(|thread| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(error) => Err(Ended::Here(Error::Device(
                Message::new(format!("a thread for a device of the chain cannot be started: {error}")).cause(error),
            ))),
        });
        first.into_iter().chain(others).collect()
    });
    let (mut all, mut failure) = (Vec::new(), None);
    for ended in ended {
        match ended {
            Ok(done) => all.push(done),
            Err(Ended::Here(error)) => failure = failure.or(Some(error)),
            Err(Ended::Elsewhere) => {}
        }
    }
    failure.map_or(Ok(all), Err)
}

impl Worker<'_, '_> {
    fn work(mut self) -> Result<Done, Ended> {
        let board = self.board;
        let _guard = OnExit(board);
        for turn in &self.member.turns {
            if let Err(ended) = self.turn(turn) {
                board.fail();
                return Err(ended);
            }
        }
        Ok(self.done)
    }

    /// Runs a branch: what others leave is copied as it comes, while there is nothing else to do.
    fn turn(&mut self, turn: &Turn) -> Result<(), Ended> {
        let mut at_hand: Vec<(usize, &[u8])> = Vec::new();
        let mut wanted: Vec<(usize, usize)> = Vec::new();
        for import in &turn.imports {
            match import.source {
                Source::Given(memory) => at_hand.extend(self.given.get(&memory).map(|bytes| (import.buffer, *bytes))),
                Source::Crossing(number) => wanted.push((import.buffer, number)),
            }
        }
        let first = turn.steps.start;
        let mut last = Vec::new();
        while !wanted.is_empty() {
            last = self.board.take(&mut wanted, self.stop)?;
            if !wanted.is_empty() {
                let uploads = mem::take(&mut at_hand).into_iter().chain(all(&last)).collect();
                self.run(uploads, first..first, Vec::new()).map_err(Ended::Here)?;
            }
        }
        let uploads = at_hand.into_iter().chain(all(&last)).collect();
        // One copy of each: into the caller's slice, or else into memory that crosses or is kept.
        let is_updated = |memory: &usize| self.updated.contains(memory);
        let is_taken = |memory: usize| is_updated(&memory) || self.results.contains_key(&memory);
        let is_wanted = |export: &&Export| export.crossing.is_some() || export.result.is_some_and(is_taken);
        let exports: Vec<&Export> = turn.exports.iter().filter(is_wanted).collect();
        let mut slices: Vec<Option<&mut [u8]>> =
            exports.iter().map(|export| self.results.remove(&export.result?)).collect();
        let room =
            |(export, slice): (&&Export, &Option<&mut [u8]>)| vec![0; if slice.is_some() { 0 } else { export.bytes }];
        let mut copies: Vec<Vec<u8>> = exports.iter().zip(&slices).map(room).collect();
        let places = exports.iter().zip(slices.iter_mut().zip(&mut copies));
        let downloads = places.map(|(export, (slice, copy))| Download {
            buffer: export.buffer,
            data: slice.as_deref_mut().unwrap_or(copy),
            upload: None,
        });
        let begin = Instant::now();
        self.run(uploads, turn.steps.clone(), downloads.collect()).map_err(Ended::Here)?;
        self.done.seconds.push(begin.elapsed().as_secs_f64());
        self.done.member.branches += 1;
        for (export, (slice, copy)) in exports.into_iter().zip(slices.into_iter().zip(copies)) {
            if let Some(memory) = export.result.filter(|memory| self.updated.contains(memory)) {
                self.done.kept.push((memory, copy.clone()));
            }
            if let Some(number) = export.crossing {
                self.board.post(number, slice.map_or(copy, |slice| slice.to_vec()));
            }
        }
        Ok(())
    }

    fn run(&mut self, uploads: Vec<(usize, &[u8])>, steps: Range<usize>, downloads: Vec<Download<'_>>) -> Result<()> {
        let uniforms_changed = mem::replace(self.changed, true);
        let turn =
            SequenceTurn { uploads, uniforms: self.uniforms, uniforms_changed, steps, downloads, stop: self.stop };
        let metrics = self.member.device.inner.backend.run_turn(&self.member.ready, turn)?;
        // Only now: after an error nobody knows what the device has.
        *self.changed = false;
        self.done.member.add(&metrics);
        Ok(())
    }
}

fn all(contents: &[Arrived]) -> impl Iterator<Item = (usize, &[u8])> {
    contents.iter().map(|(buffer, bytes)| (*buffer, &bytes[..]))
}
