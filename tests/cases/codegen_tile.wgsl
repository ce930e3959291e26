// Tiles in workgroup memory: broadcasts and rows, unrolled by four for eight rows, bounds known, sums in registers.
//! workgroups: 4 4
//! in a: f32 = each(4096, i % 7)
//! in b: f32 = each(4096, i % 5)
//! out c: f32 = each(4096, sum(k, 0, 64, (i / 64 * 64 + k) % 7 * ((k * 64 + i % 64) % 5)))
//! asm loop has: vfmadd x32; vbroadcastss x16; vmovups ymm x8 lacks: vmovups [; jge; jae; vpgather; vpmaskmov; tzcnt
//! asm lacks: lock; call

@group(0) @binding(0) var<storage, read> a: array<f32, 4096>;
@group(0) @binding(1) var<storage, read> b: array<f32, 4096>;
@group(0) @binding(2) var<storage, read_write> c: array<f32, 4096>;
var<workgroup> tile_a: array<array<f32, 16>, 16>;
var<workgroup> tile_b: array<array<f32, 16>, 16>;

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) l: vec3u) {
    var sum = 0.0;
    for (var t = 0u; t < 4; t++) {
        tile_a[l.y][l.x] = a[id.y * 64 + t * 16 + l.x];
        tile_b[l.y][l.x] = b[(t * 16 + l.y) * 64 + id.x];
        workgroupBarrier();
        for (var k = 0u; k < 16; k++) {
            sum += tile_a[l.y][k] * tile_b[k][l.x];
        }
        workgroupBarrier();
    }
    c[id.y * 64 + id.x] = sum;
}
