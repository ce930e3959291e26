// Between numbers and bool: float to integer truncates (section 15.7.6), integers keep their bits.
//! grid: 8
//! in f: f32 = 0 -0.9 0.9 1.5 -1.5 2.5 1e6 -123456.75
//! in s: i32 = 0 -1 1 -2147483648 2147483647 16777217 -16777217 100
//! out f_to_i: i32 = each(8, int(f[i]))
//! out f_to_u: u32 = 0 0 0 1 _ 2 1000000 _
//! out f_to_b: u32 = each(8, f[i] != 0)
//! out i_to_u: u32 = each(8, u32(s[i]))
//! out i_to_b: u32 = each(8, s[i] != 0)
//! out i_to_f: f32 = 0 -1 1 -2147483648 2147483647 16777217 -16777217 100
//!     ~ ulp 1
//! out u_to_f: f32 = each(8, real(u32(s[i])))
//!     ~ ulp 1

@group(0) @binding(0) var<storage, read> f: array<f32>;
@group(0) @binding(1) var<storage, read> s: array<i32>;
@group(0) @binding(2) var<storage, read_write> f_to_i: array<i32>;
@group(0) @binding(3) var<storage, read_write> f_to_u: array<u32>;
@group(0) @binding(4) var<storage, read_write> f_to_b: array<u32>;
@group(0) @binding(5) var<storage, read_write> i_to_u: array<u32>;
@group(0) @binding(6) var<storage, read_write> i_to_b: array<u32>;
@group(0) @binding(7) var<storage, read_write> i_to_f: array<f32>;
@group(1) @binding(0) var<storage, read_write> u_to_f: array<f32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    f_to_i[i] = i32(f[i]);
    f_to_u[i] = u32(f[i]);
    f_to_b[i] = u32(bool(f[i]));
    i_to_u[i] = u32(s[i]);
    i_to_b[i] = u32(bool(s[i]));
    i_to_f[i] = f32(s[i]);
    u_to_f[i] = f32(u32(s[i]));
}
