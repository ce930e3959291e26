//! Circuits: gates as matrices, made from a seed, and fused to what a simulator does in one pass.

use std::f64::consts::{PI, TAU};

use num_complex::Complex;
use rand::{Rng, SeedableRng, rngs::SmallRng};

pub(super) type Matrix = [Complex<f64>; 4];

/// A gate: a unitary matrix, rows first, on `target` where all `controls` are 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gate {
    pub matrix: Matrix,
    pub target: usize,
    pub controls: Vec<usize>,
}

/// Gates in the order in which they are done, on qubits that are 0 at the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Circuit {
    pub qubits: usize,
    pub gates: Vec<Gate>,
}

const ONE: Complex<f64> = Complex::new(1.0, 0.0);
const ZERO: Complex<f64> = Complex::new(0.0, 0.0);
const I: Complex<f64> = Complex::new(0.0, 1.0);

pub(super) const X: Matrix = [ZERO, ONE, ONE, ZERO];

/// diag(1, e^(i angle)).
pub(super) fn phase(angle: f64) -> Matrix {
    // Quarter turns are exact.
    let quarters = angle / (PI / 2.0);
    let factor = match quarters.rem_euclid(4.0) {
        0.0 => ONE,
        1.0 => I,
        2.0 => -ONE,
        3.0 => -I,
        _ => Complex::from_polar(1.0, angle),
    };
    [ONE, ZERO, ZERO, factor]
}

/// The general gate of OpenQASM, with a phase of zero for |0> to |0>.
pub(super) fn u3(theta: f64, phi: f64, lambda: f64) -> Matrix {
    let (sine, cosine) = (theta / 2.0).sin_cos();
    let turn = |angle: f64| phase(angle)[3];
    [Complex::from(cosine), -turn(lambda) * sine, turn(phi) * sine, turn(phi + lambda) * cosine]
}

pub(super) fn hadamard() -> Matrix {
    let root = Complex::from(0.5f64.sqrt());
    [root, root, root, -root]
}

/// A turn about the axis x, y or z.
pub(super) fn rotation(axis: char, angle: f64) -> Matrix {
    let (sine, cosine) = (angle / 2.0).sin_cos();
    let (sine, cosine) = (Complex::from(sine), Complex::from(cosine));
    match axis {
        'x' => [cosine, -I * sine, -I * sine, cosine],
        'y' => [cosine, -sine, sine, cosine],
        _ => [cosine - I * sine, ZERO, ZERO, cosine + I * sine],
    }
}

/// The root of X that has no phase.
pub(super) fn root_of_x() -> Matrix {
    let [a, b] = [Complex::new(0.5, 0.5), Complex::new(0.5, -0.5)];
    [a, b, b, a]
}

/// a b.
fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    [a[0] * b[0] + a[1] * b[2], a[0] * b[1] + a[1] * b[3], a[2] * b[0] + a[3] * b[2], a[2] * b[1] + a[3] * b[3]]
}

impl Circuit {
    pub fn new(qubits: usize) -> Circuit {
        Circuit { qubits, gates: Vec::new() }
    }

    /// Adds a gate. Two of `target` and `controls` that are the same are a mistake of the caller's.
    pub fn push(&mut self, matrix: Matrix, target: usize, controls: &[usize]) {
        debug_assert!(target < self.qubits && !controls.contains(&target));
        self.gates.push(Gate { matrix, target, controls: controls.to_vec() });
    }

    /// Exchanges two qubits: what differs is turned over, three times.
    pub fn swap(&mut self, a: usize, b: usize) {
        for [control, target] in [[a, b], [b, a], [a, b]] {
            self.push(X, target, &[control]);
        }
    }

    /// Layers of gates drawn by chance on single qubits, and of controlled ones on neighbours, which lead to a state in which
    /// all qubits depend on each other: what quantum computers are tested with. An inverse Fourier transform follows on the
    /// lower half of the qubits, so that there are gates on qubits that are far apart.
    pub fn random(qubits: usize, seed: u64) -> Circuit {
        const LAYERS: usize = 8;
        let mut random = SmallRng::seed_from_u64(seed);
        let mut circuit = Circuit::new(qubits);
        for layer in 0..LAYERS {
            for qubit in 0..qubits {
                let [theta, phi, lambda] = [PI, TAU, TAU].map(|most| random.random_range(0.0..most));
                circuit.push(u3(theta, phi, lambda), qubit, &[]);
            }
            for first in (layer % 2..qubits.saturating_sub(1)).step_by(2) {
                let matrix = if random.random() { X } else { phase(PI) };
                circuit.push(matrix, first + 1, &[first]);
            }
        }
        circuit.inverse_fourier(qubits.div_ceil(2));
        circuit
    }

    /// The inverse Fourier transform of the lowest qubits, but for the order of these at the end.
    pub fn inverse_fourier(&mut self, qubits: usize) {
        for target in 0..qubits {
            for control in 0..target {
                self.push(phase(-PI / (1u64 << (target - control)) as f64), target, &[control]);
            }
            self.push(hadamard(), target, &[]);
        }
    }

    /// The same with fewer gates: those on single qubits that follow each other become one.
    pub fn fused(&self) -> Vec<Gate> {
        let mut gates = Vec::new();
        let mut waiting: Vec<Option<Matrix>> = vec![None; self.qubits];
        let flush = |qubit: usize, waiting: &mut Vec<Option<Matrix>>, gates: &mut Vec<Gate>| {
            if let Some(matrix) = waiting[qubit].take() {
                gates.push(Gate { matrix, target: qubit, controls: Vec::new() });
            }
        };
        for gate in &self.gates {
            if gate.controls.is_empty() {
                let waiting = &mut waiting[gate.target];
                *waiting = Some(waiting.map_or(gate.matrix, |before| multiply(&gate.matrix, &before)));
            } else {
                for &qubit in gate.controls.iter().chain([&gate.target]) {
                    flush(qubit, &mut waiting, &mut gates);
                }
                gates.push(gate.clone());
            }
        }
        (0..self.qubits).for_each(|qubit| flush(qubit, &mut waiting, &mut gates));
        gates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_unitary() {
        let gates = [
            X,
            phase(1.0),
            u3(0.7, 2.0, -1.0),
            hadamard(),
            rotation('x', 0.3),
            rotation('y', 0.3),
            rotation('z', 0.3),
            root_of_x(),
        ];
        for m in gates {
            let adjoint = [m[0].conj(), m[2].conj(), m[1].conj(), m[3].conj()];
            let unit = multiply(&m, &adjoint);
            assert!((unit[0] - ONE).norm() + unit[1].norm() + unit[2].norm() + (unit[3] - ONE).norm() < 1e-15, "{m:?}");
        }
        let squared = multiply(&root_of_x(), &root_of_x());
        assert!(squared.iter().zip(X).all(|(a, b)| (a - b).norm() < 1e-15));
        assert_eq!(phase(-PI / 2.0)[3], -I);
    }

    #[test]
    fn single_gates_are_fused_up_to_the_next_controlled_one() {
        let mut circuit = Circuit::new(3);
        circuit.push(hadamard(), 0, &[]);
        circuit.push(phase(1.0), 0, &[]);
        circuit.push(hadamard(), 2, &[]);
        circuit.push(X, 1, &[0]);
        circuit.push(X, 0, &[]);
        let gates = circuit.fused();
        let places: Vec<_> = gates.iter().map(|gate| (gate.target, gate.controls.len())).collect();
        assert_eq!(places, [(0, 0), (1, 1), (0, 0), (2, 0)]);
        assert_eq!(gates[0].matrix, multiply(&phase(1.0), &hadamard()));
    }
}
