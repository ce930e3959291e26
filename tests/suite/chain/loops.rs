//! Loops: steps with values of their own, states that change places, and conditions.

use super::*;

#[test]
fn states_change_places() {
    for (runtime, device) in devices() {
        for steps in [0, 1, 2, 7, 1000] {
            let mut chain = runtime.chain();
            let (state, next) = (chain.in_out::<u32>(77), chain.scratch::<u32>(77));
            let copy = chain.output::<u32>(77);
            chain.repeat(steps, |_, chain| {
                chain.call(&kernel("spread")).bind("src", state).bind("dst", next).grid(77);
                chain.swap(state, next);
            });
            chain.call(&kernel("add")).bind("src", state).bind("dst", copy).grid(77);
            if steps == 0 {
                chain.call(&kernel("add")).bind("src", copy).bind("dst", state).grid(77);
            }
            chain.device(&device);
            let chain = chain.build().unwrap();
            for seed in 0..2 {
                chain.poison(0x33).unwrap();
                let data = numbers(77, seed);
                let mut expected = (0..steps).fold(data.clone(), |data, _| spread(&data));
                let (mut now, mut copied) = (data, vec![0; 77]);
                let report = chain.run([], [state.update(&mut now), copy.into(&mut copied)]).unwrap();
                assert_eq!(copied, expected, "{} steps on {}", steps, device.name());
                if steps == 0 {
                    expected.iter_mut().for_each(|x| *x = x.wrapping_mul(2));
                }
                assert_eq!(now, expected, "{} steps on {}", steps, device.name());
                assert_eq!(report.dispatches(), steps.max(1) as u64 + 1);
            }
        }
    }
}

#[test]
fn steps_have_values_of_their_own() {
    for (runtime, device) in devices() {
        let steps = 300;
        let mut chain = runtime.chain();
        let (state, next) = (chain.in_out::<u32>(5), chain.scratch::<u32>(5));
        let offset = chain.value(0u32);
        chain.repeat(steps, |i, chain| {
            let call = chain.call(&kernel("scale")).set("params.factor", 2 * i as u32 + 1);
            let call =
                if i % 3 == 0 { call.set_value("params.offset", offset) } else { call.set("params.offset", i as u32) };
            call.bind("src", state).bind("dst", next).grid(5);
            chain.swap(state, next);
        });
        chain.device(&device);
        let chain = chain.build().unwrap();
        for now in [0u32, 9] {
            let mut data = numbers(5, 3);
            let mut expected = data.clone();
            for i in 0..steps as u32 {
                let offset = if i % 3 == 0 { now } else { i };
                expected.iter_mut().for_each(|x| *x = x.wrapping_mul(2 * i + 1).wrapping_add(offset));
            }
            chain.value(offset, now).run([], [state.update(&mut data)]).unwrap();
            assert_eq!(data, expected, "{}", device.name());
        }
    }
}

#[test]
fn slots_given_and_taken_apart() {
    for (runtime, device) in devices() {
        let mut chain = runtime.chain();
        let (state, next) = (chain.in_out::<u32>(10), chain.scratch::<u32>(10));
        chain.call(&kernel("spread")).bind("src", state).bind("dst", next).grid(10);
        chain.swap(state, next);
        chain.device(&device);
        let chain = chain.build().unwrap();
        let data = numbers(10, 8);
        let mut out = vec![0; 10];
        chain.run([state.from(&data)], [state.into(&mut out)]).unwrap();
        assert_eq!(out, spread(&data));
    }
}

/// Doubles `state` until `done` says so, then adds it to `copy`. Gives what the run left and the rounds.
fn doubled(runtime: &Runtime, device: &Device, most: usize, every: usize, limit: u32) -> (u32, u32, usize, u64) {
    let mut chain = runtime.chain();
    let (state, copy) = (chain.in_out::<u32>(1), chain.output::<u32>(1));
    let next = chain.scratch::<u32>(1);
    let done = move |state: &[u32]| state[0] >= limit;
    chain.repeat_until(most, every, state, done, |_, chain| {
        let call = chain.call(&kernel("scale")).set("params.factor", 2u32).set("params.offset", 0u32);
        call.bind("src", state).bind("dst", next).grid(1);
        chain.swap(state, next);
    });
    chain.call(&kernel("add")).bind("src", state).bind("dst", copy).grid(1);
    chain.device(device);
    let chain = chain.build().unwrap();
    let mut last = None;
    for _ in 0..2 {
        let (mut data, mut copied) = ([1], [0]);
        let report = chain.run([], [state.update(&mut data), copy.into(&mut copied)]).unwrap();
        let found = (data[0], copied[0], report.rounds()[0], report.dispatches());
        assert!(last.is_none_or(|last| last == found), "a run does not depend on the one before");
        last = Some(found);
    }
    last.unwrap()
}

#[test]
fn loops_end_when_they_are_done() {
    for (runtime, device) in devices() {
        // 2^10 is reached after 10 rounds, noticed at the next check.
        assert_eq!(doubled(&runtime, &device, 30, 2, 1 << 10), (1 << 10, 1 << 10, 10, 11), "{}", device.name());
        assert_eq!(doubled(&runtime, &device, 30, 4, 1 << 10), (1 << 12, 1 << 12, 12, 13));
        assert_eq!(doubled(&runtime, &device, 30, 4, 1), (1 << 4, 1 << 4, 4, 5));
        // The most rounds, a whole number of checks or not.
        assert_eq!(doubled(&runtime, &device, 8, 4, u32::MAX), (1 << 8, 1 << 8, 8, 9));
        assert_eq!(doubled(&runtime, &device, 10, 4, u32::MAX), (1 << 10, 1 << 10, 10, 11));
        assert_eq!(doubled(&runtime, &device, 2, 100, 0), (4, 4, 2, 3));
    }
}

#[test]
fn loops_in_loops_and_after_loops() {
    for (runtime, device) in devices() {
        let mut chain = runtime.chain();
        let (one, count) = (chain.input::<u32>(1), chain.in_out::<u32>(1));
        let add = kernel("add");
        let counted = |most: u32| move |count: &[u32]| count[0].is_multiple_of(most);
        chain.repeat_until(
            5,
            1,
            count,
            |count: &[u32]| count[0] >= 6,
            |_, chain| {
                // Up to the next multiple of 3.
                chain.repeat_until(10, 1, count, counted(3), |_, chain| {
                    chain.call(&add).bind("src", one).bind("dst", count).grid(1);
                });
            },
        );
        chain.repeat_until(100, 1, count, counted(10), |_, chain| {
            chain.call(&add).bind("src", one).bind("dst", count).grid(1);
        });
        chain.device(&device);
        let chain = chain.build().unwrap();
        let mut data = [0];
        let report = chain.run([one.from(&[1])], [count.update(&mut data)]).unwrap();
        assert_eq!((data[0], report.dispatches()), (10, 10), "{}", device.name());
        assert_eq!(*report.rounds().last().unwrap(), 4);
    }
}
