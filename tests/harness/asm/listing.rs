//! The engine's listing of a kernel's machine code, and the loops in it.

use std::collections::BTreeSet;

/// Machine code as text.
pub struct Listing {
    pub instructions: Vec<Instruction>,
}

#[derive(Clone)]
pub struct Instruction {
    pub at: u64,
    /// In Intel's notation.
    pub text: String,
    /// The number and the words of the WGSL line that it serves, where it has one.
    pub origin: Option<String>,
}

impl Instruction {
    /// Where it jumps to, if it does.
    fn target(&self) -> Option<u64> {
        let address = self.text.strip_prefix('j')?.rsplit(' ').next()?.strip_suffix('h')?;
        u64::from_str_radix(address, 16).ok()
    }

    /// Whether what follows it in memory follows it in time.
    fn falls_through(&self) -> bool {
        !self.text.starts_with("jmp ") && self.text != "ret"
    }
}

/// Instructions that are only entered at the first and left at the last.
struct Block {
    start: usize,
    end: usize,
    successors: Vec<usize>,
}

impl Listing {
    /// Reads what `Kernel::asm` gives.
    pub fn parse(text: &str) -> Listing {
        let mut origin = None;
        let mut instructions = Vec::new();
        for line in text.lines() {
            if let Some(words) = line.strip_prefix("; ") {
                origin = Some(words.to_owned());
            } else if let Some((address, words)) = line.trim_start().split_once("  ") {
                let at = u64::from_str_radix(address, 16).expect("a line of a listing starts with an address");
                instructions.push(Instruction { at, text: words.into(), origin: origin.clone() });
            }
        }
        Listing { instructions }
    }

    /// The natural loop of every back edge: the way around it, without others that return to the same place. So the
    /// version of a loop that is meant for most groups of lanes is one, and the version for the rest another.
    pub fn loops(&self) -> Vec<Vec<Instruction>> {
        let blocks = self.graph();
        let mut loops = Vec::new();
        for head in 0..blocks.len() {
            let without_head = reachable(&blocks, head);
            // An edge goes back if its end is on every way to its start.
            let tails = (head..blocks.len())
                .filter(|&tail| blocks[tail].successors.contains(&head))
                .filter(|&tail| tail == head || !without_head[tail]);
            for tail in tails {
                let body = around(&blocks, head, tail);
                let instructions = body.iter().flat_map(|&block| blocks[block].start..blocks[block].end);
                loops.push(instructions.map(|at| self.instructions[at].clone()).collect());
            }
        }
        loops
    }

    /// The stretches without jumps.
    pub fn blocks(&self) -> Vec<Vec<Instruction>> {
        self.graph().iter().map(|block| self.instructions[block.start..block.end].to_vec()).collect()
    }

    fn graph(&self) -> Vec<Block> {
        let code = &self.instructions;
        let targets: BTreeSet<u64> = code.iter().filter_map(Instruction::target).collect();
        let mut starts = vec![0];
        for at in 1..code.len() {
            let before = &code[at - 1];
            if targets.contains(&code[at].at) || before.target().is_some() || !before.falls_through() {
                starts.push(at);
            }
        }
        let block_at = |address: u64| starts.binary_search_by_key(&address, |&start| code[start].at).ok();
        let ends = starts.iter().skip(1).copied().chain([code.len()]);
        let block = |(number, (start, end)): (usize, (usize, usize))| {
            let last = &code[end - 1];
            let next = (last.falls_through() && end < code.len()).then_some(number + 1);
            Block { start, end, successors: next.into_iter().chain(last.target().and_then(block_at)).collect() }
        };
        starts.iter().copied().zip(ends).enumerate().map(block).collect()
    }
}

/// Which blocks can be reached from the first without coming through `avoided`.
fn reachable(blocks: &[Block], avoided: usize) -> Vec<bool> {
    let mut reached = vec![false; blocks.len()];
    let mut open = vec![0];
    while let Some(block) = open.pop() {
        if block != avoided && !std::mem::replace(&mut reached[block], true) {
            open.extend(&blocks[block].successors);
        }
    }
    reached
}

/// The blocks on the ways from `head` to `tail` that do not come through `head` again.
fn around(blocks: &[Block], head: usize, tail: usize) -> BTreeSet<usize> {
    let mut body = BTreeSet::from([head]);
    let mut open = vec![tail];
    while let Some(block) = open.pop() {
        if body.insert(block) {
            open.extend((0..blocks.len()).filter(|&before| blocks[before].successors.contains(&block)));
        }
    }
    body
}
