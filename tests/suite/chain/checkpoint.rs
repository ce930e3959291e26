//! Chains with a checkpoint: stopped anywhere and made again, they give what an undisturbed one gives.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use swath::{CancelToken, ChainBuilder, CheckpointEvery, Error, chain::Slot};

use super::*;
use crate::random::Random;

const N: usize = 200;

/// A drawn chain. Some calls, a loop of some more that looks at a slot after every other round, and some behind it.
struct Drawn {
    seed: u64,
    rounds: usize,
}

/// A chain that is built, and what its runs are given and give.
struct Built {
    chain: Chain,
    given: Slot<u32>,
    state: Slot<u32>,
    result: Slot<u32>,
    factor: swath::chain::Value<u32>,
}

/// What calls may use: each slot, and whether it holds anything.
struct Slots(Vec<(Slot<u32>, bool)>);

impl Slots {
    fn filled(&self, random: &mut Random) -> Slot<u32> {
        let filled: Vec<_> = self.0.iter().filter(|(_, filled)| *filled).collect();
        filled[random.below(filled.len())].0
    }

    /// Adds some calls. Those in a loop fill nothing that was not filled before.
    fn calls(&mut self, chain: &mut ChainBuilder, random: &mut Random, factor: swath::chain::Value<u32>, count: usize) {
        for _ in 0..count {
            let to = random.below(self.0.len());
            let (dst, filled) = self.0[to];
            let src = self.filled(random);
            let same = format!("{src:?}") == format!("{dst:?}");
            match random.below(6) {
                0 => chain.zero(dst),
                1 if filled && !same => {
                    chain.call(&kernel("add")).bind("src", src).bind("dst", dst).grid(N);
                }
                2 if filled && !same => chain.swap(src, dst),
                3 | 4 if !same => {
                    chain.call(&kernel("spread")).bind("src", src).bind("dst", dst).grid(N);
                }
                _ if !same => {
                    let call = chain.call(&kernel("scale")).set_value("params.factor", factor);
                    call.set("params.offset", random.below(100) as u32).bind("src", src).bind("dst", dst).grid(N);
                }
                _ => continue,
            }
            self.0[to].1 = true;
        }
    }
}

impl Drawn {
    /// Builds it. `look` is told of each look at the slot, and says whether the loop is done.
    fn build(&self, runtime: &Runtime, device: &Device, look: impl Fn() -> bool + Send + Sync + 'static) -> Built {
        let mut random = Random::new(self.seed);
        let mut chain = runtime.chain();
        let (given, state) = (chain.input::<u32>(N), chain.in_out::<u32>(N));
        let result = chain.output::<u32>(N);
        let scratch: Vec<_> = (0..3).map(|_| (chain.scratch::<u32>(N), false)).collect();
        let factor = chain.value(3u32);
        let mut slots = Slots([vec![(given, true), (state, true), (result, true)], scratch].concat());
        let (before, inside, behind) = (random.below(6), 1 + random.below(5), random.below(6));
        slots.calls(&mut chain, &mut random, factor, before);
        let body = random.next();
        let known: Vec<_> = slots.0.clone();
        chain.repeat_until(
            self.rounds,
            2,
            state,
            move |_| look(),
            |round, chain| {
                // The same calls in every round, save that swaps are done only in pairs of rounds: so all is back in its place.
                let mut random = Random::new(body);
                let mut slots = Slots(known.iter().filter(|(_, filled)| *filled).copied().collect());
                let (from, to) = (slots.filled(&mut random), slots.filled(&mut random));
                for _ in 0..inside {
                    let (src, dst) = (slots.filled(&mut random), slots.filled(&mut random));
                    if format!("{src:?}") == format!("{dst:?}") {
                        chain.zero(dst);
                    } else {
                        chain
                            .call(&kernel("scale"))
                            .set_value("params.factor", factor)
                            .set("params.offset", round as u32)
                            .bind("src", src)
                            .bind("dst", dst)
                            .grid(N);
                    }
                }
                chain.swap(from, to);
                slots.0.clear();
            },
        );
        slots.calls(&mut chain, &mut random, factor, behind);
        chain.call(&kernel("add")).bind("src", given).bind("dst", state).grid(N);
        chain.call(&kernel("spread")).bind("src", state).bind("dst", result).grid(N);
        chain.device(device);
        Built { chain: chain.build().expect("the chain is right"), given, state, result, factor }
    }
}

/// A folder for a checkpoint, removed in the end.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join("c")
    }
}

/// What a run gives.
type Results = (Vec<u32>, Vec<u32>);

fn data(seed: u64) -> Results {
    (numbers(N, seed as u32), numbers(N, !seed as u32))
}

/// One process: builds the chain, and runs it until the look at its slot of the number `last`, if there are so many.
fn process(
    (runtime, device): (&Runtime, &Device),
    drawn: &Drawn,
    checkpoint: Option<(&Path, CheckpointEvery)>,
    done_at: usize,
    last: usize,
) -> swath::Result<(Results, swath::chain::ChainReport)> {
    let looks = Arc::new(AtomicUsize::new(0));
    let token = CancelToken::new();
    let look = {
        let (looks, token) = (looks.clone(), token.clone());
        move || {
            if looks.fetch_add(1, Ordering::Relaxed) == last {
                token.cancel();
            }
            false
        }
    };
    let built = drawn.build(runtime, device, look);
    built.chain.poison(0x5a).unwrap();
    let (given, mut state) = data(drawn.seed);
    let mut result = vec![0; N];
    let mut run = built.chain.value(built.factor, done_at as u32 + 5).cancel(&token);
    if let Some((path, every)) = checkpoint {
        run = run.checkpoint(path, every);
    }
    let report =
        run.run([built.given.from(&given)], [built.state.update(&mut state), built.result.into(&mut result)])?;
    Ok(((state, result), report))
}

#[test]
fn stopped_anywhere_a_chain_goes_on_to_the_same_results() {
    let (mut resumed, mut stopped) = (0, 0);
    for (runtime, device) in devices() {
        let on = (&runtime, &device);
        for seed in 0..10 {
            let drawn = Drawn { seed, rounds: 2 + 2 * (seed as usize % 4) };
            let (expected, _) = process(on, &drawn, None, 1, usize::MAX).unwrap();
            for every in [1, 3, 4, 100] {
                let folder = Folder::new();
                let path = folder.path();
                let checkpoint = Some((path.as_path(), CheckpointEvery::from(every)));
                let what = format!("seed {seed}, every {every} on {}", device.name());
                let mut last = 0;
                let report = loop {
                    match process(on, &drawn, checkpoint, 1, last) {
                        Ok((found, report)) => {
                            assert!(found == expected, "{what}: wrong");
                            break report;
                        }
                        Err(Error::Cancelled(_)) => stopped += 1,
                        Err(error) => panic!("{what}: {error}"),
                    }
                    last += 1;
                };
                resumed += usize::from(report.resumed_calls() > 0);
                // And once more: nothing runs.
                let (again, report) = process(on, &drawn, checkpoint, 1, usize::MAX).unwrap();
                assert!(again == expected, "{what}: made again");
                assert_eq!((report.dispatches(), report.checkpoints()), (0, 0), "{what}");
                // Other values are another run.
                let error = process(on, &drawn, checkpoint, 2, usize::MAX).unwrap_err().to_string();
                assert!(error.contains("other values"), "{what}: {error}");
            }
        }
    }
    println!("{resumed} resumed, {stopped} stopped");
    let kinds = devices().len();
    assert!(resumed >= 15 * kinds && stopped >= 40 * kinds, "{resumed} resumed, {stopped} stopped");
}

#[test]
fn states_are_stored_by_calls_and_by_time() {
    for (runtime, device) in devices() {
        let folder = Folder::new();
        let (chain, state) = steps(&runtime, &device, 100);
        let mut data = numbers(N, 1);
        let report = chain.checkpoint(folder.path(), 30).run([], [state.update(&mut data)]).unwrap();
        // After 30, 60, 90, and at the end.
        assert_eq!((report.checkpoints(), report.resumed_calls(), report.dispatches()), (4, 0, 100));
        assert!(report.to_string().contains("4 states stored in "), "{report}");
        for every in [Duration::ZERO.into(), CheckpointEvery::Failure(Duration::ZERO)] {
            let folder = Folder::new();
            let report = chain.checkpoint(folder.path(), every).run([], [state.update(&mut data)]).unwrap();
            assert!(report.checkpoints() > 50, "{report}");
        }
        let folder = Folder::new();
        let hour = CheckpointEvery::Failure(Duration::from_secs(3600));
        let report = chain.checkpoint(folder.path(), hour).run([], [state.update(&mut data)]).unwrap();
        assert_eq!(report.checkpoints(), 1, "{report}");
        assert!(report.checkpoint_time() > Duration::ZERO && report.checkpoint_time() < report.total_time());
    }
}

/// A chain of so many steps.
fn steps(runtime: &Runtime, device: &Device, count: usize) -> (Chain, Slot<u32>) {
    let mut chain = runtime.chain();
    let (state, next) = (chain.in_out::<u32>(N), chain.scratch::<u32>(N));
    chain.repeat(count, |_, chain| {
        chain.call(&kernel("spread")).bind("src", state).bind("dst", next).grid(N);
        chain.swap(state, next);
    });
    chain.device(device);
    (chain.build().unwrap(), state)
}

#[test]
fn other_runs_are_refused_and_change_nothing() {
    for (runtime, device) in devices() {
        let folder = Folder::new();
        let path = folder.path();
        let (chain, state) = steps(&runtime, &device, 10);
        let mut data = numbers(N, 1);
        chain.checkpoint(&path, 3).run([], [state.update(&mut data)]).unwrap();
        let refused = |chain: &Chain, state: Slot<u32>, seed: u32| {
            let mut data = numbers(N, seed);
            let error = chain.checkpoint(&path, 3).run([], [state.update(&mut data)]).unwrap_err();
            assert!(matches!(error, Error::Call(_)), "{error}");
            assert_eq!(data, numbers(N, seed));
            error.to_string()
        };
        let error = refused(&chain, state, 2);
        assert!(error.contains("`in_out 0` was changed since"), "{error}");
        let (other, slot) = steps(&runtime, &device, 12);
        let error = refused(&other, slot, 1);
        assert!(error.contains("another chain") && error.contains("remove the checkpoint"), "{error}");
        // A call's is none of a chain's, and the other way round.
        let call = runtime.call(&kernel("scale")).device(&device).set("params.factor", 1u32).set("params.offset", 1u32);
        let (src, mut dst) = (numbers(N, 1), vec![0u32; N]);
        let error = call.read("src", &src).write("dst", &mut dst).checkpoint(path.as_path()).run().unwrap_err();
        assert!(error.to_string().contains("another kernel"), "{error}");
        std::fs::write(&path, "else").unwrap();
        let error = refused(&chain, state, 1);
        assert!(error.contains("is no checkpoint"), "{error}");
        let nowhere = chain.checkpoint("/nowhere/at/all", 3).run([], [state.update(&mut data)]).unwrap_err();
        assert!(matches!(nowhere, Error::Io(_)), "{nowhere}");
    }
}

#[test]
fn resident_buffers_are_refused_by_name() {
    for (runtime, device) in devices() {
        let buffer = runtime.buffer_on(&device, &numbers(N, 1)).unwrap();
        let mut chain = runtime.chain();
        let src = chain.input::<u32>(N);
        chain.call(&kernel("add")).bind("src", src).bind("dst", &buffer).grid(N);
        let chain = chain.build().unwrap();
        let folder = Folder::new();
        let error = chain.checkpoint(folder.path(), 1).run([src.from(&numbers(N, 2))], []).unwrap_err().to_string();
        assert!(error.contains("a buffer (`dst`)") && error.contains("bind a slot"), "{error}");
        assert!(!folder.path().exists());
    }
}
