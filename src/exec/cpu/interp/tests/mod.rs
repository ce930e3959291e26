//! The interpreter against expectations in Rust, and against the plain executor of the IR.

mod control;
mod memory;
mod ops;

use std::sync::Mutex;

use super::{
    super::{pool::Pool, shared_mem::SharedMem},
    compile, run,
};
use crate::ir::{Program, Space, eval::Lane, testing::program};
use crate::plan::Part;

/// Runs `program` on `threads` threads, with the words of each binding in the kernel's order.
fn run_program(program: &Program, workgroups: [u32; 3], bindings: &mut [Vec<u32>], threads: usize) {
    let code = compile(program).unwrap_or_else(|e| panic!("{e}"));
    let writable =
        |binding: usize| program.memories.iter().any(|m| m.space == Space::Storage { binding, writable: true });
    let memory: Vec<_> = bindings
        .iter_mut()
        .enumerate()
        .map(|(binding, words)| {
            let bytes = 4 * words.len() as u64;
            let slice = bytemuck::cast_slice_mut(words.as_mut_slice());
            match writable(binding) {
                true => (SharedMem::racy(slice).unwrap_or_else(|_| panic!("aligned")), bytes),
                false => (SharedMem::fixed(slice).expect("aligned"), bytes),
            }
        })
        .collect();
    run(&code, Part::whole(workgroups), &memory, Pool::new(threads).team(threads), &Mutex::default(), None)
        .unwrap_or_else(|e| panic!("{e}"));
}

/// Runs `wgsl` on one thread and on three: the results must not differ.
fn dispatch(wgsl: &str, workgroups: [u32; 3], bindings: &mut [Vec<u32>]) {
    let program = program(wgsl);
    let mut again = bindings.to_vec();
    run_program(&program, workgroups, bindings, 1);
    run_program(&program, workgroups, &mut again, 3);
    assert_eq!(bindings, again, "one thread and three differ");
}

/// As [`dispatch`], and compares every binding with what the plain executor leaves, lane after lane. For kernels in
/// which no lane touches what another writes (atomics that commute apart).
fn compare(wgsl: &str, workgroups: [u32; 3], bindings: &mut [Vec<u32>]) {
    let program = program(wgsl);
    let want = evaluate(&program, workgroups, bindings);
    dispatch(wgsl, workgroups, bindings);
    for (number, (got, want)) in bindings.iter().zip(&want).enumerate() {
        for (index, (got, want)) in got.iter().zip(want).enumerate() {
            assert_eq!(got, want, "binding {number}, word {index}: {} {}", f32::from_bits(*got), f32::from_bits(*want));
        }
    }
}

/// What the plain executor makes of the bindings.
fn evaluate(program: &Program, workgroups: [u32; 3], bindings: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let binding = |space: Space| match space {
        Space::Storage { binding, .. } | Space::Uniform { binding } => Some(binding),
        _ => None,
    };
    let words = program.memories.iter().map(|m| binding(m.space).map_or(Vec::new(), |b| bindings[b].clone())).collect();
    let mut lane = Lane::new(program, words);
    lane.workgroups = workgroups;
    let size = program.workgroup_size;
    let all = [0, 1, 2].map(|axis| size[axis] * workgroups[axis]);
    for z in 0..all[2] {
        for y in 0..all[1] {
            for x in 0..all[0] {
                lane.global_id = [x, y, z];
                lane.local_id = [x % size[0], y % size[1], z % size[2]];
                lane.run();
            }
        }
    }
    let mut after = bindings.to_vec();
    for (memory, words) in program.memories.iter().zip(lane.memories) {
        if let Some(binding) = binding(memory.space) {
            after[binding] = words;
        }
    }
    after
}

/// Numbers without a pattern.
fn noise(count: usize, seed: u32) -> Vec<u32> {
    let mut state = seed | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        })
        .collect()
}
