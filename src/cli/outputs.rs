//! The memory of what a kernel writes, and the files that it goes to.

use std::path::{Path, PathBuf};

use swath::{Binding, Scalar, Type};

use super::{
    bind::{Binder, Contents, Purpose, describe, packing},
    dtype::{DType, Data},
    failure::{Failure, Outcome},
    form::Form,
    layout::{element_dtype, fixed_shape},
    load::{Loaded, fit, scalar_for, size_of},
    mapped::{self, Mapped},
    npy::show_shape,
    part::Part,
    records::{Records, Structs},
    results::{Pending, unwritten},
    values::{Extents, OutArg, OutType},
    written::Written,
};

/// A result as it is to be: what its file has, and its memory in scalars.
struct Planned {
    form: Form,
    shape: Vec<u64>,
    scalar: Scalar,
    len: u64,
}

impl Binder<'_> {
    /// A result that starts as what was loaded.
    pub fn result_of(&self, loaded: Loaded, file: PathBuf) -> Outcome<Contents> {
        let Loaded { memory, form, shape } = loaded;
        let planned = Planned { form, shape, scalar: memory.scalar(), len: memory.len() as u64 };
        let is_again = self.purpose == Purpose::Again;
        let (memory, start, pending, part) = match self.purpose {
            // Its contents are not touched before the call is done.
            Purpose::Recorded { .. } => match self.part(&file, &planned)? {
                Some((part, map)) => (Data::Mapped(map), Some(memory), None, Some(part)),
                None => (memory, None, None, None),
            },
            Purpose::Look => (memory, None, None, None),
            Purpose::Once | Purpose::Again => match self.mapped(&file, &planned)? {
                Some((pending, mut map)) => {
                    map.bytes_mut().copy_from_slice(memory.bytes());
                    (Data::Mapped(map), is_again.then_some(memory), pending, None)
                }
                None => {
                    let start = is_again.then(|| memory.clone());
                    (memory, start, None, None)
                }
            },
        };
        let Planned { form, shape, .. } = planned;
        Ok(Contents::Write(Box::new(Written { memory, start, file, shape, form, pending, part, is_new_file: false })))
    }

    /// A result that starts as zeros.
    pub fn write(&self, binding: &Binding, arg: &OutArg) -> Outcome<Contents> {
        self.check_writable("--out", binding, &arg.file)?;
        let planned = match arg.ty {
            OutType::Plain(dtype) => self.plain(binding, arg, dtype)?,
            OutType::Struct => self.structs(binding, arg)?,
            OutType::Raw => self.raw(binding, arg)?,
        };
        // No memory is larger, and no map of a file.
        if planned.bytes() > isize::MAX as u64 {
            return Err(too_large(binding, &planned.shape));
        }
        let in_memory =
            || Data::try_zeros(planned.scalar, planned.len).ok_or_else(|| too_large(binding, &planned.shape));
        let (memory, pending, part) = match self.part(&arg.file, &planned)? {
            Some((part, map)) => (Data::Mapped(map), None, Some(part)),
            None if matches!(self.purpose, Purpose::Recorded { .. }) => (in_memory()?, None, None),
            None => match self.mapped(&arg.file, &planned)? {
                Some((pending, map)) => (Data::Mapped(map), pending, None),
                None => (in_memory()?, None, None),
            },
        };
        let is_new_file = matches!(memory, Data::Mapped(_));
        let (file, Planned { form, shape, .. }) = (arg.file.clone(), planned);
        Ok(Contents::Write(Box::new(Written { memory, start: None, file, shape, form, pending, part, is_new_file })))
    }

    /// An array of scalars or vectors.
    fn plain(&self, binding: &Binding, arg: &OutArg, dtype: DType) -> Outcome<Planned> {
        let file = arg.file.display().to_string();
        self.check_dtype(binding, arg, dtype)?;
        packing(binding, &file, || match Structs::of(binding.ty()) {
            Some(_) => format!("write --out {}={file}:struct", binding.name),
            None => format!("write --out {}=FILE.bin, for the bytes as WGSL lays them out", binding.name),
        })?;
        let mut shape = match &arg.shape {
            Some(shape) => shape.clone(),
            None => self.infer_shape(binding, arg, dtype)?,
        };
        if dtype.width > 1 {
            shape.push(u64::from(dtype.width));
        }
        let len = shape.iter().try_fold(1_u64, |len, &extent| len.checked_mul(extent));
        len.ok_or_else(|| too_large(binding, &shape))?;
        let remedy = |wanted: DType| format!("write --out {}={file}:{wanted}", binding.name);
        let (form, len) = fit(binding, dtype.scalar, &shape, &file, &remedy)?;
        Ok(Planned { form, shape, scalar: dtype.scalar, len: len as u64 })
    }

    /// An array of records.
    fn structs(&self, binding: &Binding, arg: &OutArg) -> Outcome<Planned> {
        let what = format!("--out {}={}", binding.name, arg.file.display());
        let Some(structs) = Structs::of(binding.ty()) else {
            let element = element_dtype(binding.ty());
            let mend = element.map_or_else(
                || format!("write --out {}=FILE.bin", binding.name),
                |dtype| format!("write {what}:{dtype}"),
            );
            return Err(Failure::wrong(
                format!("{what}:struct is for structs, and here is `{}`", describe(binding)),
                mend,
            ));
        };
        let shape = match (&arg.shape, structs.is_open) {
            (Some(shape), _) => shape.clone(),
            (None, false) => structs.extents.clone(),
            (None, true) => [self.grid_shape(binding, arg)?, structs.extents.clone()].concat(),
        };
        let records = Records::packed(&structs, &shape).map_err(|wanted| {
            Failure::wrong(
                format!("{what} has shape {}, and it takes {wanted}", show_shape(&shape)),
                "give another SHAPE",
            )
        })?;
        let (scalar, len) = size_of(binding, &records, &what)?;
        Ok(Planned { form: Form::Records(Box::new(records)), shape, scalar, len })
    }

    /// The bytes of a binding.
    fn raw(&self, binding: &Binding, arg: &OutArg) -> Outcome<Planned> {
        let ty = binding.ty();
        let what = format!("--out {}={}", binding.name, arg.file.display());
        let bytes = match (ty.runtime_array(), &arg.shape) {
            (None, None) => Some(ty.size()),
            (None, Some(_)) => {
                let problem = format!("{what}: `{}` has {} bytes, whatever the shape", describe(binding), ty.size());
                return Err(Failure::wrong(problem, "leave SHAPE out"));
            }
            (Some((_, stride, offset)), shape) => {
                let shape = shape.clone().map_or_else(|| self.grid_shape(binding, arg), Ok)?;
                let elements = shape.iter().try_fold(1_u64, |count, &extent| count.checked_mul(extent));
                elements.and_then(|count| count.checked_mul(stride.into())?.checked_add(offset.into()))
            }
        };
        let bytes = bytes.ok_or_else(|| too_large(binding, arg.shape.as_deref().unwrap_or_default()))?;
        let scalar = scalar_for(binding, bytes, &what)?;
        Ok(Planned { form: Form::Raw, shape: vec![bytes], scalar, len: bytes / scalar.bytes() as u64 })
    }

    /// The file of a large result of a call with a checkpoint, mapped, if it has the memory as it is.
    fn part(&self, file: &Path, planned: &Planned) -> Outcome<Option<(Part, Mapped)>> {
        let Purpose::Recorded { id, is_begun } = self.purpose else { return Ok(None) };
        if !planned.is_mapped() || !mapped::is_possible(file) {
            Part::check(file)?;
            return Ok(None);
        }
        let mut part = Part::open(file, id)?;
        let map = part.mapped(&planned.header(file)?, planned.scalar, planned.bytes(), is_begun)?;
        Ok(Some((part, map)))
    }

    /// The file of a large result, mapped, if it has the memory as it is.
    fn mapped(&self, file: &Path, planned: &Planned) -> Outcome<Option<(Option<Pending>, Mapped)>> {
        if !planned.is_mapped() {
            return Ok(None);
        }
        if self.purpose == Purpose::Look {
            return Ok(Mapped::nowhere(planned.scalar, planned.bytes()).ok().map(|map| (None, map)));
        }
        let mapped = Pending::mapped(file, &planned.header(file)?, planned.scalar, planned.bytes())?;
        Ok(mapped.map(|(pending, map)| (Some(pending), map)))
    }

    /// Refuses a DTYPE that is not the binding's: another scalar, or a vector of another width.
    fn check_dtype(&self, binding: &Binding, arg: &OutArg, dtype: DType) -> Outcome {
        let Some(element) = element_dtype(binding.ty()) else { return Ok(()) };
        let widths_differ = element.width > 1 && dtype.width > 1 && element.width != dtype.width;
        if element.scalar == dtype.scalar && !widths_differ {
            return Ok(());
        }
        Err(Failure::wrong(
            format!("--out gives `{}` the type {dtype}", describe(binding)),
            format!("write --out {}={}:{element}", binding.name, arg.file.display()),
        ))
    }

    /// The shape of an output that was given none.
    fn infer_shape(&self, binding: &Binding, arg: &OutArg, dtype: DType) -> Outcome<Vec<u64>> {
        if let Some((shape, fixed)) = fixed_shape(binding.ty())
            && dtype == fixed
        {
            return Ok(shape);
        }
        let element = match binding.ty() {
            Type::Array { .. } => element_dtype(binding.ty()),
            _ => None,
        };
        match element {
            Some(element) if element == dtype => self.grid_shape(binding, arg),
            Some(element) if self.args.grid.is_some() => {
                let why = format!("The grid's shape is taken where the type is {element}, and here it is {dtype}");
                Err(ask_for_shape(binding, arg, &why))
            }
            Some(_) => self.grid_shape(binding, arg),
            None => Err(ask_for_shape(binding, arg, "Its type does not tell it")),
        }
    }

    /// The grid's shape, for an output that is to have it.
    fn grid_shape(&self, binding: &Binding, arg: &OutArg) -> Outcome<Vec<u64>> {
        match (self.args.grid, self.args.workgroups) {
            (Some(grid), _) => Ok(Extents::shape(grid)),
            (None, Some(_)) => Err(ask_for_shape(binding, arg, "With --workgroups nothing tells it")),
            (None, None) => Err(ask_for_shape(binding, arg, "Without --grid nothing tells it")),
        }
    }
}

impl Planned {
    fn bytes(&self) -> u64 {
        self.len.saturating_mul(self.scalar.bytes() as u64)
    }

    /// Whether its memory is that of its file, if there can be such a one.
    fn is_mapped(&self) -> bool {
        self.form.is_memory() && self.bytes() >= mapped::LARGE
    }

    fn header(&self, file: &Path) -> Outcome<Vec<u8>> {
        self.form.header(self.scalar, &self.shape).map_err(|error| unwritten(file, &error))
    }
}

fn too_large(binding: &Binding, shape: &[u64]) -> Failure {
    Failure::wrong(
        format!("--out {}: shape {} is more than this machine can hold", binding.name, show_shape(shape)),
        "give a smaller SHAPE",
    )
}

fn ask_for_shape(binding: &Binding, arg: &OutArg, why: &str) -> Failure {
    let ty = if arg.ty == OutType::Raw { String::new() } else { format!(":{}", arg.ty) };
    let form = format!("--out {}={}{ty}:SHAPE", binding.name, arg.file.display());
    Failure::wrong(format!("which shape has `{}`? {why}", describe(binding)), format!("write {form}, like 480,640"))
}
