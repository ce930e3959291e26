// A subgroup is a lane group: its operations are shuffles of registers.
//! workgroups: 8
//! in x: u32 = seq(512)
//! out y: u32 = each(512, sum(k, 0, 8, i / 8 * 8 + k))
//! asm loop has: vpermd x32; vpaddd x24; vmovups [ x8 lacks: vpgather; vpmaskmov; tzcnt
enable subgroups;
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = subgroupAdd(x[id.x]);
}
