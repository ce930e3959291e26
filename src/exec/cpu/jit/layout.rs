//! The worker block: all that compiled code reaches through one register.
//!
//! Each thread has one. It starts with what changes from call to call, then come the constants, the lane
//! ids, the values that live across barriers, and workgroup and private memory.

use rustc_hash::FxHashMap;

use super::mir::ROW;
use crate::ir::{Mem, Program, Space};

/// Offsets of the fixed part, in bytes.
pub const NUM_WORKGROUPS: i32 = 0;
pub const WORKGROUP_ID: i32 = 16;
/// Workgroups along x still to run, this one included.
pub const WORKGROUPS_LEFT: i32 = 32;
pub const MXCSR_HOST: i32 = 40;
pub const MXCSR_KERNEL: i32 = 44;
/// The address of the word that asks a call to stop.
pub const STOP: i32 = 48;
/// Where a run of workgroups along x starts, and how many they are.
pub const FIRST_WORKGROUP: i32 = 56;
pub const WORKGROUPS: i32 = 60;
pub const SCRATCH: i32 = 64;
const MEMORIES: i32 = SCRATCH + 4 * ROW;

/// Bytes of the record of one storage, uniform or constant memory.
pub const RECORD: i32 = 16;
/// In a record: the pointer, and the elements of the runtime-sized array.
pub const POINTER: i32 = 0;
pub const LENGTH: i32 = 8;

/// Where things lie in the worker block of one program.
pub struct Layout {
    /// Lane groups of a workgroup.
    pub groups: i32,
    /// The rows of the constants.
    constants: FxHashMap<[u32; 8], i32>,
    /// Rows that are taken one by one while code is selected, behind all else.
    next: i32,
    memories: Vec<i32>,
    /// The rows of lane ids (x, y, z) and of the mask of existing lanes, each for all groups.
    pub lane_ids: [i32; 3],
    pub lane_mask: i32,
}

/// How many rows hold so many bytes.
pub fn rows_of(bytes: i32) -> i32 {
    (bytes + ROW - 1) / ROW
}

/// Lane groups that have private memory at the same time: one only, unless barriers interleave them.
pub fn private_copies(program: &Program) -> i32 {
    if program.has_barrier { program.lanes().div_ceil(8) as i32 } else { 1 }
}

impl Layout {
    pub fn new(program: &Program) -> Self {
        let groups = program.lanes().div_ceil(8) as i32;
        let records = program.memories.len() as i32 * RECORD;
        let mut next = rows_of(MEMORIES + records) * ROW;
        let mut take = |rows: i32| {
            next += rows * ROW;
            next - rows * ROW
        };
        let lane_ids = [take(groups), take(groups), take(groups)];
        let lane_mask = take(groups);
        let memories = program
            .memories
            .iter()
            .enumerate()
            .map(|(i, memory)| match memory.space {
                Space::Storage { .. } | Space::Uniform { .. } | Space::Constant => MEMORIES + i as i32 * RECORD,
                Space::Workgroup { bytes } => take(rows_of(bytes as i32)),
                Space::Private { bytes } => {
                    // A row for each word.
                    take(bytes as i32 / 4 * private_copies(program))
                }
            })
            .collect();
        Layout { groups, constants: FxHashMap::default(), next, memories, lane_ids, lane_mask }
    }

    /// The record of a memory behind a pointer, or the place of workgroup or private memory.
    pub fn memory(&self, mem: Mem) -> i32 {
        self.memories[mem.0 as usize]
    }

    /// The row of a constant that is the same in all lanes.
    pub fn constant(&mut self, bits: u32) -> i32 {
        self.constant_row([bits; 8])
    }

    /// The row of these constants.
    pub fn constant_row(&mut self, lanes: [u32; 8]) -> i32 {
        if let Some(&row) = self.constants.get(&lanes) {
            return row;
        }
        let row = self.rows(1);
        self.constants.insert(lanes, row);
        row
    }

    /// Takes rows for a value of every lane group.
    pub fn group_rows(&mut self) -> i32 {
        self.rows(self.groups)
    }

    /// Takes so many rows.
    pub fn rows(&mut self, rows: i32) -> i32 {
        self.next += rows * ROW;
        self.next - rows * ROW
    }

    /// Bytes of the block.
    pub fn bytes(&self) -> i32 {
        self.next
    }

    /// Words of the block.
    pub fn words(&self) -> usize {
        self.next as usize / 4
    }

    /// Fills in what no call changes.
    pub fn fill(&self, block: &mut [u32], size: [u32; 3]) {
        block[MXCSR_KERNEL as usize / 4] = 0x1f80;
        for (lanes, &row) in &self.constants {
            let start = row as usize / 4;
            block[start..start + 8].copy_from_slice(lanes);
        }
        let lanes: u32 = size.iter().product();
        for lane in 0..self.groups as u32 * 8 {
            let at = lane as usize;
            let ids = [lane % size[0], lane / size[0] % size[1], lane / size[0] / size[1]];
            for axis in 0..3 {
                block[self.lane_ids[axis] as usize / 4 + at] = ids[axis];
            }
            block[self.lane_mask as usize / 4 + at] = if lane < lanes { !0 } else { 0 };
        }
    }
}
