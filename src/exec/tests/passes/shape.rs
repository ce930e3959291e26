//! What is changed, and what is left as it was.

use naga::{BinaryOperator, Expression, Function, Statement};
use rustc_hash::FxHashSet;

use super::*;
use crate::access::Numbers;

/// Loads, stores and atomics that stand under a condition of the pass: branches and selects that were not there before.
#[derive(Debug, PartialEq, Eq)]
struct Added {
    selects: usize,
    branches: usize,
}

fn added(kernel: &Kernel, guard: Guard) -> Added {
    let before = &kernel.inner.module;
    let after = adapted(kernel, &Variant { guard, ..Variant::default() });
    let count = |module: &Module| {
        let (mut selects, mut branches) = (0, 0);
        let functions = module.functions.iter().map(|(_, function)| function);
        for function in functions.chain(module.entry_points.iter().map(|entry| &entry.function)) {
            selects += function.expressions.iter().filter(|(_, e)| matches!(e, Expression::Select { .. })).count();
            branches += count_branches(&function.body);
        }
        (selects, branches)
    };
    let (before, after) = (count(before), count(&after));
    Added { selects: after.0 - before.0, branches: after.1 - before.1 }
}

fn count_branches(block: &naga::Block) -> usize {
    let inner = |statement: &Statement| match statement {
        Statement::If { accept, reject, .. } => 1 + count_branches(accept) + count_branches(reject),
        Statement::Block(inner) => count_branches(inner),
        Statement::Loop { body, continuing, .. } => count_branches(body) + count_branches(continuing),
        Statement::Switch { cases, .. } => cases.iter().map(|case| count_branches(&case.body)).sum(),
        _ => 0,
    };
    block.iter().map(inner).sum()
}

fn proven(kernel: &Kernel, numbers: &Numbers<'_>) -> Guard {
    Guard::Unproven(Arc::new(kernel.proven_in_bounds(numbers).expect("the kernel can be analysed")))
}

const NOTHING: Added = Added { selects: 0, branches: 0 };

const AXPY: &str = "
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(64) fn axpy(@builtin(global_invocation_id) id: vec3u) {
        let i = id.x;
        if i >= arrayLength(&y) { return; }
        y[i] = 2.0 * x[i] + y[i];
    }";

#[test]
fn what_is_proven_stays_as_its_author_wrote_it() {
    let kernel = kernel(AXPY);
    let numbers = Numbers::new().with_workgroups([4, 1, 1]).with_bytes(0, 1000).with_bytes(1, 1000);
    assert_eq!(added(&kernel, proven(&kernel, &numbers)), NOTHING);
    let variant = Variant { guard: proven(&kernel, &numbers), ..Variant::default() };
    let (before, after) = (kernel.entry_point(), &adapted(&kernel, &variant).entry_points[kernel.inner.entry]);
    let all = |function: &Function| function.expressions.iter().map(|(_, e)| e.clone()).collect::<Vec<_>>();
    assert_eq!(format!("{:?}", all(&before.function)), format!("{:?}", all(&after.function)));
    assert_eq!(format!("{:?}", before.function.body), format!("{:?}", after.function.body));
}

#[test]
fn a_proof_that_needs_numbers_is_not_there_without_them() {
    let kernel = kernel(AXPY);
    // `y` is inside by the branch; of `x` one knows only with the sizes. A guarded load selects its index and its value.
    assert_eq!(added(&kernel, proven(&kernel, &Numbers::new())), Added { selects: 2, branches: 0 });
    let shorter = Numbers::new().with_workgroups([4, 1, 1]).with_bytes(0, 996).with_bytes(1, 1000);
    assert_eq!(added(&kernel, proven(&kernel, &shorter)), Added { selects: 2, branches: 0 });
    assert_eq!(added(&kernel, Guard::All), Added { selects: 2 + 2 + 1, branches: 1 });
}

#[test]
fn constant_indices_into_sized_arrays_need_no_guard() {
    let kernel = kernel(
        "const LAST = 3u;
         @group(0) @binding(0) var<storage, read_write> y: array<vec4f, 4>;
         var<workgroup> w: array<array<f32, 2>, 2>;
         @compute @workgroup_size(1) fn k() {
             w[1][0] = y[LAST].x + y[2][3];
             let v = y[0];
             y[1] = v * w[1][0] + v[2];
         }",
    );
    assert_eq!(added(&kernel, Guard::All), NOTHING);
}

#[test]
fn a_constant_index_into_a_runtime_sized_array_is_guarded() {
    let kernel = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
         @compute @workgroup_size(1) fn k() { y[5] = 1u; }",
    );
    assert_eq!(added(&kernel, Guard::All), Added { selects: 1, branches: 1 });
}

/// The proof of one access says nothing about others that look like it.
#[test]
fn accesses_that_the_proof_does_not_know_are_guarded() {
    let guarded = |body: &str, selects: usize| {
        let kernel = kernel(&format!(
            "@group(0) @binding(0) var<storage, read> x: array<f32, 64>;
             @group(0) @binding(1) var<storage, read_write> y: array<f32, 64>;
             fn at(i: u32) -> f32 {{ return x[i]; }}
             @compute @workgroup_size(128) fn k(@builtin(local_invocation_index) i: u32) {{ {body} }}"
        ));
        let numbers = Numbers::new().with_workgroups([1, 1, 1]);
        assert_eq!(added(&kernel, proven(&kernel, &numbers)), Added { selects, branches: 0 }, "{body}");
    };
    guarded("if i < 64u { y[i] = x[i]; }", 0);
    // Nobody reads the first load, so the program has it no more.
    guarded("let p = &x[i]; let dead = *p; if i < 64u { y[i] = *p; }", 3);
    // The second load of an element that nobody writes is the first one's value.
    guarded("let dead = x[i]; if i < 64u { y[i] = x[i]; }", 4);
    guarded("if i < 64u { y[i] = x[i] + x[i]; }", 2);
    // The function's load stands for two of the program, or for one where the other is gone.
    guarded("if i < 63u { y[i] = at(i) + at(i + 1u); }", 0);
    guarded("let dead = at(i); if i < 64u { y[i] = at(i); }", 2);
    guarded("if i < 63u { y[i] = at(i) + at(i + 2u); }", 2);
}

#[test]
fn a_pointer_that_may_miss_takes_its_condition_along() {
    let kernel = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32, 4>;
         fn bump(p: ptr<function, u32>, n: u32) -> u32 { *p += n; return *p; }
         fn both(p: ptr<function, u32>, q: ptr<function, u32>) -> u32 { return bump(p, 1u) + *q; }
         @compute @workgroup_size(4) fn k(@builtin(local_invocation_index) i: u32) {
             var a = array(1u, 2u, 3u);
             var b = 7u;
             y[i] = both(&a[i], &b);
         }",
    );
    let module = adapted(&kernel, &Variant::default());
    let arguments = |name: &str| {
        let function = module.functions.iter().find(|(_, function)| function.name.as_deref() == Some(name));
        let arguments = &function.unwrap_or_else(|| panic!("{name} is gone")).1.arguments;
        arguments.iter().filter_map(|argument| argument.name.as_deref()).collect::<Vec<_>>()
    };
    assert_eq!(arguments("bump"), ["p", "n", "p_in_bounds"]);
    assert_eq!(arguments("both"), ["p", "q", "p_in_bounds"]);
}

/// The builtins that an entry point receives, alone or in a struct.
const EVERY_ID: &str = "
    struct Ids {
        @builtin(local_invocation_id) lid: vec3<u32>,
        @builtin(workgroup_id) wid: vec3<u32>,
        @builtin(num_workgroups) count: vec3<u32>,
    }
    @group(0) @binding(0) var<storage, read_write> out: array<u32>;
    @compute @workgroup_size(8)
    fn mixed(@builtin(global_invocation_id) gid: vec3<u32>, ids: Ids, @builtin(local_invocation_index) index: u32) {
        if (ids.wid.x + 1u < ids.count.x) { out[gid.x] = index + ids.lid.x; }
    }";

#[test]
fn ids_move_and_the_count_is_replaced() {
    let kernel = kernel(EVERY_ID);
    let module = adapted(&kernel, &Variant { tiled: true, ..Variant::default() });
    let before = &kernel.inner.module;
    assert_eq!(module.functions.len(), before.functions.len() + 1);
    for (handle, global) in before.global_variables.iter() {
        assert_eq!(&module.global_variables[handle], global);
    }
    let wrapper = &module.entry_points[kernel.inner.entry];
    assert_eq!(wrapper.name, "mixed");
    let count =
        |wanted: fn(&Expression) -> bool| wrapper.function.expressions.iter().filter(|(_, e)| wanted(e)).count();
    assert_eq!(count(|e| matches!(e, Expression::Load { .. })), 3);
    let adds = count(|e| matches!(e, Expression::Binary { op: BinaryOperator::Add, .. }));
    assert_eq!(adds, 2, "global_invocation_id and workgroup_id");
}

#[test]
fn a_module_that_reads_no_tile_has_none() {
    let kernel = kernel(EVERY_ID);
    let module = adapted(&kernel, &Variant::default());
    assert!(module.global_variables.iter().all(|(_, global)| global.binding != Some(PLACE)));
}

#[test]
fn the_uniform_has_the_layout_of_wgsl() {
    let kernel = kernel(AXPY);
    let module = adapted(&kernel, &Variant { tiled: true, ..Variant::default() });
    let (_, tile) =
        module.global_variables.iter().find(|(_, global)| global.binding == Some(PLACE)).expect("the uniform is there");
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).expect("layouts");
    assert_eq!(u64::from(layouter[tile.ty].size), TileUniform::size(2));
    let uniform = TileUniform {
        origin: [1, 2, 3],
        fuel: 11,
        whole: [4, 5, 6],
        slices: vec![Slice { first: 7, length: 8 }, Slice { first: 9, length: 10 }],
    };
    let mut bytes = vec![0; TileUniform::size(2) as usize];
    uniform.write(&mut bytes);
    let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
    assert_eq!(words, [1, 2, 3, 11, 4, 5, 6, 0, 7, 8, 0, 0, 9, 10, 0, 0]);
}

#[test]
fn only_runtime_sized_arrays_are_sliced() {
    let kernel = kernel(
        "struct Tail { n: u32, data: array<f32> }
         @group(0) @binding(0) var<storage, read> a: array<f32>;
         @group(0) @binding(1) var<storage, read> b: Tail;
         @group(0) @binding(2) var<storage, read_write> c: array<f32, 8>;
         @compute @workgroup_size(1) fn k() { c[0] = a[0] + b.data[0]; }",
    );
    let globals: Vec<_> = kernel.bindings().iter().map(|binding| binding.global).collect();
    let module = &kernel.inner.module;
    assert_eq!([0, 1, 2].map(|i| can_be_sliced(module, globals[i])), [true, false, false]);
    let variant =
        Variant { sliced: vec![false, true, false], logical_length: vec![false, true, false], ..Variant::default() };
    assert!(adapt(module, &kernel.inner.info, kernel.inner.entry, &globals, &variant, PLACE).is_err());
}

#[test]
fn variants_are_told_apart_by_value() {
    let kernel = kernel(AXPY);
    let mut all = variants(&kernel);
    let Guard::Unproven(some) = proven(&kernel, &Numbers::new()) else { panic!("the kernel is analysed") };
    // As many proofs, and so the same hash, but of other accesses.
    let mut others: Vec<_> = some.iter().copied().collect();
    others[0].1 = kernel.entry_point().function.expressions.iter().map(|(e, _)| e).find(|e| *e != others[0].1).unwrap();
    for proofs in [some, Arc::new(others.into_iter().collect())] {
        all.push(Variant { guard: Guard::Unproven(proofs), ..Variant::default() });
    }
    let set: FxHashSet<Variant> = all.iter().cloned().collect();
    assert_eq!(set.len(), all.len());
    // Equal proofs that were made twice are one variant.
    let again = Variant { guard: proven(&kernel, &Numbers::new()), ..Variant::default() };
    assert!(set.contains(&again));
}

#[test]
fn zeros_are_written_out() {
    let kernel = kernel(
        "struct Row { a: vec3i, m: mat2x2f, list: array<vec2<bool>, 2> }
         const ROWS = array<Row, 2>(Row(), Row(vec3i(1), mat2x2f(), array<vec2<bool>, 2>()));
         @group(0) @binding(0) var<storage, read_write> y: array<vec3i>;
         var<private> unset: Row;
         var<private> large: array<vec4f, 400>;
         fn f(i: u32) -> vec3i { var rows = ROWS; return rows[i].a; }
         @compute @workgroup_size(1) fn k() {
             var unset_here: Row;
             y[0] = unset.a + unset_here.a + vec3i() + f(u32(large[0].x));
         }",
    );
    let mut module = adapted(&kernel, &Variant::default());
    write_out_zeros(&mut module).expect("a kernel's module");
    let functions = || module.functions.iter().map(|(_, f)| f).chain(module.entry_points.iter().map(|e| &e.function));
    let all = functions().map(|function| &function.expressions).chain([&module.global_expressions]);
    let zeros = all.flat_map(|arena| arena.iter()).filter(|(_, e)| matches!(e, Expression::ZeroValue(_))).count();
    assert_eq!(zeros, 0);
    assert!(functions().flat_map(|f| f.local_variables.iter()).all(|(_, variable)| variable.init.is_some()));
    let unset: Vec<_> = (module.global_variables.iter())
        .filter(|(_, variable)| variable.space == naga::AddressSpace::Private && variable.init.is_none())
        .map(|(_, variable)| variable.name.as_deref())
        .collect();
    assert_eq!(unset, [Some("large")], "what is too large stays without");
}
