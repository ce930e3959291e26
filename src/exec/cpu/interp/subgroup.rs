//! Operations across a subgroup: 8 consecutive lanes of a workgroup. Floats combine from the lowest lane up.

use super::{
    frame::Frame,
    half::round_to_half,
    lanes::{self, BinOp},
    mask::Mask,
    value::Shape,
};
use crate::ir::{Subgroup, Type};

/// Lanes of a subgroup, on every machine.
pub(in crate::exec::cpu) const SIZE: usize = 8;

impl Frame {
    /// `d = op(a)` across the active lanes of each subgroup.
    pub fn subgroup(&mut self, op: Subgroup, ty: Type, d: u32, a: u32, mask: Mask) {
        if let (Subgroup::BroadcastFirst, Shape::Uniform(_)) = (op, self.shape(a)) {
            let value = self.share(a);
            return self.put(d, value);
        }
        let a = self.row_of(a);
        let row = self.new_row();
        let (lo, hi) = (mask.lo() as usize / SIZE * SIZE, mask.hi() as usize);
        for first in (lo..hi).step_by(SIZE) {
            let mut values = [0; SIZE];
            values.copy_from_slice(&self.row(a)[first..first + SIZE]);
            let active: [bool; SIZE] = std::array::from_fn(|lane| {
                let lane = first + lane;
                (mask.lo() as usize..hi).contains(&lane) && self.mask_row(mask).is_none_or(|row| row[lane] != 0)
            });
            let results = combine(op, ty, values, active);
            self.row_mut(row)[first..first + SIZE].copy_from_slice(&results);
        }
        self.drop_row(a);
        self.set_row(d, row);
    }
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
