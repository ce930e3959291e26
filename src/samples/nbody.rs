//! `nbody`: softened gravity between all pairs, by leapfrog steps.

use std::{f32::consts::TAU, path::Path, sync::OnceLock, time::Duration, time::Instant};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use rayon::prelude::*;

use super::{
    Check, Problem, ROUNDING, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, timed, verdict::larger,
};
use crate::{Buffer, Device, DeviceChoice, Kernel, Result, Runtime};

const WGSL: &str = include_str!("../../shaders/nbody.wgsl");

/// Bodies that are summed before the sum is added to that of the tiles before.
const TILE: usize = 64;

/// Leapfrog steps of a run; one dispatch more closes the last.
const STEPS: usize = 8;

/// Length of a step, in units in which the cluster's mass, its scale radius and the constant of gravity are 1.
const STEP: f32 = 0.01;

const SOFTENING: f32 = 0.05;

/// The kick and the drift of each dispatch.
fn schedule() -> [(f32, f32); STEPS + 1] {
    let mut schedule = [(STEP, STEP); STEPS + 1];
    schedule[0].0 = 0.5 * STEP;
    schedule[STEPS] = (0.5 * STEP, 0.0);
    schedule
}

/// The sample.
pub struct Nbody;

impl Sample for Nbody {
    fn name(&self) -> &'static str {
        "nbody"
    }

    fn field(&self) -> &'static str {
        "astronomy"
    }

    fn summary(&self) -> &'static str {
        "eight steps of a star cluster under its own gravity"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "bodies", small: 200, default: 2048, large: 16_384, max: 1 << 20 }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["png", "npy"]
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        let n = self.sizes().resolve(size)?;
        let start = plummer(n, seed);
        Ok(Box::new(Cluster { end: start.clone(), start, expected: OnceLock::new() }))
    }
}

/// Where bodies are and how they move.
#[derive(Clone)]
struct Bodies {
    /// x, y, z and mass.
    positions: Vec<[f32; 4]>,
    /// x, y, z and nothing.
    velocities: Vec<[f32; 4]>,
}

/// A star cluster in equilibrium, with masses that differ by up to three (Aarseth, Henon and Wielen, "A
/// Comparison of Numerical Methods for the Study of Star Cluster Dynamics", 1974).
fn plummer(n: usize, seed: u64) -> Bodies {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut positions = Vec::with_capacity(n);
    let mut velocities = Vec::with_capacity(n);
    for _ in 0..n {
        // The outermost fiftieth, which reaches to infinity, is left out.
        let inside = random.random_range(1e-4f32..0.98);
        let radius = (inside.powf(-2.0 / 3.0) - 1.0).powf(-0.5);
        // The share of the escape speed, by rejection.
        let share = loop {
            let share = random.random_range(0.0f32..1.0);
            if random.random_range(0.0..0.1) < share * share * (1.0 - share * share).powf(3.5) {
                break share;
            }
        };
        let speed = share * 2.0f32.sqrt() * (1.0 + radius * radius).powf(-0.25);
        let mut pointing = |length: f32| {
            let z = random.random_range(-1.0f32..1.0);
            let (sin, cos) = random.random_range(0.0..TAU).sin_cos();
            let flat = (1.0 - z * z).sqrt();
            [length * flat * cos, length * flat * sin, length * z]
        };
        let ([x, y, z], [vx, vy, vz]) = (pointing(radius), pointing(speed));
        positions.push([x, y, z, random.random_range(0.5f32..1.5) / n as f32]);
        velocities.push([vx, vy, vz, 0.0]);
    }
    Bodies { positions, velocities }
}

struct Cluster {
    start: Bodies,
    end: Bodies,
    expected: OnceLock<Expected>,
}

impl Cluster {
    fn len(&self) -> usize {
        self.start.positions.len()
    }

    fn expected(&self) -> &Expected {
        self.expected.get_or_init(|| Expected::new(&self.start))
    }
}

impl Problem for Cluster {
    fn describe(&self) -> String {
        format!("{} bodies, {STEPS} steps", self.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        // The bodies stay on the device from step to step.
        let start = Instant::now();
        let bytes = 32 * self.len() as u64;
        let mut on_device = OnDevice::new(self, runtime, &runtime.first_of(devices)?)?;
        let mut tally = on_device.advance()?;
        on_device.fetch()?;
        tally.total = start.elapsed().saturating_sub(tally.compile);
        tally.bytes_up += bytes;
        tally.bytes_down += bytes;
        Ok(tally)
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        Ok(Box::new(OnDevice::new(self, runtime, device)?))
    }

    fn native(&mut self) -> Duration {
        let (start, end) = (&self.start, &mut self.end);
        timed(|| {
            end.positions.copy_from_slice(&start.positions);
            end.velocities.copy_from_slice(&start.velocities);
            for (kick, drift) in schedule() {
                advance(end, kick, drift);
            }
        })
    }

    fn verify(&self) -> Verdict {
        let expected = self.expected();
        let farthest = |found: &[[f32; 4]], expected: &[[f64; 3]]| {
            let distances = found.par_iter().zip(expected).map(|(found, expected)| distance(found, expected));
            distances.reduce(|| 0.0, larger)
        };
        let end = Energetics::new(&widen(&self.end.positions), &widen(&self.end.velocities), &self.end.positions);
        let changed =
            self.start.positions.iter().zip(&self.end.positions).filter(|(start, end)| start[3] != end[3]).count();
        let [energy, momentum] = [end.energy - expected.start.energy, length(end.momentum, expected.start.momentum)];
        let check = |what, error: f64, tolerance, measure, reason| Check {
            what,
            error: error.abs(),
            tolerance,
            measure,
            reason,
        };
        let forces = "a force is off by at most 97 + n / 64 roundings of the magnitudes that it sums, and what that \
                      does to velocities and positions is carried along with the reference";
        vec![
            check(
                "velocities against f64",
                farthest(&self.end.velocities, &expected.velocities),
                expected.velocity_error,
                "of the units of velocity",
                forces,
            ),
            check(
                "positions against f64",
                farthest(&self.end.positions, &expected.positions),
                expected.position_error,
                "of the scale radius",
                forces,
            ),
            check(
                "energy kept",
                energy,
                expected.energy_error,
                "absolute",
                "the change that leapfrog makes in f64, and what the errors above can add",
            ),
            check(
                "momentum kept",
                momentum,
                expected.momentum_error,
                "absolute",
                "forces are equal and opposite but for the errors above",
            ),
            check("masses", changed as f64, 0.0, "masses that differ", "they are copied"),
        ]
        .into()
    }

    fn work(&self) -> Work {
        let n = self.len() as u64;
        let dispatches = STEPS as u64 + 1;
        Work {
            operations: 19 * n * n * dispatches,
            counted: "19 a pair: distance 3, square and softening 6, root 1, factor 3, sums 6",
            bytes: 64 * n * dispatches,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        match draw::extension(path, Nbody.draws())? {
            "png" => draw::write_png(path, PICTURE, &picture(&self.end)),
            _ => draw::write_npy(path, self.end.positions.as_flattened(), &[self.len(), 4]),
        }
    }

    fn corrupt(&mut self, seed: u64) {
        let (i, axis) = (seed as usize % self.len(), seed as usize % 3);
        let expected = self.expected();
        let (exact, error) = if seed.is_multiple_of(2) {
            (expected.positions[i], expected.position_error)
        } else {
            (expected.velocities[i], expected.velocity_error)
        };
        let values = if seed.is_multiple_of(2) { &mut self.end.positions } else { &mut self.end.velocities };
        values[i][axis] = (exact[axis] + error) as f32;
        while distance(&values[i], &exact) <= error {
            values[i][axis] = values[i][axis].next_up();
        }
    }
}

fn widen(values: &[[f32; 4]]) -> Vec<[f64; 3]> {
    values.iter().map(|&[x, y, z, _]| [x, y, z].map(f64::from)).collect()
}

fn distance(found: &[f32; 4], expected: &[f64; 3]) -> f64 {
    length([found[0], found[1], found[2]].map(f64::from), *expected)
}

/// The length of a - b.
fn length(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// The run in f64, and how far from it a run in f32 may end.
struct Expected {
    positions: Vec<[f64; 3]>,
    velocities: Vec<[f64; 3]>,
    start: Energetics,
    position_error: f64,
    velocity_error: f64,
    energy_error: f64,
    momentum_error: f64,
}

impl Expected {
    fn new(start: &Bodies) -> Self {
        let masses = &start.positions;
        let (mut positions, mut velocities) = (widen(&start.positions), widen(&start.velocities));
        let first = Energetics::new(&positions, &velocities, masses);

        // Roundings of a term of a force: the distance has 1; its square with softening 6, of which the root
        // keeps half; inverseSqrt adds 4 (2 ULP); the cube and the mass make 3 times that and 3 more; the
        // product with the distance 2: in all 26, taken as 32. Then 64 additions in a tile, and one for each
        // tile. A hundredth more covers what is of second order, here and below.
        let roundings = 1.01 * ROUNDING * (32.0 + TILE as f64 + masses.len().div_ceil(TILE) as f64);
        let (mut position_error, mut velocity_error) = (0.0f64, 0.0f64);
        let mut strongest = 0.0f64;
        for (kick, drift) in schedule().map(|(kick, drift)| (f64::from(kick), f64::from(drift))) {
            let forces: Vec<_> = positions.par_iter().map(|at| Force::new(at, &positions, masses)).collect();
            strongest = forces.iter().map(|force| force.magnitude).fold(0.0, f64::max);
            let steepest = forces.iter().map(|force| force.slope).fold(0.0, f64::max);
            // Both ends of a pair may be off; close up, the slope may be steeper by a little.
            let closer = (1.0 - 2.0 * position_error / f64::from(SOFTENING)).powi(-3);
            let force_error = roundings * strongest + 2.0 * position_error * steepest * closer;

            let (mut fastest, mut outermost) = (0.0f64, 0.0f64);
            for ((position, velocity), force) in positions.iter_mut().zip(&mut velocities).zip(&forces) {
                for axis in 0..3 {
                    velocity[axis] += kick * force.acceleration[axis];
                    position[axis] += drift * velocity[axis];
                }
                fastest = fastest.max(length(*velocity, [0.0; 3]));
                outermost = outermost.max(length(*position, [0.0; 3]));
            }
            velocity_error += kick * force_error + 1.01 * ROUNDING * (kick * strongest + fastest);
            position_error += drift * velocity_error + 1.01 * ROUNDING * (drift * fastest + outermost);
        }

        let last = Energetics::new(&positions, &velocities, masses);
        let mass: f64 = masses.iter().map(|body| f64::from(body[3])).sum();
        let speeds: f64 = masses
            .iter()
            .zip(&velocities)
            .map(|(body, velocity)| f64::from(body[3]) * length(*velocity, [0.0; 3]))
            .sum();
        let kinetic_error = speeds * velocity_error + 0.5 * mass * velocity_error * velocity_error;
        let potential_error = 1.01 * mass * strongest * position_error;
        Expected {
            energy_error: (last.energy - first.energy).abs() + kinetic_error + potential_error,
            momentum_error: length(last.momentum, first.momentum) + mass * velocity_error,
            positions,
            velocities,
            start: first,
            position_error,
            velocity_error,
        }
    }
}

/// The pull on one body, for a unit of mass.
struct Force {
    acceleration: [f64; 3],
    /// Sum of the magnitudes of the terms.
    magnitude: f64,
    /// How fast the pull can change with the distances: at most 2 m / d^3 for each term.
    slope: f64,
}

impl Force {
    fn new(at: &[f64; 3], positions: &[[f64; 3]], masses: &[[f32; 4]]) -> Self {
        let softening2 = f64::from(SOFTENING) * f64::from(SOFTENING);
        let mut force = Force { acceleration: [0.0; 3], magnitude: 0.0, slope: 0.0 };
        for (other, body) in positions.iter().zip(masses) {
            let [x, y, z] = [other[0] - at[0], other[1] - at[1], other[2] - at[2]];
            let square = x * x + y * y + z * z;
            let softened = square + softening2;
            let factor = f64::from(body[3]) / (softened * softened.sqrt());
            force.acceleration[0] += factor * x;
            force.acceleration[1] += factor * y;
            force.acceleration[2] += factor * z;
            force.magnitude += factor * square.sqrt();
            force.slope += 2.0 * factor;
        }
        force
    }
}

/// What the motion keeps.
struct Energetics {
    energy: f64,
    momentum: [f64; 3],
}

impl Energetics {
    fn new(positions: &[[f64; 3]], velocities: &[[f64; 3]], masses: &[[f32; 4]]) -> Self {
        let softening2 = f64::from(SOFTENING) * f64::from(SOFTENING);
        let mass = |i: usize| f64::from(masses[i][3]);
        let energy = (0..positions.len()).into_par_iter().map(|i| {
            let [x, y, z] = positions[i];
            let potential: f64 = (0..i)
                .map(|j| {
                    let [dx, dy, dz] = [positions[j][0] - x, positions[j][1] - y, positions[j][2] - z];
                    mass(j) / (dx * dx + dy * dy + dz * dz + softening2).sqrt()
                })
                .sum();
            let speed = length(velocities[i], [0.0; 3]);
            mass(i) * (0.5 * speed * speed - potential)
        });
        let momentum = std::array::from_fn(|axis| {
            velocities.iter().enumerate().map(|(i, velocity)| mass(i) * velocity[axis]).sum()
        });
        Energetics { energy: energy.sum(), momentum }
    }
}

/// Bodies that the native reference advances together, a vector of each coordinate.
const LANES: usize = 16;

/// One dispatch of the kernel, in native Rust.
fn advance(bodies: &mut Bodies, kick: f32, drift: f32) {
    // Coordinate by coordinate, padded to whole tiles by bodies without mass.
    let padded = bodies.positions.len().next_multiple_of(TILE);
    let column = |axis: usize| {
        let mut column: Vec<f32> = bodies.positions.iter().map(|body| body[axis]).collect();
        column.resize(padded, 0.0);
        column
    };
    let columns = [column(0), column(1), column(2), column(3)];
    let groups = bodies.positions.par_chunks_mut(LANES).zip(bodies.velocities.par_chunks_mut(LANES));
    groups.for_each(|(positions, velocities)| {
        let mut at = [[0.0; LANES]; 3];
        for (lane, position) in positions.iter().enumerate() {
            at.iter_mut().zip(position).for_each(|(at, &x)| at[lane] = x);
        }
        let acceleration = accelerations(&at, &columns);
        for (lane, (position, velocity)) in positions.iter_mut().zip(velocities).enumerate() {
            for axis in 0..3 {
                velocity[axis] += acceleration[axis][lane] * kick;
                position[axis] += velocity[axis] * drift;
            }
        }
    });
}

/// The pull on each of the lanes.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn accelerations(at: &[[f32; LANES]; 3], columns: &[Vec<f32>; 4]) -> [[f32; LANES]; 3] {
    let [xs, ys, zs, masses] = columns.each_ref().map(|column| column.as_chunks::<TILE>().0);
    let mut sum = [[0.0; LANES]; 3];
    for (((xs, ys), zs), masses) in xs.iter().zip(ys).zip(zs).zip(masses) {
        let mut from_tile = [[0.0; LANES]; 3];
        for other in 0..TILE {
            for lane in 0..LANES {
                let x = xs[other] - at[0][lane];
                let y = ys[other] - at[1][lane];
                let z = zs[other] - at[2][lane];
                let square = x * x + y * y + z * z + SOFTENING * SOFTENING;
                let factor = masses[other] / (square * square.sqrt());
                from_tile[0][lane] += factor * x;
                from_tile[1][lane] += factor * y;
                from_tile[2][lane] += factor * z;
            }
        }
        for axis in 0..3 {
            for lane in 0..LANES {
                sum[axis][lane] += from_tile[axis][lane];
            }
        }
    }
    sum
}

/// Pixels along the sides of the picture.
const PICTURE: usize = 768;

/// The cluster from above, out to three scale radii: each body a soft dot, blue where it is fast.
fn picture(bodies: &Bodies) -> Vec<u8> {
    let mut light = vec![[0.0f32; 3]; PICTURE * PICTURE];
    let scale = PICTURE as f32 / 6.0;
    let total = bodies.positions.len() as f32;
    for (position, velocity) in bodies.positions.iter().zip(&bodies.velocities) {
        let [x, y] = [position[0], -position[1]].map(|x| (x + 3.0) * scale);
        let speed = velocity[..3].iter().map(|v| v * v).sum::<f32>().sqrt().min(1.0);
        let colour = [1.0 - 0.6 * speed, 0.7, 0.4 + 0.6 * speed];
        for row in y as isize - 6..=y as isize + 6 {
            for column in x as isize - 6..=x as isize + 6 {
                let side = PICTURE as isize;
                if (0..side).contains(&row) && (0..side).contains(&column) {
                    let [dx, dy] = [column as f32 + 0.5 - x, row as f32 + 0.5 - y];
                    let glow = (position[3] * total) * (-0.5 * (dx * dx + dy * dy)).exp();
                    let pixel = &mut light[(row * side + column) as usize];
                    pixel.iter_mut().zip(colour).for_each(|(light, colour)| *light += glow * colour);
                }
            }
        }
    }
    let byte = |light: f32| (255.0 * (1.0 - (-light).exp())) as u8;
    light.iter().flat_map(|&[red, green, blue]| [byte(red), byte(green), byte(blue), 255]).collect()
}

struct OnDevice<'p> {
    problem: &'p mut Cluster,
    runtime: Runtime,
    kernel: Kernel,
    start: [Buffer<[f32; 4]>; 2],
    /// Read and written in turn.
    positions: [Buffer<[f32; 4]>; 2],
    velocities: Buffer<[f32; 4]>,
}

impl<'p> OnDevice<'p> {
    fn new(problem: &'p mut Cluster, runtime: &Runtime, device: &Device) -> Result<Self> {
        let Bodies { positions, velocities } = &problem.start;
        Ok(OnDevice {
            kernel: runtime.module(WGSL)?.only_kernel()?,
            start: [runtime.buffer_on(device, positions)?, runtime.buffer_on(device, velocities)?],
            positions: [
                runtime.buffer_zeroed_on(device, positions.len())?,
                runtime.buffer_zeroed_on(device, positions.len())?,
            ],
            velocities: runtime.buffer_zeroed_on(device, velocities.len())?,
            runtime: runtime.clone(),
            problem,
        })
    }

    /// Runs from the start to the end.
    fn advance(&mut self) -> Result<Tally> {
        self.positions[0].copy_from(&self.start[0])?;
        self.velocities.copy_from(&self.start[1])?;
        let mut tally = Tally::default();
        let mut from = 0;
        for (kick, drift) in schedule() {
            let report = self
                .runtime
                .call(&self.kernel)
                .set("params.kick", kick)
                .set("params.drift", drift)
                .set("params.softening", SOFTENING)
                .read("positions", &self.positions[from])
                .read_write("velocities", &self.velocities)
                .write("moved", &self.positions[1 - from])
                .grid(self.problem.len())
                .run()?;
            tally.add(&report);
            from = 1 - from;
        }
        Ok(tally)
    }
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        self.advance()
    }

    fn fetch(&mut self) -> Result<()> {
        let last = &self.positions[schedule().len() % 2];
        last.download_into(&mut self.problem.end.positions)?;
        self.velocities.download_into(&mut self.problem.end.velocities)
    }
}
