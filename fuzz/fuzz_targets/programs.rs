//! Programs made from bytes: machine code and the interpreter must agree bit for bit.
#![no_main]

#[path = "../../tests/support/agree.rs"]
mod agree;
#[path = "../../tests/support/programs/mod.rs"]
mod programs;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use programs::Random;
use swath::Runtime;

static ENGINES: LazyLock<[Runtime; 2]> = LazyLock::new(|| {
    [Runtime::cpu(), Runtime::cpu_interpreter()].map(|engine| engine.expect("the engine is always there"))
});

fuzz_target!(|bytes: &[u8]| {
    let [compiled, interpreted] = &*ENGINES;
    let program = programs::program(Random::from_bytes(bytes));
    if let Err(error) = agree::compare(&program, compiled, interpreted) {
        panic!("{error}");
    }
});
