//! Circuits in native Rust: many pairs of amplitudes side by side in f32, and gate by gate in f64.

use num_complex::Complex;
use rayon::prelude::*;

use super::{Params, circuit::Circuit};

type Amplitude = Complex<f32>;

/// Amplitudes that a worker takes at a time, and how many of those make it worth to share them.
const BLOCK: usize = 1 << 12;
const MANY: usize = 32;

/// Does the gates on the state in which all qubits are 0.
pub(super) fn run(amplitudes: &mut [Amplitude], gates: &[Params]) {
    amplitudes.par_chunks_mut(BLOCK).for_each(|block| block.fill(Amplitude::default()));
    amplitudes[0].re = 1.0;
    gates.iter().for_each(|gate| apply(amplitudes, gate));
}

fn apply(amplitudes: &mut [Amplitude], gate: &Params) {
    let stride = gate.target_bit as usize;
    let size = BLOCK.min(amplitudes.len()).max(2 * stride);
    if 2 * stride <= BLOCK {
        let blocks = amplitudes.par_chunks_mut(size).enumerate();
        blocks.for_each(|(number, block)| {
            if is_controlled(gate, number * size, size) {
                within(block, number * size, gate);
            }
        });
        return;
    }
    let pairs = |first: usize, lower: &mut [Amplitude], upper: &mut [Amplitude]| {
        if is_controlled(gate, first, BLOCK) {
            between(lower, upper, first, gate);
        }
    };
    if amplitudes.len() / size >= MANY {
        amplitudes.par_chunks_mut(size).enumerate().for_each(|(number, chunk)| {
            let (lower, upper) = chunk.split_at_mut(stride);
            let blocks = lower.chunks_mut(BLOCK).zip(upper.chunks_mut(BLOCK)).enumerate();
            blocks.for_each(|(block, (lower, upper))| pairs(number * size + block * BLOCK, lower, upper));
        });
    } else {
        amplitudes.chunks_mut(size).enumerate().for_each(|(number, chunk)| {
            let (lower, upper) = chunk.split_at_mut(stride);
            let blocks = lower.par_chunks_mut(BLOCK).zip(upper.par_chunks_mut(BLOCK)).enumerate();
            blocks.for_each(|(block, (lower, upper))| pairs(number * size + block * BLOCK, lower, upper));
        });
    }
}

/// Whether the controls above a block of this size are 1 in it.
fn is_controlled(gate: &Params, first: usize, size: usize) -> bool {
    let above = gate.controls as usize & !(size - 1);
    first & above == above
}

/// Pairs within a block.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn within(block: &mut [Amplitude], first: usize, gate: &Params) {
    match gate.target_bit {
        1 => adjacent::<1, 2>(block, first, gate),
        2 => adjacent::<2, 4>(block, first, gate),
        4 => adjacent::<4, 8>(block, first, gate),
        stride => {
            let stride = stride as usize;
            for (number, pairs) in block.chunks_exact_mut(2 * stride).enumerate() {
                let (lower, upper) = pairs.split_at_mut(stride);
                runs(lower, upper, first + number * 2 * stride, gate);
            }
        }
    }
}

/// Pairs of which one is in each of two blocks.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn between(lower: &mut [Amplitude], upper: &mut [Amplitude], first: usize, gate: &Params) {
    runs(lower, upper, first, gate);
}

/// Pairs that are `STRIDE` apart, which is half of `WIDTH`.
#[inline(always)]
fn adjacent<const STRIDE: usize, const WIDTH: usize>(block: &mut [Amplitude], first: usize, gate: &Params) {
    let controls = gate.controls as usize;
    for (number, group) in block.as_chunks_mut::<WIDTH>().0.iter_mut().enumerate() {
        for lane in 0..STRIDE {
            let (a, b) = changed(group[lane], group[lane + STRIDE], gate);
            let is_on = (first + number * WIDTH + lane) & controls == controls;
            group[lane] = if is_on { a } else { group[lane] };
            group[lane + STRIDE] = if is_on { b } else { group[lane + STRIDE] };
        }
    }
}

/// Pairs in two runs, as long as the controls let them be.
#[inline(always)]
fn runs(lower: &mut [Amplitude], upper: &mut [Amplitude], first: usize, gate: &Params) {
    let controls = gate.controls as usize;
    let lowest = controls & controls.wrapping_neg();
    if controls == 0 || lowest >= lower.len() {
        if first & controls == controls {
            both(lower, upper, gate);
        }
    } else if lowest >= 8 {
        let parts = lower.chunks_exact_mut(lowest).zip(upper.chunks_exact_mut(lowest)).enumerate();
        for (number, (lower, upper)) in parts {
            if (first + number * lowest) & controls == controls {
                both(lower, upper, gate);
            }
        }
    } else {
        for (number, (a, b)) in lower.iter_mut().zip(upper).enumerate() {
            let is_on = (first + number) & controls == controls;
            let (new_a, new_b) = changed(*a, *b, gate);
            *a = if is_on { new_a } else { *a };
            *b = if is_on { new_b } else { *b };
        }
    }
}

/// The gate on all pairs of two runs.
#[inline(always)]
fn both(lower: &mut [Amplitude], upper: &mut [Amplitude], gate: &Params) {
    if gate.is_phase == 1 {
        upper.iter_mut().for_each(|b| *b = product(gate.m_11, *b));
    } else {
        lower.iter_mut().zip(upper).for_each(|(a, b)| (*a, *b) = changed(*a, *b, gate));
    }
}

#[inline(always)]
fn changed(a: Amplitude, b: Amplitude, gate: &Params) -> (Amplitude, Amplitude) {
    (product(gate.m_00, a) + product(gate.m_01, b), product(gate.m_10, a) + product(gate.m_11, b))
}

#[inline(always)]
fn product([re, im]: [f32; 2], a: Amplitude) -> Amplitude {
    Amplitude::new(re * a.re - im * a.im, re * a.im + im * a.re)
}

/// The state after all gates of a circuit, as they are written, in f64: each amplitude from its row of the gate's matrix.
pub(super) fn exact(circuit: &Circuit) -> Vec<Complex<f64>> {
    let mut state = vec![Complex::new(0.0, 0.0); 1 << circuit.qubits];
    state[0] = Complex::new(1.0, 0.0);
    let mut next = state.clone();
    for gate in &circuit.gates {
        let target = 1 << gate.target;
        let controls = gate.controls.iter().fold(0, |bits, control| bits | 1usize << control);
        next.par_iter_mut().with_min_len(1024).enumerate().for_each(|(i, amplitude)| {
            let row = if i & target == 0 { &gate.matrix[..2] } else { &gate.matrix[2..] };
            *amplitude = match i & controls == controls {
                true => row[0] * state[i & !target] + row[1] * state[i | target],
                false => state[i],
            };
        });
        std::mem::swap(&mut state, &mut next);
    }
    state
}
