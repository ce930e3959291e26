//! How many iterations a call with a deadline gets.
//!
//! A loop that cannot be interrupted ends when its fuel does. That should be long after the deadline for a loop that does
//! something, for it is the clock that ends a call; and not so long after it that the device is lost to an endless one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    Gpu,
    submit::{self, Ended},
};
use crate::{
    error::Result,
    exec::{ArgData, Launch, stop::Stop},
    kernel::{Module, passes::FILLING},
};

/// A loop with as short a body as a compiler cannot see through: xorshift never comes to zero. There is a loop around it,
/// since some software drivers end loops by themselves after 65536 iterations.
const SPIN: &str = "
    @group(0) @binding(0) var<storage, read_write> seed: u32;
    @compute @workgroup_size(1) fn spin() {
        var x = seed | 1u;
        while x != 0u {
            for (var i = 0u; i < 1024u; i++) { x ^= x << 13u; x ^= x >> 17u; x ^= x << 5u; }
        }
        seed = x;
    }";

/// How much faster than [`SPIN`] a useful loop may be.
const MARGIN: f64 = 4.0;

/// Iterations in a second that no device exceeds, a cycle for each of the counter's steps.
const FASTEST: f64 = 2e9;

/// A call with less time than this does not wait for a measurement.
const WORTH: Duration = Duration::from_secs(1);

/// Long enough for a clock to see.
const ENOUGH: Duration = Duration::from_millis(5);

/// The most fillings of [`SPIN`] in a measurement.
const MOST: u32 = 1 << 14;

/// The most fillings in a second, once they are measured.
#[derive(Default)]
pub(super) struct Rate(Mutex<Option<f64>>);

impl Rate {
    /// The fuel of a call that this stop may end; nothing where it has no deadline.
    pub fn fuel(&self, gpu: &Arc<Gpu>, stop: Option<&Stop>) -> Result<Option<u32>> {
        let Some(left) = stop.and_then(Stop::remaining) else { return Ok(None) };
        let rate = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match *known {
                Some(rate) => rate,
                None if left < WORTH => FASTEST / f64::from(FILLING),
                None => *known.insert(MARGIN * measure(gpu)?),
            }
        };
        // Beyond what the counter holds are years.
        Ok(Some((rate * left.as_secs_f64()).ceil() as u32))
    }
}

/// Measures how many fillings a loop has in a second.
fn measure(gpu: &Arc<Gpu>) -> Result<f64> {
    let kernel = Module::parse(SPIN)?.only_kernel()?;
    let mut fuel = 64;
    loop {
        let mut seed = 2463534242u32.to_le_bytes();
        let args = vec![ArgData::Write(&mut seed)];
        let launch = Launch::new(&kernel, args, [1, 1, 1]);
        let (metrics, ended) = submit::launch_with(gpu, launch, Some(fuel))?;
        if ended == Ended::ByItself {
            return Ok(FASTEST / f64::from(FILLING));
        }
        if metrics.kernel >= ENOUGH || fuel >= MOST {
            let rate = f64::from(fuel) / metrics.kernel.as_secs_f64().max(1e-6);
            tracing::debug!(device = gpu.info.name, iterations = rate * f64::from(FILLING), "a second of a loop");
            return Ok(rate);
        }
        fuel *= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::gpu::{GpuBackend, device};

    fn gpu() -> Option<Arc<Gpu>> {
        let found = device::open_all().into_iter().next().map(|open| GpuBackend::new(open).gpu());
        if found.is_none() {
            assert!(std::env::var_os("SWATH_REQUIRE_GPU").is_none_or(|v| v != "1"), "there is no GPU");
            eprintln!("skipped: there is no GPU");
        }
        found
    }

    /// Runs `body` in each of 256 invocations, which have `y` of as many elements.
    fn run(gpu: &Arc<Gpu>, functions: &str, body: &str, fuel: Option<u32>) -> (Vec<u32>, Ended) {
        let source = format!(
            "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
             var<workgroup> turn: u32;
             {functions}
             @compute @workgroup_size(64)
             fn k(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {{
                 let i = id.x;
                 {body}
             }}"
        );
        let kernel = Module::parse(&source).and_then(|module| module.only_kernel()).unwrap_or_else(|e| panic!("{e}"));
        let mut y = vec![1u32; 256];
        let args = vec![ArgData::Write(bytemuck::cast_slice_mut(&mut y))];
        let launch = Launch::new(&kernel, args, [4, 1, 1]);
        let (_, ended) = submit::launch_with(gpu, launch, fuel).unwrap_or_else(|e| panic!("{body}: {e}"));
        (y, ended)
    }

    #[test]
    fn loops_without_end_run_out_of_fuel() {
        let Some(gpu) = gpu() else { return };
        let forever = "fn forever(i: u32) -> u32 { loop { loop { loop { if y[i] == 2u { return i; } } } } return 0u; }";
        for body in [
            "loop { loop { loop { if y[i] == 2u { return; } } } }",
            "for (var k = 0u; k < 7u; k -= 0u) { for (var n = 1u; n > 0u; n *= 3u) { while y[i] != 2u { y[i] = 3u; } } }",
            "var n = 1u; loop { loop { n = n * 5u; continuing { loop { if y[i] == 2u { break; } } } } }",
            "y[i] = forever(i);",
            // Only some lanes stay for ever.
            "if (i % 2u == 0u) { loop { loop { loop { if y[i] == 2u { return; } } } } }",
            "y[i] = 1u; loop { if lane == 0u { turn += 1u; } loop { if (workgroupUniformLoad(&turn) == 0u) { return; } } }",
        ] {
            let (_, ended) = run(&gpu, forever, body, Some(2));
            assert_eq!(ended, Ended::OutOfFuel, "{body}");
        }
    }

    #[test]
    fn loops_that_end_do_not_notice() {
        let Some(gpu) = gpu() else { return };
        let steps = "fn steps(n: u32) -> u32 { var x = n | 1u; loop { if x == 1u { break; }
            x = select(x / 2u, 3u * x + 1u, x % 2u == 1u); if x > 1000000u { return 7u; } } return x + n; }";
        let body = "
            var sum = 0u;
            for (var k = 0u; k < 100u; k++) {
                if lane == 0u { turn = k; }
                sum += workgroupUniformLoad(&turn) * steps(i);
                for (var m = k; m < 40u; m += 3u) { if m % 7u == 3u { continue; } sum ^= m << (i % 16u); }
            }
            y[i] = sum + y[i];";
        let (expected, _) = run(&gpu, steps, body, None);
        let (found, ended) = run(&gpu, steps, body, Some(16));
        assert_eq!(ended, Ended::ByItself);
        assert_eq!(found, expected);
        assert!(expected.iter().any(|&y| y != expected[0]));
    }

    #[test]
    fn a_second_of_loops_is_measured_once() {
        let Some(gpu) = gpu() else { return };
        assert_eq!(gpu.rate.fuel(&gpu, None).expect("nothing to measure"), None);
        let rate = measure(&gpu).expect("it can be measured") * f64::from(FILLING);
        assert!((1e5..1e11).contains(&rate), "{rate} iterations in a second");
    }
}
