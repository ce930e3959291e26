//! The search in native Rust.

use rayon::prelude::*;

use super::{
    Hit, NEAREST,
    index::{BLOCK, Index},
};

/// Fours of queries that go through the database together, so that a block that was fetched serves all of them.
const FOURS: usize = 8;

/// The nearest of each query, which are packed in fours.
pub(super) fn search(index: &Index, fours: &[[f32; 4]], hits: &mut [[Hit; NEAREST]]) {
    // Fewer, where there would not be something for each thread.
    let count = fours.len() / index.depth;
    let together = count.div_ceil(4 * rayon::current_num_threads()).clamp(1, FOURS);
    let groups = hits.par_chunks_mut(4 * together).zip(fours.par_chunks(together * index.depth));
    groups.for_each(|(hits, fours)| {
        hits.fill([Hit::NONE; NEAREST]);
        let mut cosines = [[0.0; BLOCK]; 4];
        for (block, vectors) in index.blocks.chunks(index.depth * BLOCK).enumerate() {
            let first = block * BLOCK;
            let vectors = vectors.as_chunks().0;
            let count = BLOCK.min(index.count - first);
            for (hits, four) in hits.chunks_mut(4).zip(fours.chunks(index.depth)) {
                let tenths = std::array::from_fn(|i| hits.get(i).map_or(2.0, |hits| hits[NEAREST - 1].similarity));
                let are_near = compare(vectors, four, &tenths, &mut cosines);
                for ((hits, cosines), _) in hits.iter_mut().zip(&cosines).zip(are_near).filter(|(_, is_near)| *is_near)
                {
                    for (place, &similarity) in cosines[..count].iter().enumerate() {
                        if similarity > hits[NEAREST - 1].similarity {
                            insert(hits, Hit { similarity, index: (first + place) as u32 });
                        }
                    }
                }
            }
        }
    });
}

/// Puts a vector that is nearer than the last one behind those that are as near.
fn insert(hits: &mut [Hit; NEAREST], hit: Hit) {
    let mut rank = NEAREST - 1;
    while rank > 0 && hits[rank - 1].similarity < hit.similarity {
        hits[rank] = hits[rank - 1];
        rank -= 1;
    }
    hits[rank] = hit;
}

/// The cosines of four queries with a block, in strips of so many vectors.
macro_rules! strips {
    ($lanes:literal, $vectors:ident, $queries:ident, $cosines:ident, $fused:ident) => {
        for strip in 0..BLOCK / $lanes {
            let [mut a, mut b, mut c, mut d] = [[0.0f32; $lanes]; 4];
            for (row, query) in $vectors.iter().zip($queries) {
                let row = &row[strip * $lanes..][..$lanes];
                for lane in 0..$lanes {
                    a[lane] = $fused(query[0], row[lane], a[lane]);
                    b[lane] = $fused(query[1], row[lane], b[lane]);
                    c[lane] = $fused(query[2], row[lane], c[lane]);
                    d[lane] = $fused(query[3], row[lane], d[lane]);
                }
            }
            for (cosines, sums) in $cosines.iter_mut().zip([a, b, c, d]) {
                cosines[strip * $lanes..][..$lanes].copy_from_slice(&sums);
            }
        }
    };
}

/// The cosines of four queries with a block, and whether any of each query's is larger than its tenth best so far.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn compare(
    vectors: &[[f32; BLOCK]],
    queries: &[[f32; 4]],
    tenths: &[f32; 4],
    cosines: &mut [[f32; BLOCK]; 4],
) -> [bool; 4] {
    let fused = |a: f32, b: f32, c: f32| {
        if multiversion::target::target_cfg_f!(target_feature = "fma") { a.mul_add(b, c) } else { a * b + c }
    };
    // As many sums as there are registers for.
    if multiversion::target::target_cfg_f!(target_feature = "avx512f") {
        strips!(32, vectors, queries, cosines, fused);
    } else {
        strips!(16, vectors, queries, cosines, fused);
    }
    std::array::from_fn(|i| cosines[i].iter().fold(false, |any, &cosine| any | (cosine > tenths[i])))
}
