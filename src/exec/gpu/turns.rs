//! Long kernels in parts, so that others' short ones come in between.
//!
//! A device runs what it is given in order, and a dispatch to its end: whoever comes next waits for it. A kernel that took long
//! before is therefore submitted in parts of some hundredths of a second, of which no more than two are on their way. How long
//! a kernel takes is known once it has run: the first time it is one dispatch.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use super::{
    Gpu,
    submit::{BoundPipeline, TileLayout, record_tiles},
};
use crate::{
    error::Result,
    exec::stop::{LeftBehind, Stop},
    kernel::passes::TileUniform,
    plan::Part,
};

/// What takes longer than this is cut, into parts that take so long. A small call waits for the parts that are on their way
/// three times: with its data, with its kernel, and with its results.
const LONG: Duration = Duration::from_millis(60);
const TURN: Duration = Duration::from_millis(15);

/// Parts on their way: while the device runs one, the next is there.
const AHEAD: usize = 2;

/// Workgroups of a grid that tells how long others take.
const TELLING: f64 = 256.0;

/// Seconds that a kernel takes for each workgroup; 0 where that is not known.
#[derive(Default)]
pub(super) struct Rate {
    rate: AtomicU64,
    /// When it ran last.
    last: AtomicU64,
}

/// Launches of a device at this moment.
#[derive(Default)]
pub(super) struct InFlight {
    now: AtomicU32,
    /// Launches that began.
    begun: AtomicU64,
}

/// A launch, until it is dropped.
pub(super) struct Flight<'f> {
    all: &'f InFlight,
    /// Its number, and whether no other was there when it began.
    number: u64,
    was_alone: bool,
}

impl InFlight {
    pub fn begin(&self) -> Flight<'_> {
        let was_alone = self.now.fetch_add(1, Ordering::AcqRel) == 0;
        Flight { all: self, number: self.begun.fetch_add(1, Ordering::AcqRel), was_alone }
    }
}

impl Flight<'_> {
    /// Whether it has had the device to itself.
    fn is_alone(&self) -> bool {
        self.was_alone && self.all.begun.load(Ordering::Acquire) == self.number + 1
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.all.now.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Rate {
    /// A grid of so many workgroups took so long.
    ///
    /// What is short, or of few workgroups, says nothing of long ones, save that they are not so slow. The same goes for launches
    /// beside others, for which they may have waited. Of the last two the faster one counts: one that something held up is not
    /// slow.
    pub fn note(&self, workgroups: [u32; 3], took: Duration, flight: &Flight<'_>) {
        let count = count(workgroups);
        let seen = took.as_secs_f64() / count;
        let (rate, last) = (load(&self.rate), load(&self.last));
        if took < TURN || count < TELLING || !flight.is_alone() {
            if seen < rate {
                store(&self.rate, seen);
            }
            return;
        }
        store(&self.rate, if last > 0.0 { seen.min(last) } else { seen });
        store(&self.last, seen);
    }

    #[cfg(test)]
    fn set(&self, workgroups: [u32; 3], took: Duration) {
        store(&self.rate, took.as_secs_f64() / count(workgroups));
    }

    /// In how many parts to run a grid.
    pub fn turns(&self, workgroups: [u32; 3]) -> u32 {
        let expected = load(&self.rate) * count(workgroups);
        if expected <= LONG.as_secs_f64() { 1 } else { (expected / TURN.as_secs_f64()).ceil() as u32 }
    }
}

fn load(number: &AtomicU64) -> f64 {
    f64::from_bits(number.load(Ordering::Relaxed))
}

fn store(number: &AtomicU64, value: f64) {
    number.store(value.to_bits(), Ordering::Relaxed);
}

fn count(workgroups: [u32; 3]) -> f64 {
    workgroups.map(f64::from).iter().product()
}

/// Submits a grid in so many parts, or as many as its longest axis has workgroups, save the last: that one's encoder is
/// returned, with the number of dispatches.
pub(super) fn record_turns(
    gpu: &Gpu,
    bound: BoundPipeline<'_>,
    layout: TileLayout<'_>,
    (tile, whole): (&TileUniform, Part),
    turns: u32,
    stop: Option<&Stop>,
) -> Result<(wgpu::CommandEncoder, u32)> {
    let axis = (0..3).max_by_key(|&axis| whole.size[axis]).unwrap_or(0);
    let units = whole.size[axis];
    let most = units.div_ceil(turns.clamp(1, units));
    let (mut start, mut dispatches) = (0, 0);
    let mut on_their_way = VecDeque::with_capacity(AHEAD);
    loop {
        let mut part = whole;
        (part.origin[axis], part.size[axis]) = (start, most.min(units - start));
        start += part.size[axis];
        let (encoder, count) = record_tiles(gpu, bound, layout, tile, part, None, stop)?;
        dispatches += count;
        if start == units {
            return Ok((encoder, dispatches));
        }
        if on_their_way.len() == AHEAD
            && let Some(oldest) = on_their_way.pop_front()
        {
            gpu.wait(oldest, stop)?;
        }
        if let Some(stop) = stop.filter(|stop| stop.is_due()) {
            return Err(stop.error(LeftBehind::Unspecified));
        }
        on_their_way.push_back(gpu.queue.submit([encoder.finish()]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exec::{
            ArgData, Launch,
            gpu::{GpuBackend, device, submit},
        },
        kernel::Module,
    };

    #[test]
    fn only_what_took_long_is_cut() {
        let (rate, all) = (Rate::default(), InFlight::default());
        assert_eq!(rate.turns([u32::MAX, 1, 1]), 1, "nobody knows");
        rate.note([1000, 10, 1], Duration::from_millis(59), &all.begin());
        assert_eq!(rate.turns([1000, 10, 1]), 1);
        assert_eq!(rate.turns([1000, 100, 1]), 40);
        assert_eq!(rate.turns([10, 1, 1]), 1);
        // Who waits for others is not slow, nor who is held up once, and few workgroups tell nothing.
        let (first, second) = (all.begin(), all.begin());
        for flight in [&first, &second] {
            rate.note([1000, 10, 1], Duration::from_millis(600), flight);
        }
        drop((first, second));
        rate.note([10, 10, 1], Duration::from_millis(600), &all.begin());
        rate.note([1000, 10, 1], Duration::from_millis(600), &all.begin());
        assert_eq!(rate.turns([1000, 100, 1]), 40);
        rate.note([1000, 10, 1], Duration::from_millis(590), &all.begin());
        assert_eq!(rate.turns([1000, 100, 1]), 394);
        rate.note([1000, 10, 1], Duration::from_millis(1), &all.begin());
        assert_eq!(rate.turns([1000, 100, 1]), 1);
    }

    const UPDATE: &str = "
        @group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(64)
        fn update(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
            let i = id.x + 64u * count.x * (id.y + count.y * id.z);
            if i < arrayLength(&y) { y[i] = 3u * y[i] + i + count.x; }
        }";

    /// Whoever else uses the device meanwhile, each workgroup runs once.
    #[test]
    fn a_long_kernel_runs_in_parts() {
        let Some(open) = device::open_all().into_iter().next() else {
            assert!(std::env::var_os("SWATH_REQUIRE_GPU").is_none_or(|v| v != "1"), "there is no GPU");
            eprintln!("skipped: there is no GPU");
            return;
        };
        let gpu = GpuBackend::new(open).gpu();
        let kernel = Module::parse(UPDATE).and_then(|module| module.only_kernel()).expect("the WGSL is right");
        let (plain, _) = gpu.pipelines.get(&gpu, &kernel, &gpu.pipelines.variant(&kernel, false)).expect("it compiles");
        let run = |workgroups: [u32; 3]| {
            let count = 64 * workgroups.iter().product::<u32>();
            let mut y: Vec<u32> = (0..count).collect();
            plain.rate.set(workgroups, Duration::from_secs(20));
            let args = vec![ArgData::Write(bytemuck::cast_slice_mut(&mut y))];
            let launch = Launch::new(&kernel, args, workgroups);
            let (metrics, _) = submit::launch_with(&gpu, launch, None).expect("it runs");
            let is_right = y.iter().zip(0..).all(|(&y, i)| y == 4 * i + workgroups[0]);
            assert!(is_right, "{workgroups:?} in {} dispatches", metrics.dispatches);
            metrics.dispatches
        };
        for (workgroups, dispatches) in [([1, 1, 1], 1), ([5, 1, 1], 5), ([100, 3, 1], 100), ([2, 3, 60], 60)] {
            assert_eq!(run(workgroups), dispatches, "{workgroups:?}");
        }
        std::thread::scope(|scope| {
            for number in 1..17 {
                let run = &run;
                scope.spawn(move || {
                    (0..2).for_each(|_| {
                        run([10 * number, 1, 1]);
                    })
                });
            }
        });
    }
}
