//! The scheme in plain Rust, in f32 and in f64.

use std::{
    array,
    ops::{Add, Div, Mul, Sub},
};

use rayon::prelude::*;

use super::{Params, Water, steps};

/// What the arithmetic of the scheme is done in.
pub(super) trait Real:
    Copy + Send + Sync + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + From<f32>
{
}

impl Real for f32 {}
impl Real for f64 {}

/// The state of a cell or a corner: depth, flow along x, flow along y.
type State<T> = [T; 3];

/// Rows of one state.
type Rows<'a, T> = [&'a [T]; 3];

/// Rows that a worker takes at a time in the native reference. The corners of one row more have to be worked out.
const BAND: usize = 16;

/// All steps of a run.
pub(super) fn native<T: Real>(water: &mut Water<T>, side: usize) {
    let mut next = water.clone();
    let params = Scheme::new(&Params::new(side));
    for _ in 0..steps(side) {
        let [depth, flow_x, flow_y] = &mut next.fields;
        let bands = depth.par_chunks_mut(BAND * side).zip(flow_x.par_chunks_mut(BAND * side));
        bands.zip(flow_y.par_chunks_mut(BAND * side)).enumerate().for_each(|(band, ((depth, flow_x), flow_y))| {
            advance_band(&params, water, side, band * BAND, [depth, flow_x, flow_y]);
        });
        std::mem::swap(water, &mut next);
    }
}

/// The numbers of a step.
struct Scheme<T> {
    quarter: T,
    quarter_ratio: T,
    half_ratio: T,
    half_gravity: T,
    half_turn: T,
    turn: T,
}

impl<T: Real> Scheme<T> {
    fn new(params: &Params) -> Self {
        Scheme {
            quarter: T::from(0.25),
            quarter_ratio: T::from(0.25 * params.ratio),
            half_ratio: T::from(0.5 * params.ratio),
            half_gravity: T::from(params.half_gravity),
            half_turn: T::from(0.5 * params.turn),
            turn: T::from(params.turn),
        }
    }

    /// What more flows out than in between four states around a point, and the mean of their flows.
    #[inline(always)]
    fn gained(&self, [sw, se, nw, ne]: [State<T>; 4]) -> (State<T>, [T; 2]) {
        let velocity = |[depth, x, y]: State<T>| [x / depth, y / depth];
        let [v_sw, v_se, v_nw, v_ne] = [velocity(sw), velocity(se), velocity(nw), velocity(ne)];
        let pressure = |a: State<T>, b: State<T>| self.half_gravity * ((b[0] - a[0]) * (b[0] + a[0]));
        let along_x = |a: State<T>, va: [T; 2], b: State<T>, vb: [T; 2]| {
            [b[1] - a[1], b[1] * vb[0] - a[1] * va[0] + pressure(a, b), b[2] * vb[0] - a[2] * va[0]]
        };
        let along_y = |a: State<T>, va: [T; 2], b: State<T>, vb: [T; 2]| {
            [b[2] - a[2], b[1] * vb[1] - a[1] * va[1], b[2] * vb[1] - a[2] * va[1] + pressure(a, b)]
        };
        let x = [along_x(sw, v_sw, se, v_se), along_x(nw, v_nw, ne, v_ne)];
        let y = [along_y(sw, v_sw, nw, v_nw), along_y(se, v_se, ne, v_ne)];
        let gained = array::from_fn(|i| (x[0][i] + x[1][i]) + (y[0][i] + y[1][i]));
        let mean = |i: usize| self.quarter * ((sw[i] + se[i]) + (nw[i] + ne[i]));
        (gained, [mean(1), mean(2)])
    }

    /// The state half a step later between four cells.
    #[inline(always)]
    fn corner(&self, around: [State<T>; 4]) -> State<T> {
        let (gained, [x, y]) = self.gained(around);
        let depth = self.quarter * ((around[0][0] + around[1][0]) + (around[2][0] + around[3][0]));
        [
            depth - self.quarter_ratio * gained[0],
            (x + self.half_turn * y) - self.quarter_ratio * gained[1],
            (y - self.half_turn * x) - self.quarter_ratio * gained[2],
        ]
    }

    /// The state of a cell a step later.
    #[inline(always)]
    fn step(&self, here: State<T>, corners: [State<T>; 4]) -> State<T> {
        let (gained, [x, y]) = self.gained(corners);
        [
            here[0] - self.half_ratio * gained[0],
            (here[1] + self.turn * y) - self.half_ratio * gained[1],
            (here[2] - self.turn * x) - self.half_ratio * gained[2],
        ]
    }
}

#[inline(always)]
fn at<T: Copy>(rows: &Rows<'_, T>, i: usize) -> State<T> {
    [rows[0][i], rows[1][i], rows[2][i]]
}

/// The rows from `first` on a step later. Corners have one place more in front, the one that the torus brings there.
fn advance_band<T: Real>(scheme: &Scheme<T>, water: &Water<T>, side: usize, first: usize, next: [&mut [T]; 3]) {
    let row = |y: usize| water.fields.each_ref().map(|field| &field[y % side * side..][..side]);
    let line = || -> [Vec<T>; 3] { array::from_fn(|_| vec![T::from(0.0); side + 1]) };
    let (mut south, mut north) = (line(), line());
    corners(scheme, &row(first + side - 1), &row(first), &mut south);
    let rows = next[0].len() / side;
    let [depth, flow_x, flow_y] = next;
    for y in 0..rows {
        corners(scheme, &row(first + y), &row(first + y + 1), &mut north);
        let place = y * side..(y + 1) * side;
        let target = [&mut depth[place.clone()], &mut flow_x[place.clone()], &mut flow_y[place]];
        let lines = [&south, &north].map(|line| line.each_ref().map(Vec::as_slice));
        advance_row(scheme, &row(first + y), &lines[0], &lines[1], target);
        std::mem::swap(&mut south, &mut north);
    }
}

/// The corners between two rows.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn corners<T: Real>(scheme: &Scheme<T>, south: &Rows<'_, T>, north: &Rows<'_, T>, line: &mut [Vec<T>; 3]) {
    let side = south[0].len();
    let [depth, flow_x, flow_y] = line.each_mut().map(|field| &mut field[..side + 1]);
    let (south, north) = (south.map(|field| &field[..side]), north.map(|field| &field[..side]));
    for i in 1..side {
        let around = [at(&south, i - 1), at(&south, i), at(&north, i - 1), at(&north, i)];
        [depth[i], flow_x[i], flow_y[i]] = scheme.corner(around);
    }
    let around = [at(&south, side - 1), at(&south, 0), at(&north, side - 1), at(&north, 0)];
    let seam = scheme.corner(around);
    for end in [0, side] {
        [depth[end], flow_x[end], flow_y[end]] = seam;
    }
}

/// A row a step later, from the corners south and north of it.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn advance_row<T: Real>(
    scheme: &Scheme<T>,
    row: &Rows<'_, T>,
    south: &Rows<'_, T>,
    north: &Rows<'_, T>,
    target: [&mut [T]; 3],
) {
    let side = row[0].len();
    let row = row.map(|field| &field[..side]);
    let (south, north) = (south.map(|field| &field[..side + 1]), north.map(|field| &field[..side + 1]));
    let [depth, flow_x, flow_y] = target.map(|field| &mut field[..side]);
    for i in 0..side {
        let around = [at(&south, i), at(&south, i + 1), at(&north, i), at(&north, i + 1)];
        [depth[i], flow_x[i], flow_y[i]] = scheme.step(at(&row, i), around);
    }
}
