// The old value and the flag of a compare-exchange, where only one lane can win.
//! grid: 8
//! out y: u32 = 1 5
//! out z: u32 = 1*8

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<u32>;

var<workgroup> winner: atomic<u32>;
var<workgroup> wins: atomic<u32>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    var result = atomicCompareExchangeWeak(&winner, 0u, lane + 10);
    // A weak exchange may fail without a reason.
    while (!result.exchanged && result.old_value == 0) {
        result = atomicCompareExchangeWeak(&winner, 0u, lane + 10);
    }
    if (result.exchanged) {
        atomicAdd(&wins, 1u);
    }
    let now = atomicLoad(&winner);
    z[lane] = u32(result.exchanged == (now == lane + 10)) * u32(result.exchanged || result.old_value == now);
    workgroupBarrier();
    if (lane == 0) {
        y[0] = atomicLoad(&wins);
        let missed = atomicCompareExchangeWeak(&winner, 5u, 6u);
        y[1] = select(0u, 5u, !missed.exchanged && missed.old_value == now);
    }
}
