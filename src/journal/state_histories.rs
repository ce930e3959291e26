//! Drawn histories of chains on a disk that loses power at every write: whatever is lost, the result is that of a run that
//! nothing disturbed, or the checkpoint is refused.

use std::path::Path;

use super::{Header, Position, Refusal, STEPS, StateLog};
use crate::{
    digest::Digest,
    file::{FileSystem, simulated::SimulatedDisk},
    schedule::simulate::Dice,
};

/// A run: its memories' contents at the start, and its steps.
struct Job {
    start: Vec<Vec<u8>>,
    steps: u64,
    seed: u64,
}

impl Job {
    fn draw(dice: &mut Dice) -> Job {
        let memories = 1 + (dice.unit() * 3.0) as usize;
        let mut bytes = || (0..1 + (dice.unit() * 6000.0) as usize).map(|_| (dice.unit() * 256.0) as u8).collect();
        let start = (0..memories).map(|_| bytes()).collect();
        Job { start, steps: 2 + (dice.unit() * 12.0) as u64, seed: (dice.unit() * 1e9) as u64 }
    }

    fn header(&self) -> Header {
        Header {
            engine: "swath".into(),
            devices: "cpu".into(),
            kernel: 1,
            call: u128::from(self.seed),
            axis: STEPS,
            units: self.steps as u32,
            data: vec![("input 0".into(), Digest::of(&self.start[0]))],
        }
    }

    /// A step, of which the order matters.
    fn step(&self, memory: &mut [Vec<u8>], step: u64) {
        for (number, bytes) in memory.iter_mut().enumerate() {
            let odd = (self.seed ^ step) as u8 | 1;
            bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(odd).wrapping_add(number as u8 ^ step as u8));
        }
    }

    fn expected(&self) -> Vec<Vec<u8>> {
        let mut memory = self.start.clone();
        (0..self.steps).for_each(|step| self.step(&mut memory, step));
        memory
    }

    fn room(&self) -> u64 {
        StateLog::room(self.start.iter().map(|bytes| bytes.len() as u64))
    }
}

const LOG: &str = "c";

/// One process: it goes on with what is on the disk until it is done, or the power is gone. The result, and the step that it
/// began with.
fn process(job: &Job, disk: &SimulatedDisk, dice: &mut Dice) -> Result<(Vec<Vec<u8>>, u64), Refusal> {
    let mut log = StateLog::open(disk, Path::new(LOG), &job.header(), job.room())?;
    let mut memory = job.start.clone();
    let first = log.position().map_or(0, |position| position.step);
    for (number, start, bytes) in log.restore()? {
        memory[number as usize][start as usize..][..bytes.len()].copy_from_slice(&bytes);
    }
    for step in first..job.steps {
        job.step(&mut memory, step);
        let is_last = step + 1 == job.steps;
        if is_last || dice.unit() < 0.5 {
            // In pieces, as several members would have them.
            let cut = |bytes: &Vec<u8>| bytes.len() / 4096 * 4096;
            let halves = memory.iter().enumerate().flat_map(|(number, bytes)| {
                let (front, back) = bytes.split_at(cut(bytes));
                [(number as u32, 0, front), (number as u32, front.len() as u64, back)]
            });
            let pieces: Vec<_> = halves.filter(|(_, _, bytes)| !bytes.is_empty()).collect();
            log.store(Position { step: step + 1, check: 0, rounds: vec![step] }, &pieces)?;
        }
    }
    Ok((memory, first))
}

/// Runs processes on what each leaves to the next, until one comes to its end.
fn until_done(job: &Job, mut disk: SimulatedDisk, dice: &mut Dice, history: &str) {
    for count in 1..50 {
        if count < 4 && dice.unit() < 0.5 {
            disk.cut_after((dice.unit() * 20.0) as u64);
        }
        match process(job, &disk, dice) {
            Ok((memory, _)) => {
                assert!(memory == job.expected(), "{history}: a wrong result");
                // And once more: nothing runs.
                let disk = disk.after_a_kill();
                let (again, first) =
                    process(job, &disk, dice).unwrap_or_else(|refusal| panic!("{history}: {refusal:?}"));
                assert!(again == memory && first == job.steps, "{history}: something ran again");
                return;
            }
            Err(Refusal::Io(_)) if disk.is_cut() => {}
            Err(refusal) => panic!("{history}: {refusal:?}"),
        }
        let is_killed = dice.unit() < 0.3;
        let share = dice.unit();
        disk = if is_killed { disk.after_a_kill() } else { disk.after_a_cut(|| dice.unit() < share) };
    }
    panic!("{history}: it is never done");
}

/// `SWATH_JOURNAL_HISTORIES=10000` for more of them.
#[test]
fn whatever_the_disk_loses_a_chain_goes_on() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let histories = number("SWATH_JOURNAL_HISTORIES").unwrap_or(1500);
    let (mut count, mut refused) = (0, 0);
    for seed in number("SWATH_SEED").unwrap_or(1).. {
        let mut dice = Dice::new(seed);
        let job = Job::draw(&mut dice);
        let disk = SimulatedDisk::default();
        let (memory, _) = process(&job, &disk, &mut Dice::new(seed)).expect("nothing disturbs it");
        assert!(memory == job.expected());
        for cut in 0..disk.changes() {
            let history = format!("seed {seed}, cut at {cut}");
            let disk = SimulatedDisk::default();
            disk.cut_after(cut);
            match process(&job, &disk, &mut Dice::new(seed)) {
                Err(Refusal::Io(_)) => {}
                other => panic!("{history}: {:?} without power", other.map(|(_, first)| first)),
            }
            let share = dice.unit();
            let disk = disk.after_a_cut(|| dice.unit() < share);
            // The header may be torn: then it says so.
            match StateLog::open(&disk, Path::new(LOG), &job.header(), job.room()) {
                Err(Refusal::Wrong { problem, .. }) => {
                    assert!(problem.contains("torn"), "{history}: {problem}");
                    refused += 1;
                }
                _ => until_done(&job, disk, &mut dice, &history),
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

/// `SWATH_JOURNAL_DAMAGE=10000` for more.
#[test]
fn a_damaged_state_is_refused_or_right() {
    let cases = std::env::var("SWATH_JOURNAL_DAMAGE").ok().and_then(|text| text.parse().ok()).unwrap_or(2000);
    let mut dice = Dice::new(5);
    let job = Job { steps: 9, ..Job::draw(&mut dice) };
    let whole = SimulatedDisk::default();
    process(&job, &whole, &mut dice).expect("nothing disturbs it");
    let contents = |name: &str| whole.contents(Path::new(name)).expect("it is there");
    let (mut refused, mut right) = (0, 0);
    for case in 0..cases {
        let (mut log, mut data) = (contents(LOG), contents("c.data"));
        let mut roll = |below: usize| (dice.unit() * below as f64) as usize;
        match case % 5 {
            0 => log.truncate(roll(log.len())),
            1 => data.truncate(roll(data.len())),
            2 => {
                let at = roll(data.len());
                data[at] ^= 1 << roll(8);
            }
            _ => {
                for _ in 0..=roll(3) {
                    let at = roll(log.len());
                    log[at] ^= 1 + roll(255) as u8;
                }
            }
        }
        let disk = SimulatedDisk::default();
        disk.put(Path::new(LOG), &log);
        disk.put(Path::new("c.data"), &data);
        match process(&job, &disk, &mut dice) {
            Ok((memory, _)) => {
                assert!(memory == job.expected(), "case {case}: a wrong result");
                right += 1;
            }
            Err(Refusal::Wrong { .. }) => refused += 1,
            Err(Refusal::Io(error)) => panic!("case {case}: {error}"),
        }
    }
    println!("{refused} refused, {right} right");
    assert!(refused > cases / 4 && right > cases / 50);
}

/// Whatever differs is named.
#[test]
fn states_of_something_else_are_refused_by_name() {
    let job = Job::draw(&mut Dice::new(7));
    let disk = SimulatedDisk::default();
    process(&job, &disk, &mut Dice::new(7)).expect("nothing disturbs it");
    let header = job.header();
    for (change, words) in [
        (Header { engine: "swath 9.9.9".into(), ..header.clone() }, "belongs to swath, and this is swath 9.9.9"),
        (Header { kernel: 9, ..header.clone() }, "another chain"),
        (Header { call: 9, ..header.clone() }, "other values"),
        (Header { devices: "gpu".into(), ..header.clone() }, "a run on cpu, and this is one on gpu"),
        (Header { data: vec![("input 0".into(), 9)], ..header.clone() }, "`input 0` was changed"),
    ] {
        let result = StateLog::open(&disk, Path::new(LOG), &change, job.room());
        let Err(Refusal::Wrong { problem, .. }) = result else { panic!("{words}: not refused") };
        assert!(problem.contains(words), "{problem}");
    }
    disk.remove(Path::new("c.data")).expect("removed");
    let result = StateLog::open(&disk, Path::new(LOG), &header, job.room());
    let Err(Refusal::Wrong { problem, .. }) = result else { panic!("it is not refused") };
    assert!(problem.contains("lost its data"), "{problem}");
}
