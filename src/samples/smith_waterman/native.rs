//! Alignments in native Rust: many reads side by side in 16-bit lanes, and one read as the recurrences are written.

use rayon::prelude::*;

use super::{COSTS, Costs, Query};

/// Reads side by side.
const LANES: usize = 32;

type Lanes = [i16; LANES];

/// The best alignments of all queries: score and end. As many queries as there are lanes go through the table together,
/// column by column (Rognes, "Faster Smith-Waterman database searches with inter-sequence SIMD parallelisation", 2011).
pub(super) fn align(reference: &[u8], queries: &[Query], hits: &mut [[u32; 2]]) {
    hits.par_chunks_mut(LANES).zip(queries.par_chunks(LANES)).for_each_init(
        Table::default,
        |table, (hits, queries)| {
            let rows = queries.iter().map(|query| query.bases.len()).max().unwrap_or(0);
            table.bases.clear();
            let row = |row: usize| {
                std::array::from_fn(|lane| {
                    let base = queries.get(lane).and_then(|query| query.bases.get(row));
                    // What is no base equals nothing that a reference has.
                    base.filter(|&&base| base != 0).map_or(-1, |&base| i16::from(base))
                })
            };
            table.bases.extend((0..rows).map(row));
            let (best, end) = fill(reference, table);
            for (lane, hit) in hits.iter_mut().enumerate() {
                *hit = [best[lane] as u32, end[lane]];
            }
        },
    );
}

/// A column of the table for each lane.
#[derive(Default)]
struct Table {
    bases: Vec<Lanes>,
    /// Scores, and those with a gap in the read.
    cells: Vec<[Lanes; 2]>,
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn fill(reference: &[u8], table: &mut Table) -> (Lanes, [u32; LANES]) {
    let Costs { equal, unequal, open, extend } = COSTS;
    let [equal, unequal, open, extend] = [equal, unequal, open, extend].map(|cost| cost as i16);
    table.cells.clear();
    table.cells.resize(table.bases.len(), [[0; LANES]; 2]);
    let (mut best, mut end) = ([0i16; LANES], [0u32; LANES]);
    for (place, &base) in (1..).zip(reference) {
        let base = i16::from(base);
        let (mut corner, mut gap, mut above, mut highest) =
            ([0i16; LANES], [0i16; LANES], [0i16; LANES], [0i16; LANES]);
        for (row, [score, in_read]) in table.bases.iter().zip(&mut table.cells) {
            for lane in 0..LANES {
                let from_left = (in_read[lane] - extend).max(score[lane] - open);
                let from_above = (gap[lane] - extend).max(above[lane] - open);
                let facing = corner[lane] + if row[lane] == base { equal } else { unequal };
                let now = facing.max(from_left).max(from_above).max(0);
                corner[lane] = score[lane];
                (score[lane], in_read[lane]) = (now, from_left);
                (above[lane], gap[lane]) = (now, from_above);
                highest[lane] = highest[lane].max(now);
            }
        }
        if (0..LANES).any(|lane| highest[lane] > best[lane]) {
            for lane in 0..LANES {
                end[lane] = if highest[lane] > best[lane] { place } else { end[lane] };
                best[lane] = best[lane].max(highest[lane]);
            }
        }
    }
    (best, end)
}

/// The best alignment of one read: score and end. What defines it (Gotoh 1982).
pub(super) fn best(reference: &[u8], read: &[u8]) -> [u32; 2] {
    let Costs { equal, unequal, open, extend } = COSTS;
    // No gap yet.
    let never = i32::MIN / 2;
    let mut scores = vec![0; read.len() + 1];
    let mut in_read = vec![never; read.len() + 1];
    let (mut best, mut end) = (0, 0);
    for (place, &base) in (1..).zip(reference) {
        let mut corner = 0;
        let mut in_reference = never;
        for (row, &own) in (1..).zip(read) {
            in_read[row] = (in_read[row] - extend).max(scores[row] - open);
            in_reference = (in_reference - extend).max(scores[row - 1] - open);
            let facing = corner + if own == base && own != 0 { equal } else { unequal };
            corner = scores[row];
            scores[row] = facing.max(in_read[row]).max(in_reference).max(0);
            if scores[row] > best {
                (best, end) = (scores[row], place);
            }
        }
    }
    [best as u32, end]
}
