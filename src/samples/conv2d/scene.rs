//! A city at night: lights that a lens out of focus makes discs of.

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::Image;

/// How many lights there are along each side, on average.
const LIGHTS: usize = 14;

/// A picture of `side` x `side` pixels in red, green and blue, in which lights are brighter than white.
pub(super) fn night(side: usize, seed: u64) -> Image {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut planes = vec![vec![0.0; side * side]; 3];
    for (plane, [top, bottom]) in planes.iter_mut().zip([[0.004, 0.07], [0.008, 0.04], [0.03, 0.06]]) {
        for (row, pixels) in plane.chunks_mut(side).enumerate() {
            let down = row as f32 / side as f32;
            pixels.fill(top + (bottom - top) * down * down);
        }
    }
    let mut x = 0.0;
    while x < 1.0 {
        let width = random.random_range(0.04..0.12);
        building(&mut planes, side, [x, random.random_range(0.35..0.8)], width, &mut random);
        x += width + random.random_range(0.0..0.02);
    }
    for _ in 0..LIGHTS * LIGHTS {
        let [x, y] = [random.random_range(0.0..1.0), random.random_range(0.55f32..1.0)];
        let warm = random.random_range(0.0..1.0f32);
        let strength = random.random_range(4.0..40.0);
        let colour = [1.0, 0.45 + 0.4 * warm, 0.1 + 0.6 * warm * warm].map(|level| strength * level);
        fill(&mut planes, side, [x, y], [1.5 / side as f32; 2], colour);
    }
    Image { width: side, height: side, planes }
}

/// A dark block from `top` down, with windows of which some are lit.
fn building(planes: &mut [Vec<f32>], side: usize, [left, top]: [f32; 2], width: f32, random: &mut SmallRng) {
    fill(planes, side, [left, top], [width, 1.0], [0.006, 0.007, 0.012]);
    let pitch = width / random.random_range(4.0f32..8.0).round();
    let mut y = top + pitch;
    while y < 1.0 {
        let mut x = left + 0.25 * pitch;
        while x + 0.5 * pitch < left + width {
            if random.random_range(0.0..1.0) < 0.3 {
                let level = random.random_range(0.2f32..1.0);
                fill(planes, side, [x, y], [0.5 * pitch, 0.4 * pitch], [level, 0.8 * level, 0.45 * level]);
            }
            x += pitch;
        }
        y += pitch;
    }
}

/// Colours the pixels whose middles are in a rectangle, of which places and sizes are parts of the picture's side.
fn fill(planes: &mut [Vec<f32>], side: usize, from: [f32; 2], size: [f32; 2], colour: [f32; 3]) {
    let pixel = |place: f32| ((place * side as f32).round() as usize).min(side);
    let columns = pixel(from[0])..pixel(from[0] + size[0]);
    for row in pixel(from[1])..pixel(from[1] + size[1]) {
        for (plane, level) in planes.iter_mut().zip(colour) {
            plane[row * side..][columns.clone()].fill(level);
        }
    }
}
