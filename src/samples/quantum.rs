//! `quantum`: a quantum computer, simulated: the amplitudes of all states of its qubits.

mod circuit;
mod native;
mod qasm;

use std::{
    path::Path,
    sync::OnceLock,
    time::{Duration, Instant},
};

use bytemuck::{Pod, Zeroable};
use num_complex::Complex;

use self::circuit::{Circuit, Gate};
use super::{Check, Problem, ROUNDING, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, read, timed};
use crate::{
    Buffer, Chain, ChainBuilder, Device, DeviceChoice, Error, Result, Runtime, chain::ChainArg, error::Message,
};

const WGSL: &str = include_str!("../../shaders/quantum.wgsl");

/// The most qubits: amplitudes of 2 GiB.
const MOST_QUBITS: usize = 28;

/// Lanes of a workgroup of `far`, at most and at least: no GPU does fewer than 32 together without loss.
const WIDE: u32 = 256;
const NARROW: u32 = 32;

/// What is wanted of a file.
const FORM: &str = "give OpenQASM 2.0: registers, gates of qelib1.inc and measurements at the end";

/// The sample.
pub struct Quantum;

impl Sample for Quantum {
    fn name(&self) -> &'static str {
        "quantum"
    }

    fn field(&self) -> &'static str {
        "quantum computing"
    }

    fn summary(&self) -> &'static str {
        "the state of a quantum computer after a circuit"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "qubits", small: 10, default: 20, large: 24, max: MOST_QUBITS }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["png", "npy", "tsv"]
    }

    fn reads(&self) -> Option<&'static str> {
        Some("OpenQASM 2.0: a list of gates, with measurements at its end")
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        Ok(Box::new(Register::new(Circuit::random(self.sizes().resolve(size)?, seed))))
    }

    fn open(&self, file: &Path, _seed: u64) -> Result<Box<dyn Problem>> {
        let text = String::from_utf8(read::bytes(file)?)
            .map_err(|error| read::refuse(file, format!("it is no text: {error}"), FORM))?;
        let circuit = qasm::parse(&text);
        let circuit = circuit
            .map_err(|qasm::Wrong { line, problem }| read::refuse(file, format!("line {line}: {problem}"), FORM))?;
        Ok(Box::new(Register::new(circuit)))
    }
}

/// The circuit of a program in OpenQASM 2.0, as [`Sample::open`] takes it.
///
/// # Errors
///
/// When it is none; the message says in which line.
pub fn program(text: &str) -> Result<Box<dyn Problem>> {
    let circuit = qasm::parse(text).map_err(|qasm::Wrong { line, problem }| {
        Error::Call(Message::new(format!("line {line}: {problem}")).help(FORM))
    })?;
    Ok(Box::new(Register::new(circuit)))
}

/// As in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    m_00: [f32; 2],
    m_01: [f32; 2],
    m_10: [f32; 2],
    m_11: [f32; 2],
    below: [u32; 3],
    controls: u32,
    target_bit: u32,
    is_phase: u32,
    pad: [u32; 2],
}

impl Params {
    fn new(gate: &Gate) -> Self {
        let bit = |&qubit: &usize| 1u32 << qubit;
        let mut bits: Vec<u32> = gate.controls.iter().chain([&gate.target]).map(bit).collect();
        bits.sort_unstable();
        // Nothing is above all bits.
        let below = std::array::from_fn(|place| bits.get(place).map_or(u32::MAX, |bit| bit - 1));
        let [m_00, m_01, m_10, m_11] = gate.matrix.map(|entry| [entry.re as f32, entry.im as f32]);
        let is_phase = (m_00, m_01, m_10) == ([1.0, 0.0], [0.0; 2], [0.0; 2]);
        Params {
            m_00,
            m_01,
            m_10,
            m_11,
            below,
            controls: gate.controls.iter().map(bit).sum(),
            target_bit: bit(&gate.target),
            is_phase: is_phase.into(),
            pad: [0; 2],
        }
    }

    /// How many qubits have a part in the gate.
    fn qubits(&self) -> u32 {
        1 + self.controls.count_ones()
    }

    /// Pairs that the gate changes, of 2^`qubits` amplitudes.
    fn pairs(&self, qubits: usize) -> usize {
        1 << (qubits - self.qubits() as usize)
    }

    /// Amplitudes that follow each other until one of the gate's bits changes.
    fn run(&self) -> u32 {
        self.below[0] + 1
    }
}

struct Register {
    circuit: Circuit,
    /// The circuit's gates, fused.
    gates: Vec<Params>,
    amplitudes: Vec<Complex<f32>>,
    expected: OnceLock<Vec<Complex<f64>>>,
}

impl Register {
    fn new(circuit: Circuit) -> Self {
        Register {
            gates: circuit.fused().iter().map(Params::new).collect(),
            amplitudes: vec![Complex::default(); 1 << circuit.qubits],
            circuit,
            expected: OnceLock::new(),
        }
    }

    fn expected(&self) -> &[Complex<f64>] {
        self.expected.get_or_init(|| native::exact(&self.circuit))
    }

    /// How far the state may be off, as the root of the sum of squares; that of the state itself is 1.
    ///
    /// An entry of a matrix is rounded once, its product with an amplitude by sqrt 5 (Brent, Percival and Zimmermann, "Error
    /// bounds on complex floating-point multiplication", 2007), and the sum of two by 1: less than 4.24 roundings of the
    /// magnitudes summed, which for a row of a unitary matrix are at most the size of the pair; for both rows the root of 2 of
    /// that, which is less than 6. Gates are unitary and keep what was off before as large as it was. A hundredth more covers
    /// what is of second order.
    fn tolerance(&self) -> f64 {
        1.01 * 6.0 * ROUNDING * self.gates.len() as f64
    }

    /// How far the state is off.
    fn error(&self) -> f64 {
        let apart = |(found, expected): (&Complex<f32>, &Complex<f64>)| (wide(found) - expected).norm_sqr();
        self.amplitudes.iter().zip(self.expected()).map(apart).sum::<f64>().sqrt()
    }

    /// Adds the gates to a chain.
    fn chain(&self, chain: &mut ChainBuilder, runtime: &Runtime, amplitudes: impl Fn() -> ChainArg) -> Result<()> {
        let module = runtime.module(WGSL)?;
        let (start, near, far) = (module.kernel("start")?, module.kernel("near")?, module.kernel("far")?);
        let narrow = far.with_const("LANES", NARROW)?;
        chain.call(&start).bind("amplitudes", amplitudes()).grid([self.amplitudes.len()]);
        for gate in &self.gates {
            let kernel = match gate.run() {
                WIDE.. => &far,
                NARROW.. => &narrow,
                _ => &near,
            };
            let call = chain.call(kernel).uniform("params", gate).bind("amplitudes", amplitudes());
            call.grid([gate.pairs(self.circuit.qubits)]);
        }
        Ok(())
    }

    fn probability(&self, state: usize) -> f64 {
        wide(&self.amplitudes[state]).norm_sqr()
    }

    /// The states that are most likely to be measured, in lines with a title: qubit 0 is the last digit.
    fn table(&self) -> String {
        let mut states: Vec<usize> = (0..self.amplitudes.len()).collect();
        let by_probability =
            |a: &usize, b: &usize| self.probability(*b).total_cmp(&self.probability(*a)).then(a.cmp(b));
        if states.len() > LISTED {
            states.select_nth_unstable_by(LISTED, by_probability);
            states.truncate(LISTED);
        }
        states.sort_unstable_by(by_probability);
        let mut text = String::from("state\tprobability\tre\tim\n");
        for state in states {
            let Complex { re, im } = self.amplitudes[state];
            let width = self.circuit.qubits;
            text += &format!("{state:0width$b}\t{:.6e}\t{re:.6e}\t{im:.6e}\n", self.probability(state));
        }
        text
    }
}

/// States in the table.
const LISTED: usize = 1024;

fn wide(amplitude: &Complex<f32>) -> Complex<f64> {
    Complex::new(amplitude.re.into(), amplitude.im.into())
}

impl Problem for Register {
    fn describe(&self) -> String {
        format!("{} qubits, {} gates fused to {}", self.circuit.qubits, self.circuit.gates.len(), self.gates.len())
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let start = Instant::now();
        let mut chain = runtime.chain();
        let amplitudes = chain.output(self.amplitudes.len());
        self.chain(&mut chain, runtime, || ChainArg::from(amplitudes))?;
        chain.device(&runtime.first_of(devices)?);
        let chain = chain.build()?;
        let report = chain.run([], [amplitudes.into(&mut self.amplitudes)])?;
        Ok(Tally::of_chain(&chain, &report, start))
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        let amplitudes = runtime.buffer_zeroed_on(device, self.amplitudes.len())?;
        let mut chain = runtime.chain();
        self.chain(&mut chain, runtime, || ChainArg::from(&amplitudes))?;
        Ok(Box::new(OnDevice { chain: chain.build()?, amplitudes, result: &mut self.amplitudes }))
    }

    fn native(&mut self) -> Duration {
        let (gates, amplitudes) = (&self.gates, &mut self.amplitudes);
        timed(|| native::run(amplitudes, gates))
    }

    fn verify(&self) -> Verdict {
        let norm: f64 = (0..self.amplitudes.len()).map(|state| self.probability(state)).sum();
        let tolerance = self.tolerance();
        vec![
            Check {
                what: "amplitudes against f64",
                error: self.error(),
                tolerance,
                measure: "of the state's root of the sum of squares",
                reason: "each gate rounds by less than 6 x 2^-24 of it, and gates keep what was there before as it was",
            },
            Check {
                what: "probabilities add up to 1",
                error: (norm - 1.0).abs(),
                tolerance: 2.0 * tolerance + tolerance * tolerance,
                measure: "absolute",
                reason: "gates are unitary; the square of a sum that is off by that much",
            },
        ]
        .into()
    }

    fn work(&self) -> Work {
        let pairs = |gate: &Params| gate.pairs(self.circuit.qubits) as u64;
        let count = |general: u64, phase: u64| -> u64 {
            self.gates.iter().map(|gate| pairs(gate) * if gate.is_phase == 1 { phase } else { general }).sum()
        };
        Work {
            operations: count(28, 6),
            counted: "28 a pair of amplitudes: 4 complex products and 2 sums; 6 where only a phase changes",
            bytes: count(32, 16) + 8 * self.amplitudes.len() as u64,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        match draw::extension(path, Quantum.draws())? {
            "png" => {
                let (width, rgba) = self.picture();
                draw::write_png(path, width, &rgba)
            }
            "tsv" => draw::write_text(path, &self.table()),
            _ => {
                let parts: &[f32] = bytemuck::cast_slice(&self.amplitudes);
                draw::write_npy(path, parts, &[self.amplitudes.len(), 2])
            }
        }
    }

    fn corrupt(&mut self, seed: u64) {
        let state = seed as usize % self.amplitudes.len();
        let (exact, most) = (self.expected()[state], self.tolerance());
        let (part, exact) = match seed.is_multiple_of(2) {
            true => (&mut self.amplitudes[state].re, exact.re),
            false => (&mut self.amplitudes[state].im, exact.im),
        };
        *part = (exact + most) as f32;
        while f64::from(*part) - exact <= most {
            *part = part.next_up();
        }
    }
}

/// Pixels along the sides of the picture, at least half of it and at most.
const PICTURE: usize = 1024;

impl Register {
    /// Probabilities of all states, the lighter, the likelier, by their logarithm: rows are the upper half of the qubits, columns
    /// the lower one. Where states are more than pixels, a pixel is the likeliest of those in it.
    fn picture(&self) -> (usize, Vec<u8>) {
        let columns = 1 << self.circuit.qubits.div_ceil(2);
        let rows = self.amplitudes.len() / columns;
        let (grain, scale) = (columns.div_ceil(PICTURE), (PICTURE / columns).max(1));
        let (width, height) = (columns / grain * scale, rows.div_ceil(grain) * scale);
        let mut cells = vec![0.0f64; columns.div_ceil(grain) * rows.div_ceil(grain)];
        for state in 0..self.amplitudes.len() {
            let cell = &mut cells[state / columns / grain * (columns / grain) + state % columns / grain];
            *cell = cell.max(self.probability(state));
        }
        let most = cells.iter().fold(f64::MIN_POSITIVE, |a, &b| a.max(b));
        let rgba = (0..height).flat_map(|y| {
            let cells = &cells;
            (0..width).flat_map(move |x| {
                let share = cells[y / scale * (width / scale) + x / scale] / most;
                draw::heat(1.0 + share.max(1e-300).log10() / DECADES)
            })
        });
        (width, rgba.collect())
    }
}

/// Powers of ten from the likeliest down to black.
const DECADES: f64 = 4.0;

struct OnDevice<'p> {
    result: &'p mut [Complex<f32>],
    chain: Chain,
    amplitudes: Buffer<Complex<f32>>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        Ok(Tally::from(&self.chain.run([], [])?))
    }

    fn fetch(&mut self) -> Result<()> {
        self.amplitudes.download_into(self.result)
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{PI, TAU};

    use super::{
        circuit::{X, hadamard, phase},
        *,
    };

    /// What a circuit leads to, once it is verified.
    fn outcome(circuit: Circuit) -> Vec<Complex<f64>> {
        let mut register = Register::new(circuit);
        register.native();
        assert!(register.verify().passed(), "{}", register.verify());
        register.amplitudes.iter().map(wide).collect()
    }

    fn check(found: &[Complex<f64>], expected: impl Fn(usize) -> Complex<f64>) {
        for (state, amplitude) in found.iter().enumerate() {
            assert!((amplitude - expected(state)).norm() < 1e-5, "{state:b}: {amplitude}, not {}", expected(state));
        }
    }

    /// All qubits 0 or all 1, with the same amplitude (Greenberger, Horne and Zeilinger).
    #[test]
    fn qubits_are_entangled() {
        for qubits in [1, 2, 3, 9, 14] {
            let mut circuit = Circuit::new(qubits);
            circuit.push(hadamard(), 0, &[]);
            (1..qubits).for_each(|qubit| circuit.push(X, qubit, &[qubit - 1]));
            let end = (1 << qubits) - 1;
            let half = |state| if state == 0 || state == end { 0.5f64.sqrt() } else { 0.0 };
            check(&outcome(circuit), |state| half(state).into());
        }
    }

    /// The Fourier transform of a state with one number is a wave; back from the wave, there is the number again.
    #[test]
    fn the_fourier_transform_makes_waves() {
        for (qubits, number) in [(1, 1), (3, 5), (10, 777), (13, 4097)] {
            let mut circuit = Circuit::new(qubits);
            (0..qubits).filter(|bit| number >> bit & 1 == 1).for_each(|bit| circuit.push(X, bit, &[]));
            // From the highest qubit down, and then in the opposite order.
            for target in (0..qubits).rev() {
                circuit.push(hadamard(), target, &[]);
                for control in (0..target).rev() {
                    circuit.push(phase(PI / (1 << (target - control)) as f64), target, &[control]);
                }
            }
            (0..qubits / 2).for_each(|bit| circuit.swap(bit, qubits - 1 - bit));
            let count = 1usize << qubits;
            let scale = 1.0 / (count as f64).sqrt();
            let wave = |state: usize| Complex::from_polar(scale, TAU * (state * number % count) as f64 / count as f64);
            check(&outcome(circuit.clone()), wave);
            (0..qubits / 2).for_each(|bit| circuit.swap(bit, qubits - 1 - bit));
            circuit.inverse_fourier(qubits);
            check(&outcome(circuit), |state| f64::from(u8::from(state == number)).into());
        }
    }

    /// Grover's search for 101 among three qubits: after two rounds sin^2(5 arcsin(1 / sqrt 8)), which is 121 / 128.
    #[test]
    fn what_is_searched_is_found() {
        let text = "OPENQASM 2.0; qreg q[3]; h q;".to_owned()
            + &"x q[1]; h q[2]; ccx q[0],q[1],q[2]; h q[2]; x q[1]; \
                h q; x q; h q[2]; ccx q[0],q[1],q[2]; h q[2]; x q; h q;"
                .repeat(2);
        let found = outcome(qasm::parse(&text).unwrap());
        let probability = |state: usize| found[state].norm_sqr();
        assert!((probability(0b101) - 121.0 / 128.0).abs() < 1e-5, "{}", probability(0b101));
        assert!((0..8).filter(|&state| state != 0b101).all(|state| (probability(state) - 1.0 / 128.0).abs() < 1e-5));
    }

    /// Gates with any target and any controls, of which each kind has a path of its own in the native reference.
    #[test]
    fn gates_reach_all_qubits() {
        let qubits = 15;
        let mut circuit = Circuit::new(qubits);
        (0..qubits).for_each(|qubit| circuit.push(circuit::u3(0.3 + qubit as f64, 0.1, 0.7), qubit, &[]));
        for target in 0..qubits {
            for apart in [1, 2, 5, 11] {
                let controls = [(target + apart) % qubits, (target + 2 * apart) % qubits];
                circuit.push(circuit::u3(0.4, apart as f64, 0.2), target, &controls);
                circuit.push(phase(0.3 * apart as f64), target, &controls[..1]);
            }
        }
        outcome(circuit);
    }

    /// 64 x 0.3 is between 19 and 20: of 19, the probability is the square of sin(64 x) / (64 sin x), x being 0.2 / 64 of half a
    /// turn.
    #[test]
    fn the_program_in_the_repository_finds_a_phase() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/phase_estimation.qasm");
        let mut register = Register::new(qasm::parse(&std::fs::read_to_string(path).unwrap()).unwrap());
        register.native();
        assert!(register.verify().passed(), "{}", register.verify());
        let expected = ((0.2 * PI).sin() / (64.0 * (0.2 * PI / 64.0).sin())).powi(2);
        assert!((register.probability(0b101_0011) - expected).abs() < 1e-5, "{expected}");
        let table = register.table();
        assert!(table.lines().nth(1).unwrap().starts_with("1010011\t8.75"), "{table}");
    }
}
