// merkle: SHA-256 of many records, and of pairs of digests up to the root of a tree (a Merkle tree).
//
//   spans      vec2u[n]     read by `leaves` and `digests`: where each record begins in `records`, in words, and its bytes, of
//                           which there are at most 131,030
//   salts      u32[8 n]     read by `leaves`: 32 bytes for each record, in the order of memory; `digests` binds but ignores them
//   records    u32[]        read by the same: the bytes of the records in the order of memory, each from a word of its own
//   children   u32[8 m]     read by `nodes`: the digests of a level
//   hashes     u32[8 n] or u32[8 ceil(m / 2)]    written: digests, eight words each, the first word the most significant
//   grid       n, or ceil(m / 2), invocations
//
// `leaves` hashes a byte 0, the salt and the record; `nodes` hashes a byte 1 and two digests, and hands an odd one at the
// end on as it is. So the root is that of RFC 9162, with the salt and the record as what is logged: leaves and nodes cannot
// be taken for each other, and who sees the proof of one record learns nothing of the others, for their digests hide them
// as long as their salts are secret. `digests` is plain SHA-256.
//
// A lane makes a digest. The words of the message schedule that are still needed, 16 of them, and the state stay in
// registers: rounds are written out 16 at a time, so that every index is a constant.
//
// Shows: a chain with a level in each call, 32-bit integers at full rate, reads at places that come from memory.
// Ragged edge: lanes beyond the last record or pair do nothing.
// Source: FIPS 180-4, "Secure Hash Standard"; RFC 9162, "Certificate Transparency Version 2.0", section 2.1.

// The most blocks of a message: a loop that has no end in sight is none that every device is trusted with.
const MOST_BLOCKS = 2048u;

// The fractional parts of the cube roots of the first 64 primes. A variable: constants that are indexed are copied at every
// place where they are, and some drivers take minutes for that.
var<private> K: array<u32, 64> = array<u32, 64>(
    0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u, 0xab1c5ed5u,
    0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf174u,
    0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu, 0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau,
    0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u, 0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u,
    0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu, 0x53380d13u, 0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u,
    0xa2bfe8a1u, 0xa81a664bu, 0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u,
    0x19a4c116u, 0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u,
    0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u, 0x90befffau, 0xa4506cebu, 0xbef9a3f7u, 0xc67178f2u,
);

@group(0) @binding(0) var<storage, read> spans: array<vec2u>;
@group(0) @binding(1) var<storage, read> salts: array<u32>;
@group(0) @binding(2) var<storage, read> records: array<u32>;
@group(0) @binding(3) var<storage, read> children: array<u32>;
@group(0) @binding(4) var<storage, read_write> hashes: array<u32>;

struct State {
    a: u32,
    b: u32,
    c: u32,
    d: u32,
    e: u32,
    f: u32,
    g: u32,
    h: u32,
}

fn turned(x: u32, bits: u32) -> u32 {
    return (x >> bits) | (x << (32u - bits));
}

fn mix_0(x: u32) -> u32 {
    return turned(x, 7u) ^ turned(x, 18u) ^ (x >> 3u);
}

fn mix_1(x: u32) -> u32 {
    return turned(x, 17u) ^ turned(x, 19u) ^ (x >> 10u);
}

// A round, given its constant and its word of the schedule added up.
fn round(s: State, word: u32) -> State {
    let chosen = s.g ^ (s.e & (s.f ^ s.g));
    let one = s.h + (turned(s.e, 6u) ^ turned(s.e, 11u) ^ turned(s.e, 25u)) + chosen + word;
    let majority = (s.a & s.b) | (s.c & (s.a | s.b));
    let two = (turned(s.a, 2u) ^ turned(s.a, 13u) ^ turned(s.a, 22u)) + majority;
    return State(one + two, s.a, s.b, s.c, s.d + one, s.e, s.f, s.g);
}

// The state before the first block: the fractional parts of the square roots of the first eight primes.
fn start() -> State {
    return State(0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au, 0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u);
}

// The state after one more block of 16 words.
fn compress(before: State, block: array<u32, 16>) -> State {
    var w = block;
    var s = before;
    for (var t = 0u; t < 64u; t += 16u) {
        s = round(s, K[t + 0u] + w[0]);
        s = round(s, K[t + 1u] + w[1]);
        s = round(s, K[t + 2u] + w[2]);
        s = round(s, K[t + 3u] + w[3]);
        s = round(s, K[t + 4u] + w[4]);
        s = round(s, K[t + 5u] + w[5]);
        s = round(s, K[t + 6u] + w[6]);
        s = round(s, K[t + 7u] + w[7]);
        s = round(s, K[t + 8u] + w[8]);
        s = round(s, K[t + 9u] + w[9]);
        s = round(s, K[t + 10u] + w[10]);
        s = round(s, K[t + 11u] + w[11]);
        s = round(s, K[t + 12u] + w[12]);
        s = round(s, K[t + 13u] + w[13]);
        s = round(s, K[t + 14u] + w[14]);
        s = round(s, K[t + 15u] + w[15]);
        if (t < 48u) {
            w[0] += mix_0(w[1]) + w[9] + mix_1(w[14]);
            w[1] += mix_0(w[2]) + w[10] + mix_1(w[15]);
            w[2] += mix_0(w[3]) + w[11] + mix_1(w[0]);
            w[3] += mix_0(w[4]) + w[12] + mix_1(w[1]);
            w[4] += mix_0(w[5]) + w[13] + mix_1(w[2]);
            w[5] += mix_0(w[6]) + w[14] + mix_1(w[3]);
            w[6] += mix_0(w[7]) + w[15] + mix_1(w[4]);
            w[7] += mix_0(w[8]) + w[0] + mix_1(w[5]);
            w[8] += mix_0(w[9]) + w[1] + mix_1(w[6]);
            w[9] += mix_0(w[10]) + w[2] + mix_1(w[7]);
            w[10] += mix_0(w[11]) + w[3] + mix_1(w[8]);
            w[11] += mix_0(w[12]) + w[4] + mix_1(w[9]);
            w[12] += mix_0(w[13]) + w[5] + mix_1(w[10]);
            w[13] += mix_0(w[14]) + w[6] + mix_1(w[11]);
            w[14] += mix_0(w[15]) + w[7] + mix_1(w[12]);
            w[15] += mix_0(w[0]) + w[8] + mix_1(w[13]);
        }
    }
    return State(before.a + s.a, before.b + s.b, before.c + s.c, before.d + s.d,
                 before.e + s.e, before.f + s.f, before.g + s.g, before.h + s.h);
}

// Turns a word of memory into one whose first byte is the most significant.
fn swapped(x: u32) -> u32 {
    return (x << 24u) | ((x & 0xff00u) << 8u) | ((x >> 8u) & 0xff00u) | (x >> 24u);
}

// Word i of a record, whose last one may have bytes beyond its end.
fn record(span: vec2u, i: u32) -> u32 {
    let at = span.x + i;
    if (i < (span.y + 3u) / 4u && at < arrayLength(&records)) {
        return swapped(records[at]);
    }
    return 0u;
}

// Word i of a salt and a record.
fn salted(leaf: u32, span: vec2u, i: u32) -> u32 {
    if (i >= 8u) {
        return record(span, i - 8u);
    }
    let at = 8u * leaf + i;
    if (at < arrayLength(&salts)) {
        return swapped(salts[at]);
    }
    return 0u;
}

// Word i of a message of so many bytes, with what SHA-256 puts behind it to fill the last of its blocks: a bit, zeros, and
// how many bits the message has.
fn padded(word: u32, i: u32, bytes: u32, words: u32) -> u32 {
    let first = 4u * i;
    if (i + 1u == words) {
        return 8u * bytes;
    }
    if (first + 4u <= bytes) {
        return word;
    }
    if (first > bytes) {
        return 0u;
    }
    let kept = 8u * (bytes - first);
    return (word & ~(0xffffffffu >> kept)) | (0x80000000u >> kept);
}

// The digest of a record: as it is, or as that of a leaf.
fn hash(leaf: u32, span: vec2u, is_leaf: bool) -> State {
    let bytes = select(0u, 33u, is_leaf) + span.y;
    let words = 16u * min((bytes + 72u) / 64u, MOST_BLOCKS);
    var s = start();
    // The byte in front moves all others by one: of the word before, the last byte is left over.
    var left_over = 0u;
    for (var first = 0u; first < words; first += 16u) {
        var block: array<u32, 16>;
        for (var i = 0u; i < 16u; i++) {
            var word = 0u;
            if (is_leaf) {
                let next = salted(leaf, span, first + i);
                word = left_over | (next >> 8u);
                left_over = next << 24u;
            } else {
                word = record(span, first + i);
            }
            block[i] = padded(word, first + i, bytes, words);
        }
        s = compress(s, block);
    }
    return s;
}

fn write(place: u32, s: State) {
    let at = 8u * place;
    if (at + 7u < arrayLength(&hashes)) {
        hashes[at] = s.a;
        hashes[at + 1u] = s.b;
        hashes[at + 2u] = s.c;
        hashes[at + 3u] = s.d;
        hashes[at + 4u] = s.e;
        hashes[at + 5u] = s.f;
        hashes[at + 6u] = s.g;
        hashes[at + 7u] = s.h;
    }
}

@compute @workgroup_size(64)
fn leaves(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < arrayLength(&spans)) {
        write(id.x, hash(id.x, spans[id.x], true));
    }
}

@compute @workgroup_size(64)
fn digests(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < arrayLength(&spans)) {
        write(id.x, hash(id.x, spans[id.x], false));
    }
}

@compute @workgroup_size(64)
fn nodes(@builtin(global_invocation_id) id: vec3u) {
    let left = 16u * id.x;
    let right = left + 8u;
    if (left + 7u >= arrayLength(&children)) {
        return;
    }
    let l = State(children[left], children[left + 1u], children[left + 2u], children[left + 3u],
                  children[left + 4u], children[left + 5u], children[left + 6u], children[left + 7u]);
    if (right + 7u >= arrayLength(&children)) {
        write(id.x, l);
        return;
    }
    let r = State(children[right], children[right + 1u], children[right + 2u], children[right + 3u],
                  children[right + 4u], children[right + 5u], children[right + 6u], children[right + 7u]);
    // A byte 1 moves all others by one.
    let pair = array<u32, 16>(
        0x01000000u | (l.a >> 8u), (l.a << 24u) | (l.b >> 8u), (l.b << 24u) | (l.c >> 8u), (l.c << 24u) | (l.d >> 8u),
        (l.d << 24u) | (l.e >> 8u), (l.e << 24u) | (l.f >> 8u), (l.f << 24u) | (l.g >> 8u), (l.g << 24u) | (l.h >> 8u),
        (l.h << 24u) | (r.a >> 8u), (r.a << 24u) | (r.b >> 8u), (r.b << 24u) | (r.c >> 8u), (r.c << 24u) | (r.d >> 8u),
        (r.d << 24u) | (r.e >> 8u), (r.e << 24u) | (r.f >> 8u), (r.f << 24u) | (r.g >> 8u), (r.g << 24u) | (r.h >> 8u),
    );
    var rest = array<u32, 16>();
    rest[0] = (r.h << 24u) | 0x00800000u;
    rest[15] = 8u * 65u;
    write(id.x, compress(compress(start(), pair), rest));
}
