//! Deadlines and cancellation: a call ends when it has to, and what was bound stays usable.
//!
//! Kernels that never end run on the CPU engine only. A GPU cannot be interrupted, so there the kernel is one of some
//! seconds; these tests need a GPU, or a driver that plays one, and say so where there is none (with
//! `SWATH_REQUIRE_GPU=1` they fail).

#[cfg(feature = "gpu")]
#[path = "support/missing_gpu.rs"]
mod missing_gpu;
#[cfg(feature = "gpu")]
#[path = "support/validation.rs"]
mod validation;
#[path = "support/wgsl.rs"]
mod wgsl;

use std::{
    thread,
    time::{Duration, Instant},
};

use swath::{CancelToken, Error, Kernel, Result, Runtime};
use wgsl::kernel;

/// More than any machine takes to notice, less than a test that hangs.
const SOON: Duration = Duration::from_secs(20);

const SHORT: Duration = Duration::from_millis(50);

/// Counts in `y` for ever: the loop's condition depends on memory, so that nobody can tell that it does not end.
#[cfg(feature = "cpu")]
fn endless() -> Kernel {
    kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(64) fn endless(@builtin(global_invocation_id) id: vec3u) {
            for (var i = 0u; y[id.x] < 4000000000u; i++) { y[id.x] = i % 1000u + 7u; }
        }",
    )
}

fn count() -> Kernel {
    kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
            if id.x < arrayLength(&y) { y[id.x] = id.x; }
        }",
    )
}

/// The engine with each of its executors.
#[cfg(feature = "cpu")]
fn engines() -> [Runtime; 2] {
    [Runtime::cpu(), Runtime::cpu_interpreter()].map(|engine| engine.expect("the engine is always there"))
}

/// The engine as it is.
#[cfg(feature = "cpu")]
fn engine() -> Runtime {
    Runtime::cpu().expect("the engine is always there")
}

/// That `call` fails, and soon; gives the error.
fn fails<T: std::fmt::Debug>(call: impl FnOnce() -> Result<T>) -> Error {
    let start = Instant::now();
    let error = call().expect_err("the call has to stop");
    assert!(start.elapsed() < SOON, "it took {:?}", start.elapsed());
    error
}

/// The errors of a test as one text, without the times and names that differ.
fn check(name: &str, errors: &[(&str, Error)]) {
    let text = errors.iter().map(|(title, error)| {
        let error = replace(&error.to_string(), "after ", is_time, "TIME");
        let error = replace(&error, "device `", |word| !word.contains('`'), "NAME");
        format!("# {title}\n{error}\n")
    });
    let text: Vec<String> = text.collect();
    insta::with_settings!({
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, text.join("\n").trim_end());
    });
}

/// `text` with `by` in place of the longest part behind each `before` that `is_it`.
fn replace(text: &str, before: &str, is_it: impl Fn(&str) -> bool, by: &str) -> String {
    let mut parts = text.split(before);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let ends = part.char_indices().map(|(at, _)| at).chain([part.len()]);
        let end = ends.filter(|end| is_it(&part[..*end])).max();
        replaced += before;
        replaced += if end.is_some_and(|end| end > 0) { by } else { "" };
        replaced += &part[end.unwrap_or(0)..];
    }
    replaced
}

/// Whether this is a time as `Duration` prints it.
fn is_time(text: &str) -> bool {
    let number = text.strip_suffix("µs").or(text.strip_suffix("ms")).or(text.strip_suffix('s'));
    number.is_some_and(|number| number.parse::<f64>().is_ok())
}

#[cfg(feature = "cpu")]
mod on_the_engine {
    use super::*;

    /// Cancels after a while.
    fn cancel_later(token: &CancelToken) {
        let token = token.clone();
        thread::spawn(move || {
            thread::sleep(SHORT);
            token.cancel();
        });
    }

    #[test]
    fn kernels_without_end_end() -> Result<()> {
        engines().into_iter().try_for_each(|rt| kernels_without_end_end_on(&rt))
    }

    fn kernels_without_end_end_on(rt: &Runtime) -> Result<()> {
        let mut y = vec![1u32; 10_000];
        let n = y.len();
        let late = fails(|| rt.call(&endless()).read_write("y", &mut y).grid([n]).deadline(SHORT).run());
        // Initialised: what it was, or what the kernel wrote.
        assert!(y.iter().all(|&y| y == 1 || (7..1007).contains(&y)));
        assert!(y.iter().any(|&y| y != 1), "it ran");

        let token = CancelToken::new();
        cancel_later(&token);
        let cancelled = fails(|| rt.call(&endless()).read_write("y", &mut y).grid([n]).cancel(&token).run());

        // The first to come decides.
        let token = CancelToken::new();
        cancel_later(&token);
        let call = rt.call(&endless()).read_write("y", &mut y).grid([n]).cancel(&token);
        assert!(matches!(fails(|| call.deadline(SOON).run()), Error::Cancelled(_)));
        let never = CancelToken::new();
        let call = rt.call(&endless()).read_write("y", &mut y).grid([n]).cancel(&never);
        assert!(matches!(fails(|| call.deadline(SHORT).run()), Error::Deadline(_)));

        // The engine and the data are as good as before.
        rt.call(&count()).write("y", &mut y).grid([n]).run()?;
        assert!(y.iter().zip(0..).all(|(&y, i)| y == i));
        check("stopped", &[("a deadline", late), ("a cancellation", cancelled)]);
        Ok(())
    }

    #[test]
    fn loops_of_every_form_end() {
        let loops = [
            // In some lanes only, in a loop in a loop, behind a branch, in a function.
            "if id.x % 3u == 1u { loop { y[id.x] += 1u; if y[0] == 4000000000u { break; } } }",
            "loop { for (var i = 0u; i < 10u; i++) { y[id.x] += i; } if y[0] == 4000000000u { return; } }",
            "for (var i = 0u; i < 10u; i++) { for (var k = i; y[0] != 4000000000u; k++) { y[id.x] = k % 9u; } }",
            "switch id.x { case 5u: { loop { y[1] += 1u; if y[0] == 4000000000u { break; } } } default: {} }",
            "y[id.x] = forever(id.x);",
            "while true { workgroupBarrier(); y[id.x] = 1u; }",
            "var k = id.x; while all(vec2u(k, y[0]) != vec2u(4000000000u)) { continue; }",
        ];
        for body in loops {
            for size in ["1", "37", "64", "8, 4, 2"] {
                let kernel = kernel(&format!(
                    "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
                    fn forever(x: u32) -> u32 {{
                        var i = x;
                        while true {{ i = i * 3u + 1u; if y[0] == 4000000000u {{ return i; }} }}
                        return 0u;
                    }}
                    @compute @workgroup_size({size}) fn main(@builtin(global_invocation_id) id: vec3u) {{ {body} }}"
                ));
                for rt in engines() {
                    let mut y = vec![1u32; 500];
                    let call = rt.call(&kernel).read_write("y", &mut y).workgroups([9]);
                    let call = call.deadline(Duration::from_millis(5));
                    assert!(matches!(fails(|| call.run()), Error::Deadline(_)), "{body}");
                }
            }
        }
    }

    #[test]
    fn a_grid_of_short_kernels_ends() {
        // No loop to stop in, and far too many workgroups. Compiled code is left between two of them.
        for rt in engines() {
            for workgroups in [[1 << 26, 1 << 10, 1], [1, 1 << 20, 1 << 20]] {
                let mut y = vec![0u32; 64];
                let call = rt.call(&count()).write("y", &mut y).workgroups(workgroups);
                let error = fails(|| call.deadline(SHORT).run());
                assert!(matches!(error, Error::Deadline(_)), "{error}");
                assert!(y.iter().zip(0..).all(|(&y, i)| y == 0 || y == i));
            }
        }
    }

    #[test]
    fn waiting_for_a_buffer_or_for_threads_ends() -> Result<()> {
        let rt = engine();
        let (busy, free) = (rt.buffer(&vec![1u32; 100_000])?, rt.buffer(&vec![1u32; 100_000])?);
        let token = CancelToken::new();
        let long = {
            let (rt, busy, token) = (rt.clone(), busy.clone(), token.clone());
            thread::spawn(move || rt.call(&endless()).read_write("y", &busy).grid([100_000]).cancel(&token).run())
        };
        let count = count();
        count.prepare(&rt, "cpu")?;
        // It has the buffer once calls that want it fail for some time.
        let mut failures = 0;
        while failures < 5 {
            let start = Instant::now();
            let result = rt.call(&count).write("y", &busy).grid([1]).deadline(SHORT).run();
            assert!(start.elapsed() < SOON && !long.is_finished());
            failures = match result {
                Ok(_) => 0,
                Err(error) => {
                    assert!(matches!(error, Error::Deadline(_)), "{error}");
                    failures + 1
                }
            };
        }
        // Another buffer is free, and a large call does not wait for the threads of the first.
        let start = Instant::now();
        rt.call(&count).write("y", &free).grid([100_000]).run()?;
        assert!(start.elapsed() < SOON && !long.is_finished());
        assert_eq!(free.download_range(99_999..100_000)?, [99_999]);
        token.cancel();
        let error = fails(|| long.join().expect("no panic"));
        assert!(matches!(error, Error::Cancelled(_)), "{error}");
        Ok(())
    }

    #[test]
    fn asynchronous_calls_end_and_those_behind_them_too() -> Result<()> {
        let rt = engine();
        let token = CancelToken::new();
        let long = rt.call(&endless()).read_write("y", vec![1u32; 64]).grid([64]).cancel(&token).run_async();
        // These wait for their turn, which does not come.
        let waiting = rt.call(&count()).write("y", vec![1u32; 64]).grid([64]).deadline(SHORT).run_async();
        let late = fails(|| pollster::block_on(waiting));
        let other = CancelToken::new();
        let waiting = rt.call(&count()).write("y", vec![1u32; 64]).grid([64]).cancel(&other).run_async();
        cancel_later(&other);
        let cancelled = fails(|| pollster::block_on(waiting));
        let behind = rt.call(&count()).write("y", vec![1u32; 64]).grid([64]).deadline(SOON).run_async();

        cancel_later(&token);
        assert!(matches!(fails(|| pollster::block_on(long)), Error::Cancelled(_)));
        let mut outcome = pollster::block_on(behind)?;
        assert_eq!(outcome.take::<u32>("y")?, (0..64).collect::<Vec<_>>());

        // Dropping the future ends the call that asks for it, and lets those behind it go on.
        let dropped = rt.call(&endless()).read_write("y", vec![1u32; 64]).grid([64]).cancel_on_drop().run_async();
        let behind = rt.call(&count()).write("y", vec![1u32; 64]).grid([64]).deadline(SOON).run_async();
        thread::sleep(SHORT);
        drop(dropped);
        assert_eq!(pollster::block_on(behind)?.take::<u32>("y")?, (0..64).collect::<Vec<_>>());

        let alone = rt.call(&endless()).read_write("y", vec![1u32; 64]).grid([64]).deadline(SHORT).run_async();
        assert!(matches!(fails(|| pollster::block_on(alone)), Error::Deadline(_)));
        check("stopped_in_the_queue", &[("a deadline", late), ("a cancellation", cancelled)]);
        Ok(())
    }
}

fn every_device() -> Result<Runtime> {
    #[cfg(feature = "gpu")]
    validation::watch();
    Runtime::new()
}

#[test]
fn what_is_over_before_it_starts_touches_nothing() -> Result<()> {
    let rt = every_device()?;
    let token = CancelToken::new();
    token.cancel();
    for device in rt.devices() {
        let mut y = vec![5u32; 100];
        let late =
            fails(|| rt.call(&count()).write("y", &mut y).grid([100]).device(device).deadline(Duration::ZERO).run());
        let cancelled = fails(|| rt.call(&count()).write("y", &mut y).grid([100]).device(device).cancel(&token).run());
        assert_eq!(y, [5; 100]);
        // The device is not put in quarantine for it.
        rt.call(&count()).write("y", &mut y).grid([100]).device(device).run()?;
        check("stopped_before_the_start", &[("a deadline", late), ("a cancellation", cancelled)]);
    }
    Ok(())
}

#[test]
fn what_is_not_reached_changes_nothing() -> Result<()> {
    let rt = every_device()?;
    let token = CancelToken::new();
    for device in rt.devices() {
        for limit in [SOON, Duration::from_secs(u64::MAX / 4), Duration::MAX] {
            let mut y = vec![5u32; 100_000];
            let call = rt.call(&count()).write("y", &mut y).grid([100_000]).device(device);
            call.deadline(limit).cancel(&token).run()?;
            assert!(y.iter().zip(0..).all(|(&y, i)| y == i));
            // A grid of several dispatches, where there are such.
            let call = rt.call(&count()).write("y", &mut y).workgroups([70_000]).device(device);
            call.deadline(limit).run()?;
        }
        // Cancelled when all is over.
        let call = rt.call(&count()).write("y", vec![5u32; 10]).grid([10]).device(device).cancel(&token).run_async();
        assert_eq!(pollster::block_on(call)?.take::<u32>("y")?, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    assert!(!token.is_cancelled());
    Ok(())
}

#[cfg(feature = "gpu")]
mod on_a_gpu {
    use super::*;

    /// A runtime of its own for each test, which puts its device in quarantine.
    fn gpu() -> Option<Runtime> {
        let rt = every_device().ok()?;
        let found = rt.device("gpu").is_ok();
        if !found {
            missing_gpu::skip("no adapter was found");
        }
        found.then_some(rt)
    }

    /// Work for some seconds in many workgroups: dependent steps that nothing shortens. No loop is long, for some software
    /// drivers end loops after 65536 iterations.
    fn slow() -> Kernel {
        kernel(
            "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
            @compute @workgroup_size(64) fn slow(@builtin(global_invocation_id) id: vec3u) {
                var x = id.x % 64u + 1u;
                for (var i = 0u; i < 30000u; i++) { x ^= x << 13u; x ^= x >> 17u; x ^= x << 5u; }
                y[id.x % 64u] = x | 1u;
            }",
        )
    }

    /// Workgroups that take the device about `wanted`, from what a few take.
    fn workgroups(rt: &Runtime, wanted: Duration) -> Result<u32> {
        let mut workgroups = 1u32;
        let mut took = Duration::ZERO;
        while took < Duration::from_millis(200) {
            workgroups *= 2;
            let start = Instant::now();
            rt.call(&slow()).device("gpu").write("y", &mut [0u32; 64]).workgroups([workgroups]).run()?;
            // Not the first call, in which the driver may still compile.
            took = if workgroups > 2 { start.elapsed() } else { took };
        }
        Ok((f64::from(workgroups) * wanted.as_secs_f64() / took.as_secs_f64()) as u32)
    }

    /// Waits until the device takes work again; how long that was.
    fn until_free(rt: &Runtime) -> Result<Duration> {
        let start = Instant::now();
        rt.device("gpu")?.idle(6 * SOON)?;
        let mut y = [0u32; 4];
        rt.call(&count()).device("gpu").write("y", &mut y).grid([4]).run()?;
        assert_eq!(y, [0, 1, 2, 3]);
        Ok(start.elapsed())
    }

    #[test]
    fn a_device_that_does_not_come_back_is_left_alone() -> Result<()> {
        let Some(rt) = gpu() else { return Ok(()) };
        let wanted = Duration::from_secs(4);
        let workgroups = workgroups(&rt, wanted)?;
        let device = rt.device("gpu")?;
        let resident = rt.buffer_on(&device, &[9u32; 64])?;

        let mut y = [5u32; 64];
        // Calls with a deadline have a pipeline of their own. The kernel is to be late here, not the driver that compiles it.
        rt.call(&slow()).device(&device).write("y", &mut y).workgroups([1]).deadline(SOON).run()?;

        y = [5; 64];
        let start = Instant::now();
        let call = rt.call(&slow()).device(&device).write("y", &mut y).workgroups([workgroups]);
        let late = call.deadline(SHORT).run().expect_err("it takes seconds");
        let waited = start.elapsed();
        assert!(waited >= SHORT && waited < wanted / 2, "it came back after {waited:?}");
        assert_eq!(y, [5; 64], "nothing is written once the call is back");

        // While the device is busy, everything on it is refused, and other devices are not.
        let busy = rt.call(&count()).device(&device).write("y", &mut y).grid([64]).run().expect_err("busy");
        for refused in [
            resident.upload(&[1; 64]),
            resident.download().map(|_| ()),
            resident.fill(1),
            rt.buffer_zeroed_on::<u32>(&device, 4).map(|_| ()),
        ] {
            assert!(matches!(refused, Err(Error::Busy(_))), "{refused:?}");
        }
        // Waiting for it ends with the limit, too.
        let waiting = Instant::now();
        assert!(matches!(device.idle(Duration::from_millis(30)), Err(Error::Busy(_))));
        assert!(waiting.elapsed() >= Duration::from_millis(30) && waiting.elapsed() < wanted / 4);
        #[cfg(feature = "cpu")]
        rt.call(&count()).device("cpu").write("y", &mut y).grid([64]).run()?;
        assert!(start.elapsed() < wanted, "the kernel was too short to see any of this");

        until_free(&rt)?;
        assert_eq!(resident.download()?, [9; 64]);

        // What its buffers hold after it, the kernel has written.
        let call = rt.call(&slow()).write("y", &resident).workgroups([workgroups]);
        call.deadline(SHORT).run().expect_err("it takes seconds");
        until_free(&rt)?;
        let expected = {
            rt.call(&slow()).device(&device).write("y", &mut y).workgroups([workgroups]).run()?;
            y
        };
        assert_eq!(resident.download()?, expected);
        check("given_up", &[("a deadline", late), ("the next call", busy)]);
        Ok(())
    }

    #[test]
    fn a_token_ends_the_wait_from_another_thread() -> Result<()> {
        let Some(rt) = gpu() else { return Ok(()) };
        let wanted = Duration::from_secs(3);
        let workgroups = workgroups(&rt, wanted)?;
        let token = CancelToken::new();
        let call = rt.call(&slow()).device("gpu").write("y", vec![5u32; 64]).workgroups([workgroups]);
        let start = Instant::now();
        let call = call.cancel(&token).run_async();
        thread::sleep(SHORT);
        token.cancel();
        let error = pollster::block_on(call).expect_err("cancelled");
        assert!(start.elapsed() < wanted / 2, "it came back after {:?}", start.elapsed());
        assert!(matches!(error, Error::Cancelled(_)), "{error}");
        until_free(&rt)?;
        Ok(())
    }

    #[test]
    fn a_runtime_can_be_dropped_while_its_device_is_busy() -> Result<()> {
        let Some(rt) = gpu() else { return Ok(()) };
        let wanted = Duration::from_secs(3);
        let workgroups = workgroups(&rt, wanted)?;
        let start = Instant::now();
        let call = rt.call(&slow()).device("gpu").write("y", vec![5u32; 64]).workgroups([workgroups]);
        call.deadline(SHORT).run().expect_err("it takes seconds");
        drop(rt);
        assert!(start.elapsed() < wanted / 2, "the drop waited for the device: {:?}", start.elapsed());
        Ok(())
    }

    #[test]
    fn a_grid_of_many_dispatches_ends_between_them() -> Result<()> {
        let Some(rt) = gpu() else { return Ok(()) };
        let one = kernel("@compute @workgroup_size(1) fn one() {}");
        // Minutes of work, of which no dispatch is long.
        let call = rt.call(&one).device("gpu").workgroups([u32::MAX, 200, 1]);
        let error = fails(|| call.deadline(4 * SHORT).run());
        assert!(matches!(error, Error::Deadline(_)), "{error}");
        let rest = until_free(&rt)?;
        assert!(rest < SOON, "it went on for {rest:?}");
        Ok(())
    }
}
