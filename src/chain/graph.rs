//! Which calls of a chain wait for each other: its branches, each of which one device runs as a whole.

use smallvec::SmallVec;

use super::record::{Arg, Owner, Recorded, Recording, Role};
use crate::kernel::BindingKind;

/// What a memory holds: what the branch of this number left there, or what it starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Contents {
    pub memory: usize,
    pub by: Option<usize>,
}

/// Steps of which each waits for the one before, and for nothing else that the first does not wait for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Branch {
    /// Their numbers, in the order of the chain.
    pub steps: Vec<usize>,
    /// What it has to find in memories.
    pub needs: Vec<Contents>,
    /// The memories that it writes.
    pub writes: Vec<usize>,
}

/// The branches of a chain, each behind those that it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Graph {
    pub branches: Vec<Branch>,
    /// The branch that writes each memory last.
    pub last: Vec<Option<usize>>,
}

/// Branches beyond which it is not worth to look for what runs at the same time.
const MOST_BRANCHES: usize = 1024;

/// What a step does to memories.
struct Use {
    /// Those whose contents matter to it. A call that writes may leave elements as they were.
    needs: SmallVec<[usize; 4]>,
    writes: SmallVec<[usize; 4]>,
}

impl Use {
    fn of(recording: &Recording, step: Recorded) -> Use {
        let mut found = Use { needs: SmallVec::new(), writes: SmallVec::new() };
        let number = match step {
            Recorded::Zero(memory) => {
                found.writes.push(memory);
                return found;
            }
            Recorded::Dispatch(number) => number as usize,
        };
        let spec = &recording.specs[number];
        for (binding, arg) in spec.kernel.bindings().iter().zip(&spec.args) {
            let Arg::Memory(memory) = *arg else { continue };
            found.needs.push(memory);
            if binding.kind == BindingKind::ReadWriteStorage && binding.stores {
                found.writes.push(memory);
            }
        }
        found
    }
}

impl Graph {
    /// The branches of what was recorded; nothing where they are too many.
    pub fn of(recording: &Recording) -> Option<Graph> {
        let uses: Vec<Use> = recording.steps.iter().map(|step| Use::of(recording, *step)).collect();
        let is_scratch = |memory: usize| match recording.memories[memory].owner {
            Owner::Slot(slot) => recording.slots[slot].role == Role::Scratch,
            Owner::Resident { .. } => false,
        };
        Graph::of_uses(&uses, recording.memories.len(), is_scratch)
    }

    /// The same, by what steps do to so many memories. Scratch starts with nothing that could be needed.
    fn of_uses(uses: &[Use], memories: usize, is_scratch: impl Fn(usize) -> bool) -> Option<Graph> {
        let waits = waits(uses, memories);
        let mut followers = vec![0_usize; uses.len()];
        waits.iter().flatten().for_each(|before| followers[*before] += 1);
        let mut branches: Vec<Branch> = Vec::new();
        let mut branch_of = Vec::with_capacity(uses.len());
        for (step, before) in waits.iter().enumerate() {
            let branch = match before[..] {
                [only] if followers[only] == 1 => branch_of[only],
                _ => {
                    branches.push(Branch::default());
                    branches.len() - 1
                }
            };
            branches[branch].steps.push(step);
            branch_of.push(branch);
            if branches.len() > MOST_BRANCHES {
                return None;
            }
        }
        let mut last: Vec<Option<usize>> = vec![None; memories];
        for (step, used) in uses.iter().enumerate() {
            let own = branch_of[step];
            for &memory in &used.needs {
                let contents = Contents { memory, by: last[memory] };
                let is_nothing = contents.by.is_none() && is_scratch(memory);
                if contents.by != Some(own) && !is_nothing && !branches[own].needs.contains(&contents) {
                    branches[own].needs.push(contents);
                }
            }
            for &memory in &used.writes {
                last[memory] = Some(own);
                if !branches[own].writes.contains(&memory) {
                    branches[own].writes.push(memory);
                }
            }
        }
        Some(Graph { branches, last })
    }

    /// The branches that a branch waits for.
    #[cfg(test)]
    pub fn before(&self, branch: usize) -> impl Iterator<Item = usize> {
        self.branches[branch].needs.iter().filter_map(|contents| contents.by)
    }
}

/// For each step, the steps that it waits for: those that wrote what it finds. One that another of them waits for, as far as
/// that is seen, is left out.
fn waits(uses: &[Use], memories: usize) -> Vec<SmallVec<[usize; 2]>> {
    // Steps in lines of which each waits for the one before it: the line of each, and its place there.
    let mut lines: Vec<(usize, usize)> = Vec::with_capacity(uses.len());
    let mut ends: Vec<usize> = Vec::new();
    let mut writer: Vec<Option<usize>> = vec![None; memories];
    let mut waits = Vec::with_capacity(uses.len());
    for (step, used) in uses.iter().enumerate() {
        let mut before: SmallVec<[usize; 4]> = used.needs.iter().filter_map(|&memory| writer[memory]).collect();
        before.sort_unstable();
        before.dedup();
        let is_covered =
            |&one: &usize| before.iter().any(|&other| lines[other].0 == lines[one].0 && lines[other].1 > lines[one].1);
        let kept: SmallVec<[usize; 2]> = before.iter().copied().filter(|one| !is_covered(one)).collect();
        let line = match kept.iter().find(|&&one| ends[lines[one].0] == one) {
            Some(&one) => (lines[one].0, lines[one].1 + 1),
            None => {
                ends.push(step);
                (ends.len() - 1, 0)
            }
        };
        ends[line.0] = step;
        lines.push(line);
        waits.push(kept);
        used.writes.iter().for_each(|&memory| writer[memory] = Some(step));
    }
    waits
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The memories that a step needs, and those that it writes.
    type Memories<'m> = (&'m [usize], &'m [usize]);

    fn graph(steps: &[Memories<'_>]) -> Graph {
        let uses: Vec<Use> =
            steps.iter().map(|(needs, writes)| Use { needs: (*needs).into(), writes: (*writes).into() }).collect();
        let memories = steps.iter().flat_map(|(needs, writes)| needs.iter().chain(*writes)).max().map_or(0, |n| n + 1);
        Graph::of_uses(&uses, memories, |_| false).unwrap()
    }

    fn steps(graph: &Graph) -> Vec<&[usize]> {
        graph.branches.iter().map(|branch| &branch.steps[..]).collect()
    }

    #[test]
    fn steps_over_one_state_are_one_branch() {
        let state: Memories<'_> = (&[0], &[0]);
        assert_eq!(steps(&graph(&[state; 5])), [[0, 1, 2, 3, 4]]);
    }

    #[test]
    fn two_states_that_change_places_are_one_branch() {
        // Each step reads what the one before wrote, and writes over what that one read.
        let (there, back): (Memories<'_>, Memories<'_>) = ((&[0, 1], &[1]), (&[1, 0], &[0]));
        assert_eq!(steps(&graph(&[there, back, there, back, there])), [[0, 1, 2, 3, 4]]);
    }

    #[test]
    fn independent_steps_are_branches_of_their_own_however_they_were_told() {
        let (a, b): (Memories<'_>, Memories<'_>) = ((&[0], &[0]), (&[1], &[1]));
        let found = graph(&[a, b, a, a, b]);
        assert_eq!(steps(&found), [&[0, 2, 3][..], &[1, 4]]);
        assert_eq!(found.branches[0].needs, [Contents { memory: 0, by: None }]);
        assert_eq!(found.last, [Some(0), Some(1)]);
    }

    #[test]
    fn a_fork_and_a_join_are_four_branches() {
        // One makes 1; two make 2 and 3 of it; one makes 4 of both.
        let found = graph(&[(&[0], &[1]), (&[1], &[2]), (&[1], &[3]), (&[2, 3], &[4]), (&[4], &[4])]);
        assert_eq!(steps(&found), [&[0][..], &[1], &[2], &[3, 4]]);
        assert_eq!(found.before(3).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(found.branches[1].needs, [Contents { memory: 1, by: Some(0) }]);
    }

    /// Whatever steps do: branches are in an order in which each comes behind those it waits for, none has to wait in its midst,
    /// and what one leaves is what another finds.
    #[test]
    fn drawn_graphs_hold_together() {
        let mut state = 7_u64;
        let mut random = |most: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % most
        };
        let mut several = 0;
        for _ in 0..3000 {
            let memories = 1 + random(6);
            let uses: Vec<Use> = (0..1 + random(14))
                .map(|_| {
                    let writes: SmallVec<[usize; 4]> = (0..random(3)).map(|_| random(memories)).collect();
                    let mut needs: SmallVec<[usize; 4]> = (0..random(3)).map(|_| random(memories)).collect();
                    // Now and then all of a memory is written.
                    if random(4) > 0 {
                        needs.extend(writes.iter().copied());
                    }
                    Use { needs, writes }
                })
                .collect();
            let Graph { branches, last } = Graph::of_uses(&uses, memories, |_| false).unwrap();
            several += usize::from(branches.len() > 1);
            let mut branch_of = vec![usize::MAX; uses.len()];
            for (number, branch) in branches.iter().enumerate() {
                assert!(branch.steps.is_sorted() && !branch.steps.is_empty());
                branch.steps.iter().for_each(|&step| branch_of[step] = number);
            }
            // Run branch by branch: each step finds what it found in the order of the chain.
            let mut writer: Vec<Option<usize>> = vec![None; memories];
            let mut found: Vec<Vec<Option<usize>>> = Vec::new();
            for (step, used) in uses.iter().enumerate() {
                found.push(used.needs.iter().map(|&memory| writer[memory]).collect());
                used.writes.iter().for_each(|&memory| writer[memory] = Some(step));
            }
            let mut left: Vec<Vec<Option<usize>>> = Vec::new();
            for (number, branch) in branches.iter().enumerate() {
                let mut holds = vec![None; memories];
                for need in &branch.needs {
                    assert!(need.by.is_none_or(|by| by < number), "{branches:?}");
                    let contents = need.by.and_then(|by| left[by][need.memory]);
                    holds[need.memory] = contents;
                }
                for &step in &branch.steps {
                    let seen: Vec<Option<usize>> = uses[step].needs.iter().map(|&memory| holds[memory]).collect();
                    assert_eq!(seen, found[step], "step {step} of {branches:?}");
                    uses[step].writes.iter().for_each(|&memory| holds[memory] = Some(step));
                }
                left.push(holds);
            }
            for memory in 0..memories {
                assert_eq!(last[memory].map(|by| left[by][memory].unwrap()), writer[memory]);
            }
        }
        assert!(several > 1000, "{several}");
    }
}
