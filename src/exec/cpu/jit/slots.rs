//! Lets values share spill slots. `regalloc2`'s quick allocator gives each value that it spills a slot of its own, which
//! for large code comes to more memory than caches, or a thread's stack, should be asked for.

use regalloc2::{Allocation, Edit, Function, Output, SpillSlot};

use super::{linear::Linear, mir::ROW_SLOTS};

/// From the first to the last instruction that a slot is in use at.
#[derive(Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
}

const UNUSED: Span = Span { from: usize::MAX, to: 0 };

/// Gives slots that are never in use at the same time the same place.
///
/// A slot is in use in one span of the code. Blocks stand in reverse postorder, so that what defines a value stands in front of
/// all that it reaches before it is defined anew; the span therefore starts with the first move to or from the slot.
/// Where control goes back from behind the span to within it, it may do so with the value, and the span reaches to there.
pub fn share(linear: &Linear, output: &mut Output) {
    let mut spans = vec![UNUSED; output.num_spillslots];
    for (point, Edit::Move { from, to }) in &output.edits {
        let at = point.inst().index();
        for slot in [from, to].into_iter().filter_map(|place| place.as_stack()) {
            let span = &mut spans[slot.index()];
            *span = Span { from: span.from.min(at), to: span.to.max(at) };
        }
    }
    let back = BackEdges::new(linear);
    let mut order: Vec<usize> = (0..spans.len()).filter(|&slot| spans[slot].from != usize::MAX).collect();
    for &slot in &order {
        spans[slot].to = back.reach(spans[slot]);
    }
    order.sort_by_key(|&slot| spans[slot].from);
    let rows = rows(output);
    let (mut row_places, mut places) = (Places::default(), Places::default());
    let mut placed = vec![0; spans.len()];
    for &slot in &order {
        placed[slot] = if rows[slot] { row_places.take(spans[slot]) } else { places.take(spans[slot]) };
    }
    let behind_rows = row_places.count * ROW_SLOTS;
    let moved = |place: Allocation| match place.as_stack() {
        Some(slot) if rows[slot.index()] => Allocation::stack(SpillSlot::new(placed[slot.index()] * ROW_SLOTS)),
        Some(slot) => Allocation::stack(SpillSlot::new(behind_rows + placed[slot.index()])),
        None => place,
    };
    for (_, Edit::Move { from, to }) in &mut output.edits {
        (*from, *to) = (moved(*from), moved(*to));
    }
    output.num_spillslots = behind_rows + places.count;
}

/// Which slots hold rows: those that are moved to or from vector registers.
fn rows(output: &Output) -> Vec<bool> {
    let mut rows = vec![false; output.num_spillslots];
    for (_, Edit::Move { from, to }) in &output.edits {
        for (slot, register) in [(from, to), (to, from)] {
            if let (Some(slot), Some(register)) = (slot.as_stack(), register.as_reg()) {
                rows[slot.index()] = register.class() == regalloc2::RegClass::Float;
            }
        }
    }
    rows
}

/// Places for slots, and until where each is taken. Spans come in the order of their starts.
#[derive(Default)]
struct Places {
    count: usize,
    /// Ends of spans and their places, the nearest end first.
    taken: std::collections::BinaryHeap<std::cmp::Reverse<(usize, usize)>>,
}

impl Places {
    fn take(&mut self, span: Span) -> usize {
        let place = match self.taken.peek() {
            Some(&std::cmp::Reverse((to, place))) if to < span.from => {
                self.taken.pop();
                place
            }
            _ => {
                self.count += 1;
                self.count - 1
            }
        };
        self.taken.push(std::cmp::Reverse((span.to, place)));
        place
    }
}

/// Where control goes back to, and from how far.
struct BackEdges {
    /// The starts of blocks to which control goes back, in order.
    targets: Vec<usize>,
    /// For each power of two, and each target, the last instruction from which control goes back to so many targets from
    /// that one on.
    farthest: Vec<Vec<usize>>,
}

impl BackEdges {
    fn new(linear: &Linear) -> Self {
        let blocks = (0..linear.num_blocks()).map(regalloc2::Block::new);
        let (targets, first): (Vec<usize>, Vec<usize>) = blocks
            .filter_map(|block| {
                let from = linear.block_preds(block).iter().filter(|pred| pred.index() >= block.index()).max()?;
                Some((linear.block_insns(block).first().index(), linear.block_insns(*from).last().index()))
            })
            .unzip();
        let mut farthest = vec![first];
        while 1 << farthest.len() <= targets.len() {
            let (half, last) = (1 << (farthest.len() - 1), &farthest[farthest.len() - 1]);
            farthest.push((0..last.len() - half).map(|i| last[i].max(last[i + half])).collect());
        }
        BackEdges { targets, farthest }
    }

    /// The end of a span, once it covers all from where control goes back into it.
    fn reach(&self, Span { from, mut to }: Span) -> usize {
        loop {
            let first = self.targets.partition_point(|&target| target <= from);
            let last = self.targets.partition_point(|&target| target <= to);
            if first >= last {
                return to;
            }
            let power = (last - first).ilog2() as usize;
            let table = &self.farthest[power];
            let far = table[first].max(table[last - (1 << power)]);
            if far <= to {
                return to;
            }
            to = far;
        }
    }
}
