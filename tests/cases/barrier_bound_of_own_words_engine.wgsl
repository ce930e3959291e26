// A loop bound that each invocation reads at an address of its own, with barriers inside: the engine runs it and checks that
// all of a workgroup read the same.
//! workgroups: 2
//! device: cpu, because WGSL has no barriers under what invocations read for themselves
//! inout bound: u32 = 3*64 1*64 -> 3*64 1*64
//! inout scale: f32 = 0.5*128 -> 0.5*128
//! out sums: u32 = each(64, 3 * (63 - i)) each(64, 63 - i)
//! inout big: u32 = 0*128 -> 0*128

@group(0) @binding(0) var<storage, read_write> bound: array<u32>;
@group(0) @binding(1) var<storage, read_write> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;
@group(0) @binding(3) var<storage, read_write> big: array<u32>;
var<workgroup> words: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) l: u32) {
    var sum = 0u;
    for (var t = 0u; t < bound[id.x]; t++) {
        words[l] = l;
        workgroupBarrier();
        sum += words[63 - l];
        workgroupBarrier();
    }
    sums[id.x] = sum;
    if scale[id.x] > 1.0 {
        workgroupBarrier();
        big[id.x] = 1;
    }
    // Written, so that they are read anew each time.
    if l > 64 {
        bound[0] = 0;
        scale[0] = 0;
    }
}
