//! workgroups: 32
//! words params: 2000 12 10 8 1000 17 0 0 1036831949 1065353216 1056964608 1048576000
//! elements sorted: 2000
//! elements position: 2000
//! elements velocity: 2000
//! elements density: 2000
//! elements pressure: 2000
//! elements cell_first: 961
//! elements force: 2000
//! elements near: 2000
// Forces of smoothed-particle hydrodynamics: neighbours in a grid of cells, walked in order of their cells.
struct Params {
    count: u32, nx: u32, ny: u32, nz: u32,
    rest: u32, limit: u32, pad_a: u32, pad_b: u32,
    radius: f32, mass: f32, viscosity: f32, cell: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sorted: array<u32>;
@group(0) @binding(2) var<storage, read> position: array<vec4f>;
@group(0) @binding(3) var<storage, read> velocity: array<vec4f>;
@group(0) @binding(4) var<storage, read> density: array<f32>;
@group(0) @binding(5) var<storage, read> pressure: array<f32>;
@group(0) @binding(6) var<storage, read> cell_first: array<u32>;
@group(0) @binding(7) var<storage, read_write> force: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> near: array<u32>;

fn cell_of(c: vec3i) -> u32 {
    let top = vec3i(i32(params.nx), i32(params.ny), i32(params.nz)) - 1;
    let at = clamp(c, vec3i(0), top);
    return u32(at.x) + params.nx * (u32(at.y) + params.ny * u32(at.z));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i >= params.count) { return; }
    let p = position[i].xyz;
    let v = velocity[i].xyz;
    let own = pressure[i] / (density[i] * density[i]);
    let here = vec3i(floor(p / params.cell));
    var total = vec3f(0.0);
    var found = 0u;
    for (var dz = -1; dz <= 1; dz++) {
        for (var dy = -1; dy <= 1; dy++) {
            for (var dx = -1; dx <= 1; dx++) {
                let c = cell_of(here + vec3i(dx, dy, dz));
                let end = cell_first[c + 1u];
                for (var k = cell_first[c]; k < end && found < params.limit; k++) {
                    let j = sorted[k];
                    if (j == i) { continue; }
                    let d = p - position[j].xyz;
                    let r = length(d);
                    if (r < params.radius && r > 0.0) {
                        let push = own + pressure[j] / (density[j] * density[j]);
                        total -= params.mass * push * d / r;
                        total += params.viscosity * params.mass * (velocity[j].xyz - v) / density[j];
                        found += 1u;
                    }
                }
            }
        }
    }
    force[i] = vec4f(total, 0.0);
    near[i] = found;
}
