//! Operations across the active lanes of a subgroup, which is a row.
//!
//! Lanes that take no part hold a value that changes nothing. Floats are added and multiplied from the lowest lane up, for
//! their order matters; all else is combined in pairs.

use iced_x86::Code;
use regalloc2::VReg;

use super::{Mask, Result, Selector, Unsupported};
use crate::{
    exec::cpu::jit::mir::Op as M,
    ir::{Binary, Subgroup, Type, Value},
};

const LANES: u32 = 8;

impl Selector<'_> {
    /// An operation across the current row.
    pub fn subgroup(&mut self, op: Subgroup, a: Value) -> Result<VReg> {
        let ty = self.ty(a);
        let x = self.vector(a)?;
        let mask = self.row_mask();
        let combination = match op {
            Subgroup::BroadcastFirst => {
                let first = self.first_lane(mask);
                return Ok(self.permute(x, first));
            }
            Subgroup::Add | Subgroup::ExclusiveAdd | Subgroup::InclusiveAdd => Binary::Add,
            Subgroup::Mul | Subgroup::ExclusiveMul | Subgroup::InclusiveMul => Binary::Mul,
            Subgroup::Min => Binary::Min,
            Subgroup::Max => Binary::Max,
            Subgroup::And | Subgroup::All => Binary::And,
            Subgroup::Or | Subgroup::Any => Binary::Or,
            Subgroup::Xor => Binary::Xor,
        };
        let neutral = self.constant(neutral(combination, ty)?);
        let x = match mask {
            Some(mask) => self.blend(mask, x, neutral),
            None => x,
        };
        let scan = Scan { op: combination, ty, neutral };
        let in_order = ty.is_float() && matches!(combination, Binary::Add | Binary::Mul);
        match op {
            Subgroup::InclusiveAdd | Subgroup::InclusiveMul if in_order => self.ordered_scan(&scan, x, true),
            Subgroup::InclusiveAdd | Subgroup::InclusiveMul => self.scan(&scan, x),
            Subgroup::ExclusiveAdd | Subgroup::ExclusiveMul if in_order => {
                let sums = self.ordered_scan(&scan, x, false)?;
                if combination == Binary::Mul {
                    return Ok(sums);
                }
                // The sum of nothing is zero, while what changes nothing is minus zero.
                let first = self.first_lane(mask);
                let lanes = self.lane_row(|lane| lane);
                let behind = self.v(M::V3(Code::VEX_Vpcmpgtd_ymm_ymm_ymmm256), &[lanes, first]);
                Ok(self.and(behind, sums))
            }
            Subgroup::ExclusiveAdd | Subgroup::ExclusiveMul => {
                let sums = self.scan(&scan, x)?;
                Ok(self.shifted(sums, 1, neutral))
            }
            _ if in_order => {
                let mut sum = self.lane(x, 0);
                for lane in 1..LANES {
                    let next = self.lane(x, lane);
                    sum = self.combine(combination, ty, sum, next)?;
                }
                Ok(sum)
            }
            _ => {
                // Neighbours first, so that of equal values the lowest lane's is kept.
                let mut x = x;
                for by in [1, 2, 4] {
                    let indices = self.lane_row(|lane| (lane + by).min(LANES - 1));
                    let other = self.permute(x, indices);
                    x = self.combine(combination, ty, x, other)?;
                }
                Ok(self.lane(x, 0))
            }
        }
    }

    /// Each lane's `a` of the lane that `lane` names, zero where that is not active.
    pub fn read_lane(&mut self, a: Value, lane: Value) -> Result<VReg> {
        let (x, lane) = (self.vector(a)?, self.vector(lane)?);
        let x = match self.row_mask() {
            Some(mask) => self.and(mask, x),
            None => x,
        };
        Ok(self.permute(x, lane))
    }

    /// Which lanes of the current row are active; `None` where all are.
    fn row_mask(&self) -> Option<VReg> {
        match self.mask {
            Mask::All => None,
            Mask::Some(mask) => Some(mask[self.row]),
        }
    }

    /// The number of the first active lane, in all lanes.
    fn first_lane(&mut self, mask: Option<VReg>) -> VReg {
        match mask {
            None => self.v(M::VZero, &[]),
            Some(mask) => {
                let first = self.g(M::FirstLane, &[mask]);
                self.v(M::Broadcast, &[first])
            }
        }
    }

    fn lane_row(&mut self, of: impl Fn(u32) -> u32) -> VReg {
        let row = self.layout.constant_row(std::array::from_fn(|lane| of(lane as u32)));
        self.v(M::VConst(row), &[])
    }

    /// In each lane, the lane of `x` that `indices` says.
    fn permute(&mut self, x: VReg, indices: VReg) -> VReg {
        self.v(M::V3(Code::VEX_Vpermd_ymm_ymm_ymmm256), &[indices, x])
    }

    /// One lane in all.
    fn lane(&mut self, x: VReg, lane: u32) -> VReg {
        let index = self.constant(lane);
        self.permute(x, index)
    }

    /// Every lane's value some lanes on, with `neutral` in the first ones.
    fn shifted(&mut self, x: VReg, by: u32, neutral: VReg) -> VReg {
        let indices = self.lane_row(|lane| lane.saturating_sub(by));
        let moved = self.permute(x, indices);
        self.behind_lane(by, moved, neutral)
    }

    /// `x` in the lanes from `lane` on, `neutral` before.
    fn behind_lane(&mut self, lane: u32, x: VReg, neutral: VReg) -> VReg {
        let lanes = (0xff << lane & 0xff) as u8;
        self.v(M::V3Imm(Code::VEX_Vblendps_ymm_ymm_ymmm256_imm8, lanes), &[neutral, x])
    }

    /// Each lane combined with all before it.
    fn scan(&mut self, scan: &Scan, mut x: VReg) -> Result<VReg> {
        for by in [1, 2, 4] {
            let before = self.shifted(x, by, scan.neutral);
            x = self.combine(scan.op, scan.ty, before, x)?;
        }
        Ok(x)
    }

    /// The same from the lowest lane up, with or without the lane itself.
    fn ordered_scan(&mut self, scan: &Scan, x: VReg, inclusive: bool) -> Result<VReg> {
        let mut sums = scan.neutral;
        for lane in 0..LANES {
            let value = self.lane(x, lane);
            let value = self.behind_lane(lane + u32::from(!inclusive), value, scan.neutral);
            sums = self.combine(scan.op, scan.ty, sums, value)?;
        }
        Ok(sums)
    }

    fn combine(&mut self, op: Binary, ty: Type, a: VReg, b: VReg) -> Result<VReg> {
        let code = match (op, ty) {
            (Binary::Add, Type::F32 | Type::F16) => Code::VEX_Vaddps_ymm_ymm_ymmm256,
            (Binary::Mul, Type::F32 | Type::F16) => Code::VEX_Vmulps_ymm_ymm_ymmm256,
            (Binary::Min | Binary::Max, Type::F32 | Type::F16) => return Ok(self.float_extreme(op, a, b)),
            (op, ty) => super::operation::integer_code(op, ty == Type::I32).ok_or(Unsupported("a combination"))?,
        };
        let row = self.v(M::V3(code), &[a, b]);
        Ok(if ty == Type::F16 { self.round_half(row) } else { row })
    }
}

struct Scan {
    op: Binary,
    ty: Type,
    neutral: VReg,
}

/// The bits of what changes nothing when combined with.
fn neutral(op: Binary, ty: Type) -> Result<u32> {
    Ok(match (op, ty) {
        (Binary::Add, Type::F32 | Type::F16) => (-0.0f32).to_bits(),
        (Binary::Mul, Type::F32 | Type::F16) => 1f32.to_bits(),
        (Binary::Min | Binary::Max, Type::F32 | Type::F16) => f32::NAN.to_bits(),
        (Binary::Min, Type::I32) => i32::MAX as u32,
        (Binary::Max, Type::I32) => i32::MIN as u32,
        (Binary::Mul, _) => 1,
        (Binary::Min | Binary::And, _) => u32::MAX,
        (Binary::Add | Binary::Max | Binary::Or | Binary::Xor, _) => 0,
        _ => return Err(Unsupported("a combination")),
    })
}
