//! The buffers of generated programs: what they are in WGSL, and what they hold.

use super::{Dialect, random::Random};

/// A binding of a program, in words.
#[derive(Clone)]
pub struct Buffer {
    pub name: &'static str,
    /// Whether the program writes it.
    pub writable: bool,
    /// The words of an element: whether each is a float.
    pub floats: &'static [bool],
    pub words: Vec<u32>,
}

/// Declarations that every program starts with.
pub fn declarations(dialect: Dialect) -> String {
    match dialect {
        Dialect::Full => format!("enable f16, subgroups;\n{DECLARATIONS}{HALVES}"),
        // WebGPU's default limit is 8 storage buffers, and devices are known that allow 10.
        Dialect::Exact => DECLARATIONS.replace("var<storage, read> fixed", "var<uniform> fixed"),
    }
}

/// `Record` has words that are padding.
const DECLARATIONS: &str = "\
struct Params { n: u32, k: i32, f: f32, g: u32, v: vec4f, table: array<vec4u, 3> }
struct Gift { n: u32, k: i32, f: f32, g: u32, v: vec4f }
struct Record { a: u32, v: vec3f, b: i32, list: array<u32, 3> }
struct Pair { a: i32, v: vec3f, b: vec2u }

var<immediate> gift: Gift;
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> words: array<u32>;
@group(0) @binding(2) var<storage, read> floats: array<f32>;
@group(0) @binding(3) var<storage, read> vectors: array<vec4f>;
@group(0) @binding(4) var<storage, read> records: array<Record>;
@group(0) @binding(5) var<storage, read> fixed: array<vec3i, 6>;
@group(0) @binding(6) var<storage, read_write> out_words: array<u32>;
@group(0) @binding(7) var<storage, read_write> out_floats: array<f32>;
@group(0) @binding(8) var<storage, read_write> out_vectors: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> out_records: array<Record>;
@group(1) @binding(0) var<storage, read_write> sums: array<atomic<u32>>;
@group(1) @binding(1) var<storage, read_write> limits: array<atomic<i32>, 5>;
";

const HALVES: &str = "\
@group(1) @binding(2) var<storage, read> halves: array<f16>;
@group(1) @binding(3) var<storage, read_write> out_halves: array<f16>;
@group(1) @binding(4) var<storage, read_write> float_sums: array<atomic<f32>, 4>;
";

const RECORD: &[bool] = &[false, false, false, false, true, true, true, false, false, false, false, false];

/// Words of the uniform, of which the first make the immediates.
const PARAMS: usize = 20;

/// Buffers for `lanes` invocations, of lengths at and around that.
pub fn buffers(dialect: Dialect, random: &mut Random, lanes: usize) -> Vec<Buffer> {
    let word = &[false][..];
    let shapes: [(&'static str, bool, &'static [bool]); 14] = [
        ("words", false, word),
        ("floats", false, &[true]),
        ("vectors", false, &[true; 4]),
        ("records", false, RECORD),
        ("fixed", false, &[false; 4]),
        ("out_words", true, word),
        ("out_floats", true, &[true]),
        ("out_vectors", true, &[true; 4]),
        ("out_records", true, RECORD),
        ("sums", true, word),
        ("limits", true, word),
        ("halves", false, word),
        ("out_halves", true, word),
        ("float_sums", true, &[true]),
    ];
    let buffer = |(name, writable, floats): (&'static str, bool, &'static [bool])| {
        let elements = match name {
            "fixed" => 6,
            "limits" => 5,
            "float_sums" => 4,
            "sums" => 1 + random.below(40),
            _ => length(random, lanes),
        };
        // A word holds two halves.
        let elements = if name.ends_with("halves") { elements.div_ceil(2) } else { elements };
        let dialect = if name == "float_sums" { Dialect::Exact } else { dialect };
        let words = (0..elements).flat_map(|_| floats).map(|&float| datum(dialect, random, float)).collect();
        Buffer { name, writable, floats, words }
    };
    let count = if dialect == Dialect::Full { shapes.len() } else { shapes.len() - 3 };
    shapes.into_iter().take(count).map(buffer).collect()
}

/// The words of the uniform.
pub fn params(dialect: Dialect, random: &mut Random) -> Vec<u32> {
    let float = |place: usize| place == 2 || (4..8).contains(&place);
    let word = |place| if place == 0 { random.below(9) as u32 } else { datum(dialect, random, float(place)) };
    (0..PARAMS).map(word).collect()
}

/// A length for data of `lanes` elements: all, a ragged end, too few, more.
fn length(random: &mut Random, lanes: usize) -> usize {
    match random.below(6) {
        0 => lanes,
        1 => lanes - random.below(8).min(lanes - 1),
        2 => lanes + random.below(9),
        3 => lanes / 2 + 1,
        4 => 1 + random.below(8),
        _ => 2 * lanes + 1,
    }
}

/// A word as programs find it: small, special, or anything.
fn datum(dialect: Dialect, random: &mut Random, float: bool) -> u32 {
    const WORDS: [u32; 8] = [0, 1, 31, 32, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fffe];
    const FLOATS: [f32; 10] =
        [0.0, -0.0, 1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, f32::MAX, f32::MIN_POSITIVE, -0.5];
    match (random.below(8), float) {
        (_, true) if dialect == Dialect::Exact => (random.below(2000) as f32 - 1000.0).to_bits(),
        (0..=3, false) => random.below(100) as u32,
        (4, false) => random.pick(&WORDS),
        (_, false) => {
            let shift = random.below(32);
            random.next() as u32 >> shift
        }
        (0..=5, true) => ((random.below(2000) as f32 - 1000.0) * 0.125).to_bits(),
        (6, true) => random.pick(&FLOATS).to_bits(),
        (_, true) => f32::from_bits(random.next() as u32).to_bits(),
    }
}
