//! For kernels of which no call is known yet: which uniforms would have to be an extent of the grid for the kernel to be
//! cut. Found by trying, on grids of two shapes; a call is judged by its own numbers.

use super::{
    Analysis, Findings, Judgement, Numbers, Verdict, Word, analyse_within, early::Score, explain, used_axes,
    walk::Effort,
};
use crate::{
    error::Result,
    ir::Program,
    kernel::{BindingKind, Kernel},
};

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
#[non_exhaustive]
pub struct Example {
    /// Words and their meanings. Other words may be anything, as far as trying can tell.
    pub conditions: Vec<(Word, Meaning)>,
    /// Whether the grid has to be of whole workgroups, because the kernel does not guard its edges.
    pub even: bool,
    /// The analysis of a grid of a few workgroups with such uniforms. What matters is which verdicts there are; the
    /// bytes are those of that grid.
    pub analysis: Analysis,
}

/// Choices of meanings that are looked at.
const MOST_CHOICES: usize = 800;

/// The work that all trials together may be: that of one analysis. The likeliest come first.
const MAX_WORK: u64 = super::facts::MAX_WORK;

/// A small number.
const FEW: u32 = 2;

/// Workgroups along each axis of the two grids.
const SHAPES: [[u32; 3]; 2] = [[5, 4, 3], [4, 6, 5]];

/// What each word means; nothing for a word that may be anything.
type Meanings = Vec<Option<Meaning>>;

/// What is tried: how many and unnatural the meanings are, whether workgroups are full, and the meanings.
struct Trial {
    weight: u32,
    even: bool,
    meanings: Meanings,
}

impl Kernel {
    /// What uniform words would have to be for the kernel to be cut better than without any numbers, of which `unknown` is the
    /// analysis; `None` where nothing better was found.
    ///
    /// # Errors
    ///
    /// Those of [`access`](Kernel::access).
    pub fn access_example(&self, unknown: &Analysis) -> Result<Option<Example>> {
        Ok(self.example_for(unknown)?.0)
    }

    /// The same, and the work that the trials were.
    pub(super) fn example_for(&self, unknown: &Analysis) -> Result<(Option<Example>, u64)> {
        self.check_complete()?;
        let program = self.program()?;
        let words: Vec<(usize, u32)> = unknown.uniform_words.iter().map(|word| (word.binding, word.offset)).collect();
        let trials = Trials { program: &program, used: used_axes(&program), words: &words };
        let mut left = MAX_WORK;
        let found = trials.search(self.score_of(unknown), &mut left);
        let work = MAX_WORK - left;
        let Some(Trial { even, meanings, .. }) = found else { return Ok((None, work)) };
        let call = trials.call(&meanings, even, SHAPES[1]);
        let analysis = call.with_numbers(|numbers| self.analysis(&program, numbers));
        let conditions = words.iter().zip(&meanings).filter_map(|(&(binding, offset), meaning)| {
            let name = explain::word(self, binding, offset);
            Some((Word { binding, offset, name }, (*meaning)?))
        });
        Ok((Some(Example { conditions: conditions.collect(), even, analysis }), work))
    }
}

impl Kernel {
    fn score_of(&self, analysis: &Analysis) -> Score {
        let storage = self.bindings().iter().zip(&analysis.bindings).filter(|(b, _)| b.kind != BindingKind::Uniform);
        let verdicts: Vec<Verdict> = storage.map(|(_, access)| access.verdict).collect();
        let count = |verdict| verdicts.iter().filter(|&&v| v == verdict).count();
        (count(Verdict::Pinned), count(Verdict::Whole))
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
}

impl Trials<'_> {
    /// The meanings of the words with the best score on both grids, and among those the least and most natural, if
    /// the score is better than `without`. A word that may be anything has none. Takes the work off what is left of it.
    fn search(&self, without: Score, work: &mut u64) -> Option<Trial> {
        let mut best = without;
        let mut found = None;
        for trial in self.trials() {
            // What comes later is less natural.
            if best == (0, 0) || *work == 0 {
                break;
            }
            if let Some(score) = self.score(&trial, best, work) {
                best = score;
                found = Some(trial);
            }
        }
        found
    }

    /// All that is tried, the most natural first.
    fn trials(&self) -> Vec<Trial> {
        let weigh = |meaning: &Option<Meaning>| match meaning {
            None => 0,
            Some(Meaning::Extent(_)) => 1,
            Some(Meaning::Few) => 2,
            Some(Meaning::Invocations) => 3,
        };
        let mut trials = Vec::new();
        for even in [false, true] {
            let choices = self.choices(even);
            let count = u32::try_from(self.words.len()).ok().and_then(|n| choices.len().checked_pow(n));
            for number in 0..count.filter(|&count| count <= MOST_CHOICES).unwrap_or(0) {
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
                let weight = 2 * (meanings.iter().map(weigh).sum::<u32>() + u32::from(even)) + twins.count() as u32;
                trials.push(Trial { weight, even, meanings });
            }
        }
        trials.sort_by_key(|trial| trial.weight);
        trials
    }

    /// What a word may mean. Where the grid has one axis, its extent is the number of invocations.
    fn choices(&self, even: bool) -> Vec<Option<Meaning>> {
        let extents = self.used.iter().map(|&axis| Meaning::Extent(axis));
        let mut choices: Vec<Option<Meaning>> =
            [None].into_iter().chain(extents.chain([Meaning::Few]).map(Some)).collect();
        let is_extent = |axis: usize| {
            SHAPES.into_iter().all(|shape| {
                let extents = self.extents(even, shape);
                extents[axis] == invocations(extents)
            })
        };
        if !self.used.iter().any(|&axis| is_extent(axis)) {
            choices.push(Some(Meaning::Invocations));
        }
        choices
    }

    /// The worse score of the two grids, if it is better than `bar`. What is not cut on either is as good as pinned.
    /// Takes the work off what is left of it.
    fn score(&self, trial: &Trial, bar: Score, work: &mut u64) -> Option<Score> {
        let mut judge = |shape| {
            self.call(&trial.meanings, trial.even, shape).with_numbers(|numbers| {
                let effort = Effort { work: *work, better_than: Some(bar) };
                let (findings, spent) = analyse_within(self.program, numbers, effort);
                *work = work.saturating_sub(spent);
                findings.map(|findings| (score(&findings), uncut(&findings))).filter(|(score, _)| *score < bar)
            })
        };
        let (a, uncut_a) = judge(SHAPES[0])?;
        let (b, uncut_b) = judge(SHAPES[1])?;
        let (pinned, whole) = a.max(b);
        let score = (pinned + uncut_a.min(uncut_b), whole);
        (score < bar).then_some(score)
    }

    fn workgroups(&self, shape: [u32; 3]) -> [u32; 3] {
        [0, 1, 2].map(|axis| if self.used.contains(&axis) { shape[axis] } else { 1 })
    }

    /// Invocations along each axis.
    fn extents(&self, even: bool, shape: [u32; 3]) -> [u32; 3] {
        let size = self.program.workgroup_size;
        let workgroups = self.workgroups(shape);
        let missing = |axis: usize| u32::from(!even && size[axis] > 1);
        [0, 1, 2].map(|axis| workgroups[axis].saturating_mul(size[axis]) - missing(axis))
    }

    /// A call in which the words are what they mean. Words without a meaning are once smaller and once larger than
    /// the grid.
    fn call(&self, meanings: &[Option<Meaning>], even: bool, shape: [u32; 3]) -> TrialCall {
        let extents = self.extents(even, shape);
        let invocations = invocations(extents);
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
        TrialCall { workgroups: self.workgroups(shape), words: words.collect() }
    }
}

fn invocations(extents: [u32; 3]) -> u32 {
    extents.iter().fold(1, |product: u32, &extent| product.saturating_mul(extent))
}
