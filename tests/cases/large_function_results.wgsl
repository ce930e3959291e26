// Values of more than 4,096 scalars that functions give back, at their end and early, put together and passed on.
//! workgroups: 1
//! device: cpu, because lavapipe's compiler unrolls copies of such arrays for minutes
//! in x: u32 = seq(5000)
//! out y: u32 = each(5000, i + 1)
//! out z: u32 = 0*5000
//! out w: u32 = 4 seq(7) 70 seq(4992, 8, 1) 2 6 9

struct Pair { first: u32, rest: array<u32, 5000>, last: u32 }

@group(0) @binding(0) var<storage, read> x: array<u32, 5000>;
@group(0) @binding(1) var<storage, read_write> y: array<u32, 5000>;
@group(0) @binding(2) var<storage, read_write> z: array<u32, 5000>;
@group(0) @binding(3) var<storage, read_write> w: array<u32, 5004>;

fn all() -> array<u32, 5000> {
    return x;
}

fn raised(by: array<u32, 5000>) -> array<u32, 5000> {
    var sum = by;
    for (var i = 0; i < 5000; i++) { sum[i] += 1u; }
    return sum;
}

fn early(n: u32) -> array<u32, 5000> {
    if n == 0u { return array<u32, 5000>(); }
    var changed = all();
    for (var i = 0u; i < 10u; i++) {
        if i == n {
            changed[7] = 70u;
            return changed;
        }
    }
    return all();
}

fn pair(n: u32) -> Pair {
    return Pair(n, early(n), 2u);
}

@compute @workgroup_size(1)
fn main() {
    y = raised(all());
    z = early(0u);
    let both = pair(4u);
    w[0] = both.first;
    for (var i = 0; i < 5000; i++) { w[i + 1] = both.rest[i]; }
    w[5001] = both.last;
    // One call after the other: the first value is none of the second's.
    let one = early(20u);
    let two = early(5u);
    w[5002] = one[6];
    w[5003] = two[9];
}
