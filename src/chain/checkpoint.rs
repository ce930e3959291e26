//! Runs that go on where an earlier process stored their state.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    record::{Arg, Recorded, Recording, refuse},
    run::{Data, Inner, Live, One, State},
};
use crate::{
    call::checkpoint::{describe, refused},
    digest::Digest,
    error::{Error, Message, Result},
    file::System,
    journal::{CheckpointEvery, Header, Pacer, Position, STEPS, StateLog},
};

/// Stores the state of a run now and then.
pub(super) struct Keeper {
    path: PathBuf,
    log: StateLog,
    pacer: Pacer,
    /// Since when the pacer counts.
    start: Instant,
}

/// What an earlier process stored: the next step, the next check, the rounds of loops, and each memory's contents.
pub(super) struct Resumed {
    pub step: usize,
    pub check: usize,
    pub rounds: Vec<usize>,
    pub pieces: Vec<(u32, Vec<u8>)>,
}

impl Keeper {
    /// Opens the checkpoint of a run, or begins one.
    pub fn open(
        (chain, one): (&Inner, &One),
        state: &State,
        data: &Data<'_>,
        path: &Path,
        every: CheckpointEvery,
    ) -> Result<Keeper> {
        if let Some(resident) = chain.plan.residents().first() {
            let problem = format!("a checkpoint records slots, and the chain binds {resident}");
            return Err(refuse(problem, "bind a slot, or leave the checkpoint out"));
        }
        let bytes = StateLog::room(one.own.iter().map(|memory| memory.bytes()));
        let log = StateLog::open(&System, path, &header(chain, one, state, data), bytes);
        let log = log.map_err(|refusal| refused(None, path, refusal))?;
        let start = Instant::now();
        Ok(Keeper { path: path.to_owned(), log, pacer: Pacer::new(every, bytes, Duration::ZERO), start })
    }

    /// What to go on from, if there is anything.
    pub fn resumed(&self) -> Result<Option<Resumed>> {
        let Some(Position { step, check, rounds }) = self.log.position() else { return Ok(None) };
        let pieces = self.log.restore().map_err(|refusal| refused(None, &self.path, refusal))?;
        Ok(Some(Resumed {
            step: *step as usize,
            check: *check as usize,
            rounds: rounds.iter().map(|rounds| *rounds as usize).collect(),
            // One device has all of each.
            pieces: pieces.into_iter().map(|(memory, _, bytes)| (memory, bytes)).collect(),
        }))
    }

    /// How many steps to run before the state may be due.
    pub fn stretch(&self) -> usize {
        self.pacer.stretch(self.start.elapsed())
    }

    /// So many steps ran. Whether the state is to be stored.
    pub fn ran(&mut self, steps: usize, took: Duration) -> bool {
        self.pacer.ran(steps, took);
        self.pacer.is_due(self.start.elapsed())
    }

    /// Stores the state in front of a step, whose download began at `begin`.
    pub fn store(
        &mut self,
        step: usize,
        check: usize,
        rounds: &[usize],
        pieces: &[(u32, u64, &[u8])],
        begin: Instant,
    ) -> Result<()> {
        let rounds = rounds.iter().map(|rounds| *rounds as u64).collect();
        let position = Position { step: step as u64, check: check as u64, rounds };
        self.log.store(position, pieces).map_err(|error| {
            let problem = format!("the checkpoint `{}` cannot be written: {error}", self.path.display());
            let help = "what was stored before is good: make room, and run the same chain again";
            Error::Io(Message::new(problem).subject("chain").cause(error).help(help))
        })?;
        self.pacer.stored(self.start.elapsed(), begin.elapsed());
        Ok(())
    }
}

fn header(chain: &Inner, one: &One, state: &State, data: &Data<'_>) -> Header {
    let given = chain.ports.iter().filter(|port| port.role.is_given());
    let contents = |buffer: usize| {
        let input = data.inputs.iter().find(|(to, _)| *to == buffer).map(|(_, bytes)| *bytes);
        let update = data.outputs.iter().find(|output| output.upload == Some(buffer)).map(|output| &*output.data);
        Digest::of(input.or(update).unwrap_or_default())
    };
    Header {
        engine: concat!("swath ", env!("CARGO_PKG_VERSION")).to_owned(),
        devices: describe(&one.device),
        kernel: one.recipe,
        call: Digest::of(bytemuck::cast_slice(&state.uniforms)),
        axis: STEPS,
        units: one.steps as u32,
        data: given.map(|port| (port.label.clone(), contents(port.from))).collect(),
    }
}

/// A number for all that a chain does, the same in every process.
pub(super) fn recipe(recording: &Recording) -> u128 {
    let mut digest = Digest::new();
    for spec in &recording.specs {
        digest = digest.wide(spec.kernel.fingerprint().0);
        digest = spec.workgroups.iter().fold(digest, |digest, count| digest.number(u64::from(*count)));
        digest = spec.args.iter().fold(digest, |digest, arg| match *arg {
            Arg::Memory(memory) => digest.number(0).number(memory as u64),
            Arg::Uniform { offset, bytes } => digest.number(1).number(offset as u64).number(bytes as u64),
        });
    }
    for slot in &recording.slots {
        let bytes = recording.memories[slot.origin].bytes;
        digest = digest.text(slot.role.name().as_bytes());
        digest = digest.number(slot.origin as u64).number(slot.memory as u64).number(bytes);
    }
    for each in &recording.breaks {
        let numbers = [each.at, each.memory, each.repeat, each.rounds, each.exit.0, each.exit.1];
        digest = numbers.iter().fold(digest, |digest, number| digest.number(*number as u64));
    }
    let step = |step: &Recorded| match *step {
        Recorded::Dispatch(number) => 2 * u64::from(number),
        Recorded::Zero(memory) => 2 * memory as u64 + 1,
    };
    let steps: Vec<u64> = recording.steps.iter().map(step).collect();
    digest.text(bytemuck::cast_slice(&steps)).finish()
}

/// The memories of slots, with the steps in front of which they hold something that is used. The first `skip` steps of a run
/// are not among those recorded; buffers are by memory.
pub(super) fn lives(recording: &Recording, skip: usize, buffers: &[Option<usize>]) -> Vec<Live> {
    let memories = recording.memories.iter().zip(buffers).enumerate();
    let lives = memories.filter_map(|(number, (memory, buffer))| {
        // Step 0 is the upload, step 1 the first that is recorded.
        let (first, last) = memory.life?;
        let begin = if first == 0 { 0 } else { skip + first };
        let steps = begin..=(skip + last).saturating_sub(1);
        Some(Live { memory: number as u32, buffer: (*buffer)?, bytes: memory.bytes, steps })
    });
    lives.collect()
}
