//! `knn`: the nearest neighbours of many vectors by the cosine of the angle between them.

mod index;
mod native;
mod vectors;

use std::{fmt::Write, path::Path, sync::OnceLock, time::Duration};

use bytemuck::{Pod, Zeroable};

use self::{
    index::{BLOCK, Exact, Index, nearest, pack_queries},
    vectors::{MOST_DIMENSION, Vectors},
};
use super::{
    Check, Problem, ROUNDING, Resident, Sample, Size, Sizes, Tally, Verdict, Work, draw, timed, verdict::larger,
};
use crate::{Buffer, Device, DeviceChoice, Error, Kernel, Module, Result, Runtime, error::Message};

const WGSL: &str = include_str!("../../shaders/knn.wgsl");

/// Neighbours of a query.
const NEAREST: usize = 10;

/// Vectors of a part of the database, of which a workgroup makes lists.
const PART: usize = 128 * BLOCK;

/// Queries of a workgroup.
const QUERIES: usize = 32;

/// Coordinates of a vector, and the most queries, where nothing else is said.
const DIMENSION: usize = 128;
const MOST_QUERIES: usize = 1024;

/// The sample.
pub struct Knn;

impl Sample for Knn {
    fn name(&self) -> &'static str {
        "knn"
    }

    fn field(&self) -> &'static str {
        "machine learning"
    }

    fn summary(&self) -> &'static str {
        "the ten nearest of many embeddings, by their cosine"
    }

    fn wgsl(&self) -> &'static str {
        WGSL
    }

    fn sizes(&self) -> Sizes {
        Sizes { unit: "vectors in the database", small: 500, default: 32_768, large: 262_144, max: 1 << 21 }
    }

    fn draws(&self) -> &'static [&'static str] {
        &["tsv", "npy"]
    }

    fn reads(&self) -> Option<&'static str> {
        Some("an array of f32 (.npy) of shape (vectors, coordinates), each of which is looked up among all")
    }

    fn prepare(&self, size: Size, seed: u64) -> Result<Box<dyn Problem>> {
        let count = self.sizes().resolve(size)?;
        let (database, queries) = Vectors::made([count, count.min(MOST_QUERIES)], DIMENSION, seed);
        Ok(Box::new(Search::new(database, queries)))
    }

    fn open(&self, file: &Path, _seed: u64) -> Result<Box<dyn Problem>> {
        let vectors = Vectors::read(file)?;
        Ok(Box::new(Search::new(vectors.clone(), vectors)))
    }
}

/// A database of `vectors` and `queries`, each of `dimension` coordinates, made from `seed`. [`Sample::prepare`] makes those of
/// 128 coordinates.
///
/// # Errors
///
/// When there is nothing, more than [`Sizes::max`] of vectors or queries, or more than 4,096 coordinates.
pub fn made(vectors: usize, queries: usize, dimension: usize, seed: u64) -> Result<Box<dyn Problem>> {
    for count in [vectors, queries] {
        Knn.sizes().resolve(Size::Count(count))?;
    }
    check_dimension(dimension)?;
    let (database, queries) = Vectors::made([vectors, queries], dimension, seed);
    Ok(Box::new(Search::new(database, queries)))
}

/// A database that holds one vector `vectors` times, which is also the query: the nearest are the first ten.
///
/// # Errors
///
/// As [`made`].
pub fn alike(vectors: usize, dimension: usize, seed: u64) -> Result<Box<dyn Problem>> {
    Knn.sizes().resolve(Size::Count(vectors))?;
    check_dimension(dimension)?;
    let (_, query) = Vectors::made([1, 1], dimension, seed);
    let database = Vectors { dimension, values: query.values.repeat(vectors) };
    Ok(Box::new(Search { are_alike: true, ..Search::new(database, query) }))
}

fn check_dimension(dimension: usize) -> Result<()> {
    if (1..=MOST_DIMENSION).contains(&dimension) {
        return Ok(());
    }
    Err(Error::Call(
        Message::new(format!("vectors of {dimension} coordinates cannot be compared"))
            .help(format!("choose from 1 to {MOST_DIMENSION}")),
    ))
}

/// `Params` in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    vectors: u32,
    queries: u32,
    depth: u32,
}

/// A vector of the database, and how near it is.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct Hit {
    similarity: f32,
    index: u32,
}

impl Hit {
    /// What a list ends with that is not full, as the WGSL has it.
    const NONE: Hit = Hit { similarity: -2.0, index: u32::MAX };
}

struct Search {
    database: Vectors,
    queries: Vectors,
    index: Index,
    /// The queries as the WGSL wants them.
    fours: Vec<[f32; 4]>,
    /// The nearest of each query.
    hits: Vec<[Hit; NEAREST]>,
    /// Whether all vectors are one and the same.
    are_alike: bool,
    expected: OnceLock<Vec<Vec<Exact>>>,
}

impl Search {
    fn new(database: Vectors, queries: Vectors) -> Self {
        Search {
            index: Index::new(&database),
            fours: pack_queries(&queries),
            // No result, in case it is not written.
            hits: vec![[Hit { similarity: f32::NAN, index: 0 }; NEAREST]; queries.count()],
            database,
            queries,
            are_alike: false,
            expected: OnceLock::new(),
        }
    }

    fn params(&self) -> Params {
        Params {
            vectors: self.database.count() as u32,
            queries: self.queries.count() as u32,
            depth: self.index.depth as u32,
        }
    }

    /// Workgroups of `search` and of `merge`.
    fn groups(&self) -> [[usize; 2]; 2] {
        let queries = self.queries.count();
        [[queries.div_ceil(QUERIES), self.parts()], [queries.div_ceil(64), 1]]
    }

    fn parts(&self) -> usize {
        self.database.count().div_ceil(PART)
    }

    /// Neighbours that a query can have.
    fn most(&self) -> usize {
        NEAREST.min(self.database.count())
    }

    /// For each query, the nearest and one more, as f64 has them.
    fn expected(&self) -> &[Vec<Exact>] {
        self.expected.get_or_init(|| nearest(&self.database, &self.queries, NEAREST + 1))
    }

    /// By how much a cosine may be off.
    ///
    /// The coordinates of both unit vectors are rounded once, their product once, and what is added up in each of the at most
    /// `dimension` - 1 additions: relative to the magnitudes of the products, which add up to 1 at most (Cauchy and Schwarz).
    /// A hundredth more covers what is of second order, and coordinates that are too small for a normal f32.
    fn tolerance(&self) -> f64 {
        1.01 * (self.database.dimension + 2) as f64 * ROUNDING
    }

    /// The cosine in f64; NaN where there is no such vector.
    fn cosine(&self, query: usize, index: u32) -> f64 {
        let [a, b] = [self.queries.row(query), self.database.row(index as usize)].map(Option::unwrap_or_default);
        if b.is_empty() { f64::NAN } else { vectors::cosine(a, b) }
    }

    /// The largest error of a similarity.
    fn error(&self) -> f64 {
        let off = |(query, hits): (usize, &[Hit; NEAREST])| {
            let off = |hit: &Hit| (f64::from(hit.similarity) - self.cosine(query, hit.index)).abs();
            hits[..self.most()].iter().map(off).fold(0.0, larger)
        };
        self.hits.iter().enumerate().map(off).fold(0.0, larger)
    }

    /// By how much the nearest vector that a list lacks is nearer than the last that it has; at least zero.
    fn left_out(&self) -> f64 {
        let missed = |(hits, expected): (&[Hit; NEAREST], &Vec<Exact>)| {
            let has = |exact: &&Exact| hits.iter().any(|hit| hit.index == exact.index);
            let last = f64::from(hits[self.most() - 1].similarity);
            // Of eleven at least one is not among ten.
            expected.iter().find(|exact| !has(exact)).map_or(0.0, |exact| exact.cosine - last)
        };
        self.hits.iter().zip(self.expected()).map(missed).fold(0.0, larger)
    }

    /// Places of lists that are not as they must be: the nearest first, of equals the one with the lower index; no vector
    /// twice, and none that there is not; then nothing.
    fn misplaced(&self) -> usize {
        let wrong = |hits: &[Hit; NEAREST]| {
            let (found, rest) = hits.split_at(self.most());
            let is_behind =
                |a: &Hit, b: &Hit| a.similarity > b.similarity || (a.similarity == b.similarity && a.index < b.index);
            let out_of_order = found.windows(2).filter(|pair| !is_behind(&pair[0], &pair[1])).count();
            let is_known = |hit: &&Hit| (hit.index as usize) < self.database.count();
            let unknown = found.iter().filter(|hit| !is_known(hit)).count();
            let twice = (1..found.len()).filter(|&i| found[..i].iter().any(|hit| hit.index == found[i].index)).count();
            let more = rest.iter().filter(|&&hit| hit != Hit::NONE).count();
            // Where all are alike, the first are the nearest.
            let not_first = |(rank, hit): (usize, &Hit)| self.are_alike && hit.index as usize != rank;
            let not_first = found.iter().enumerate().filter(|&place| not_first(place)).count();
            out_of_order + unknown + twice + more + not_first
        };
        self.hits.iter().map(wrong).sum()
    }

    /// The lists in lines with a title.
    fn table(&self) -> String {
        let mut text = String::from("query\trank\tvector\tcosine\n");
        for (query, hits) in self.hits.iter().enumerate() {
            for (rank, hit) in (1..).zip(&hits[..self.most()]) {
                let _ = writeln!(text, "{query}\t{rank}\t{}\t{:.6}", hit.index, hit.similarity);
            }
        }
        text
    }
}

/// The two kernels.
fn kernels(module: &Module) -> Result<[Kernel; 2]> {
    Ok([module.kernel("search")?, module.kernel("merge")?])
}

impl Problem for Search {
    fn describe(&self) -> String {
        let [vectors, queries] = [&self.database, &self.queries].map(Vectors::count);
        format!("{queries} queries among {vectors} vectors of {} coordinates", self.database.dimension)
    }

    fn run(&mut self, runtime: &Runtime, devices: &DeviceChoice<'_>) -> Result<Tally> {
        let [search, merge] = kernels(&runtime.module(WGSL)?)?;
        let [search_groups, merge_groups] = self.groups();
        let params = self.params();
        let mut partial = vec![[Hit::zeroed(); NEAREST]; self.parts() * self.queries.count()];
        let report = runtime
            .call(&search)
            .uniform("params", &params)
            .read("database", &self.index.blocks)
            .read("queries", &self.fours)
            .write("hits", partial.as_flattened_mut())
            .workgroups(search_groups)
            .device(devices)
            .run()?;
        let mut tally = Tally::from(&report);
        let report = runtime
            .call(&merge)
            .uniform("params", &params)
            .read("lists", partial.as_flattened())
            .write("hits", self.hits.as_flattened_mut())
            .workgroups(merge_groups)
            .device(devices)
            .run()?;
        tally.add(&report);
        Ok(tally)
    }

    fn resident<'p>(&'p mut self, runtime: &Runtime, device: &Device) -> Result<Box<dyn Resident + 'p>> {
        Ok(Box::new(OnDevice {
            kernels: kernels(&runtime.module(WGSL)?)?,
            groups: self.groups(),
            params: self.params(),
            database: runtime.buffer_on(device, &self.index.blocks)?,
            queries: runtime.buffer_on(device, &self.fours)?,
            partial: runtime.buffer_zeroed_on(device, self.parts() * self.hits.len() * NEAREST)?,
            hits: runtime.buffer_zeroed_on(device, self.hits.len() * NEAREST)?,
            runtime: runtime.clone(),
            result: &mut self.hits,
        }))
    }

    fn native(&mut self) -> Duration {
        let (index, fours, hits) = (&self.index, &self.fours, &mut self.hits);
        timed(|| native::search(index, fours, hits))
    }

    fn verify(&self) -> Verdict {
        vec![
            Check {
                what: "cosines against f64",
                error: self.error(),
                tolerance: self.tolerance(),
                measure: "absolute",
                reason: "a sum of as many products as coordinates, each rounded in every addition, and both vectors once",
            },
            Check {
                what: "nothing nearer was left out",
                error: self.left_out(),
                tolerance: self.tolerance(),
                measure: "nearer than the last of the list",
                reason: "what is left out was found no nearer than the last, by a cosine that may be off as above",
            },
            Check {
                what: "order of the lists, of equals the lower index first",
                error: self.misplaced() as f64,
                tolerance: 0.0,
                measure: "places",
                reason: "cosines are compared as they were found",
            },
        ]
        .into()
    }

    fn work(&self) -> Work {
        let [vectors, queries, dimension] =
            [self.database.count(), self.queries.count(), self.database.dimension].map(|count| count as u64);
        Work {
            operations: 2 * vectors * queries * dimension,
            counted: "a multiplication and an addition for each coordinate of each query and vector",
            bytes: 4 * dimension * (vectors + queries) + (8 * NEAREST) as u64 * queries,
        }
    }

    fn draw(&self, path: &Path) -> Result<()> {
        match draw::extension(path, Knn.draws())? {
            "tsv" => draw::write_text(path, &self.table()),
            _ => {
                let found = self.hits.iter().flat_map(|hits| &hits[..self.most()]);
                let indices: Vec<u32> = found.map(|hit| hit.index).collect();
                draw::write_npy(path, &indices, &[self.hits.len(), self.most()])
            }
        }
    }

    fn corrupt(&mut self, seed: u64) {
        let query = seed as usize % self.hits.len();
        let rank = seed as usize / 3 % self.most();
        match seed % 3 {
            0 => {
                let exact = self.cosine(query, self.hits[query][rank].index);
                let most = self.tolerance();
                let similarity = &mut self.hits[query][rank].similarity;
                *similarity = (exact - most) as f32;
                while (f64::from(*similarity) - exact).abs() <= most {
                    *similarity = similarity.next_down();
                }
            }
            // A vector that there is not, or one that the list has already.
            1 => self.hits[query][rank].index = if rank == 0 { u32::MAX } else { self.hits[query][rank - 1].index },
            _ => self.hits[query].rotate_left(1),
        }
    }
}

struct OnDevice<'p> {
    result: &'p mut [[Hit; NEAREST]],
    runtime: Runtime,
    kernels: [Kernel; 2],
    groups: [[usize; 2]; 2],
    params: Params,
    database: Buffer<f32>,
    queries: Buffer<[f32; 4]>,
    partial: Buffer<Hit>,
    hits: Buffer<Hit>,
}

impl Resident for OnDevice<'_> {
    fn step(&mut self) -> Result<Tally> {
        let [search, merge] = &self.kernels;
        let report = self
            .runtime
            .call(search)
            .uniform("params", &self.params)
            .read("database", &self.database)
            .read("queries", &self.queries)
            .write("hits", &self.partial)
            .workgroups(self.groups[0])
            .run()?;
        let mut tally = Tally::from(&report);
        let report = self
            .runtime
            .call(merge)
            .uniform("params", &self.params)
            .read("lists", &self.partial)
            .write("hits", &self.hits)
            .workgroups(self.groups[1])
            .run()?;
        tally.add(&report);
        Ok(tally)
    }

    fn fetch(&mut self) -> Result<()> {
        self.hits.download_into(self.result.as_flattened_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the plane, where one can see what is nearest.
    #[test]
    fn the_nearest_are_found() {
        let degrees = [0.0f32, 90.0, 10.0, 200.0, 8.0, 355.0, 8.0];
        // Lengths do not matter.
        let vector = |(length, degrees): (f32, &f32)| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            [length * cos, length * sin]
        };
        let values = [3.0, 0.1, 7.0, 1.0, 2.0, 50.0, 2.0].into_iter().zip(&degrees).flat_map(vector).collect();
        let database = Vectors { dimension: 2, values };
        let queries = Vectors { dimension: 2, values: vec![0.1, 0.0] };
        let mut search = Search::new(database, queries);
        search.native();
        assert!(search.verify().passed(), "{}", search.verify());
        let indices: Vec<u32> = search.hits[0].iter().map(|hit| hit.index).collect();
        assert_eq!(indices[..7], [0, 5, 4, 6, 2, 1, 3]);
        assert_eq!(indices[7..], [u32::MAX; 3]);
        assert!(search.table().starts_with("query\trank\tvector\tcosine\n0\t1\t0\t1.000000\n0\t2\t5\t0.996195\n"));
    }

    /// A list that lacks a vector that is nearer is refused, though all that it says is right.
    #[test]
    fn what_is_left_out_is_noticed() {
        let (database, queries) = Vectors::made([100, 3], 20, 4);
        let mut search = Search::new(database, queries);
        search.native();
        assert!(search.verify().passed());
        let eleventh = &search.expected()[1][NEAREST];
        search.hits[1][NEAREST - 1] = Hit { similarity: eleventh.cosine as f32, index: eleventh.index };
        let verdict = search.verify();
        let failed: Vec<_> = verdict.checks.iter().filter(|check| !check.passed()).map(|check| check.what).collect();
        assert_eq!(failed, ["nothing nearer was left out"], "{verdict}");
    }

    #[test]
    fn of_equals_the_first_are_taken() {
        for vectors in [1, 9, 10, 11, 64, 65, 200, PART + 3] {
            let mut problem = alike(vectors, 5, 3).unwrap();
            problem.native();
            assert!(problem.verify().passed(), "{vectors}: {}", problem.verify());
        }
    }

    #[test]
    fn shapes_are_checked() {
        for (vectors, queries, dimension) in [(0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, MOST_DIMENSION + 1)] {
            assert!(made(vectors, queries, dimension, 1).is_err());
        }
        for (vectors, queries, dimension) in [(1, 5, 1), (70, 1, 15), (64, 33, 17), (130, 7, 64)] {
            let mut problem = made(vectors, queries, dimension, 2).unwrap();
            problem.native();
            assert!(problem.verify().passed(), "{vectors} {queries} {dimension}: {}", problem.verify());
        }
    }
}
