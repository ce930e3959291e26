//! workgroups: 40
//! words grid: 5000 32 24 16 1065353216
//! elements position: 5000
//! elements velocity: 5000
//! elements charge: 5000
//! elements density: 12288
//! elements current: 36864
//! elements cell: 5000
// Particles give charge and current to the eight corners of their cell.
struct Grid { count: u32, nx: u32, ny: u32, nz: u32, spacing: f32 }
@group(0) @binding(0) var<uniform> grid: Grid;
@group(0) @binding(1) var<storage, read> position: array<vec4f>;
@group(0) @binding(2) var<storage, read> velocity: array<vec4f>;
@group(0) @binding(3) var<storage, read> charge: array<f32>;
@group(0) @binding(4) var<storage, read_write> density: array<atomic<i32>>;
@group(0) @binding(5) var<storage, read_write> current: array<atomic<i32>>;
@group(0) @binding(6) var<storage, read_write> cell: array<u32>;

@compute @workgroup_size(128)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i >= grid.count) { return; }
    let p = position[i].xyz / grid.spacing;
    let v = velocity[i].xyz;
    let base = vec3i(floor(p));
    let part = p - floor(p);
    for (var corner = 0u; corner < 8u; corner++) {
        let step = vec3u(corner & 1u, (corner >> 1u) & 1u, corner >> 2u);
        let at = vec3u(clamp(base + vec3i(step), vec3i(0), vec3i(i32(grid.nx), i32(grid.ny), i32(grid.nz)) - 1));
        let share = mix(1.0 - part, part, vec3f(step));
        let q = charge[i] * share.x * share.y * share.z;
        let node = (at.z * grid.ny + at.y) * grid.nx + at.x;
        atomicAdd(&density[node], i32(q * 65536.0));
        atomicAdd(&current[3u * node], i32(q * v.x * 65536.0));
        atomicAdd(&current[3u * node + 1u], i32(q * v.y * 65536.0));
        atomicAdd(&current[3u * node + 2u], i32(q * v.z * 65536.0));
    }
    let own = vec3u(clamp(base, vec3i(0), vec3i(i32(grid.nx), i32(grid.ny), i32(grid.nz)) - 1));
    cell[i] = (own.z * grid.ny + own.y) * grid.nx + own.x;
}
