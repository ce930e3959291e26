// Softened gravity between all pairs of bodies (x, y, z and mass), which a workgroup reads in tiles that it shares.

struct Params {
    softening2: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> bodies: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> accelerations: array<vec4f>;

const TILE = 64u;
var<workgroup> tile: array<vec4f, TILE>;

@compute @workgroup_size(TILE)
fn nbody(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    let count = arrayLength(&bodies);
    let mine = bodies[min(id.x, count - 1u)].xyz;
    var sum = vec3f();
    for (var first = 0u; first < count; first += TILE) {
        var body = vec4f();
        if (first + lane < count) {
            body = bodies[first + lane];
        }
        tile[lane] = body;
        workgroupBarrier();
        for (var j = 0u; j < TILE; j++) {
            let other = tile[j];
            let apart = other.xyz - mine;
            let inverse = inverseSqrt(dot(apart, apart) + params.softening2);
            sum += apart * (other.w * inverse * inverse * inverse);
        }
        workgroupBarrier();
    }
    if (id.x < count) {
        accelerations[id.x] = vec4f(sum, 0.0);
    }
}
