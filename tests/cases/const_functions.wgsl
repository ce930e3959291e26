// Functions in constant expressions: in constants of the module and of functions, in the sizes of arrays and of the
// workgroup, in selectors and in initial values.
//! workgroups: 1
//! out f: f32 = 0.75 3 -0.25 -2 12 1.5 0.5 1 1 -1 2 0.25 6 -2 0.099975586 2 0.75 4
//! out u: u32 = 48 0xfffffffe 0x3f800000 0x3c003800 0x407f8100 0x00ff8000 9 4 16 5 0xc0490fdb 0xfe020304

const FREXP = frexp(6.0);
const PARTS = modf(vec2(1.5, -2.25));
const LD = ldexp(1.5f, 3);
const MIX = mix(1, 2, 0.5);
const STEP = smoothstep(0.0, 2.0, 1.0);
const REFLECTED = reflect(vec2f(1, -1), vec2f(0, 1));
const FACING = faceForward(vec3(1, 2, 3), vec3(0, 0, 1), vec3(0, 0, 1));
const BENT = refract(vec2f(0, -1), vec2f(0, 1), 0.25);
const M = mat2x3(1, 2, 3, 4, 5, 6);
const DET = determinant(mat2x2(1, 2, 3, 4));
const BITS = insertBits(0u, 7, 4, 2);
const SIZE = u32(mix(2.0, 6.0, 0.5));
const SIGN = extractBits(0xe0i, 4, 4);
const HALVES = unpack2x16float(pack2x16float(vec2(2, 0.75)));
var<private> started: f32 = ldexp(1.0, 2);
var<workgroup> room: array<u32, SIZE * u32(determinant(mat2x2(2, 0, 0, 2)))>;
@group(0) @binding(0) var<storage, read_write> f: array<f32>;
@group(0) @binding(1) var<storage, read_write> u: array<u32>;

const_assert quantizeToF16(1.0) == 1.0;

@compute @workgroup_size(u32(ldexp(1.0, 0)))
fn main() {
    f[0] = FREXP.fract;
    f[1] = f32(FREXP.exp);
    f[2] = PARTS.fract.y;
    f[3] = PARTS.whole.y;
    f[4] = LD;
    f[5] = MIX;
    f[6] = STEP;
    f[7] = REFLECTED.x;
    f[8] = REFLECTED.y;
    f[9] = FACING.x;
    f[10] = FACING.y * -1;
    const LOCAL = BENT * BENT;
    f[11] = sqrt(LOCAL.y) * 0.25;
    let six = transpose(M)[2].y;
    f[12] = six;
    f[13] = DET;
    const QUANTIZED = quantizeToF16(0.1);
    f[14] = QUANTIZED;
    f[15] = HALVES.x;
    f[16] = HALVES.y;
    f[17] = started;
    u[0] = BITS;
    u[1] = u32(SIGN);
    const ONE = bitcast<u32>(1f);
    u[2] = ONE;
    u[3] = PACKED;
    u[4] = NORM;
    const UNORM = pack4x8unorm(vec4(-1, 0.5, 2, 0));
    u[5] = UNORM;
    switch u32(six) + 3 {
        case u32(mix(8, 10, 0.5)): { u[6] = 9; }
        default: {}
    }
    u[7] = SIZE;
    room[15] = 16;
    u[8] = room[15] + u32(room[0]);
    const CLAMPED = unpack4xI8(pack4xI8Clamp(vec4(5, 200, -200, 0)));
    u[9] = u32(CLAMPED.x);
    const PI = bitcast<u32>(-3.1415927f);
    u[10] = PI;
    u[11] = pack4xI8(vec4(4, 3, 2, -2));
}
const PACKED = pack2x16float(vec2(0.5, 1));
const NORM = pack4x8snorm(vec4(0, -1, 1, 0.5));
