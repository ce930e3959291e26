// Increment and decrement of i32 and u32 wrap (section Statements, Increment and Decrement).
//! grid: 1
//! inout a: u32 = 0xffffffff 0 5 -> 0 0xffffffff 6
//! inout b: i32 = 2147483647 -2147483648 5 -> -2147483648 2147483647 4

@group(0) @binding(0) var<storage, read_write> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> b: array<i32>;

@compute @workgroup_size(1)
fn main() {
    a[0]++;
    a[1]--;
    a[2]++;
    b[0]++;
    b[1]--;
    b[2]--;
}
