// Structs in structs: padding before a vec3f, and scalars that fit behind it.
//! grid: 2
//! in items: f32 = 1 0 0 0  2 3 4 5  u32 6 7 0 0   f32 8 0 0 0  9 10 11 12  u32 13 14 0 0
//! out results: f32 = 9 6 _ _  3 3 4  u32 42  f32 30 20 _ _  17 10 11  u32 182

struct Inner { position: vec3f, weight: f32 }
struct Item { scale: f32, inner: Inner, counts: vec2u }
struct Result { sums: vec2f, position: vec3f, count: u32 }

@group(0) @binding(0) var<storage, read> items: array<Item>;
@group(0) @binding(1) var<storage, read_write> results: array<Result>;

fn shifted(inner: Inner, by: f32) -> Inner {
    var moved = inner;
    moved.position += vec3f(by, 0, 0);
    return moved;
}

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let item = items[id.x];
    let p = item.inner.position;
    var result: Result;
    result.sums = vec2f(p.x + p.y + p.z, item.scale + item.inner.weight);
    result.position = shifted(item.inner, item.scale).position;
    result.count = item.counts.x * item.counts.y;
    results[id.x] = result;
}
