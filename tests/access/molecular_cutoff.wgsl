//! workgroups: 64
//! words system: 4000 10 10 10 64 3 1065353216 1056964608
//! elements atoms: 64000
//! elements kinds: 64000
//! elements filled: 1000
//! elements table: 9
//! elements forces: 64000
//! elements energies: 64000
// Short-range forces between atoms that are kept in cells of fixed room; one invocation for each place of a cell.
struct System { atoms: u32, nx: u32, ny: u32, nz: u32, room: u32, kinds: u32, box: f32, cutoff: f32 }
@group(0) @binding(0) var<uniform> system: System;
@group(0) @binding(1) var<storage, read> atoms: array<vec4f>;
@group(0) @binding(2) var<storage, read> kinds: array<u32>;
@group(0) @binding(3) var<storage, read> filled: array<u32>;
@group(0) @binding(4) var<storage, read> table: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> forces: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> energies: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let slot = id.x;
    let cell = slot / system.room;
    let cells = system.nx * system.ny * system.nz;
    if (cell >= cells) { return; }
    if (slot % system.room >= filled[cell]) { return; }
    let cx = i32(cell % system.nx);
    let cy = i32(cell / system.nx % system.ny);
    let cz = i32(cell / (system.nx * system.ny));
    let p = atoms[slot].xyz;
    let kind = min(kinds[slot], system.kinds - 1u);
    var force = vec3f(0.0);
    var energy = 0.0;
    for (var n = 0; n < 27; n++) {
        var x = cx + n % 3 - 1;
        var y = cy + n / 3 % 3 - 1;
        var z = cz + n / 9 - 1;
        var shift = vec3f(0.0);
        if (x < 0) { x += i32(system.nx); shift.x = -system.box; }
        if (x >= i32(system.nx)) { x -= i32(system.nx); shift.x = system.box; }
        if (y < 0) { y += i32(system.ny); shift.y = -system.box; }
        if (y >= i32(system.ny)) { y -= i32(system.ny); shift.y = system.box; }
        if (z < 0) { z += i32(system.nz); shift.z = -system.box; }
        if (z >= i32(system.nz)) { z -= i32(system.nz); shift.z = system.box; }
        let other = u32(x) + system.nx * (u32(y) + system.ny * u32(z));
        for (var k = 0u; k < min(filled[other], system.room); k++) {
            let j = other * system.room + k;
            if (j == slot) { continue; }
            let d = p - atoms[j].xyz - shift;
            let r2 = dot(d, d);
            if (r2 < system.cutoff * system.cutoff) {
                let pair = table[kind * system.kinds + min(kinds[j], system.kinds - 1u)];
                let s = pair.y / (r2 * r2 * r2);
                force += pair.x * s * (s - 0.5) * d / r2;
                energy += pair.x * s * (s - 1.0);
            }
        }
    }
    forces[slot] = vec4f(force, 0.0);
    energies[slot] = 0.5 * energy;
}
