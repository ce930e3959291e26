// conv2d: filters a plane of an image with any small kernel of weights, up to 17 x 17.
//
//   params.width, params.height        u32    of the plane, in pixels
//   params.radius_x, params.radius_y   u32    of the weights, at most 8: 2 radius_x + 1 in a row, 2 radius_y + 1 rows
//   weights   f32[(2 radius_y + 1) * (2 radius_x + 1)]    read, row by row
//   image     f32[height * width]    read, row by row
//   result    f32[height * width]    written: the sum of weights[j][i] * image[y + j - radius_y][x + i - radius_x]
//   grid      ceil(width / 32) x ceil(height / 32) workgroups
//
// That is what image libraries and neural networks call a convolution; mathematics turns the weights around first.
//
// A workgroup makes 32 x 32 pixels. It first brings those, and as many around them as the weights reach, to workgroup
// memory, each row in one go. A lane then makes four pixels below each other: it walks down the columns under the weights
// and uses each value that it finds for all four, with four weights of the column that move along in registers. So a value
// and a weight are loaded for four multiplications.
//
// Shows: a tile read with a halo along both axes. A large image is cut into bands of rows, each with its halo.
// Ragged edge: beyond its borders the image goes on as at its border; pixels beyond the plane are not written.

const BLOCK = 32u;
const LANES_Y = 8u;
// Pixels below each other that a lane makes.
const ROWS = 4u;
const MAX_RADIUS = 8u;
const TILE = BLOCK + 2u * MAX_RADIUS;

struct Params {
    width: u32,
    height: u32,
    radius_x: u32,
    radius_y: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> image: array<f32>;
@group(0) @binding(3) var<storage, read_write> result: array<f32>;

var<workgroup> tile: array<array<f32, TILE>, TILE>;

// The pixel at a place that may lie outside.
fn pixel(x: i32, y: i32) -> f32 {
    let column = u32(clamp(x, 0, i32(params.width) - 1));
    let row = u32(clamp(y, 0, i32(params.height) - 1));
    return image[row * params.width + column];
}

@compute @workgroup_size(BLOCK, LANES_Y)
fn conv2d(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) lane: vec3u) {
    let radius_x = min(params.radius_x, MAX_RADIUS);
    let radius_y = min(params.radius_y, MAX_RADIUS);
    let left = i32(group.x * BLOCK) - i32(radius_x);
    let top = i32(group.y * BLOCK) - i32(radius_y);
    for (var row = lane.y; row < BLOCK + 2u * radius_y; row += LANES_Y) {
        for (var column = lane.x; column < BLOCK + 2u * radius_x; column += BLOCK) {
            tile[row][column] = pixel(left + i32(column), top + i32(row));
        }
    }
    workgroupBarrier();

    let first = ROWS * lane.y;
    var sums = vec4f();
    for (var i = 0u; i <= 2u * radius_x; i++) {
        var column_weights = vec4f();
        for (var j = 0u; j < 2u * radius_y + ROWS; j++) {
            var next = 0.0;
            if (j <= 2u * radius_y) {
                next = weights[j * (2u * radius_x + 1u) + i];
            }
            column_weights = vec4f(next, column_weights.xyz);
            sums += column_weights * tile[first + j][lane.x + i];
        }
    }

    let x = group.x * BLOCK + lane.x;
    let y = group.y * BLOCK + first;
    if (x < params.width) {
        for (var k = 0u; k < ROWS; k++) {
            if (y + k < params.height) {
                result[(y + k) * params.width + x] = sums[k];
            }
        }
    }
}
