//! The filter in native Rust.

use rayon::prelude::*;

use super::Filter;

/// Pixels beside each other, and rows of them, whose sums stay in registers while the weights pass by.
const LANES: usize = 32;
const ROWS: usize = 2;

/// Filters a plane of `size` along x and y.
pub(super) fn convolve(plane: &[f32], size: [usize; 2], filter: &Filter, result: &mut [f32]) {
    let [width, _] = size;
    let padded = Padded::new(plane, size, filter.radius);
    // A row of zeros above and below: each row of the image then has a weight for each row of a pair.
    let columns = filter.columns();
    let mut weights = vec![0.0; columns];
    weights.extend(&filter.weights);
    weights.resize(weights.len() + columns, 0.0);
    result.par_chunks_mut(ROWS * width).enumerate().for_each(|(pair, rows)| {
        let (upper, lower) = rows.split_at_mut(width);
        let mut sums = [[0.0; LANES]; ROWS];
        for x in (0..width).step_by(LANES) {
            add(&padded.pixels[pair * ROWS * padded.width + x..], padded.width, &weights, columns, &mut sums);
            let count = LANES.min(width - x);
            upper[x..x + count].copy_from_slice(&sums[0][..count]);
            if let Some(lower) = lower.get_mut(x..x + count) {
                lower.copy_from_slice(&sums[1][..count]);
            }
        }
    });
}

/// The plane with as much around it as the weights reach, and more on the right so that all sums are made alike.
struct Padded {
    width: usize,
    pixels: Vec<f32>,
}

impl Padded {
    fn new(plane: &[f32], [width, height]: [usize; 2], [radius_x, radius_y]: [usize; 2]) -> Padded {
        let padded = width.next_multiple_of(LANES) + 2 * radius_x;
        // As many rows as pairs of them need.
        let rows = height.next_multiple_of(ROWS) + 2 * radius_y;
        let mut pixels = vec![0.0; padded * rows];
        pixels.par_chunks_mut(padded).enumerate().for_each(|(row, target)| {
            let row = row.saturating_sub(radius_y).min(height - 1);
            let source = &plane[row * width..][..width];
            target[..radius_x].fill(source[0]);
            target[radius_x..radius_x + width].copy_from_slice(source);
            target[radius_x + width..].fill(source[width - 1]);
        });
        Padded { width: padded, pixels }
    }
}

/// The sums of a block, of which `pixels` begins at the upper left of what the weights reach.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn add(pixels: &[f32], stride: usize, weights: &[f32], columns: usize, sums: &mut [[f32; LANES]; ROWS]) {
    let fused = |a: f32, b: f32, c: f32| {
        if multiversion::target::target_cfg_f!(target_feature = "fma") { a.mul_add(b, c) } else { a * b + c }
    };
    let [mut upper, mut lower] = [[0.0f32; LANES]; ROWS];
    let pairs = weights.chunks_exact(columns).zip(weights[columns..].chunks_exact(columns));
    for (row, (for_lower, for_upper)) in pairs.enumerate() {
        let pixels = &pixels[row * stride..][..columns + LANES - 1];
        for ((pixels, for_upper), for_lower) in pixels.windows(LANES).zip(for_upper).zip(for_lower) {
            for lane in 0..LANES {
                upper[lane] = fused(pixels[lane], *for_upper, upper[lane]);
                lower[lane] = fused(pixels[lane], *for_lower, lower[lane]);
            }
        }
    }
    *sums = [upper, lower];
}
