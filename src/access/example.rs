//! For kernels of which no call is known yet: which uniforms would have to be an extent of the grid for the kernel to be
//! cut. Found by trying, on grids of two shapes; a call is judged by its own numbers.

use super::{Analysis, Findings, Judgement, Numbers, Verdict, Word, analyse, explain, used_axes};
use crate::{error::Result, ir::Program, kernel::Kernel};

/// What a uniform word may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Meaning {
    /// The number of invocations along an axis, 0 to 2.
    Extent(usize),
    /// The number of invocations in all.
    Invocations,
    /// A few, as the radius of a stencil may be.
    Few,
}

/// Verdicts, and what a call would have to be like for them.
#[derive(Clone, Debug)]
pub struct Example {
    /// Words and their meanings. Other words may be anything, as far as trying can tell.
    pub conditions: Vec<(Word, Meaning)>,
    /// Whether the grid has to be of whole workgroups, because the kernel does not guard its edges.
    pub even: bool,
    /// The analysis of a grid of a few workgroups with such uniforms. What matters is which verdicts there are; the
    /// bytes are those of that grid.
    pub analysis: Analysis,
}

/// Choices of meanings that are tried.
const MOST_CHOICES: usize = 800;

/// A small number.
const FEW: u32 = 2;

/// Workgroups along each axis of the two grids.
const SHAPES: [[u32; 3]; 2] = [[5, 4, 3], [4, 6, 5]];

/// How bad a cut is: pinned bindings, then whole ones.
type Score = (usize, usize);

/// What each word means; nothing for a word that may be anything.
type Meanings = Vec<Option<Meaning>>;

/// Meanings, with how bad the cut is, and how many and unnatural they are.
type Ranked = ((Score, u32), Meanings);

impl Kernel {
    /// What uniform words would have to be for the kernel to be cut better than without any numbers; `None` where
    /// nothing better was found.
    ///
    /// # Errors
    ///
    /// Those of [`access`](Kernel::access).
    pub fn access_example(&self) -> Result<Option<Example>> {
        self.check_complete()?;
        let program = self.program()?;
        let unknown = analyse(&program, &Numbers::new());
        let words = unknown.uniform_words.clone();
        let trials = |even| Trials { program: &program, used: used_axes(&program), words: &words, even };
        let without = score(&unknown);
        let found = [trials(false), trials(true)].into_iter().filter_map(|trials| {
            let (rank, meanings) = trials.search(without)?;
            Some((rank, trials, meanings))
        });
        let Some((_, trials, meanings)) = found.min_by_key(|(rank, ..)| *rank) else { return Ok(None) };
        let call = trials.call(&meanings, SHAPES[1]);
        let analysis = call.with_numbers(|numbers| self.analysis(&program, numbers));
        let conditions = words.iter().zip(&meanings).filter_map(|(&(binding, offset), meaning)| {
            let name = explain::word(self, binding, offset);
            Some((Word { binding, offset, name }, (*meaning)?))
        });
        Ok(Some(Example { conditions: conditions.collect(), even: trials.even, analysis }))
    }
}

fn score(findings: &Findings) -> Score {
    let count = |verdict| findings.best().judgements.iter().filter(|j| j.verdict == verdict).count();
    (count(Verdict::Pinned), count(Verdict::Whole))
}

/// Bindings that are sliced only because one unit has them to itself.
fn uncut(findings: &Findings) -> usize {
    let is_uncut = |j: &&Judgement| matches!(j.verdict, Verdict::Sliced { stride: 0, .. }) && j.origin.is_some();
    findings.best().judgements.iter().filter(is_uncut).count()
}

/// A grid, and the words of uniforms.
struct TrialCall {
    workgroups: [u32; 3],
    words: Vec<(usize, u32, [u8; 4])>,
}

impl TrialCall {
    fn with_numbers<T>(&self, then: impl FnOnce(&Numbers<'_>) -> T) -> T {
        let mut numbers = Numbers::new().with_workgroups(self.workgroups);
        for (binding, offset, word) in &self.words {
            numbers = numbers.with_uniform(*binding, *offset, word);
        }
        then(&numbers)
    }
}

struct Trials<'a> {
    program: &'a Program,
    used: Vec<usize>,
    words: &'a [(usize, u32)],
    /// Whether all workgroups are full.
    even: bool,
}

impl Trials<'_> {
    /// The meanings of the words with the best score on both grids, and among those the least and most natural, if
    /// the score is better than `without`. A word that may be anything has none.
    fn search(&self, without: Score) -> Option<Ranked> {
        let extents = self.used.iter().map(|&axis| Meaning::Extent(axis));
        let choices: Vec<Option<Meaning>> =
            [None].into_iter().chain(extents.chain([Meaning::Few, Meaning::Invocations]).map(Some)).collect();
        let count = u32::try_from(self.words.len()).ok().and_then(|n| choices.len().checked_pow(n));
        let count = count.filter(|&count| count <= MOST_CHOICES)?;
        let weigh = |meaning: &Option<Meaning>| match meaning {
            None => 0,
            Some(Meaning::Extent(_)) => 1,
            Some(Meaning::Few) => 2,
            Some(Meaning::Invocations) => 3,
        };
        let mut best: Option<Ranked> = None;
        for number in 0..count {
            let mut rest = number;
            let mut next = |_: &(usize, u32)| {
                let meaning = choices[rest % choices.len()];
                rest /= choices.len();
                meaning
            };
            let meanings: Meanings = self.words.iter().map(&mut next).collect();
            // Two words seldom mean the same.
            let twins =
                (1..meanings.len()).filter(|&at| meanings[at].is_some() && meanings[..at].contains(&meanings[at]));
            let weight = 2 * (meanings.iter().map(weigh).sum::<u32>() + u32::from(self.even)) + twins.count() as u32;
            let rank = (self.score(&meanings), weight);
            if rank.0 < without && best.as_ref().is_none_or(|(best, _)| rank < *best) {
                best = Some((rank, meanings));
            }
        }
        best
    }

    /// The worse score of the two grids. What is not cut on either is as good as pinned.
    fn score(&self, meanings: &[Option<Meaning>]) -> Score {
        let judge = |shape| {
            self.call(meanings, shape).with_numbers(|numbers| {
                let findings = analyse(self.program, numbers);
                (score(&findings), uncut(&findings))
            })
        };
        let [(a, uncut_a), (b, uncut_b)] = SHAPES.map(judge);
        let (pinned, whole) = a.max(b);
        (pinned + uncut_a.min(uncut_b), whole)
    }

    /// A call in which the words are what they mean. Words without a meaning are once smaller and once larger than
    /// the grid.
    fn call(&self, meanings: &[Option<Meaning>], shape: [u32; 3]) -> TrialCall {
        let size = self.program.workgroup_size;
        let workgroups = [0, 1, 2].map(|axis| if self.used.contains(&axis) { shape[axis] } else { 1 });
        let missing = |axis: usize| u32::from(!self.even && size[axis] > 1);
        let extents = [0, 1, 2].map(|axis| workgroups[axis].saturating_mul(size[axis]) - missing(axis));
        let invocations = extents.iter().fold(1, |product: u32, &extent| product.saturating_mul(extent));
        let value = |place: usize, meaning: Option<Meaning>| match meaning {
            Some(Meaning::Extent(axis)) => extents[axis],
            Some(Meaning::Invocations) => invocations,
            Some(Meaning::Few) => FEW,
            None if shape == SHAPES[0] => FEW + 1 + place as u32,
            None => invocations.saturating_mul(2).saturating_add(7 + place as u32),
        };
        let words = self.words.iter().zip(meanings).enumerate();
        let words =
            words.map(|(place, (&(binding, offset), &meaning))| (binding, offset, value(place, meaning).to_ne_bytes()));
        TrialCall { workgroups, words: words.collect() }
    }
}
