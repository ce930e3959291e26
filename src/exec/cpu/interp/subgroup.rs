//! Operations across a subgroup: 8 consecutive lanes of a workgroup. Floats combine from the lowest lane up.

use super::{
    frame::Frame,
    half::round_to_half,
    lanes::{self, BinOp},
    mask::Mask,
    value::{Row, ValueForm},
};
use crate::ir::{Subgroup, Type};

/// Lanes of a subgroup, on every machine.
pub(in crate::exec::cpu) const SIZE: usize = 8;

impl Frame {
    /// `d = op(a)` across the active lanes of each subgroup.
    pub fn subgroup(&mut self, op: Subgroup, ty: Type, d: u32, a: u32, mask: Mask) {
        if let (Subgroup::BroadcastFirst, ValueForm::Uniform(_)) = (op, self.shape(a)) {
            let value = self.share(a);
            return self.put(d, value);
        }
        let a = self.row_of(a);
        let row = self.new_row();
        for first in subgroups(mask) {
            let values = self.subgroup_values(a, first);
            let results = combine(op, ty, values, self.subgroup_active(mask, first));
            self.row_mut(row)[first..first + SIZE].copy_from_slice(&results);
        }
        self.drop_row(a);
        self.set_row(d, row);
    }

    /// `d` = `a` of the lane of the subgroup that `lane` names, 0 where that is not active.
    pub fn shuffle(&mut self, d: u32, a: u32, lane: u32, mask: Mask) {
        let (a, lane) = (self.row_of(a), self.row_of(lane));
        let row = self.new_row();
        for first in subgroups(mask) {
            let active = self.subgroup_active(mask, first);
            let (values, lanes) = (self.subgroup_values(a, first), self.subgroup_values(lane, first));
            let results = lanes.map(|lane| {
                let lane = lane as usize % SIZE;
                if active[lane] { values[lane] } else { 0 }
            });
            self.row_mut(row)[first..first + SIZE].copy_from_slice(&results);
        }
        self.drop_row(a);
        self.drop_row(lane);
        self.set_row(d, row);
    }

    fn subgroup_values(&self, row: Row, first: usize) -> [u32; SIZE] {
        std::array::from_fn(|lane| self.row(row)[first + lane])
    }

    /// Which lanes of the subgroup from lane `first` on are active.
    fn subgroup_active(&self, mask: Mask, first: usize) -> [bool; SIZE] {
        std::array::from_fn(|lane| {
            let lane = first + lane;
            (mask.lo() as usize..mask.hi() as usize).contains(&lane)
                && self.mask_row(mask).is_none_or(|row| row[lane] != 0)
        })
    }
}

/// The first lanes of the subgroups that a mask may reach.
fn subgroups(mask: Mask) -> impl Iterator<Item = usize> {
    (mask.lo() as usize / SIZE * SIZE..mask.hi() as usize).step_by(SIZE)
}

fn combine(op: Subgroup, ty: Type, values: [u32; SIZE], active: [bool; SIZE]) -> [u32; SIZE] {
    let lanes = (0..SIZE).filter(|lane| active[*lane]);
    if op == Subgroup::BroadcastFirst {
        let first = lanes.min().unwrap_or(0);
        return [values[first]; SIZE];
    }
    let one = if ty.is_float() { 1f32.to_bits() } else { 1 };
    let (binary, identity) = match op {
        Subgroup::Add | Subgroup::ExclusiveAdd | Subgroup::InclusiveAdd => (add(ty), 0),
        Subgroup::Mul | Subgroup::ExclusiveMul | Subgroup::InclusiveMul => (mul(ty), one),
        Subgroup::Min => (min(ty), values[lanes.clone().min().unwrap_or(0)]),
        Subgroup::Max => (max(ty), values[lanes.clone().min().unwrap_or(0)]),
        Subgroup::And | Subgroup::All => (BinOp::And, u32::MAX),
        Subgroup::Or | Subgroup::Any => (BinOp::Or, 0),
        Subgroup::Xor | Subgroup::BroadcastFirst => (BinOp::Xor, 0),
    };
    let exclusive = matches!(op, Subgroup::ExclusiveAdd | Subgroup::ExclusiveMul);
    let scan = exclusive || matches!(op, Subgroup::InclusiveAdd | Subgroup::InclusiveMul);
    // The sum starts from the first lane, so that a single -0.0 stays one.
    let mut sum = None;
    let mut results = [identity; SIZE];
    for lane in lanes {
        if exclusive {
            results[lane] = sum.unwrap_or(identity);
        }
        let next = match sum {
            None => values[lane],
            Some(sum) => {
                let next = lanes::binary_one(binary, sum, values[lane]);
                if ty == Type::F16 && binary != BinOp::MinF && binary != BinOp::MaxF {
                    round_to_half(next)
                } else {
                    next
                }
            }
        };
        sum = Some(next);
        if scan && !exclusive {
            results[lane] = next;
        }
    }
    if scan { results } else { [sum.unwrap_or(identity); SIZE] }
}

fn add(ty: Type) -> BinOp {
    if ty.is_float() { BinOp::AddF } else { BinOp::Add }
}

fn mul(ty: Type) -> BinOp {
    if ty.is_float() { BinOp::MulF } else { BinOp::Mul }
}

fn min(ty: Type) -> BinOp {
    match ty {
        Type::F32 | Type::F16 => BinOp::MinF,
        Type::I32 => BinOp::MinI,
        Type::U32 | Type::Bool => BinOp::MinU,
    }
}

fn max(ty: Type) -> BinOp {
    match ty {
        Type::F32 | Type::F16 => BinOp::MaxF,
        Type::I32 => BinOp::MaxI,
        Type::U32 | Type::Bool => BinOp::MaxU,
    }
}
