//! Calls that share a limited memory of a GPU.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
        mpsc::channel,
    },
    thread,
    time::{Duration, Instant},
};

use super::*;
use crate::{buffer::Buffer, device::Device, exec::gpu, schedule::simulate::Dice};

const ADD: &str = "
    @group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn add(@builtin(global_invocation_id) id: vec3u) {
        if id.x < arrayLength(&y) { y[id.x] = 3u * y[id.x] + x[id.x]; }
    }";

/// Elements that may be used of each binding in the largest call.
const MOST: usize = 1 << 16;

/// The memory of two of the largest calls, with room.
const BUDGET: u64 = 2 * (2 * 4 * MOST as u64 / 8 * 9 + 4096);

struct Gpu {
    devices: Devices,
    gpu: Device,
    most: Box<dyn Fn() -> u64>,
}

/// A GPU of whose memory so much may be used, and the CPU engine.
fn limited(bytes: u64) -> Option<Gpu> {
    let Some((backend, most)) = gpu::metered() else {
        assert!(std::env::var_os("SWATH_REQUIRE_GPU").is_none_or(|v| v != "1"), "there is no GPU");
        eprintln!("skipped: there is no GPU");
        return None;
    };
    let devices = Devices::new(vec![backend, cpu::engine_of(1)], None, &History::Off, Some(bytes)).expect("there are");
    let gpu = devices.named("gpu").expect("it is there");
    Some(Gpu { devices, gpu, most: Box::new(most) })
}

fn data(count: usize) -> (Vec<u32>, Vec<u32>) {
    ((0..count as u32).collect(), (0..count as u32).map(|i| i ^ 0x55).collect())
}

fn is_right(y: &[u32]) -> bool {
    y.iter().zip(0u32..).all(|(&y, i)| y == 3 * (i ^ 0x55) + i)
}

fn add<'a>(devices: &Devices, x: &'a [u32], y: &'a mut [u32]) -> Call<'a> {
    let count = y.len();
    Call::new(devices.clone(), kernel(ADD)).device("gpu").read("x", x).read_write("y", y).grid([count])
}

#[test]
fn calls_at_the_same_time_stay_below_the_limit() {
    let Some(Gpu { devices, most, .. }) = limited(BUDGET) else { return };
    const THREADS: usize = 64;
    let barrier = Barrier::new(THREADS);
    let on_gpu = AtomicU64::new(0);
    thread::scope(|scope| {
        for number in 0..THREADS as u64 {
            let (devices, barrier, on_gpu) = (&devices, &barrier, &on_gpu);
            scope.spawn(move || {
                let mut dice = Dice::new(number);
                barrier.wait();
                for _ in 0..3 {
                    let count = if number == 0 { MOST } else { dice.log_between(1.0, MOST as f64) as usize };
                    let (x, mut y) = data(count);
                    let report = add(devices, &x, &mut y).run().unwrap_or_else(|error| panic!("{count}: {error}"));
                    assert!(is_right(&y), "{count} elements");
                    on_gpu.fetch_add(u64::from(report.faults().is_empty()), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(on_gpu.into_inner(), 3 * THREADS as u64, "all had their turn");
    assert!(most() <= BUDGET, "{} of {BUDGET} bytes", most());
    assert!(most() > BUDGET / 4, "{} of {BUDGET} bytes", most());
}

#[test]
fn what_needs_more_than_there_is_comes_in_tiles() {
    let Some(Gpu { devices, most, .. }) = limited(BUDGET) else { return };
    let (x, mut y) = data(8 * MOST);
    let report = add(&devices, &x, &mut y).run().expect("it is cut");
    assert!(is_right(&y) && report.tiles() > 1, "{report}");
    assert!(most() <= BUDGET, "{} of {BUDGET} bytes", most());
}

#[test]
fn a_shared_call_stays_below_it_too() {
    let Some(Gpu { devices, most, .. }) = limited(BUDGET) else { return };
    let (x, mut y) = data(8 * MOST);
    let report = add(&devices, &x, &mut y).device("gpu,cpu").run().expect("both run it");
    assert!(is_right(&y) && report.members().len() == 2 && report.faults().is_empty(), "{report}");
    assert!(most() <= BUDGET, "{} of {BUDGET} bytes", most());
}

/// A call that holds nearly all of the memory until its callback is let go.
fn hold<'s>(
    scope: &'s thread::Scope<'s, '_>,
    devices: &'s Devices,
    inside: impl FnOnce(&Devices) + Send + 's,
) -> thread::ScopedJoinHandle<'s, ()> {
    scope.spawn(move || {
        let (x, mut y) = data(2 * MOST - 10_000);
        let mut inside = Some(inside);
        let call = add(devices, &x, &mut y).tiles(4).progress(|_| {
            if let Some(inside) = inside.take() {
                inside(devices);
            }
        });
        call.run().expect("it runs");
        assert!(is_right(&y));
    })
}

#[test]
fn who_waits_is_ended_by_a_deadline_and_by_nothing_else() {
    let Some(Gpu { devices, .. }) = limited(BUDGET) else { return };
    let (start, started) = channel();
    let (end, ended) = channel::<()>();
    thread::scope(|scope| {
        let holder = hold(scope, &devices, move |_| {
            start.send(()).expect("somebody waits");
            ended.recv().expect("somebody ends it");
        });
        started.recv().expect("it has started");
        let (x, mut y) = data(MOST);
        let before = y.clone();
        let begin = Instant::now();
        let late = add(&devices, &x, &mut y).deadline(Duration::from_millis(50)).run().expect_err("there is no room");
        assert!(matches!(late, Error::Deadline(_)), "{late}");
        assert!(begin.elapsed() < Duration::from_secs(20) && y == before);
        // Little overtakes much, and does not wait for it either.
        let (x, mut y) = data(64);
        add(&devices, &x, &mut y).run().expect("it runs");
        assert!(is_right(&y));
        let waiting = scope.spawn(|| {
            let (x, mut y) = data(MOST);
            add(&devices, &x, &mut y).run().expect("it runs");
            assert!(is_right(&y));
        });
        thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished(), "there is no room");
        end.send(()).expect("it waits");
        holder.join().expect("it did not panic");
        waiting.join().expect("it did not panic");
    });
}

#[test]
fn a_call_in_a_callback_does_not_wait_for_its_caller() {
    let Some(Gpu { devices, .. }) = limited(BUDGET) else { return };
    thread::scope(|scope| {
        let holder = hold(scope, &devices, |devices| {
            let (x, mut y) = data(MOST);
            let report = add(devices, &x, &mut y).run().expect("the engine runs it");
            assert!(is_right(&y));
            let [fault] = report.faults() else { panic!("{report}") };
            assert!(fault.to_string().contains("inside of a callback it cannot wait"), "{fault}");
            // What there is room for runs where it was to run.
            let (x, mut y) = data(64);
            let report = add(devices, &x, &mut y).run().expect("it runs");
            assert!(is_right(&y) && report.faults().is_empty(), "{report}");
        });
        holder.join().expect("it did not panic");
    });
}

#[test]
fn buffers_that_stay_are_refused_where_there_is_no_room() {
    let Some(Gpu { devices, gpu, .. }) = limited(BUDGET) else { return };
    let large = Buffer::<u8>::zeroed(&gpu, BUDGET as usize / 4 * 3).expect("there is room");
    let Err(error) = Buffer::<u8>::zeroed(&gpu, BUDGET as usize / 2) else { panic!("there is no room") };
    assert!(matches!(error, Error::OutOfMemory(_)) && error.to_string().contains("SWATH_MEMORY"), "{error}");
    // Calls are planned for what is left.
    let (x, mut y) = data(MOST);
    let report = add(&devices, &x, &mut y).run().expect("it is cut");
    assert!(is_right(&y) && report.tiles() > 1 && report.faults().is_empty(), "{report}");
    drop(large);
    Buffer::<u8>::zeroed(&gpu, BUDGET as usize / 2).expect("there is room again");
    let report = add(&devices, &x, &mut y).run().expect("it fits");
    assert_eq!(report.tiles(), 1, "{report}");
}
