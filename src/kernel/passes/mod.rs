//! Passes over the naga module on its way to a GPU: they make a dispatch of a tile what it would be in the whole grid.
//!
//! - *guard*: an access out of bounds reads zero, is dropped, or as an atomic does nothing and gives zero, as on the CPU
//!   engine. Accesses that are proven to be in bounds stay as they are.
//! - *rebase*: ids are those of the whole grid; indices into a binding of which the tile has a slice lose the slice's
//!   first element; `arrayLength` answers the length of the whole array.
//! - *fuel*: loops end after a number of iterations.
//! - *watch*: loops that the device cuts short are found.
//! - *switch*: switches of many cases are taken apart, which a driver gets wrong as they are.
//!
//! For SPIR-V, *zeros* writes zero values out afterwards, which an optimizer gets wrong as they are.
//!
//! `rebase` puts a new entry point around the author's; the rest happens in `rewrite`, which makes every function anew
//! with other expressions for its pointers (`statement` has its statements). `sites` says where functions access memory and what is to be guarded.

mod fuel;
mod power;
mod rebase;
mod rewrite;
mod sites;
mod statement;
mod status;
mod switch;
mod tile;
mod watch;
mod zeros;

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use naga::{
    ArraySize, Expression, Function, GlobalVariable, Handle, Module, ResourceBinding, TypeInner, valid::ModuleInfo,
};
use rustc_hash::FxHashSet;

pub(crate) use super::remap::Refused;
pub(crate) use fuel::FILLING;
pub(crate) use status::{CUT_SHORT, OUT_OF_FUEL, STATUS_WORDS};
pub(crate) use tile::{Slice, TileUniform};
pub(crate) use zeros::write_out as write_out_zeros;

/// Pointers (and array values) through which all accesses are proven to be in bounds, with the function they stand in;
/// `None` is the entry point.
pub(crate) type Proven = FxHashSet<(Option<Handle<Function>>, Handle<Expression>)>;

/// How a kernel's module is changed for a device. Variants are the same only if all of it is: one that was adapted with
/// proofs about another call would run without the bounds checks that it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Variant {
    /// Ids are moved: the dispatch is a tile of a larger grid.
    pub tiled: bool,
    /// Workgroups are rows of so many invocations, if not zero, and those run that are below the uniform's `whole`, which counts
    /// invocations then. Only for a kernel that does not see the shape of its workgroups, and [`has_global_id`].
    pub rows: u32,
    /// For each binding, whether its buffer holds only a slice of its array. Only where [`can_be_sliced`].
    pub sliced: Vec<bool>,
    /// For each binding, whether the length of its runtime-sized array is the uniform's. Set for every sliced one.
    pub logical_length: Vec<bool>,
    pub guard: Guard,
    /// Loops end after as many iterations as the uniform says, and a word of the status, [`OUT_OF_FUEL`], is not zero then.
    pub fuel: bool,
    /// Loops that the device cuts short are found, and a word of the status, [`CUT_SHORT`], is not zero then.
    pub watch: bool,
}

/// Which accesses are guarded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Those that are not proven.
    Unproven(Arc<Proven>),
    #[default]
    All,
}

impl Variant {
    /// Whether the kernel reads the [`TileUniform`].
    pub fn needs_tile(&self) -> bool {
        self.tiled
            || self.rows > 0
            || self.has_status()
            || self.sliced.contains(&true)
            || self.logical_length.contains(&true)
    }

    /// Whether it writes a status: [`STATUS_WORDS`] words in a storage buffer, bound behind the uniform.
    pub fn has_status(&self) -> bool {
        self.fuel || self.watch
    }
}

impl Hash for Guard {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Equal sets have as many members; that is enough to tell where to look.
        match self {
            Guard::All => state.write_usize(usize::MAX),
            Guard::Unproven(proven) => state.write_usize(proven.len()),
        }
    }
}

/// Whether entry point number `entry` is given `global_invocation_id` as an argument of its own, and neither the workgroup's id nor how
/// many there are.
pub(crate) fn has_global_id(module: &Module, entry: usize) -> bool {
    rebase::has_global_id(&module.entry_points[entry].function.arguments)
}

/// Whether a tile may have a slice of this variable: its type is a runtime-sized array, and not a struct that ends in one.
pub(crate) fn can_be_sliced(module: &Module, variable: Handle<GlobalVariable>) -> bool {
    let ty = module.global_variables[variable].ty;
    matches!(module.types[ty].inner, TypeInner::Array { size: ArraySize::Dynamic, .. })
}

/// A copy of `module` as `variant` says, for its entry point number `entry`.
///
/// `bindings` are the kernel's bindings in their order. Where the variant [needs it](Variant::needs_tile), the result
/// reads a [`TileUniform`] bound at `place`, which must not be in use. Handles of globals, types and functions of
/// `module` mean the same in the result. Proofs are about the entry point `entry`: the others are not to be run.
///
/// # Errors
///
/// If the module has what kernels do not have, or the variant slices what cannot be sliced.
pub(crate) fn adapt(
    module: &Module,
    info: &ModuleInfo,
    entry: usize,
    bindings: &[Handle<GlobalVariable>],
    variant: &Variant,
    place: ResourceBinding,
) -> Result<Module, Refused> {
    let set = |flags: &[bool], i: usize| flags.get(i).copied().unwrap_or(false);
    for (i, &binding) in bindings.iter().enumerate() {
        if set(&variant.sliced, i) && !(can_be_sliced(module, binding) && set(&variant.logical_length, i)) {
            return Err(Refused("a binding that cannot be sliced"));
        }
    }
    let mut adapted = module.clone();
    let tile = variant.needs_tile().then(|| tile::declare(&mut adapted, bindings.len(), place));
    let behind = ResourceBinding { binding: place.binding + 1, ..place };
    let status = variant.has_status().then(|| status::declare(&mut adapted, behind));
    let fuel = status.filter(|_| variant.fuel).map(|status| fuel::Fuel::declare(&mut adapted, status));
    let watch = status.filter(|_| variant.watch).map(|status| watch::Watch::declare(&mut adapted, status));
    let ends = rewrite::Ends { fuel: fuel.as_ref(), watch: watch.as_ref() };
    rewrite::functions(&mut adapted, module, info, bindings, variant, tile, ends)?;
    if let Some(tile) = tile.filter(|_| variant.tiled || variant.rows > 0) {
        if variant.rows > 0 {
            adapted.entry_points[entry].workgroup_size = [variant.rows, 1, 1];
        }
        rebase::move_ids(&mut adapted, entry, tile, variant.rows > 0);
    }
    Ok(adapted)
}
