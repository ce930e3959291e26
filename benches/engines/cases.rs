//! The kernels of the race, with their inputs.

use crate::{
    inputs::{self, *},
    reference::{self, Allowed},
};

/// A kernel to race, with its data.
pub struct Case {
    /// The stem of its file, and its name in the native program.
    pub name: &'static str,
    pub wgsl: &'static str,
    pub grid: [usize; 3],
    pub uniforms: Vec<(&'static str, Value)>,
    pub buffers: Vec<Binding>,
    /// Whether only the sum of all results counts: the native program gives it at once, the kernel in parts.
    pub summed: bool,
    /// What each result may be.
    pub allowed: fn(&Case) -> Vec<Allowed>,
}

/// The value of a uniform's field.
#[derive(Clone, Copy)]
pub enum Value {
    U32(u32),
    F32(f32),
    Vec2([f32; 2]),
}

/// A storage binding.
pub struct Binding {
    pub name: &'static str,
    pub access: Access,
    /// The contents before the first run, or zeros.
    pub words: Vec<u32>,
    pub floats: bool,
}

/// How a kernel uses a binding. What it writes is the result, in the order of the bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
    ReadWrite,
}

impl Case {
    /// The contents of a binding of floats, before the first run.
    pub fn floats(&self, name: &str) -> &[f32] {
        bytemuck::cast_slice(self.words(name))
    }

    /// The contents of a binding, before the first run.
    pub fn words(&self, name: &str) -> &[u32] {
        self.buffers.iter().find(|binding| binding.name == name).map_or(&[], |binding| &binding.words)
    }

    /// Whether the results are floats.
    pub fn has_floats(&self) -> bool {
        self.buffers.iter().any(|binding| binding.access != Access::Read && binding.floats)
    }
}

fn binding(name: &'static str, access: Access, contents: Vec<f32>) -> Binding {
    Binding { name, access, words: bytemuck::cast_vec(contents), floats: true }
}

fn read(name: &'static str, contents: Vec<f32>) -> Binding {
    binding(name, Access::Read, contents)
}

fn write(name: &'static str, count: usize) -> Binding {
    binding(name, Access::Write, vec![0.0; count])
}

fn integers(name: &'static str, access: Access, words: Vec<u32>) -> Binding {
    Binding { name, access, words, floats: false }
}

/// A kernel of the race, whose data is made when its turn comes.
pub struct Entry {
    pub name: &'static str,
    /// What it does at which size.
    pub title: &'static str,
    pub case: fn() -> Case,
}

/// The kernels.
pub const ENTRIES: [Entry; 9] = [
    Entry { name: "saxpy", title: "saxpy, 4 Mi", case: saxpy },
    Entry { name: "mandelbrot", title: "mandelbrot 1024x1024, 256 iterations", case: mandelbrot },
    Entry { name: "nbody", title: "n-body 8,192 all pairs, 64-wide tile", case: nbody },
    Entry { name: "matmul", title: "matmul 512, 16x16 tiles", case: matmul },
    Entry { name: "black_scholes", title: "Black-Scholes, 1 Mi options", case: black_scholes },
    Entry { name: "heat", title: "heat 2-D step 2048x2048", case: heat },
    Entry { name: "reduce", title: "reduce 4 Mi, 256-wide tree", case: reduce },
    Entry { name: "histogram", title: "histogram 4 Mi into 256 atomics", case: histogram },
    Entry { name: "hash", title: "xorshift hash, 256 rounds, 1 Mi", case: hash },
];

/// The kernel of saxpy.
pub const SAXPY: &str = include_str!("../kernels/saxpy.wgsl");

fn saxpy() -> Case {
    Case {
        name: "saxpy",
        wgsl: SAXPY,
        grid: [ELEMENTS, 1, 1],
        uniforms: vec![("params.a", Value::F32(FACTOR))],
        buffers: vec![
            read("x", inputs::floats(1, ELEMENTS, 0.0, 1.0)),
            binding("y", Access::ReadWrite, inputs::floats(2, ELEMENTS, 0.0, 1.0)),
        ],
        summed: false,
        allowed: reference::saxpy,
    }
}

fn mandelbrot() -> Case {
    let side = Value::U32(PICTURE as u32);
    Case {
        name: "mandelbrot",
        wgsl: include_str!("../kernels/mandelbrot.wgsl"),
        grid: [PICTURE, PICTURE, 1],
        uniforms: vec![
            ("params.origin", Value::Vec2(ORIGIN)),
            ("params.pitch", Value::F32(PITCH)),
            ("params.limit", Value::U32(ITERATIONS)),
            ("params.width", side),
            ("params.height", side),
        ],
        buffers: vec![integers("counts", Access::Write, vec![0; PICTURE * PICTURE])],
        summed: false,
        allowed: reference::mandelbrot,
    }
}

fn nbody() -> Case {
    let [x, y, z, mass] = inputs::bodies();
    let bodies = (0..BODIES).flat_map(|i| [x[i], y[i], z[i], mass[i]]).collect();
    Case {
        name: "nbody",
        wgsl: include_str!("../kernels/nbody.wgsl"),
        grid: [BODIES, 1, 1],
        uniforms: vec![("params.softening2", Value::F32(SOFTENING2))],
        buffers: vec![read("bodies", bodies), write("accelerations", 4 * BODIES)],
        summed: false,
        allowed: reference::nbody,
    }
}

fn matmul() -> Case {
    let matrix = |seed| inputs::floats(seed, MATRIX * MATRIX, -1.0, 1.0);
    let side = Value::U32(MATRIX as u32);
    Case {
        name: "matmul",
        wgsl: include_str!("../kernels/matmul.wgsl"),
        grid: [MATRIX, MATRIX, 1],
        uniforms: vec![("params.m", side), ("params.n", side), ("params.k", side)],
        buffers: vec![read("a", matrix(301)), read("b", matrix(302)), write("c", MATRIX * MATRIX)],
        summed: false,
        allowed: reference::matmul,
    }
}

fn black_scholes() -> Case {
    let [spots, strikes, years] = inputs::options();
    Case {
        name: "black_scholes",
        wgsl: include_str!("../kernels/black_scholes.wgsl"),
        grid: [OPTIONS, 1, 1],
        uniforms: vec![("params.rate", Value::F32(RATE)), ("params.volatility", Value::F32(VOLATILITY))],
        buffers: vec![
            read("spots", spots),
            read("strikes", strikes),
            read("years", years),
            write("calls", OPTIONS),
            write("puts", OPTIONS),
        ],
        summed: false,
        allowed: reference::black_scholes,
    }
}

fn heat() -> Case {
    let side = Value::U32(SIDE as u32);
    Case {
        name: "heat",
        wgsl: include_str!("../kernels/heat.wgsl"),
        grid: [SIDE, SIDE, 1],
        uniforms: vec![("params.width", side), ("params.height", side), ("params.rate", Value::F32(DIFFUSION))],
        buffers: vec![read("x", inputs::floats(3, SIDE * SIDE, 0.0, 1.0)), write("y", SIDE * SIDE)],
        summed: false,
        allowed: reference::heat,
    }
}

fn reduce() -> Case {
    Case {
        name: "reduce",
        wgsl: include_str!("../kernels/reduce.wgsl"),
        grid: [ELEMENTS, 1, 1],
        uniforms: Vec::new(),
        buffers: vec![read("x", inputs::floats(4, ELEMENTS, 0.0, 1.0)), write("sums", ELEMENTS / 256)],
        summed: true,
        allowed: reference::reduce,
    }
}

fn histogram() -> Case {
    Case {
        name: "histogram",
        wgsl: include_str!("../kernels/histogram.wgsl"),
        grid: [ELEMENTS, 1, 1],
        uniforms: Vec::new(),
        buffers: vec![
            integers("x", Access::Read, inputs::integers(5, ELEMENTS)),
            integers("counts", Access::ReadWrite, vec![0; BINS]),
        ],
        summed: false,
        allowed: reference::histogram,
    }
}

fn hash() -> Case {
    Case {
        name: "hash",
        wgsl: include_str!("../kernels/hash.wgsl"),
        grid: [HASHES, 1, 1],
        uniforms: vec![("params.rounds", Value::U32(ROUNDS))],
        buffers: vec![
            integers("x", Access::Read, inputs::integers(6, HASHES)),
            integers("y", Access::Write, vec![0; HASHES]),
        ],
        summed: false,
        allowed: reference::hash,
    }
}

/// Saxpy over more than the caches hold; not part of the race.
pub fn stream() -> Case {
    Case {
        name: "stream",
        wgsl: SAXPY,
        grid: [STREAM, 1, 1],
        uniforms: vec![("params.a", Value::F32(STREAM_FACTOR))],
        buffers: vec![read("x", vec![1.0; STREAM]), binding("y", Access::ReadWrite, vec![2.0; STREAM])],
        summed: false,
        allowed: |case| vec![reference::stream(case)],
    }
}
