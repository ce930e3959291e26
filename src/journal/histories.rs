//! Drawn histories of calls on a disk that loses power at every write: whatever is lost, the results are those of a call that
//! nothing disturbed, or the checkpoint is refused.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use super::{FinalFile, Header, Home, Journal, Memory, Progress, Refusal, Region, Step, finish, progress};
use crate::{
    digest::Digest,
    file::{FileSystem, simulated::SimulatedDisk},
    schedule::simulate::Dice,
};

/// Bytes of a unit in the bindings that follow the grid: units share sectors, and some lie in two.
const STRIDE: usize = 136;

/// Bytes of the binding that all units change: more than a page.
const MERGED: usize = 4200;

/// What the bindings are, by number.
const WRITTEN: usize = 0;
const IN_PLACE: usize = 1;
const ACCUMULATED: usize = 2;
/// Memory of a file that the caller mapped: what a process writes there outlives it.
const PERSISTENT: usize = 3;
const BINDINGS: usize = 4;

/// The folder of all files.
fn at(name: &str) -> PathBuf {
    Path::new("d").join(name)
}

/// A call: what it reads, and whether it has the binding that all units change.
#[derive(Clone)]
struct Job {
    units: u32,
    input: Vec<u8>,
    persistent: Vec<u8>,
    is_merging: bool,
    seed: u64,
}

/// What a kernel does to one unit.
fn written(job: &Job, unit: u32) -> Vec<u8> {
    (0..STRIDE).map(|byte| (job.seed as usize + 7 * unit as usize + 3 * byte) as u8 | 1).collect()
}

fn update(bytes: &mut [u8], unit: u32) {
    bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(3).wrapping_add(unit as u8 + 1));
}

fn accumulate(bytes: &mut [u8], unit: u32) {
    bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = byte.wrapping_add(unit as u8 ^ at as u8));
}

fn slice(unit: &Range<u32>) -> Range<usize> {
    unit.start as usize * STRIDE..unit.end as usize * STRIDE
}

fn extents(binding: usize, units: Range<u32>) -> Range<u64> {
    match binding {
        ACCUMULATED => 0..MERGED as u64,
        _ => slice(&units).start as u64..slice(&units).end as u64,
    }
}

impl Job {
    fn draw(dice: &mut Dice) -> Job {
        let units = 1 + (dice.unit() * 14.0) as u32;
        let mut bytes = || (0..units as usize * STRIDE).map(|_| (dice.unit() * 256.0) as u8).collect();
        let (input, persistent) = (bytes(), bytes());
        Job { units, input, persistent, is_merging: dice.unit() < 0.4, seed: (dice.unit() * 1e9) as u64 }
    }

    fn header(&self) -> Header {
        Header {
            engine: "swath".into(),
            devices: "cpu".into(),
            kernel: 1,
            call: u128::from(self.seed),
            axis: 0,
            units: self.units,
            data: vec![("b".into(), Digest::of(&self.input)), ("m".into(), Digest::of(&self.persistent))],
        }
    }

    /// The results, undisturbed.
    fn expected(&self) -> [Vec<u8>; BINDINGS] {
        let (mut a, mut b, mut c, mut m) = (Vec::new(), self.input.clone(), vec![9; MERGED], self.persistent.clone());
        for unit in 0..self.units {
            a.extend(written(self, unit));
            update(&mut b[slice(&(unit..unit + 1))], unit);
            update(&mut m[slice(&(unit..unit + 1))], unit);
            if self.is_merging {
                accumulate(&mut c, unit);
            }
        }
        [a, b, c, m]
    }
}

/// The call's memory, of which the second binding is a file's.
struct Bytes(Mutex<[Vec<u8>; BINDINGS]>);

impl Memory for Bytes {
    fn read(&self, binding: usize, range: Range<u64>, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        take(&self.0.lock().expect("nobody panicked")[binding][range.start as usize..range.end as usize])
    }
}

/// One process: it goes on with what is on the disk until it is done, or the power is gone.
fn process(job: &Job, disk: &SimulatedDisk, dice: &mut Dice) -> Result<(), Refusal> {
    let (journal, part, target) = (at("j"), at(".b.part"), at("b"));
    let files = [
        FinalFile { name: "a".into(), temporary: at(".a.part"), target: at("a") },
        FinalFile { name: "b".into(), temporary: part.clone(), target },
    ];
    // As the command does: who has put the result in the input's place does not compare it with that.
    let is_replaced = |named: &[(String, crate::file::FileIdentity)]| {
        let now = disk.identity(&at("b")).ok().flatten();
        named.iter().any(|(name, identity)| name == "b" && now == Some(*identity))
    };
    match progress(disk, &journal)? {
        Progress::Finishing(named) | Progress::Done(named) => {
            let replaced = is_replaced(&named);
            return finish(disk, &journal, &job.header(), &|name| name == "m" || replaced && name == "b", &files);
        }
        Progress::None | Progress::Begun => {}
    }
    // A mapped file: what a process writes there is in the file at once, whether it is committed or not.
    let file = match disk.open(&part)? {
        Some(file) if file.length()? == job.input.len() as u64 => file,
        _ => {
            let file = disk.create(&part)?;
            file.reserve(job.input.len() as u64)?;
            disk.sync_folder(&part)?;
            file
        }
    };
    let mut mapped = vec![0; job.input.len()];
    file.read_at(0, &mut mapped)?;
    let region = |binding: usize, bytes: usize, home| {
        let name = ["a", "b", "c", "m"][binding].to_owned();
        Region { name, binding, bytes: bytes as u64, home, is_persistent: binding == PERSISTENT }
    };
    let handle = disk.open(&part)?.ok_or(io::Error::other("the file is gone"))?;
    let mut regions = vec![
        region(WRITTEN, job.input.len(), Home::Data),
        region(IN_PLACE, job.input.len(), Home::Caller(handle)),
        region(PERSISTENT, job.input.len(), Home::Data),
    ];
    if job.is_merging {
        regions.push(region(ACCUMULATED, MERGED, Home::Merged));
    }
    let own = disk.open(&at("m"))?.ok_or(io::Error::other("the file is gone"))?;
    let mut persistent = vec![0_u8; job.persistent.len()];
    own.read_at(0, &mut persistent)?;
    let mut header = job.header();
    header.data[1].1 = Digest::of(&persistent);
    let memory = Bytes(Mutex::new([vec![0; job.input.len()], mapped, vec![9; MERGED], persistent]));
    let mut log = Journal::open(disk, &journal, &header, regions, &memory)?;
    let mut memory = memory.0.into_inner().expect("nobody panicked");
    let [a, b, c, m] = &mut memory;
    log.restore(&extents, &mut [Some(a), Some(b), Some(c), Some(m)])?;
    let mut left: Vec<u32> = (0..job.units).filter(|unit| !log.committed().any(|run| run.contains(unit))).collect();
    for &unit in &left {
        let range = slice(&(unit..unit + 1));
        memory[IN_PLACE][range.clone()].copy_from_slice(&job.input[range.clone()]);
        file.write_at(range.start as u64, &job.input[range])?;
    }
    let memory = Bytes(Mutex::new(memory));
    let mut clock = Duration::ZERO;
    // What is folded in is all that landed.
    let mut held: Vec<Range<u32>> = Vec::new();
    while !left.is_empty() {
        let first = (dice.unit() * left.len() as f64) as usize;
        let most = 1 + (dice.unit() * 4.0) as u32;
        let mut run = left[first]..left[first];
        while run.end - run.start < most && left.get(first) == Some(&run.end) {
            left.remove(first);
            run.end += 1;
        }
        {
            let mut memory = memory.0.lock().expect("nobody panicked");
            for unit in run.clone() {
                let range = slice(&(unit..unit + 1));
                memory[WRITTEN][range.clone()].copy_from_slice(&written(job, unit));
                update(&mut memory[IN_PLACE][range.clone()], unit);
                file.write_at(range.start as u64, &memory[IN_PLACE][range.clone()])?;
                update(&mut memory[PERSISTENT][range.clone()], unit);
                own.write_at(range.start as u64, &memory[PERSISTENT][range])?;
            }
        }
        held.push(run);
        if !job.is_merging || left.is_empty() || dice.unit() < 0.4 {
            let mut memory = memory.0.lock().expect("nobody panicked");
            for unit in held.iter().flat_map(Range::clone).filter(|_| job.is_merging) {
                accumulate(&mut memory[ACCUMULATED], unit);
            }
            log.landed(std::mem::take(&mut held));
        }
        let now = clock;
        let step = log.tend(&memory, &extents, &|| now, left.is_empty())?;
        clock += Duration::from_millis((dice.unit() * 30.0) as u64);
        assert!(matches!(step, Step::Wait(_) | Step::Gather));
    }
    let now = clock;
    log.tend(&memory, &extents, &|| now, true)?;
    drop(log);
    let memory = memory.0.into_inner().expect("nobody panicked");
    assert!(memory == job.expected() || !job.is_merging && memory[PERSISTENT] == job.expected()[PERSISTENT]);
    let whole = disk.create(&at(".a.part"))?;
    whole.truncate(0)?;
    whole.write_at(0, &memory[WRITTEN])?;
    if job.is_merging {
        whole.write_at(memory[WRITTEN].len() as u64, &memory[ACCUMULATED])?;
    }
    whole.sync()?;
    file.sync()?;
    disk.sync_folder(&part)?;
    finish(disk, &journal, &job.header(), &|name| name == "m", &files)
}

/// What is in the files when all is done.
fn check(job: &Job, disk: &SimulatedDisk, history: &str) {
    let [a, b, c, _] = job.expected();
    let a = if job.is_merging { [a, c].concat() } else { a };
    assert!(disk.contents(&at("a")) == Some(a), "{history}: a wrong file");
    assert!(disk.contents(&at("b")) == Some(b), "{history}: a wrong file in place of the input");
    assert!(disk.contents(&at("j.data")).is_none(), "{history}: the data stayed");
}

/// Before all is done, results are not there, and the input is as it was.
fn check_untouched(job: &Job, disk: &SimulatedDisk, history: &str) {
    let [a, b, c, _] = job.expected();
    let a = if job.is_merging { [a, c].concat() } else { a };
    assert!(disk.contents(&at("a")).is_none_or(|bytes| bytes == a), "{history}: a file that is not complete");
    let input = disk.contents(&at("b")).expect("the input is there");
    assert!(input == job.input || input == b, "{history}: the input was touched");
}

/// Runs processes on what each leaves to the next, until one comes to its end. Gives how many it took.
fn until_done(job: &Job, mut disk: SimulatedDisk, dice: &mut Dice, history: &str) -> u32 {
    for count in 1..50 {
        if count < 4 && dice.unit() < 0.5 {
            disk.cut_after((dice.unit() * 40.0) as u64);
        }
        match process(job, &disk, dice) {
            Ok(()) => {
                check(job, &disk, history);
                // And once more, to no effect.
                let disk = disk.after_a_kill();
                let before = disk.changes();
                process(job, &disk, dice).unwrap_or_else(|refusal| panic!("{history}: {refusal:?}"));
                check(job, &disk, history);
                assert!(disk.changes() == before, "{history}: something was done again");
                return count;
            }
            Err(Refusal::Io(_)) if disk.is_cut() => {}
            Err(refusal) => panic!("{history}: {refusal:?}"),
        }
        let is_killed = dice.unit() < 0.3;
        let share = dice.unit();
        disk = if is_killed { disk.after_a_kill() } else { disk.after_a_cut(|| dice.unit() < share) };
        check_untouched(job, &disk, history);
    }
    panic!("{history}: it is never done");
}

/// `SWATH_JOURNAL_HISTORIES=10000` for more of them.
#[test]
fn whatever_the_disk_loses_results_are_right() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let histories = number("SWATH_JOURNAL_HISTORIES").unwrap_or(1500);
    let seed = number("SWATH_SEED").unwrap_or(1);
    let (mut count, mut refused) = (0, 0);
    for seed in seed.. {
        let mut dice = Dice::new(seed);
        let job = Job::draw(&mut dice);
        let fresh = || {
            let disk = SimulatedDisk::default();
            disk.put(&at("b"), &job.input);
            disk.put(&at("m"), &job.persistent);
            disk
        };
        let disk = fresh();
        process(&job, &disk, &mut Dice::new(seed)).unwrap_or_else(|refusal| panic!("seed {seed}: {refusal:?}"));
        check(&job, &disk, &format!("seed {seed}"));
        for cut in 0..disk.changes() {
            let history = format!("seed {seed}, cut at {cut}");
            let disk = fresh();
            disk.cut_after(cut);
            match process(&job, &disk, &mut Dice::new(seed)) {
                Err(Refusal::Io(_)) => {}
                other => panic!("{history}: {other:?} without power"),
            }
            let share = dice.unit();
            let disk = disk.after_a_cut(|| dice.unit() < share);
            check_untouched(&job, &disk, &history);
            // The very first record may be torn: then it says so.
            match progress(&disk, &at("j")) {
                Err(Refusal::Wrong { problem, .. }) => {
                    assert!(problem.contains("torn"), "{history}: {problem}");
                    refused += 1;
                }
                _ => _ = until_done(&job, disk, &mut dice, &history),
            }
            count += 1;
        }
        if count >= histories {
            break;
        }
    }
    println!("{count} histories, of which {refused} were refused");
    assert!(refused * 10 < count, "{refused} of {count} were refused");
}
