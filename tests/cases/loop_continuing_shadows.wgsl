// The continuing block may declare a name again that the loop's body has; its condition sees the new one.
//! workgroups: 1
//! out y: u32 = 3 9

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

struct Pair { k: u32 }

@compute @workgroup_size(1) fn main() {
    var n = 0u;
    loop {
        let k = n;
        if k >= 3u { break; }
        continuing { let k = 1u; n += k; }
    }
    y[0] = n;
    var m = 0u;
    loop {
        var k = m + 1;
        m += k;
        continuing {
            let pair = Pair(k);
            let k = pair.k * 2;
            m += 1;
            { let k = 1u; m += k; }
            break if k > 7;
        }
    }
    y[1] = m;
}
