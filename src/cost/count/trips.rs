//! How many iterations a loop has.

use crate::ir::{Binary, Label, Type, Value};

/// Two operands that were compared: how, their type, and their bits.
type Compared = (Binary, Type, u32, u32);

/// A loop that is being followed, and what decides whether it goes on.
pub(super) struct Watch {
    pub label: Label,
    exits: Vec<Exit>,
}

struct Exit {
    cond: Value,
    /// As seen in the last two iterations.
    last: [Option<Compared>; 2],
    is_known: bool,
}

impl Watch {
    pub fn new(label: Label) -> Watch {
        Watch { label, exits: Vec::new() }
    }

    /// A condition decides whether the loop goes on.
    pub fn see(&mut self, cond: Value, is_known: bool, compared: Option<Compared>) {
        match self.exits.iter_mut().find(|exit| exit.cond == cond) {
            Some(exit) => {
                exit.last = [exit.last[1], compared];
                exit.is_known &= is_known;
            }
            None => self.exits.push(Exit { cond, last: [None, compared], is_known }),
        }
    }

    /// How many iterations are left after those that were seen, if that can be told.
    pub fn left(&self) -> Option<f64> {
        let known = self.exits.iter().filter(|exit| exit.is_known);
        known.filter_map(|exit| turns(exit.last[0]?, exit.last[1]?)).reduce(f64::min)
    }
}

/// After how many more iterations a comparison of integers turns out otherwise, if both go on as from the one to the other.
fn turns(before: Compared, now: Compared) -> Option<f64> {
    let (comparison, ty, ..) = now;
    let number = |bits: u32| match ty {
        Type::I32 => Some(i64::from(bits as i32)),
        Type::U32 => Some(i64::from(bits)),
        _ => None,
    };
    let difference = |(_, _, a, b): Compared| Some(number(a)? - number(b)?);
    let step = |from: u32, to: u32| i64::from(to.wrapping_sub(from) as i32);
    let step = step(before.2, now.2) - step(before.3, now.3);
    let mut d = difference(now)?;
    let iterations = match comparison {
        Binary::Eq | Binary::Ne => {
            let (count, rest) = (d.checked_div(-step)?, d.checked_rem(step)?);
            match d {
                0 => 1,
                _ if rest == 0 && count > 0 => count,
                _ => return None,
            }
        }
        Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge => {
            // `a <= b` is `a - b - 1 < 0`, and each of the four turns where that or `a - b` does.
            if matches!(comparison, Binary::Le | Binary::Gt) {
                d -= 1;
            }
            match (d < 0, step.signum()) {
                (true, 1) => (-d + step - 1) / step,
                (false, -1) => d / -step + 1,
                _ => return None,
            }
        }
        _ => return None,
    };
    // The last of them is the one that is not run through.
    Some((iterations - 1).max(0) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_followed_to_their_end() {
        let left = |comparison, ty, before: (i32, i32), now: (i32, i32)| {
            let seen = |(a, b): (i32, i32)| (comparison, ty, a as u32, b as u32);
            turns(seen(before), seen(now))
        };
        // `while i < 100` was seen at 0 and at 1: 2 to 99 are left.
        assert_eq!(left(Binary::Lt, Type::U32, (0, 100), (1, 100)), Some(98.0));
        assert_eq!(left(Binary::Ge, Type::U32, (0, 100), (1, 100)), Some(98.0));
        assert_eq!(left(Binary::Le, Type::I32, (0, 100), (1, 100)), Some(99.0));
        assert_eq!(left(Binary::Gt, Type::I32, (9, 0), (8, 0)), Some(7.0));
        assert_eq!(left(Binary::Ge, Type::I32, (-4, -10), (-6, -10)), Some(2.0));
        assert_eq!(left(Binary::Lt, Type::U32, (0, 10), (4, 10)), Some(1.0));
        assert_eq!(left(Binary::Ne, Type::U32, (0, 12), (4, 12)), Some(1.0));
        assert_eq!(left(Binary::Ne, Type::U32, (0, 11), (4, 11)), None);
        assert_eq!(left(Binary::Lt, Type::U32, (5, 10), (5, 10)), None);
        assert_eq!(left(Binary::Eq, Type::U32, (5, 10), (5, 10)), None);
        assert_eq!(left(Binary::Lt, Type::F32, (0, 1), (0, 1)), None);
        // Down past zero, an unsigned counter wraps: what is compared is the number, not the sign.
        assert_eq!(left(Binary::Lt, Type::U32, (3, 10), (2, 10)), None);
    }
}
