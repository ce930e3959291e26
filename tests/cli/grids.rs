//! Grids without invocations, and kernels that only some devices take.

use super::{Bench, COUNT_UP, devices};

#[test]
fn empty_batches_are_done() {
    const DOUBLE: &str = "
        @group(0) @binding(0) var<storage, read> x: array<f32>;
        @group(0) @binding(1) var<storage, read_write> y: array<f32>;
        @compute @workgroup_size(64) fn double(@builtin(global_invocation_id) id: vec3u) {
            if id.x < arrayLength(&y) { y[id.x] = 2 * x[id.x]; }
        }";
    for device in devices() {
        let bench = Bench::new()
            .file("k.wgsl", DOUBLE)
            .file("c.wgsl", COUNT_UP)
            .array::<f32>("none.npy", &[0], &[])
            .array("x.npy", &[3], &[1f32, 2.0, 3.0])
            .array("c.npy", &[3], &[7u32, 8, 9]);
        bench.runs(&format!("exec k.wgsl --grid 0 --in x=none.npy --out y=y.npy:f32 --device {device}"));
        assert_eq!(bench.read::<f32>("y.npy"), (vec![0], vec![]), "{device}");
        // Of a grid that is empty along y, the output has no rows.
        bench.runs(&format!("exec k.wgsl --grid 5,0 --in x=x.npy --out y=y.npy:f32 --device {device}"));
        assert_eq!(bench.read::<f32>("y.npy"), (vec![0, 5], vec![]), "{device}");
        bench.runs(&format!("exec c.wgsl --grid 0 --inout counts=c.npy:d.npy --device {device}"));
        assert_eq!(bench.read("d.npy"), (vec![3], vec![7u32, 8, 9]), "{device}");
        let text = bench.runs(&format!("plan c.wgsl --workgroups 0 --inout counts=c.npy --device {device}"));
        assert!(text.contains("grid of 0 x 1 x 1 workgroups"), "{text}");
        // Invocations that run have elements to read.
        let text = bench.fails(&format!("exec k.wgsl --grid 5 --in x=none.npy --out y=y.npy:f32 --device {device}"), 2);
        assert!(text.contains("at least one element"), "{text}");
    }
}

#[test]
fn what_the_engine_does_not_take_runs_on_a_gpu() {
    const WIDE: &str = "
        @group(0) @binding(0) var<storage, read_write> y: array<u64>;
        @compute @workgroup_size(8) fn wide(@builtin(local_invocation_index) i: u32) { y[i] = u64(i) << 40u; }";
    let bench = Bench::new().file("k.wgsl", WIDE);
    let call = "k.wgsl --workgroups 1 --out y=y.npy:u64:8";
    let text = bench.fails(&format!("exec {call} --device cpu"), 2);
    assert!(text.contains("shader-int64"), "{text}");
    if devices().contains(&"gpu") {
        bench.runs(&format!("exec {call} --device gpu"));
        assert_eq!(bench.read("y.npy"), (vec![8], (0..8u64).map(|i| i << 40).collect::<Vec<_>>()));
        let text = bench.runs(&format!("plan {call} --device gpu"));
        assert!(text.contains("its accesses are not known: "), "{text}");
    }
}
