// atomicCompareExchangeWeak in the usual loop: a product by compare and exchange, and a lock-free maximum.
//! grid: 64
//! in x: u32 = hash(64, 2)
//! inout product: u32 = 1 -> 0x8aa62d01
//! inout greatest: u32 = 0 -> _
//! out y: u32 = 1*64

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> product: atomic<u32>;
@group(0) @binding(2) var<storage, read_write> greatest: atomic<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var old = atomicLoad(&product);
    loop {
        let result = atomicCompareExchangeWeak(&product, old, old * (2 * i + 3));
        if (result.exchanged) {
            break;
        }
        old = result.old_value;
    }
    var seen = atomicLoad(&greatest);
    while (seen < x[i]) {
        let result = atomicCompareExchangeWeak(&greatest, seen, x[i]);
        seen = select(result.old_value, x[i], result.exchanged);
    }
    storageBarrier();
    y[i] = u32(atomicLoad(&greatest) >= x[i]);
}
