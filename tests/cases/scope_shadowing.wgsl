// A declaration hides an outer one up to the end of its block (section Declaration and Scope).
//! grid: 1
//! out y: u32 = 1 2 3 2 1

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let a = 1u;
    y[0] = a;
    {
        let a = 2u;
        y[1] = a;
        {
            var a = a + 1u;
            y[2] = a;
        }
        y[3] = a;
    }
    y[4] = a;
}
