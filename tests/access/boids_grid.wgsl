//! workgroups: 16
//! words flock: 1000 16 16 16 1065353216 1056964608
//! elements position: 1000
//! elements heading: 1000
//! elements many: 4096
//! elements members: 131072
//! elements next_position: 1000
//! elements next_heading: 1000
// A flock: each cell of a periodic grid has room for 32 members.
struct Flock { count: u32, nx: u32, ny: u32, nz: u32, cell: f32, pull: f32 }
@group(0) @binding(0) var<uniform> flock: Flock;
@group(0) @binding(1) var<storage, read> position: array<vec4f>;
@group(0) @binding(2) var<storage, read> heading: array<vec4f>;
@group(0) @binding(3) var<storage, read> many: array<u32>;
@group(0) @binding(4) var<storage, read> members: array<u32>;
@group(0) @binding(5) var<storage, read_write> next_position: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> next_heading: array<vec4f>;

fn around(i: i32, n: u32) -> u32 { return u32(i + i32(n)) % n; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let me = id.x;
    if (me >= flock.count) { return; }
    let p = position[me].xyz;
    let c = vec3i(p / flock.cell);
    var middle = vec3f(0.0);
    var way = heading[me].xyz;
    var n = 1.0;
    for (var z = c.z - 1; z <= c.z + 1; z++) {
        for (var y = c.y - 1; y <= c.y + 1; y++) {
            for (var x = c.x - 1; x <= c.x + 1; x++) {
                let cell = (around(z, flock.nz) * flock.ny + around(y, flock.ny)) * flock.nx + around(x, flock.nx);
                let here = min(many[cell], 32u);
                for (var k = 0u; k < here; k++) {
                    let other = members[cell * 32u + k];
                    if (other != me) {
                        middle += position[other].xyz;
                        way += heading[other].xyz;
                        n += 1.0;
                    }
                }
            }
        }
    }
    way = normalize(way / n + flock.pull * (middle / n - p));
    next_heading[me] = vec4f(way, 0.0);
    next_position[me] = vec4f(p + way, 1.0);
}
