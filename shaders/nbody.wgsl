// nbody: one leapfrog step of softened gravity between all pairs of bodies.
//
//   params.kick        f32        time over which velocities change
//   params.drift       f32        time over which positions then change
//   params.softening   f32        length that softens close encounters
//   positions          vec4f[n]   read; x, y, z and mass, in units where the constant of gravity is 1
//   velocities         vec4f[n]   updated; x, y, z, and a fourth that is left alone
//   moved              vec4f[n]   written: positions after the drift
//   grid               [n]
//
// A step of length h takes velocities from half a step behind to half a step ahead (kick h), and
// positions one step on (drift h). It starts with kick h/2 and ends with kick h/2 and drift 0, so that
// both stand at the same time. Bodies are read in tiles of 64 that a workgroup shares. Each
// tile is summed by itself before it is added, so that a sum of n terms has no more than 64 + n / 64
// additions on its path.
//
// Ragged edge: what is past the end has no mass, and is not written.
// Source: Nyland, Harris and Prins, "Fast N-Body Simulation with CUDA", GPU Gems 3 (2007), chapter 31.

const TILE = 64u;

struct Params {
    kick: f32,
    drift: f32,
    softening: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> positions: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> velocities: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> moved: array<vec4f>;

var<workgroup> tile: array<vec4f, TILE>;

fn body(i: u32) -> vec4f {
    if (i < arrayLength(&positions)) {
        return positions[i];
    }
    return vec4f();
}

@compute @workgroup_size(TILE)
fn nbody(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    let count = arrayLength(&positions);
    let mine = body(id.x);
    let softening2 = params.softening * params.softening;

    var acceleration = vec3f();
    for (var first = 0u; first < count; first += TILE) {
        tile[lane] = body(first + lane);
        workgroupBarrier();

        var from_tile = vec3f();
        for (var j = 0u; j < TILE; j++) {
            let other = tile[j];
            let apart = other.xyz - mine.xyz;
            let inverse = inverseSqrt(dot(apart, apart) + softening2);
            from_tile += apart * (other.w * inverse * inverse * inverse);
        }
        acceleration += from_tile;
        workgroupBarrier();
    }

    if (id.x < count) {
        let old = velocities[id.x];
        let velocity = old.xyz + acceleration * params.kick;
        velocities[id.x] = vec4f(velocity, old.w);
        moved[id.x] = vec4f(mine.xyz + velocity * params.drift, mine.w);
    }
}
