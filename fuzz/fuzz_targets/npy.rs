//! Bytes that may be a `.npy` file: they are refused, or give an array of the size that they say.
#![no_main]

#[path = "../../src/cli/dtype.rs"]
#[allow(dead_code, reason = "the command uses the rest")]
mod dtype;
#[path = "../../src/cli/failure.rs"]
#[allow(dead_code, reason = "the command uses the rest")]
mod failure;
#[path = "../../src/cli/mapped.rs"]
#[allow(dead_code, reason = "the command uses the rest")]
mod mapped;
#[path = "../../src/cli/npy.rs"]
#[allow(dead_code, reason = "the command uses the rest")]
mod npy;
#[path = "../../tests/support/random.rs"]
#[allow(dead_code, reason = "other targets make choices in other ways")]
mod random;

use std::path::Path;

use dtype::DType;
use libfuzzer_sys::fuzz_target;
use npy::{Found, Source};
use random::Random;

/// What the file is converted to; nothing, for the first.
const TYPES: [&str; 9] = ["", "f32", "i32", "u32", "f16", "vec2f", "vec3i", "vec4u", "vec4h"];

/// What headers say the elements are.
const DESCRIPTIONS: [&str; 20] = [
    "'<f4'",
    "'>f4'",
    "'<f8'",
    "'|u1'",
    "'<i8'",
    "'>i2'",
    "'|b1'",
    "'<f2'",
    "'<c8'",
    "'<U4'",
    "'|S3'",
    "'<M8[ns]'",
    "'|O'",
    "'<f16'",
    "'<u4'",
    "'<i4'",
    "[('a', '<f4'), ('b', '<i4', (2,))]",
    "'f'",
    "'<f999999999999'",
    "''",
];

/// Extents in a shape.
const EXTENTS: [&str; 10] =
    ["1", "2", "3", "0", "4", "-1", "65536", "4294967296", "18446744073709551615", "99999999999999999999"];

/// A file with a header that is one, or nearly.
fn file(mut random: Random, data: &[u8]) -> Vec<u8> {
    let extents: Vec<&str> = (0..random.below(5)).map(|_| random.pick(&EXTENTS)).collect();
    let comma = random.pick(&[",", ""]);
    let order = random.pick(&["False", "True", "0", "None"]);
    let description = random.pick(&DESCRIPTIONS);
    let mut header =
        format!("{{'descr': {description}, 'fortran_order': {order}, 'shape': ({}{comma}), }}\n", extents.join(", "))
            .into_bytes();
    for _ in 0..random.below(4) {
        let at = random.below(header.len());
        match random.below(4) {
            0 if header.len() > 1 => {
                header.remove(at);
            }
            1 => header[at] = random.next() as u8,
            // Deep, or long.
            2 => drop(header.splice(at..at, std::iter::repeat_n(b'(', random.below(5000)))),
            _ => header.truncate(at.max(1)),
        }
    }
    let version = random.pick(&[1u8, 2, 3, 1, 1, 4, 0]);
    let length = (header.len() as u32).wrapping_add(random.pick(&[0u32, 0, 0, 0, 1, u32::MAX, 1 << 30]));
    let mut file = vec![0x93, b'N', b'U', b'M', b'P', b'Y', version, 0];
    match version {
        1 => file.extend((length as u16).to_le_bytes()),
        _ => file.extend(length.to_le_bytes()),
    }
    file.extend(header);
    file.extend(data);
    file
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, rest)) = bytes.split_first() else { return };
    let contents = match choice {
        0..32 => rest.to_vec(),
        _ => {
            let (choices, data) = rest.split_at(rest.len().min(24));
            file(Random::from_bytes(choices), data)
        }
    };
    let convert: Option<DType> = TYPES[usize::from(choice) % TYPES.len()].parse().ok();
    let source = Source { name: "x", path: Path::new("x.npy"), convert, wanted: convert, ask: None };
    match npy::read_from(source, &mut &contents[..]) {
        Ok(Found::Array(array)) => {
            let count = array.shape.iter().product::<u64>();
            assert_eq!(count, array.data.len() as u64, "{:?}", array.shape);
        }
        Ok(Found::Records(dtype, shape, bytes)) => {
            let size = dtype.num_bytes().expect("what is read has a size");
            assert_eq!(shape.iter().product::<u64>() * size as u64, bytes.len() as u64, "{shape:?}");
        }
        Err(_) => {}
    }
});
