//! Files that a command would have written over.

use std::fs;

use super::{Bench, COUNT_UP};

fn bench() -> Bench {
    Bench::new().file("k.wgsl", COUNT_UP).array("c.npy", &[6], &[10u32; 6]).file("mine.data", "mine")
}

const CALL: &str = "exec k.wgsl --grid 6 --inout counts=c.npy:d.npy --device cpu";

#[test]
#[cfg(feature = "cpu")]
fn traces_and_checkpoints_take_no_other_files_place() {
    let bench = bench();
    fs::copy(bench.path("c.npy"), bench.path("other.data")).expect("a copy");
    let before = |name: &str| fs::read(bench.path(name)).expect("it is there");
    let (kernel, input) = (before("k.wgsl"), before("c.npy"));
    for (flags, words) in [
        ("--trace d.npy", "a result and the trace"),
        ("--trace ./d.npy", "a result and the trace"),
        ("--trace c.npy", "an input and the trace"),
        ("--trace k.wgsl", "the kernel and the trace"),
        ("--checkpoint t --trace t", "the trace and the checkpoint"),
        ("--checkpoint d.npy", "a result and the checkpoint"),
        ("--checkpoint c.npy", "an input and the checkpoint"),
    ] {
        let sentence = bench.fails(&format!("{CALL} {flags}"), 2);
        assert!(sentence.contains(words), "{flags}: {sentence}");
    }
    let sentence = bench.fails("exec k.wgsl --grid 6 --inout counts=c.npy:k.wgsl --device cpu", 2);
    assert!(sentence.contains("the kernel and a result"), "{sentence}");
    for (call, words) in [
        ("--inout counts=other.data:d.npy --checkpoint other", "an input and the checkpoint's data"),
        ("--inout counts=c.npy:o.data --checkpoint o", "a result and the checkpoint's data"),
    ] {
        let sentence = bench.fails(&format!("exec k.wgsl --grid 6 {call} --device cpu"), 2);
        assert!(sentence.contains(words), "{sentence}");
    }
    assert_eq!((before("k.wgsl"), before("c.npy"), before("other.data")), (kernel, input.clone(), input));
    assert!(!bench.path("d.npy").exists() && !bench.path("o.data").exists());
}

#[test]
#[cfg(feature = "cpu")]
fn a_file_that_is_no_checkpoints_data_stays() {
    let bench = bench();
    let sentence = bench.fails(&format!("{CALL} --checkpoint mine"), 2);
    assert!(sentence.contains("keeps its data in") && sentence.contains("mine.data"), "{sentence}");
    assert_eq!(fs::read(bench.path("mine.data")).expect("it is there"), b"mine");
    assert!(!bench.path("mine").exists() && !bench.path("d.npy").exists());
    // With another name it runs, and takes its own data away in the end.
    bench.runs(&format!("{CALL} --checkpoint yours"));
    assert!(!bench.path("yours.data").exists());
    bench.runs(&format!("{CALL} --checkpoint yours"));
}

#[test]
#[cfg(feature = "cpu")]
fn grids_and_shapes_are_the_numbers_that_are_written() {
    let bench = bench();
    bench.runs("exec k.wgsl --grid 0x6 --inout counts=c.npy:d.npy --device cpu");
    assert_eq!(bench.read("d.npy"), (vec![6], vec![10u32, 13, 16, 19, 22, 25]));
    bench.runs("exec k.wgsl --grid 6x1 --inout counts=c.npy:d.npy --device cpu");
    let fill = "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(1) fn fill(@builtin(global_invocation_id) id: vec3u) { y[id.x] = 1u; }";
    let bench = bench.file("f.wgsl", fill);
    for shape in ["4611686018427387905", "4611686018427387904", "4611686018427387903", "9223372036854775810"] {
        let sentence = bench.fails(&format!("exec f.wgsl --grid 1 --out y=y.npy:u32:{shape} --device cpu"), 2);
        assert!(sentence.contains("more than this machine can hold"), "{shape}: {sentence}");
    }
    assert!(!bench.path("y.npy").exists());
}
