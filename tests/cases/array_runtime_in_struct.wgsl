// A runtime-sized array at the end of a struct: its length is what the binding leaves for it.
//! grid: 8
//! in list: u32 = 3 100 0 0  1 2 3 4 5 6 7 8  9 10 11 12
//! inout found: u32 = 0 0xffffffff 7 9 -> 3 81 9 9

struct Item { key: u32, value: u32 }
struct List { count: u32, offset: u32, first: vec2u, items: array<vec4u> }
struct Found { length: atomic<u32>, least: u32, rest: array<u32> }

@group(0) @binding(0) var<storage, read> list: List;
@group(0) @binding(1) var<storage, read_write> found: Found;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < arrayLength(&list.items)) {
        atomicAdd(&found.length, 1u);
    }
    if (id.x == 0) {
        found.least = 0;
        for (var k = 0u; k < arrayLength(&list.items); k++) {
            found.least += list.items[k].z * list.items[k].w - list.items[k].x * list.items[k].y + k;
        }
        found.rest[0] = found.rest[arrayLength(&found.rest) - 1];
    }
}
