//! Vectors as the kernel wants them, and the nearest of them in f64.

use rayon::prelude::*;

use super::{
    super::matmul::{Dimensions, product},
    vectors::Vectors,
};

/// Vectors that lie beside each other, coordinate by coordinate.
pub(super) const BLOCK: usize = 64;

/// What the kernel wants the number of coordinates to be a multiple of.
const DEPTH: usize = 16;

/// A database of unit vectors.
pub(super) struct Index {
    /// How many there are.
    pub count: usize,
    /// Their coordinates, with zeros up to a multiple of [`DEPTH`].
    pub depth: usize,
    /// Blocks of `depth` x [`BLOCK`]; the last one is filled up with zeros.
    pub blocks: Vec<f32>,
}

impl Index {
    pub fn new(vectors: &Vectors) -> Index {
        let depth = vectors.dimension.next_multiple_of(DEPTH);
        Index { count: vectors.count(), depth, blocks: pack::<BLOCK>(vectors, depth).into_flattened() }
    }
}

/// Queries as unit vectors in fours, likewise.
pub(super) fn pack_queries(queries: &Vectors) -> Vec<[f32; 4]> {
    pack::<4>(queries, queries.dimension.next_multiple_of(DEPTH))
}

/// Unit vectors in groups of `SIDE`, each with a coordinate of all of them after the other.
fn pack<const SIDE: usize>(vectors: &Vectors, depth: usize) -> Vec<[f32; SIDE]> {
    let mut packed = vec![[0.0; SIDE]; vectors.count().div_ceil(SIDE) * depth];
    let groups = packed.par_chunks_mut(depth).zip(vectors.values.par_chunks(SIDE * vectors.dimension));
    groups.for_each(|(packed, rows)| {
        for (place, row) in rows.chunks(vectors.dimension).enumerate() {
            for (coordinates, value) in packed.iter_mut().zip(unit(row)) {
                coordinates[place] = value as f32;
            }
        }
    });
    packed
}

/// A vector divided by its length.
fn unit(row: &[f32]) -> impl Iterator<Item = f64> {
    let length = super::vectors::length(row);
    row.iter().map(move |&value| f64::from(value) / length)
}

/// A vector, and its cosine with a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact {
    pub cosine: f64,
    pub index: u32,
}

/// Vectors that are compared with all queries at a time, so that the cosines need not all be kept.
const CHUNK: usize = 2048;

/// The `most` nearest of each query, the nearest first, in f64.
pub(super) fn nearest(database: &Vectors, queries: &Vectors, most: usize) -> Vec<Vec<Exact>> {
    let dimension = database.dimension;
    let rows: Vec<f64> = queries.values.chunks(dimension).flat_map(unit).collect();
    let mut lists: Vec<Vec<Exact>> = vec![Vec::with_capacity(most + 1); queries.count()];
    for (chunk, vectors) in database.values.chunks(CHUNK * dimension).enumerate() {
        let count = vectors.len() / dimension;
        let mut columns = vec![0.0; vectors.len()];
        for (column, row) in vectors.chunks(dimension).enumerate() {
            for (coordinate, value) in unit(row).enumerate() {
                columns[coordinate * count + column] = value;
            }
        }
        let cosines = product(Dimensions { m: queries.count(), n: count, k: dimension }, &rows, &columns);
        lists.par_iter_mut().zip(cosines.par_chunks(count)).for_each(|(list, cosines)| {
            for (place, &cosine) in cosines.iter().enumerate() {
                if list.len() == most && cosine <= list[most - 1].cosine {
                    continue;
                }
                let rank = list.partition_point(|exact| exact.cosine >= cosine);
                list.insert(rank, Exact { cosine, index: (chunk * CHUNK + place) as u32 });
                list.truncate(most);
            }
        });
    }
    lists
}
