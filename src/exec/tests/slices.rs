//! Sessions on slices: who has only the bytes that some units touch gives the results that the whole call gives there.

use std::{ops::Range, sync::Arc};

use crate::{
    exec::{
        ArgData, Backend, Launch,
        host::{HostMemory, HostSlice},
        session::Session,
    },
    kernel::{Kernel, testing::kernel},
    plan::{
        self, Plan,
        request::{CallShape, DataLocation, PlanRequest},
    },
};

const STENCIL: &str = "
    @group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read> table: array<u32, 4>;
    @group(0) @binding(2) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn stencil(@builtin(global_invocation_id) id: vec3u) {
        let n = arrayLength(&y);
        if id.x < n { y[id.x] += x[max(id.x, 3u) - 3u] + 5u * x[min(id.x + 7u, n - 1u)] + table[id.x % 4u] + n; }
    }";

const ELEMENTS: usize = 10_007;

/// The backends of this machine, and the engine's interpreter.
fn backends() -> Vec<Arc<dyn Backend>> {
    #[allow(unused_mut, reason = "there may be no others")]
    let mut backends = crate::exec::discover(None);
    #[cfg(feature = "cpu")]
    backends.push(crate::exec::cpu::interpreter());
    backends
}

fn plan_for(kernel: &Kernel, backend: &dyn Backend, workgroups: [u32; 3]) -> Plan {
    let bytes = 4 * ELEMENTS as u64;
    let shape = CallShape {
        capacity: backend.capacity(),
        splits: true,
        ..CallShape::new(workgroups, [bytes, 16, bytes], [DataLocation::Host; 3])
    };
    plan::plan(kernel, &PlanRequest { shape, uniforms: &[] }, "a device").unwrap().unwrap()
}

/// Runs some units on slices of these contents, two runs at a time; gives what the slice of `y` holds then.
fn run_units(
    kernel: &Kernel,
    backend: &dyn Backend,
    plan: &Plan,
    units: Range<u32>,
    contents: [&[u32]; 3],
) -> (u64, Vec<u8>) {
    let touched = [0, 1, 2].map(|at| plan.touches(at, units.clone()));
    let of = |at: usize| {
        &bytemuck::cast_slice::<u32, u8>(contents[at])[touched[at].start as usize..touched[at].end as usize]
    };
    let slice = |at: usize| HostSlice { data: of(at), first: touched[at].start, whole: 4 * contents[at].len() as u64 };
    let mut y = of(2).to_vec();
    let host = HostMemory::slice(&mut y, touched[2].start, 4 * contents[2].len() as u64);
    let args = vec![ArgData::ReadSlice(slice(0)), ArgData::ReadSlice(slice(1)), ArgData::Shared(&host)];
    let middle = units.start + (units.end - units.start).div_ceil(2);
    let runs: Vec<Range<u32>> =
        [units.start..middle, middle..units.end].into_iter().filter(|run| !run.is_empty()).collect();
    let mut body = |session: &mut dyn Session| {
        for run in &runs {
            session.start(run.clone())?;
            session.land(None)?;
            session.settle(std::slice::from_ref(run))?;
        }
        Ok(())
    };
    let launch = Launch { plan: Some(plan), ..Launch::new(kernel, args, plan.workgroups) };
    let metrics = backend.serve(launch, plan, &mut body).unwrap();
    assert_eq!(metrics.tiles as usize, runs.len());
    drop(host);
    (touched[2].start, y)
}

#[test]
fn units_run_on_slices_as_they_do_on_the_whole() {
    let kernel = kernel(STENCIL);
    let x: Vec<u32> = (0..ELEMENTS as u32).map(|i| i.wrapping_mul(2_654_435_761)).collect();
    let table = [3, 1, 4, 1];
    let y: Vec<u32> = (0..ELEMENTS as u32).rev().collect();
    let workgroups = [(ELEMENTS as u32).div_ceil(64), 1, 1];
    let n = ELEMENTS as u32;
    let expected: Vec<u32> = (0..n)
        .map(|i| {
            let (before, behind) = (x[(i.max(3) - 3) as usize], x[(i + 7).min(n - 1) as usize]);
            let sum = before.wrapping_add(behind.wrapping_mul(5));
            y[i as usize].wrapping_add(sum.wrapping_add(table[i as usize % 4]).wrapping_add(n))
        })
        .collect();
    for backend in backends() {
        let plan = plan_for(&kernel, &*backend, workgroups);
        let units = plan.tiles.units();
        for run in [0..units, 0..1, 5..40, units - 1..units, units / 2..units] {
            let (first, slice) = run_units(&kernel, &*backend, &plan, run.clone(), [&x, &table, &y]);
            let whole: &[u8] = bytemuck::cast_slice(&expected);
            let written = plan.writes(2, run.clone());
            let got = &slice[(written.start - first) as usize..(written.end - first) as usize];
            assert_eq!(
                got,
                &whole[written.start as usize..written.end as usize],
                "units {run:?} on {}",
                backend.info().name
            );
        }
    }
}
