// Pointers to private variables, to a whole one and to a part, as arguments of functions (section Memory Views).
//! grid: 4
//! out y: u32 = each(4, 10 + i + 7)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
struct State {
    list: array<u32, 4>,
}

var<private> state: State;

fn fill(s: ptr<private, State>, by: u32) {
    (*s).list[2] = 10 + by;
}

fn bump(x: ptr<private, u32>) {
    *x += 7;
}

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    fill(&state, i);
    bump(&state.list[2]);
    y[i] = state.list[2];
}
