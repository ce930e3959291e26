//! Deadlines and cancellation of chains.

use std::time::{Duration, Instant};

use swath::{CancelToken, Error};

use super::*;

/// More than any machine takes to notice, less than a test that hangs.
const SOON: Duration = Duration::from_secs(20);

/// A chain of very many short steps: far more than end in a moment.
fn long(runtime: &Runtime, device: &Device, steps: usize) -> (Chain, swath::chain::Slot<u32>) {
    let n = 20_000;
    let mut chain = runtime.chain();
    let (state, next) = (chain.in_out::<u32>(n), chain.scratch::<u32>(n));
    let spread = kernel("spread");
    chain.repeat(steps, |_, chain| {
        chain.call(&spread).bind("src", state).bind("dst", next).grid(n);
        chain.swap(state, next);
    });
    chain.device(device);
    (chain.build().unwrap(), state)
}

/// Waits until the device takes work again: a GPU may have been given up.
fn wait(runtime: &Runtime, device: &Device) {
    while let Err(error) = runtime.buffer_zeroed_on::<u32>(device, 1) {
        assert!(matches!(error, Error::Busy(_)), "{error}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_run_ends_at_its_deadline_or_when_it_is_cancelled() {
    for (runtime, device) in own_devices() {
        let (chain, state) = long(&runtime, &device, 2_000_000);
        let mut data = numbers(20_000, 1);
        let start = Instant::now();
        let late = chain.deadline(Duration::from_millis(100)).run([], [state.update(&mut data)]).unwrap_err();
        assert!(matches!(late, Error::Deadline(_)), "{late}");
        assert!(late.to_string().starts_with("`chain`: it was "), "{late}");
        wait(&runtime, &device);
        let token = CancelToken::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(100));
                token.cancel();
            });
            let cancelled = chain.cancel(&token).run([], [state.update(&mut data)]).unwrap_err();
            assert!(matches!(cancelled, Error::Cancelled(_)), "{cancelled}");
        });
        wait(&runtime, &device);
        let before = chain.cancel(&token).run([], [state.update(&mut data)]).unwrap_err();
        assert!(before.to_string().contains("cancelled before it started"), "{before}");
        assert!(start.elapsed() < SOON, "{:?} on {}", start.elapsed(), device.name());
    }
}

#[test]
fn a_run_waits_for_another_no_longer_than_it_may() {
    for (runtime, device) in own_devices() {
        let (chain, state) = long(&runtime, &device, 2_000_000);
        let token = CancelToken::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut data = numbers(20_000, 1);
                assert!(chain.cancel(&token).run([], [state.update(&mut data)]).is_err());
            });
            std::thread::sleep(Duration::from_millis(100));
            let mut data = numbers(20_000, 1);
            let start = Instant::now();
            let late = chain.deadline(Duration::from_millis(50)).run([], [state.update(&mut data)]).unwrap_err();
            assert!(matches!(late, Error::Deadline(_)), "{late}");
            assert!(start.elapsed() < SOON);
            token.cancel();
        });
    }
}

#[test]
fn a_chain_runs_again_after_it_was_stopped() {
    for (runtime, device) in own_devices() {
        let (chain, state) = long(&runtime, &device, 200);
        let start = numbers(20_000, 1);
        let expected = (0..200).fold(start.clone(), |data, _| spread(&data));
        let mut data = start.clone();
        chain.deadline(Duration::from_secs(600)).run([], [state.update(&mut data)]).unwrap();
        assert_eq!(data, expected, "{}", device.name());
        let mut data = start.clone();
        let _ = chain.deadline(Duration::from_micros(300)).run([], [state.update(&mut data)]);
        wait(&runtime, &device);
        let mut data = start;
        chain.run([], [state.update(&mut data)]).unwrap();
        assert_eq!(data, expected, "{}", device.name());
    }
}
