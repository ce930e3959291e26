//! Plans in words.

use std::fmt;

use super::{Binding, Misfit, Plan, Reason, Residency};
use crate::{
    access::Verdict,
    bytes::{Bytes, exact_bytes},
};

const AXES: [&str; 3] = ["x", "y", "z"];

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.tiles.count();
        let tiles = if count == 1 { "one tile".to_owned() } else { format!("{count} tiles") };
        writeln!(f, "{}: {tiles} on {}", self.kernel, self.device)?;
        if let Some(detour) = &self.detour {
            writeln!(f, "  not on {}: {}", detour.device, detour.reason)?;
        }
        if let Some(reason) = &self.unsplit {
            writeln!(f, "  on one device: {reason}")?;
        }
        if let Some(reason) = &self.shared {
            writeln!(f, "  shared by several devices: {reason}")?;
        }
        if let Some(constants) = &self.tuned {
            writeln!(f, "  with {constants}, found to be the fastest there")?;
        }
        let [x, y, z] = self.workgroups;
        write!(f, "  grid of {x} x {y} x {z} workgroups")?;
        if count > 1 {
            let units = self.tiles.units_per_tile();
            let s = if units == 1 { "" } else { "s" };
            write!(f, ", cut along {} into tiles of {units} workgroup{s}", AXES[self.tiles.axis()])?;
        }
        writeln!(f)?;
        if let Some([x, y, z]) = self.shape {
            writeln!(f, "  run in workgroups of {x} x {y} x {z} invocations: the kernel does not see their shape")?;
        }
        for reason in &self.reasons {
            writeln!(f, "  because {reason}")?;
        }
        let width = self.bindings.iter().map(|binding| binding.name.len()).max().unwrap_or(0);
        for binding in &self.bindings {
            writeln!(f, "  {:width$}  {binding}", binding.name)?;
        }
        if self.device_bytes > 0 {
            writeln!(f, "  at most {} on the device", Bytes(self.device_bytes))?;
        }
        Ok(())
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Bytes(self.bytes))?;
        match self.residency {
            Residency::Uniform => return write!(f, ", a uniform"),
            Residency::Host => write!(f, ", used in the host's memory")?,
            Residency::Resident => write!(f, ", a buffer on the device")?,
            Residency::Whole => write!(f, ", on the device as a whole")?,
            Residency::Streamed => write!(f, ", streamed, {} a tile", Bytes(self.tile_bytes))?,
        }
        match self.verdict {
            Verdict::Sliced { stride, halo: [0, 0], .. } => write!(f, "; sliced by {} a workgroup", bytes(stride))?,
            Verdict::Sliced { stride, halo: [before, after], .. } => write!(
                f,
                "; sliced by {} a workgroup, halo {} before and {} after",
                bytes(stride),
                Bytes(before),
                Bytes(after)
            )?,
            Verdict::Whole => write!(f, "; not cut")?,
            Verdict::Merged(merge) => write!(f, "; merged by {}", merge.name())?,
            Verdict::Pinned => write!(f, "; pinned")?,
        }
        if !matches!(self.verdict, Verdict::Sliced { .. }) {
            write!(f, ": {}", self.reason)?;
            if let Some(place) = &self.place {
                write!(f, " ({place}: {})", place.text)?;
            }
        }
        Ok(())
    }
}

fn bytes(stride: i64) -> String {
    let sign = if stride < 0 { "-" } else { "" };
    format!("{sign}{}", Bytes(stride.unsigned_abs()))
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Binding { name, bytes, limit, limit_name } => {
                write!(
                    f,
                    "`{name}` holds {}, and the device binds at most {} ({limit_name})",
                    Bytes(*bytes),
                    Bytes(*limit)
                )
            }
            Reason::Memory { needed, budget, asked: true } => {
                write!(f, "the data is {}, and the call may take {} of device memory", Bytes(*needed), Bytes(*budget))
            }
            Reason::Memory { needed, budget, asked: false } => {
                write!(f, "the data is {}, and the device has {} for calls", Bytes(*needed), Bytes(*budget))
            }
            Reason::Dispatch { limit } => {
                write!(f, "a dispatch takes at most {limit} workgroups along an axis: a tile is several dispatches")
            }
            Reason::Asked { tiles: 1 } => write!(f, "the caller asks for one tile"),
            Reason::Asked { tiles } => write!(f, "the caller asks for {tiles} tiles"),
            Reason::Progress => write!(f, "the caller wants to hear how far it is"),
            Reason::Checkpoint => write!(f, "what is done is recorded meanwhile"),
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfit::Binding { name, bytes, limit, limit_name, reason, place } => {
                let (bytes, limit) = (exact_bytes(*bytes), exact_bytes(*limit));
                write!(
                    f,
                    "`{name}` holds {bytes}, more than the {limit} that it binds ({limit_name}), and is not cut: {reason}"
                )?;
                match place {
                    Some(place) => write!(f, " ({place})"),
                    None => Ok(()),
                }
            }
            Misfit::Memory { needed, budget } => {
                let (needed, budget) = (exact_bytes(*needed), exact_bytes(*budget));
                write!(f, "what has to be in its memory at a time is {needed}, and there are {budget}")
            }
        }
    }
}
