//! From the arguments of a call to the memory of each binding, checked before anything runs.

use std::path::{Path, PathBuf};

use swath::{Binding, BindingKind, Kernel, Scalar, Type};

use super::{
    args::CallArgs,
    dtype::{DType, Data, numpy},
    failure::{Failure, Outcome},
    fields,
    layout::{Packing, element_dtype, fixed_shape},
    mapped::{self, Mapped},
    npy::{self, Array, show_shape},
    part::Part,
    results::{self, Pending},
    values::{InArg, InoutArg, OutArg, SetArg},
    written::Written,
};

/// The data of one binding.
pub struct Slot {
    pub name: String,
    pub contents: Contents,
}

/// What a binding is given.
pub enum Contents {
    /// A uniform's bytes.
    Uniform(Vec<u8>),
    /// Storage that the kernel only reads.
    Read(Data),
    /// Storage that the kernel only reads, though it is declared `read_write`.
    Unwritten(Data),
    /// Storage that the kernel may write.
    Write(Box<Written>),
}

impl Slot {
    /// Bytes of device memory.
    pub fn bytes(&self) -> u64 {
        match &self.contents {
            Contents::Uniform(bytes) => bytes.len() as u64,
            Contents::Read(data) | Contents::Unwritten(data) => data.bytes().len() as u64,
            Contents::Write(written) => written.memory.bytes().len() as u64,
        }
    }
}

/// What the command line says about one binding.
enum Source<'a> {
    In(&'a InArg),
    Inout(&'a InoutArg),
    Out(&'a OutArg),
    Sets(Vec<&'a SetArg>),
}

impl Source<'_> {
    fn flag(&self) -> &'static str {
        match self {
            Source::In(_) => "--in",
            Source::Inout(_) => "--inout",
            Source::Out(_) => "--out",
            Source::Sets(_) => "--set",
        }
    }
}

/// What the bindings are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To look at: no file is made.
    Look,
    /// To run once.
    Once,
    /// To run several times: what the kernel overwrites is kept for [`Written::restore`].
    Again,
    /// To run once, and go on where an earlier process stopped. Its checkpoint has this number, and is there already or not.
    Recorded { id: u64, is_begun: bool },
}

/// Reads the files and makes the memory of every binding.
pub fn bind(kernel: &Kernel, args: &CallArgs, purpose: Purpose) -> Outcome<Vec<Slot>> {
    let binder = Binder { kernel, args, purpose };
    let sources = binder.sources()?;
    binder.check_targets()?;
    let slots = kernel.bindings().iter().zip(sources).map(|(binding, source)| {
        let contents = match source {
            Source::Sets(sets) => binder.set(binding, &sets)?,
            Source::In(arg) => binder.read(binding, arg)?,
            Source::Inout(arg) => binder.read_write(binding, arg)?,
            Source::Out(arg) => binder.write(binding, arg)?,
        };
        Ok(Slot { name: binding.name.clone(), contents })
    });
    slots.collect()
}

/// Refuses a `--set` of what the kernel does not use.
pub fn check_sets(kernel: &Kernel, args: &CallArgs) -> Outcome {
    let binder = Binder { kernel, args, purpose: Purpose::Look };
    args.sets.iter().try_for_each(|set| binder.find("--set", &set.name).map(|_| ()))
}

struct Binder<'a> {
    kernel: &'a Kernel,
    args: &'a CallArgs,
    purpose: Purpose,
}

impl<'a> Binder<'a> {
    /// One source for each binding of the kernel.
    fn sources(&self) -> Outcome<Vec<Source<'a>>> {
        let mut sources: Vec<Option<Source<'a>>> = self.kernel.bindings().iter().map(|_| None).collect();
        let args = self.args;
        let files = (args.inputs.iter().map(|arg| (&arg.name, Source::In(arg))))
            .chain(args.inouts.iter().map(|arg| (&arg.name, Source::Inout(arg))))
            .chain(args.outputs.iter().map(|arg| (&arg.name, Source::Out(arg))));
        for (name, source) in files {
            let place = self.find(source.flag(), name)?;
            match &sources[place] {
                None => sources[place] = Some(source),
                Some(first) => return Err(self.given_twice(name, first.flag(), source.flag())),
            }
        }
        for set in &args.sets {
            let place = self.find("--set", &set.name)?;
            match &mut sources[place] {
                None => sources[place] = Some(Source::Sets(vec![set])),
                Some(Source::Sets(sets)) => sets.push(set),
                Some(first) => return Err(self.given_twice(&set.name, first.flag(), "--set")),
            }
        }
        if sources.iter().any(Option::is_none) {
            return Err(self.missing(&sources));
        }
        Ok(sources.into_iter().flatten().collect())
    }

    fn find(&self, flag: &str, name: &str) -> Outcome<usize> {
        let bindings = self.kernel.bindings();
        if let Some(place) = bindings.iter().position(|binding| binding.name == name) {
            return Ok(place);
        }
        if self.kernel.declares(name) {
            return Err(Failure::wrong(
                format!("{flag}: the file declares `{name}`, but kernel `{}` does not use it", self.kernel.name()),
                "leave it out of the call",
            ));
        }
        let list: Vec<String> = bindings.iter().map(|b| format!("{} ({}, {})", b.name, b.ty(), b.kind)).collect();
        let help = match swath::nearest_name(name, bindings.iter().map(|binding| binding.name.as_str())) {
            Some(near) => format!("did you mean `{near}`? It uses {}", list.join(", ")),
            None if list.is_empty() => "it uses none".to_string(),
            None => format!("it uses {}", list.join(", ")),
        };
        Err(Failure::wrong(format!("{flag}: kernel `{}` uses no binding `{name}`", self.kernel.name()), help))
    }

    fn given_twice(&self, name: &str, first: &str, second: &str) -> Failure {
        let help = if first == "--in" && second == "--out" || first == "--out" && second == "--in" {
            format!("data that is read and written is given once: --inout {name}=IN.npy:OUT.npy")
        } else {
            "keep one of the two".to_string()
        };
        let ways = if first == second { format!("twice by {first}") } else { format!("by {first} and by {second}") };
        Failure::wrong(format!("`{name}` is given {ways}"), help)
    }

    fn missing(&self, sources: &[Option<Source<'a>>]) -> Failure {
        let missing: Vec<&Binding> =
            self.kernel.bindings().iter().zip(sources).filter(|(_, s)| s.is_none()).map(|(b, _)| b).collect();
        let (count, verb) = if missing.len() == 1 { ("one binding", "is") } else { ("bindings", "are") };
        let mut sentence = format!("kernel `{}` has {count} that {verb} not given; add", self.kernel.name());
        let width = missing.iter().map(|binding| describe(binding).len()).max().unwrap_or(0);
        for binding in missing {
            sentence += &format!("\n  {:width$}   {}", describe(binding), suggest(binding));
        }
        Failure::Wrong(sentence)
    }

    /// Refuses two results in one file, and folders that are not there, before hours of work are lost on them.
    fn check_targets(&self) -> Outcome {
        let inouts = self.args.inouts.iter().map(|arg| (&arg.name, arg.out.as_ref().unwrap_or(&arg.file)));
        let outs = self.args.outputs.iter().map(|arg| (&arg.name, &arg.file));
        let mut seen: Vec<(PathBuf, &str)> = Vec::new();
        for (name, file) in inouts.chain(outs) {
            let place = results::check_target(file)?;
            if let Some((_, other)) = seen.iter().find(|(path, _)| *path == place) {
                return Err(Failure::wrong(
                    format!("`{other}` and `{name}` would both be written to `{}`", file.display()),
                    "give each a file of its own",
                ));
            }
            seen.push((place, name));
        }
        Ok(())
    }

    fn set(&self, binding: &Binding, sets: &[&SetArg]) -> Outcome<Contents> {
        let name = &binding.name;
        if binding.ty().runtime_array().is_some() || binding.kind == BindingKind::ReadWriteStorage {
            return Err(Failure::wrong(
                format!(
                    "--set fills uniforms and read-only storage of fixed size, and `{}` is neither",
                    describe(binding)
                ),
                format!("add {}", suggest(binding)),
            ));
        }
        let bytes = fields::fill(name, binding.ty(), sets)?;
        Ok(match binding.kind {
            BindingKind::Uniform => Contents::Uniform(bytes),
            _ => Contents::Read(Data::U32(bytemuck::pod_collect_to_vec(&bytes))),
        })
    }

    fn read(&self, binding: &Binding, arg: &InArg) -> Outcome<Contents> {
        let (name, file) = (&binding.name, &arg.file);
        if binding.is_written() {
            return Err(Failure::wrong(
                format!("--in is for what a kernel only reads, and it writes `{}`", describe(binding)),
                format!("write --inout {name}={}:OUT.npy, so that the result has a file", file.display()),
            ));
        }
        let source = self.source(binding, file, arg.dtype, true);
        let array = npy::read(source)?;
        let shown = arg.dtype.map_or(file.display().to_string(), |dtype| format!("{}:{dtype}", file.display()));
        let (memory, _) = self.lay_out(binding, array.data, &array.shape, &shown, &|wanted| source.remedy(wanted))?;
        Ok(match binding.kind {
            BindingKind::Uniform => {
                let mut bytes = memory.bytes().to_vec();
                // A uniform struct may end in padding that no scalar reaches.
                bytes.resize(binding.ty().size() as usize, 0);
                Contents::Uniform(bytes)
            }
            BindingKind::ReadStorage => Contents::Read(memory),
            BindingKind::ReadWriteStorage => Contents::Unwritten(memory),
        })
    }

    fn read_write(&self, binding: &Binding, arg: &InoutArg) -> Outcome<Contents> {
        self.check_writable("--inout", binding, &arg.file)?;
        let source = self.source(binding, &arg.file, None, false);
        let Array { shape, data } = npy::read(source)?;
        let (memory, packing) =
            self.lay_out(binding, data, &shape, &arg.file.display().to_string(), &|wanted| source.remedy(wanted))?;
        let file = arg.out.clone().unwrap_or_else(|| arg.file.clone());
        if let Purpose::Recorded { .. } = self.purpose {
            return self.recorded(memory, file, shape, packing);
        }
        if self.purpose != Purpose::Look
            && let len = memory.len() as u64
            && let Some((pending, mut map)) = self.mapped(memory.scalar(), len, packing.is_none(), &file, &shape)?
        {
            map.bytes_mut().copy_from_slice(memory.bytes());
            let start = if self.purpose == Purpose::Again { Some(memory) } else { None };
            return Ok(Contents::Write(Box::new(Written {
                memory: Data::Mapped(map),
                start,
                file,
                shape,
                packing,
                pending,
                part: None,
                is_new_file: false,
            })));
        }
        let start = if self.purpose == Purpose::Again { Some(memory.clone()) } else { None };
        let (pending, part) = (None, None);
        Ok(Contents::Write(Box::new(Written {
            memory,
            start,
            file,
            shape,
            packing,
            pending,
            part,
            is_new_file: false,
        })))
    }

    /// The memory of a result that is read, too, for a call with a checkpoint: its contents are not touched before it is done.
    fn recorded(&self, memory: Data, file: PathBuf, shape: Vec<u64>, packing: Option<Packing>) -> Outcome<Contents> {
        let part = self.part(&file, memory.scalar(), &shape, memory.len() as u64, packing.is_none())?;
        let (memory, start, part) = match part {
            Some((part, map)) => (Data::Mapped(map), Some(memory), Some(part)),
            None => (memory, None, None),
        };
        let written = Written { memory, start, file, shape, packing, pending: None, part, is_new_file: false };
        Ok(Contents::Write(Box::new(written)))
    }

    /// The file of a large result of a call with a checkpoint, mapped, if it has the memory as it is (`same`).
    fn part(
        &self,
        file: &Path,
        scalar: Scalar,
        shape: &[u64],
        len: u64,
        same: bool,
    ) -> Outcome<Option<(Part, Mapped)>> {
        let Purpose::Recorded { id, is_begun } = self.purpose else { return Ok(None) };
        if !is_large(scalar, len) || !same || !mapped::is_possible(file) {
            Part::check(file)?;
            return Ok(None);
        }
        let mut part = Part::open(file, id)?;
        let map = part.mapped(scalar, shape, is_begun)?;
        Ok(Some((part, map)))
    }

    fn source<'s>(
        &self,
        binding: &'s Binding,
        path: &'s Path,
        convert: Option<DType>,
        convertible: bool,
    ) -> npy::Source<'s> {
        npy::Source { name: &binding.name, path, convert, wanted: element_dtype(binding.ty()), convertible }
    }

    fn write(&self, binding: &Binding, arg: &OutArg) -> Outcome<Contents> {
        self.check_writable("--out", binding, &arg.file)?;
        self.check_dtype(binding, arg)?;
        packing(binding, &arg.file.display().to_string())?;
        let mut shape = match &arg.shape {
            Some(shape) => shape.clone(),
            None => self.infer_shape(binding, arg)?,
        };
        if arg.dtype.width > 1 {
            shape.push(u64::from(arg.dtype.width));
        }
        let too_large = || {
            Failure::wrong(
                format!("--out {}: shape {} is more than this machine can hold", binding.name, show_shape(&shape)),
                "give a smaller SHAPE",
            )
        };
        let len = shape.iter().try_fold(1_u64, |len, &extent| len.checked_mul(extent)).ok_or_else(too_large)?;
        let file = arg.file.clone();
        let same = shape_is_memory(binding, &shape, &file)?;
        let scalar = arg.dtype.scalar;
        let in_memory = || Data::try_zeros(scalar, len).ok_or_else(too_large);
        let (packed, pending, part) = match self.part(&file, scalar, &shape, len, same)? {
            Some((part, map)) => (Data::Mapped(map), None, Some(part)),
            None if matches!(self.purpose, Purpose::Recorded { .. }) => (in_memory()?, None, None),
            None => match self.mapped(scalar, len, same, &file, &shape)? {
                Some((pending, map)) => (Data::Mapped(map), pending, None),
                None => (in_memory()?, None, None),
            },
        };
        let is_new_file = matches!(packed, Data::Mapped(_));
        let remedy = |wanted: DType| format!("write --out {}={}:{wanted}", binding.name, arg.file.display());
        let (memory, packing) = self.lay_out(binding, packed, &shape, &arg.file.display().to_string(), &remedy)?;
        Ok(Contents::Write(Box::new(Written { memory, start: None, file, shape, packing, pending, part, is_new_file })))
    }

    /// The file of a large result, mapped, if it has the memory as it is (`same`).
    fn mapped(
        &self,
        scalar: Scalar,
        len: u64,
        same: bool,
        file: &Path,
        shape: &[u64],
    ) -> Outcome<Option<(Option<Pending>, Mapped)>> {
        if !is_large(scalar, len) || !same {
            return Ok(None);
        }
        let bytes = len.saturating_mul(scalar.bytes() as u64);
        if self.purpose == Purpose::Look {
            return Ok(Mapped::nowhere(scalar, bytes).ok().map(|map| (None, map)));
        }
        Ok(Pending::mapped(file, scalar, shape)?.map(|(pending, map)| (Some(pending), map)))
    }

    /// Refuses a DTYPE that is not the binding's: another scalar, or a vector of another width.
    fn check_dtype(&self, binding: &Binding, arg: &OutArg) -> Outcome {
        let Some(element) = element_dtype(binding.ty()) else { return Ok(()) };
        let widths_differ = element.width > 1 && arg.dtype.width > 1 && element.width != arg.dtype.width;
        if element.scalar == arg.dtype.scalar && !widths_differ {
            return Ok(());
        }
        Err(Failure::wrong(
            format!("--out gives `{}` the type {}", describe(binding), arg.dtype),
            format!("write --out {}={}:{element}", binding.name, arg.file.display()),
        ))
    }

    fn check_writable(&self, flag: &str, binding: &Binding, file: &Path) -> Outcome {
        if binding.kind == BindingKind::ReadWriteStorage {
            return Ok(());
        }
        Err(Failure::wrong(
            format!("{flag} is for what a kernel writes, and it only reads `{}`", describe(binding)),
            format!("write --in {}={}", binding.name, file.display()),
        ))
    }

    /// The shape of an output that was given none.
    fn infer_shape(&self, binding: &Binding, arg: &OutArg) -> Outcome<Vec<u64>> {
        if let Some((shape, dtype)) = fixed_shape(binding.ty())
            && dtype == arg.dtype
        {
            return Ok(shape);
        }
        let ask = |why: String| {
            let form = format!("--out {}={}:{}:SHAPE", binding.name, arg.file.display(), arg.dtype);
            Failure::wrong(
                format!("which shape has `{}`? {why}", describe(binding)),
                format!("write {form}, like 480,640"),
            )
        };
        let element = match binding.ty() {
            Type::Array { .. } => element_dtype(binding.ty()),
            _ => None,
        };
        match (element, self.args.grid) {
            (Some(element), Some(grid)) if element == arg.dtype => Ok(grid.shape()),
            (Some(element), Some(_)) => {
                Err(ask(format!("The grid's shape is taken where the type is {element}, and here it is {}", arg.dtype)))
            }
            (Some(_), None) => Err(ask("With --workgroups nothing tells it".into())),
            (None, _) => Err(ask("Its type does not tell it".into())),
        }
    }

    /// `data` as WGSL lays it out, and the packing that takes it back.
    fn lay_out(
        &self,
        binding: &Binding,
        data: Data,
        shape: &[u64],
        file: &str,
        remedy: &dyn Fn(DType) -> String,
    ) -> Outcome<(Data, Option<Packing>)> {
        let ty = binding.ty();
        let refuse = |problem: String, help: String| {
            Failure::wrong(format!("`{file}` for `{}` {problem}", describe(binding)), help)
        };
        let packing = packing(binding, file)?;
        if packing.scalar != data.scalar() {
            let wanted = element_dtype(ty).unwrap_or(DType { scalar: packing.scalar, width: 1 });
            return Err(refuse(format!("is {}", numpy(data.scalar())), remedy(wanted)));
        }
        if data.len() == 0 && binding.element_stride().is_none() {
            return Err(refuse(
                format!("has shape {}: there is nothing in it", show_shape(shape)),
                "give it at least one element".into(),
            ));
        }
        if packing.is_padded(shape) {
            return Ok((data, None));
        }
        packing.check_rows(shape).and_then(|()| packing.memory_len(data.len())).map_or_else(
            |wanted| {
                let help = match element_dtype(ty) {
                    Some(DType { width: 2.., .. }) => format!("make its last axis that of one {}", element_name(ty)),
                    _ => "give it the number of scalars that the type has, padding left out".to_string(),
                };
                Err(refuse(format!("has shape {}, and it takes {wanted}", show_shape(shape)), help))
            },
            |len| {
                if packing.is_dense() {
                    Ok((data, None))
                } else {
                    Ok((packing.pack(&data, len), Some(packing.clone())))
                }
            },
        )
    }
}

/// Whether so many scalars are mapped rather than read.
fn is_large(scalar: Scalar, len: u64) -> bool {
    len.saturating_mul(scalar.bytes() as u64) >= mapped::LARGE
}

/// Whether a file of this shape has a binding's memory as it is.
fn shape_is_memory(binding: &Binding, shape: &[u64], file: &Path) -> Outcome<bool> {
    let packing = packing(binding, &file.display().to_string())?;
    Ok(packing.is_dense() || packing.is_padded(shape))
}

/// How a file's scalars lie in a binding.
fn packing(binding: &Binding, file: &str) -> Outcome<Packing> {
    Packing::of(binding.ty()).map_err(|mixed| {
        let (first, other) = (mixed.first.name(), mixed.other.name());
        Failure::wrong(
            format!("`{file}` for `{}`: the fields mix {first} and {other}", describe(binding)),
            "a .npy file holds scalars of one type; keep each field in an array of its own",
        )
    })
}

/// A binding for messages: `x: array<f32> (storage, read)`.
pub fn describe(binding: &Binding) -> String {
    format!("{}: {} ({})", binding.name, binding.ty(), binding.kind)
}

fn element_name(ty: &Type) -> String {
    match ty {
        Type::Array { element, .. } => element.to_string(),
        _ => ty.to_string(),
    }
}

/// The flags that give a binding its data.
fn suggest(binding: &Binding) -> String {
    let (name, ty) = (&binding.name, binding.ty());
    let file = || format!("--in {name}=FILE.npy");
    match binding.kind {
        BindingKind::Uniform => fields::flags(name, ty).join(" "),
        BindingKind::ReadStorage if ty.runtime_array().is_none() && matches!(ty, Type::Struct { .. }) => {
            fields::flags(name, ty).join(" ")
        }
        BindingKind::ReadStorage => file(),
        BindingKind::ReadWriteStorage => {
            let dtype = element_dtype(ty).map_or_else(|| "DTYPE".to_string(), |dtype| dtype.to_string());
            format!("--inout {name}=FILE.npy, or --out {name}=FILE.npy:{dtype} to start from zeros")
        }
    }
}
