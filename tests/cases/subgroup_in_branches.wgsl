// Operations across the active invocations of a subgroup, in branches that some take; the last subgroup is not whole.
//! device: cpu, because subgroups have 8 invocations there
//! grid: 40
//! in x: f32 = 100000000 1 -100000000 3 0.5 -2 7 1 100000000 1 -100000000 3 0.5 -2 7 1 100000000 1 -100000000 3
//!     100000000 1 -100000000 3 0.5 -2 7 1 100000000 1 -100000000 3 0.5 -2 7 1 100000000 1 -100000000 3
//! out sums: u32 = 16 1003 16 16 1003 16 16 1003 69 69 1002 69 69 1002 69 69 1002 35 35 1002
//!     116 1003 116 116 1003 116 116 1003 189 189 1002 189 189 1002 189 189 1002 75 75 1002
//! out scans: u32 = 0 7 0 2 7 5 10 7 0 8 13 17 28 13 40 54 19 0 17 19
//!     0 27 20 42 27 65 90 27 0 28 33 57 88 33 120 154 39 0 37 39
//! out firsts: u32 = 0 1 0 0 1 0 0 1 8 8 10 8 8 10 8 8 16 17 17 16
//!     20 21 20 20 21 20 20 21 28 28 30 28 28 30 28 28 36 37 37 36
//! out float_sums: f32 = 8 -1 8 8 -1 8 8 -1 100000008 100000008 -1 100000008 100000008 -1 100000008 100000008 -1 -100000000 -100000000 -1
//!     8 -1 8 8 -1 8 8 -1 100000008 100000008 -1 100000008 100000008 -1 100000008 100000008 -1 -100000000 -100000000 -1
//! out float_scans: f32 = 100000000 -1 0 3 -1 1 8 -1 100000000 100000000 -1 100000000 100000000 -1 100000008 100000008 -1 1 -100000000 -1
//!     100000000 -1 0 3 -1 1 8 -1 100000000 100000000 -1 100000000 100000000 -1 100000008 100000008 -1 1 -100000000 -1

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<u32>;
@group(0) @binding(2) var<storage, read_write> scans: array<u32>;
@group(0) @binding(3) var<storage, read_write> firsts: array<u32>;
@group(0) @binding(4) var<storage, read_write> float_sums: array<f32>;
@group(0) @binding(5) var<storage, read_write> float_scans: array<f32>;

@compute @workgroup_size(20)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    let i = id.x;
    if (lane % 3 == 1) {
        sums[i] = 1000 + subgroupAdd(1u);
        scans[i] = subgroupMax(i);
        firsts[i] = subgroupMin(i);
        float_sums[i] = -1.0;
        float_scans[i] = -1.0;
        return;
    }
    sums[i] = subgroupAdd(i);
    scans[i] = subgroupExclusiveAdd(i);
    firsts[i] = subgroupBroadcastFirst(i);
    // From the lowest invocation up: what large numbers swallow is gone.
    float_sums[i] = subgroupAdd(x[i]);
    float_scans[i] = subgroupInclusiveAdd(x[i]);
}
