// Old values: each of 70 lanes draws a different ticket; the sum of tickets and of what was exchanged is known.
//! grid: 70
//! inout counter: u32 = 100 -> 170
//! inout last: u32 = 7 -> _
//! inout drawn: u32 = 0*70 -> 1*70
//! inout sum: u32 = 0 -> _

@group(0) @binding(0) var<storage, read_write> counter: atomic<u32>;
@group(0) @binding(1) var<storage, read_write> last: atomic<u32>;
@group(0) @binding(2) var<storage, read_write> drawn: array<u32>;
@group(0) @binding(3) var<storage, read_write> sum: atomic<u32>;

@compute @workgroup_size(7)
fn main() {
    let ticket = atomicAdd(&counter, 1u);
    drawn[ticket - 100] += 1;
    atomicAdd(&sum, atomicExchange(&last, ticket));
}
