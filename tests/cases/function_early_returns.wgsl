// Returns from branches, values of different branches, a function that always returns from both.
//! grid: 10
//! out y: i32 = -1 0 1 2 -100 5 5 7 -8 99

@group(0) @binding(0) var<storage, read_write> y: array<i32>;

fn classify(i: i32, out: ptr<function, i32>) -> bool {
    if (i == 4) {
        *out = -100;
        return true;
    }
    if (i < 4) {
        *out = i;
        return false;
    } else {
        switch (i) {
            case 5, 6: {
                *out = 5;
                return true;
            }
            case 7: { *out = i; }
            case 8: {
                *out = -i;
                return true;
            }
            default: {
                *out = 99;
                return true;
            }
        }
    }
    return i == 7;
}

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var value = 1234;
    let done = classify(i32(id.x), &value);
    if (!done) {
        value -= 1;
    }
    y[id.x] = value;
}
