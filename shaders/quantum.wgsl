// quantum: one gate of a quantum circuit, on the amplitudes of all states of n qubits.
//
//   LANES                  override     lanes of a workgroup: a power of two
//   params.m_00 ... m_11   vec2f        the gate: a unitary 2 x 2 matrix of complex numbers, rows first
//   params.below           vec3u        for the target and up to two controls, from the lowest on: the bits below the qubit's
//                                       own; all bits where there is none
//   params.controls        u32          the bits of the controls: those qubits that have to be 1
//   params.target_bit      u32          the bit of the qubit that changes
//   params.is_phase        u32          1 where the matrix is 1, 0, 0, m_11: half of the amplitudes stay as they are
//   amplitudes             vec2f[2^n]   updated in place: real and imaginary part of each state's amplitude; bit k of its number
//                                       is qubit k
//   grid                   2^(n - k) invocations, k being the qubits that have a part in the gate; `start`: 2^n
//
// A gate changes pairs of amplitudes whose numbers differ in the target's bit alone. A lane takes the pair whose number, less
// the gate's own bits, is that of the lane: a bit of 0 is put in for each of them, and so a gate with controls has half or a
// quarter of the work. Where all of these bits are above those that tell the lanes of a workgroup apart (`far`, which smaller
// workgroups make possible for lower qubits), bits are put in once for all of a workgroup, and its lanes touch amplitudes that
// follow each other. `near` does any gate. `start` makes the state in which all qubits are 0.
//
// Shows: a chain of hundreds of calls that update one array in place; strided access.
// Ragged edge: lanes whose pair is beyond the last do nothing.
// Source: De Raedt et al., "Massively parallel quantum computer simulator" (2007).

override LANES: u32 = 256u;

struct Params {
    m_00: vec2f,
    m_01: vec2f,
    m_10: vec2f,
    m_11: vec2f,
    below: vec3u,
    controls: u32,
    target_bit: u32,
    is_phase: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> amplitudes: array<vec2f>;

// The product of two complex numbers.
fn product(a: vec2f, b: vec2f) -> vec2f {
    return vec2f(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

// A number with a bit of 0 put in for each of the gate's qubits: what is above it moves up by one.
fn spread(i: u32) -> u32 {
    let one = i + (i & ~params.below.x);
    let two = one + (one & ~params.below.y);
    return two + (two & ~params.below.z);
}

// The gate on a pair of amplitudes.
fn apply(first: u32, second: u32) {
    let count = arrayLength(&amplitudes);
    if (first >= count || second >= count) {
        return;
    }
    let b = amplitudes[second];
    if (params.is_phase == 1u) {
        amplitudes[second] = product(params.m_11, b);
    } else {
        let a = amplitudes[first];
        amplitudes[first] = product(params.m_00, a) + product(params.m_01, b);
        amplitudes[second] = product(params.m_10, a) + product(params.m_11, b);
    }
}

@compute @workgroup_size(LANES)
fn near(@builtin(global_invocation_id) id: vec3u) {
    let first = spread(id.x) | params.controls;
    apply(first, first | params.target_bit);
}

@compute @workgroup_size(LANES)
fn far(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let first = spread(group.x * LANES) | params.controls;
    let second = first | params.target_bit;
    apply(first + lane, second + lane);
}

@compute @workgroup_size(LANES)
fn start(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < arrayLength(&amplitudes)) {
        amplitudes[id.x] = vec2f(select(0.0, 1.0, id.x == 0u), 0.0);
    }
}
