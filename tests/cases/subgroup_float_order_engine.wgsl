// Floats are added and multiplied from the lowest lane up, each step rounded.
//! grid: 8
//! device: cpu, because the engine's subgroup is 8 lanes in the order of local_invocation_index
//! in x: f32 = 1 1e8 -1e8 3 0.1 0.2 0.3 1e-8
//! out sum: f32 = 3.6 3.6 3.6 3.6 3.6 3.6 3.6 3.6
//! out running: f32 = 1 1e+08 0 3 3.1 3.3 3.6 3.6

enable subgroups;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sum: array<f32>;
@group(0) @binding(2) var<storage, read_write> running: array<f32>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    sum[lane] = subgroupAdd(x[lane]);
    running[lane] = subgroupInclusiveAdd(x[lane]);
}
