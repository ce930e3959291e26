//! Text that may be WGSL: it is refused, or it runs and ends at its deadline; on both executors, and never with a panic.
#![no_main]

#[path = "../../tests/support/random.rs"]
#[allow(dead_code, reason = "the other target makes choices in other ways")]
mod random;

use std::{sync::LazyLock, time::Duration};

use libfuzzer_sys::{Corpus, fuzz_target};
use random::Random;
use swath::{BindingKind, Error, Kernel, Module, Runtime, Untyped};

static ENGINES: LazyLock<[Runtime; 2]> = LazyLock::new(|| {
    [Runtime::cpu(), Runtime::cpu_interpreter()].map(|engine| engine.expect("the engine is always there"))
});

/// Kernels to begin with.
const KERNELS: [&str; 14] = [
    include_str!("../../shaders/saxpy.wgsl"),
    include_str!("../../shaders/reduce.wgsl"),
    include_str!("../../shaders/histogram.wgsl"),
    include_str!("../../shaders/matmul.wgsl"),
    include_str!("../../shaders/nbody.wgsl"),
    include_str!("../../shaders/mandelbrot.wgsl"),
    include_str!("../../shaders/black_scholes.wgsl"),
    include_str!("../../tests/cases/function_pointers.wgsl"),
    include_str!("../../tests/cases/flow_switch_in_loop.wgsl"),
    include_str!("../../tests/cases/struct_copies.wgsl"),
    include_str!("../../tests/cases/atomic_workgroup_operations.wgsl"),
    include_str!("../../tests/cases/workgroup_uniform_load_loop.wgsl"),
    include_str!("../../tests/cases/matrix_assignments.wgsl"),
    include_str!("../../tests/cases/f16_vectors.wgsl"),
];

/// Tokens that stand well, or badly, in place of others.
const TOKENS: [&str; 48] = [
    "0",
    "1u",
    "-1",
    "0xffffffffu",
    "2147483648",
    "1e38",
    "0.0",
    "true",
    "i",
    "x",
    "id",
    "lane",
    "u32",
    "i32",
    "f32",
    "f16",
    "bool",
    "vec2f",
    "vec3u",
    "vec4<i32>",
    "mat2x2f",
    "array<u32, 4>",
    "array<u32, 0>",
    "atomic<u32>",
    "ptr",
    "+",
    "-",
    "*",
    "/",
    "%",
    "<<",
    ">>",
    "&",
    "&&",
    "==",
    "=",
    ";",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "return",
    "break",
    "continue",
    "loop",
    "workgroupBarrier()",
];

/// A kernel's text with some of its tokens changed.
fn mutated(mut random: Random) -> String {
    let text = random.pick(&KERNELS);
    let mut tokens: Vec<&str> = split(text);
    for _ in 0..1 + random.below(6) {
        let at = random.below(tokens.len());
        let other = random.below(tokens.len());
        match random.below(6) {
            0 => tokens[at] = random.pick(&TOKENS),
            1 => tokens.insert(at, random.pick(&TOKENS)),
            2 => {
                tokens.remove(at);
            }
            3 => tokens.swap(at, other),
            4 => tokens[at] = tokens[other],
            // A piece of it once more.
            _ => {
                let piece: Vec<&str> = tokens[at..tokens.len().min(at + 1 + random.below(40))].to_vec();
                tokens.splice(other..other, piece);
            }
        }
    }
    tokens.concat()
}

/// Words, spaces, and signs.
fn split(text: &str) -> Vec<&str> {
    let class = |c: char| match c {
        _ if c.is_alphanumeric() || c == '_' || c == '.' => 0,
        _ if c.is_whitespace() => 1,
        _ => 2,
    };
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        if before.is_some_and(|before| before != class(c) || before == 2) {
            tokens.push(&text[start..at]);
            start = at;
        }
        before = Some(class(c));
    }
    tokens.push(&text[start..]);
    tokens
}

/// Bytes of the largest binding that is made.
const MOST: u64 = 1 << 20;

/// Runs a kernel for a moment, with little data.
fn run(kernel: &Kernel, engine: &Runtime) -> Result<(), Error> {
    let sizes = kernel.bindings().iter().map(|binding| {
        let more = binding.element_stride().map_or(0, |stride| 11 * u64::from(stride));
        (binding.min_bytes() + more).next_multiple_of(4)
    });
    let sizes: Vec<u64> = sizes.collect();
    if sizes.iter().any(|&size| size > MOST) {
        return engine.device("cpu").and_then(|device| device.prepare(kernel)).map(|_took| ());
    }
    let mut contents: Vec<Vec<u32>> = sizes.iter().map(|&size| vec![1; size as usize / 4]).collect();
    let mut call = engine.call(kernel);
    for (binding, words) in kernel.bindings().iter().zip(&mut contents) {
        call = match binding.kind {
            BindingKind::ReadStorage => call.read(&binding.name, Untyped(&*words)),
            BindingKind::ReadWriteStorage => call.read_write(&binding.name, Untyped(words)),
            BindingKind::Uniform => call.uniform_bytes(&binding.name, bytemuck::cast_slice(words)),
        };
    }
    call.workgroups([2, 1, 1]).deadline(Duration::from_millis(50)).run().map(|_report| ())
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let text = match bytes.split_first() {
        Some((0, rest)) => String::from_utf8_lossy(rest).into_owned(),
        Some((_, rest)) => mutated(Random::from_bytes(rest)),
        None => return Corpus::Reject,
    };
    let Ok(module) = Module::parse(&text) else { return Corpus::Keep };
    for name in module.kernel_names() {
        let Ok(kernel) = module.kernel(name) else { continue };
        for engine in &*ENGINES {
            let error = run(&kernel, engine).err();
            // The engine's own failures are defects.
            assert!(!matches!(error, Some(Error::Device(_))), "{}\n{text}", error.expect("it is one"));
        }
    }
    Corpus::Keep
});
