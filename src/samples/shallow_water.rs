//! `shallow_water`: waves on a rotating plane, in steps that stay on the device.

mod native;

use std::{
    array,
    path::Path,
    sync::OnceLock,
    time::{Duration, Instant},
};

use bytemuck::{Pod, Zeroable};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rayon::prelude::*;

use self::native::native;
use super::{
    Check, Problem, ROUNDING, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, timed, verdict::larger,
};
use crate::{
    Buffer, Chain, ChainBuilder, Device, DeviceChoice, Result, Runtime,
    chain::{ChainArg, Slot},
};

const WGSL: &str = include_str!("../../shaders/shallow_water.wgsl");

/// Width of the plane in m, some four times the distance at which rotation matters as much as gravity.
const SPAN: f64 = 4.0e6;

/// Depth of the water at rest, in m.
const DEPTH: f32 = 100.0;

/// The highest that drops stand above it together, in m.
const HIGHEST: f64 = 12.0;

/// Acceleration of gravity, in m/s^2.
const GRAVITY: f64 = 9.81;

/// The Coriolis parameter at 43 degrees north, in 1/s.
const CORIOLIS: f64 = 1.0e-4;

/// Cells that waves of small height pass in a step.
const COURANT: f64 = 0.45;

/// The sample.
pub struct ShallowWater;

impl Sample for ShallowWater {
    fn name(&self) -> &'static str {
        "shallow_water"
    }

    fn field(&self) -> &'static str {
        "weather"
    }

    fn summary(&self) -> &'static str {
        "waves on a shallow sea that turns with the earth"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "cells along each side", small: 99, default: 384, large: 2048, max: 1 << 14 }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["png", "npy"]
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        let side = self.sizes().resolve(size)?;
        Ok(Box::new(Basin::new(side, drops(side, seed))))
    }
}

/// Water of one depth at rest, which has to stay so exactly.
///
/// # Errors
///
/// When the size is zero or more than [`Sizes::max`].
pub fn still(side: usize) -> Result<Box<dyn Problem>> {
    let side = ShallowWater.sizes().resolve(Size::Count(side))?;
    Ok(Box::new(Basin::new(side, Water::still(side))))
}

/// Depth and flow along x and y of each cell, row by row from the south.
#[derive(Clone)]
struct Water<T = f32> {
    fields: [Vec<T>; 3],
}

impl Water {
    fn still(side: usize) -> Water {
        let zeros = || vec![0.0; side * side];
        Water { fields: [vec![DEPTH; side * side], zeros(), zeros()] }
    }

    fn wide(&self) -> Water<f64> {
        Water { fields: array::from_fn(|field| self.fields[field].iter().map(|&value| f64::from(value)).collect()) }
    }
}

/// Still water with three drops in it: round heaps, one of them large.
fn drops(side: usize, seed: u64) -> Water {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut water = Water::still(side);
    for (height, radius) in [(7.0, 0.05), (3.0, 0.025), (2.0, 0.03)] {
        let middle: [f64; 2] = array::from_fn(|_| random.random_range(0.3..0.7));
        for (i, depth) in water.fields[0].iter_mut().enumerate() {
            let [x, y] = [i % side, i / side].map(|place| (place as f64 + 0.5) / side as f64);
            // The nearest of the drop's images on the torus.
            let apart = |a: f64, b: f64| (a - b + 0.5).rem_euclid(1.0) - 0.5;
            let distance = apart(x, middle[0]).hypot(apart(y, middle[1])) / radius;
            *depth += (height * (-0.5 * distance * distance).exp()) as f32;
        }
    }
    water
}

/// `Params` in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    width: u32,
    height: u32,
    ratio: f32,
    half_gravity: f32,
    turn: f32,
}

impl Params {
    fn new(side: usize) -> Self {
        let width = SPAN / side as f64;
        let ratio = COURANT / (GRAVITY * f64::from(DEPTH)).sqrt();
        Params {
            width: side as u32,
            height: side as u32,
            ratio: ratio as f32,
            half_gravity: (0.5 * GRAVITY) as f32,
            turn: (CORIOLIS * ratio * width) as f32,
        }
    }
}

/// Steps of a run: the waves cross a good third of the plane.
fn steps(side: usize) -> usize {
    (3 * side).div_ceil(4)
}

struct Basin {
    side: usize,
    start: Water,
    end: Water,
    /// The run in f64.
    expected: OnceLock<Water<f64>>,
}

impl Basin {
    fn new(side: usize, start: Water) -> Self {
        let end = Water { fields: array::from_fn(|_| vec![-1.0; side * side]) };
        Basin { side, start, end, expected: OnceLock::new() }
    }

    fn expected(&self) -> &Water<f64> {
        self.expected.get_or_init(|| {
            let mut water = self.start.wide();
            native(&mut water, self.side);
            water
        })
    }

    fn is_still(&self) -> bool {
        self.start.fields[0].iter().all(|&depth| depth == DEPTH)
    }

    /// By how much a depth may be off, in m; flows by as much times the speed of waves.
    ///
    /// In a step a depth is rounded once itself, and so are four depths at corners, of which differences are taken; the
    /// products in between are small beside them. The flows of a cell are rounded alike: what changes them is gravity times
    /// depth times differences of depths. Altogether less than 32 roundings of the depth, and the scheme does not amplify
    /// what was there before: no wave grows.
    fn tolerance(&self) -> f64 {
        32.0 * ROUNDING * (f64::from(DEPTH) + HIGHEST) * steps(self.side) as f64
    }

    /// The unit of each field in terms of a depth.
    fn scale() -> [f64; 3] {
        let speed = (GRAVITY * f64::from(DEPTH)).sqrt();
        [1.0, speed, speed]
    }

    /// The largest error of a field against the reference, as a depth.
    fn error(&self, field: usize) -> f64 {
        let pairs = self.end.fields[field].par_iter().zip(&self.expected().fields[field]);
        let errors = pairs.map(|(&found, expected)| (f64::from(found) - expected).abs() / Self::scale()[field]);
        errors.reduce(|| 0.0, larger)
    }

    /// The change of all water, as a part of it, and by how much rounding may change it.
    ///
    /// Without rounding there is none, for what flows out of one cell flows into the next. A step rounds each depth once,
    /// and what it adds to it, which is less than the highest drop, by less than 16 roundings.
    fn mass(&self) -> (f64, f64) {
        let sum = |water: &Water| water.fields[0].iter().map(|&depth| f64::from(depth)).sum::<f64>();
        let (before, after) = (sum(&self.start), sum(&self.end));
        let highest = f64::from(DEPTH) + HIGHEST;
        let rounded = ROUNDING * (highest + 16.0 * HIGHEST) * steps(self.side) as f64;
        ((after - before).abs() / before, rounded * (self.side * self.side) as f64 / before)
    }

    /// Adds the steps of a run to a chain. `step` gives the fields that a step reads, and those that it writes.
    fn steps(
        &self,
        chain: &mut ChainBuilder,
        runtime: &Runtime,
        mut step: impl FnMut(&mut ChainBuilder, usize) -> [[ChainArg; 3]; 2],
    ) -> Result<()> {
        let kernel = runtime.module(WGSL)?.only_kernel()?;
        let params = Params::new(self.side);
        chain.repeat(steps(self.side), |number, chain| {
            let [[depth, flow_x, flow_y], [new_depth, new_flow_x, new_flow_y]] = step(chain, number);
            chain
                .call(&kernel)
                .uniform("params", &params)
                .bind("depth", depth)
                .bind("flow_x", flow_x)
                .bind("flow_y", flow_y)
                .bind("new_depth", new_depth)
                .bind("new_flow_x", new_flow_x)
                .bind("new_flow_y", new_flow_y)
                .grid([self.side, self.side]);
        });
        Ok(())
    }
}

impl Problem for Basin {
    fn describe(&self) -> String {
        format!("{side} x {side} cells, {} steps", steps(self.side), side = self.side)
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let start = Instant::now();
        let cells = self.side * self.side;
        let mut chain = runtime.chain();
        let now: [Slot<f32>; 3] = array::from_fn(|_| chain.in_out(cells));
        let next: [Slot<f32>; 3] = array::from_fn(|_| chain.scratch(cells));
        self.steps(&mut chain, runtime, |chain, number| {
            // Before each step but the first, the new state becomes the old one.
            if number > 0 {
                now.into_iter().zip(next).for_each(|(now, next)| chain.swap(now, next));
            }
            [now.map(ChainArg::from), next.map(ChainArg::from)]
        })?;
        now.into_iter().zip(next).for_each(|(now, next)| chain.swap(now, next));
        chain.device(&runtime.first_of(devices)?);
        let chain = chain.build()?;
        let inputs = now.into_iter().zip(&self.start.fields).map(|(slot, data)| slot.from(data));
        let outputs = now.into_iter().zip(&mut self.end.fields).map(|(slot, data)| slot.into(data));
        let report = chain.run(inputs, outputs)?;
        Ok(Tally::of_chain(&chain, &report, start))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        let on_device = |field: &Vec<f32>| runtime.buffer_on(device, field);
        let [depth, flow_x, flow_y] = self.start.fields.each_ref().map(on_device);
        let start = [depth?, flow_x?, flow_y?];
        let empty = |_| runtime.buffer_zeroed_on(device, self.side * self.side);
        let states: Vec<Buffer<f32>> = (0..6).map(empty).collect::<Result<_>>()?;
        let mut chain = runtime.chain();
        self.steps(&mut chain, runtime, |_, number| {
            let state = |turn: usize| array::from_fn(|field| ChainArg::from(&states[3 * (turn % 2) + field]));
            [state(number), state(number + 1)]
        })?;
        let chain = chain.build()?;
        let last = 3 * (steps(self.side) % 2);
        Ok(Box::new(OnDevice { chain, start, states, last, end: &mut self.end }))
    }

    fn native(&mut self) -> Duration {
        let (start, end, side) = (&self.start, &mut self.end, self.side);
        timed(|| {
            end.fields.iter_mut().zip(&start.fields).for_each(|(end, start)| end.copy_from_slice(start));
            native(end, side);
        })
    }

    fn verify(&self) -> Verdict {
        if self.is_still() {
            let pairs = self.start.fields.iter().zip(&self.end.fields);
            let moved = pairs.map(|(start, end)| start.iter().zip(end).filter(|(start, end)| start != end).count());
            return vec![Check {
                what: "still water",
                error: moved.sum::<usize>() as f64,
                tolerance: 0.0,
                measure: "values that changed",
                reason: "differences of what is the same everywhere are zero exactly",
            }]
            .into();
        }
        let check = |what, field| Check {
            what,
            error: self.error(field),
            tolerance: self.tolerance(),
            measure: "m of depth",
            reason: "a step rounds by at most 32 x 2^-24 of the depth, and the scheme does not amplify",
        };
        let (lost, rounded) = self.mass();
        vec![
            check("depth against f64", 0),
            check("flow along x against f64", 1),
            check("flow along y against f64", 2),
            Check {
                what: "mass kept",
                error: lost,
                tolerance: rounded,
                measure: "of all water",
                reason: "what one cell loses another gains: only the rounding of depths in each step is left",
            },
        ]
        .into()
    }

    fn work(&self) -> Work {
        let cells = (self.side * self.side * steps(self.side)) as u64;
        Work {
            operations: 90 * cells,
            counted: "90 a cell and step: velocities 4, half step at one corner 48, whole step 38",
            bytes: 24 * cells,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        match draw::extension(path, ShallowWater.draws())? {
            "png" => draw::write_png(path, PICTURE, &picture(&self.end, self.side)),
            _ => draw::write_npy(path, self.end.fields.concat().as_slice(), &[3, self.side, self.side]),
        }
    }

    fn corrupt(&mut self, seed: u64) {
        let (i, field) = (seed as usize % (self.side * self.side), seed as usize % 3);
        let exact = self.expected().fields[field][i];
        let most = if self.is_still() { 0.0 } else { self.tolerance() * Self::scale()[field] };
        let value = &mut self.end.fields[field][i];
        *value = (exact + most) as f32;
        while (f64::from(*value) - exact).abs() <= most {
            *value = value.next_up();
        }
    }
}

/// Pixels along the sides of the picture.
const PICTURE: usize = 768;

/// Pixels between the streaks that show the flow.
const STREAKS: usize = 24;

/// The sea from above, north up: orange where it is high, blue where it is low, lit from the north-west, and white streaks
/// from dots to where the water flows.
fn picture(water: &Water, side: usize) -> Vec<u8> {
    // The fields at a place in pixels, between the four cells around it.
    let at = |x: f64, y: f64| -> [f64; 3] {
        let [x, y] = [x, PICTURE as f64 - y].map(|place| place / PICTURE as f64 * side as f64 - 0.5 + side as f64);
        let (column, row) = (x as usize, y as usize);
        let [right, up] = [x.fract(), y.fract()];
        array::from_fn(|field| {
            let value = |x: usize, y: usize| f64::from(water.fields[field][y % side * side + x % side]);
            let along = |y: usize| value(column, y) * (1.0 - right) + value(column + 1, y) * right;
            along(row) * (1.0 - up) + along(row + 1) * up
        })
    };
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::MIN_POSITIVE, f64::max);
    let [depth, flow_x, flow_y] = &water.fields;
    let highest = largest(&mut depth.iter().map(|&depth| f64::from(depth - DEPTH).abs()));
    let fastest = largest(&mut flow_x.iter().zip(flow_y).map(|(&x, &y)| f64::from(x).hypot(f64::from(y))));

    let mut levels = vec![[0.0; 3]; PICTURE * PICTURE];
    levels.par_chunks_mut(PICTURE).enumerate().for_each(|(row, pixels)| {
        for (column, pixel) in pixels.iter_mut().enumerate() {
            let (x, y) = (column as f64 + 0.5, row as f64 + 0.5);
            let height = (at(x, y)[0] - f64::from(DEPTH)) / highest;
            let slope = (at(x + 2.0, y + 2.0)[0] - at(x - 2.0, y - 2.0)[0]) / highest;
            let light = (1.0 - 3.0 * slope).clamp(0.5, 1.5);
            let strength = height.abs().sqrt();
            let far = if height > 0.0 { [1.0, 0.55, 0.15] } else { [0.05, 0.15, 0.55] };
            let rest = [0.20, 0.38, 0.50];
            *pixel = array::from_fn(|channel| light * (rest[channel] + strength * (far[channel] - rest[channel])));
        }
    });
    for node in 0..(PICTURE / STREAKS) * (PICTURE / STREAKS) {
        let [x, y] =
            [node % (PICTURE / STREAKS), node / (PICTURE / STREAKS)].map(|n| (n as f64 + 0.5) * STREAKS as f64);
        let [_, flow_x, flow_y] = at(x, y);
        let speed = flow_x.hypot(flow_y);
        let length = STREAKS as f64 * (speed / fastest).sqrt();
        for tenth in 0..=(10.0 * length) as usize {
            let (along, width) = (tenth as f64 / 10.0, if tenth <= 10 { 1.8 } else { 0.9 });
            let unit = [flow_x, -flow_y].map(|flow| flow / speed.max(f64::MIN_POSITIVE));
            dab(&mut levels, [x + along * unit[0], y + along * unit[1]], width);
        }
    }
    let byte = |level: f64| (255.0 * level.clamp(0.0, 1.0)) as u8;
    levels.iter().flat_map(|&[red, green, blue]| [byte(red), byte(green), byte(blue), 255]).collect()
}

/// Brightens the pixels within `radius` of a place.
fn dab(levels: &mut [[f64; 3]], [x, y]: [f64; 2], radius: f64) {
    for row in (y - 2.0).max(0.0) as usize..((y + 3.0) as usize).min(PICTURE) {
        for column in (x - 2.0).max(0.0) as usize..((x + 3.0) as usize).min(PICTURE) {
            let distance = (column as f64 + 0.5 - x).hypot(row as f64 + 0.5 - y);
            let share = (radius - distance).clamp(0.0, 1.0);
            levels[row * PICTURE + column].iter_mut().for_each(|level| *level = level.max(0.95 * share));
        }
    }
}

struct OnDevice<'p> {
    chain: Chain,
    start: [Buffer<f32>; 3],
    /// The fields of the state that is read first, then those of the other.
    states: Vec<Buffer<f32>>,
    /// Where the last state begins in `states`.
    last: usize,
    end: &'p mut Water,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        self.states.iter().zip(&self.start).try_for_each(|(state, start)| state.copy_from(start))?;
        Ok(Tally::from(&self.chain.run([], [])?))
    }

    fn fetch(&mut self) -> Result<()> {
        let fields = self.states[self.last..].iter().zip(&mut self.end.fields);
        fields.into_iter().try_for_each(|(state, field)| state.download_into(field))
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    #[test]
    fn still_water_stays_still() {
        for side in [1, 2, 17, 40] {
            let mut basin = Basin::new(side, Water::still(side));
            basin.native();
            assert!(basin.verify().passed(), "{}", basin.verify());
            basin.corrupt(5);
            assert!(!basin.verify().passed());
        }
    }

    /// A heap that is large beside what rotation reaches keeps its height, and water flows around it clockwise: the slope
    /// of the surface and the Coriolis force balance.
    #[test]
    fn water_turns_around_a_heap() {
        let side = 64;
        let mut water = Water::still(side);
        for (i, depth) in water.fields[0].iter_mut().enumerate() {
            let [x, y] = [i % side, i / side].map(|place| (place as f32 + 0.5) / side as f32 - 0.5);
            *depth += 5.0 * (-0.5 * (x * x + y * y) / (0.15 * 0.15)).exp();
        }
        let mut end = water.wide();
        native(&mut end, side);
        let middle = side / 2;
        let flow = |field: usize, x: usize, y: usize| end.fields[field][y * side + x];
        let off = side / 8;
        assert!(end.fields[0][middle * side + middle] > f64::from(DEPTH) + 2.0);
        assert!(flow(1, middle, middle + off) > 0.0 && flow(1, middle, middle - off) < 0.0);
        assert!(flow(2, middle + off, middle) < 0.0 && flow(2, middle - off, middle) > 0.0);
    }

    /// Half the cells, twice as coarse: the difference falls as a scheme of second order has it.
    #[test]
    fn the_scheme_is_of_second_order() {
        let run = |side: usize| {
            let mut water = Water::still(side);
            for (i, depth) in water.fields[0].iter_mut().enumerate() {
                let [x, y] = [i % side, i / side].map(|place| (place as f64 + 0.5) / side as f64 * TAU);
                *depth += (x.sin() * y.cos()) as f32;
            }
            let mut end = water.wide();
            native(&mut end, side);
            end
        };
        // Means over blocks of the coarsest cells.
        let coarse = |water: &Water<f64>, side: usize| {
            let block = side / 16;
            let mut means = vec![0.0; 16 * 16];
            for (i, depth) in water.fields[0].iter().enumerate() {
                means[i / side / block * 16 + i % side / block] += depth / (block * block) as f64;
            }
            means
        };
        let means: Vec<Vec<f64>> = [32, 64, 128].map(|side| coarse(&run(side), side)).into();
        let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
        let ratio = apart(&means[0], &means[1]) / apart(&means[1], &means[2]);
        assert!((3.0..5.5).contains(&ratio), "{ratio}");
    }
}
