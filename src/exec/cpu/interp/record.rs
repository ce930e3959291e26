//! Records which bytes each workgroup touches: what the access analysis is tested against.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Views,
    code::Code,
    compile::compile_with,
    frame::Frame,
    grid::Grid,
    machine::{Machine, Scratch},
    mask::Mask,
    memory::{Elements, element},
};
use crate::{
    error::Result,
    exec::cpu::shared_mem::SharedMem,
    ir::{AccessId, Program},
    plan::Part,
};

/// What an access touched in a workgroup.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::exec::cpu) struct Touched {
    /// Where the elements start, in bytes.
    pub bytes: BTreeSet<u64>,
    /// Bytes of an element.
    pub size: u64,
    /// Whether an invocation was out of bounds.
    pub outside: bool,
}

/// What accesses touched, by access and workgroup.
type Recording = BTreeMap<(AccessId, u64), Touched>;

/// Records, if it is asked to.
pub(super) struct Recorder {
    unit: u64,
    touched: Option<Recording>,
}

impl Recorder {
    pub fn off() -> Self {
        Recorder { unit: 0, touched: None }
    }

    /// The next workgroup begins.
    pub fn enter(&mut self, unit: u64) {
        self.unit = unit;
    }

    /// The lanes of `mask` touch `elements`.
    pub fn note(&mut self, access: AccessId, size: u32, frame: &Frame, elements: Elements, mask: Mask) {
        let Some(recording) = &mut self.touched else { return };
        let touched = recording.entry((access, self.unit)).or_default();
        touched.size = size.into();
        frame.active_lanes(mask, |lane| match element(frame, elements, mask.lo() as usize, lane) {
            Some(index) => {
                touched.bytes.insert(index as u64 * u64::from(size));
            }
            None => touched.outside = true,
        });
    }
}

/// Runs `program` workgroup after workgroup, and gives what each touched. Workgroups are numbered along x, then y,
/// then z.
pub(in crate::exec::cpu) fn record(
    program: &Program,
    workgroups: [u32; 3],
    bindings: &[(SharedMem<'_>, u64)],
) -> Result<Recording> {
    // One frame for each workgroup, and no load that the program does not come to.
    let code = &Code { free: false, ..compile_with(program, false)? };
    let grid = Grid::new(code, Part::whole(workgroups))?;
    let views = Views::new(code, bindings)?;
    let view = views.memories(code, &grid);
    let mut scratch = Scratch::new();
    let recorder = Recorder { unit: 0, touched: Some(Recording::new()) };
    let mut machine = Machine::new(code, &grid, view, &mut scratch, crate::exec::stop::word(None), recorder);
    for unit in 0..grid.units {
        assert!(machine.run(unit), "nobody asks it to stop");
    }
    let recording = machine.recorder.touched.take().unwrap_or_default();
    machine.finish(&mut scratch);
    Ok(recording)
}
