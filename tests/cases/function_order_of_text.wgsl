// Functions, structs, constants and variables may be used above their declaration (section Declaration and Scope).
//! grid: 1
//! out y: u32 = 8

@compute @workgroup_size(LATER)
fn main() {
    y[0] = later(Late(5));
}

fn later(x: Late) -> u32 {
    return x.value + LATER + 2;
}

const LATER = 1u;

struct Late {
    value: u32,
}

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
