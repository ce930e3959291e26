//! From the arguments of a call to the memory of each binding, checked before anything runs.

use std::path::{Path, PathBuf};

use swath::{Binding, BindingKind, Kernel, Type};

use super::{
    args::CallArgs,
    dtype::Data,
    failure::{Failure, Outcome},
    fields,
    form::Form,
    layout::{Packing, element_dtype},
    load::Loaded,
    records::Structs,
    results,
    values::{InArg, InoutArg, OutArg, SetArg, is_stream},
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
    binder.check_streams()?;
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

/// Makes the memory of the bindings; `load` and `outputs` have more of it.
pub struct Binder<'a> {
    kernel: &'a Kernel,
    pub args: &'a CallArgs,
    pub purpose: Purpose,
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

    /// Refuses stdin for several bindings, and for a call that another process goes on with.
    fn check_streams(&self) -> Outcome {
        let inputs = self.args.inputs.iter().map(|arg| (&arg.name, &arg.file));
        let mut streams = inputs.chain(self.args.inouts.iter().map(|arg| (&arg.name, &arg.file)));
        let mut streams = streams.by_ref().filter(|(_, file)| is_stream(file));
        let (first, second) = (streams.next(), streams.next());
        if let (Some((first, _)), Some((second, _))) = (first, second) {
            let problem = format!("`{first}` and `{second}` would both be read from stdin");
            return Err(Failure::wrong(problem, "give one of them a file"));
        }
        match (first, self.purpose) {
            (Some((name, _)), Purpose::Recorded { .. }) => Err(Failure::wrong(
                format!("`{name}` is read from stdin, and the command that goes on with --checkpoint reads it again"),
                "give it a file",
            )),
            _ => Ok(()),
        }
    }

    /// Refuses two results in one file, and folders that are not there, before hours of work are lost on them.
    fn check_targets(&self) -> Outcome {
        let inouts = self.args.inouts.iter().map(|arg| (&arg.name, arg.result()));
        let outs = self.args.outputs.iter().map(|arg| (&arg.name, arg.file.as_path()));
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
        let is_uniform = binding.kind == BindingKind::Uniform;
        let is_read = |place: usize| !is_uniform || self.kernel.reads_uniform(binding, place);
        let bytes = fields::fill(name, binding.ty(), sets, &is_read)?;
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
        let ask = format!("--in {name}={}", file.display());
        let Loaded { memory, form, .. } = self.load(binding, file, arg.dtype, &ask)?;
        Ok(match binding.kind {
            BindingKind::Uniform => {
                let mut bytes = memory.bytes().to_vec();
                if form != Form::Raw {
                    // A uniform struct may end in padding that no scalar reaches.
                    bytes.resize(binding.ty().size() as usize, 0);
                }
                Contents::Uniform(bytes)
            }
            BindingKind::ReadStorage => Contents::Read(memory),
            BindingKind::ReadWriteStorage => Contents::Unwritten(memory),
        })
    }

    fn read_write(&self, binding: &Binding, arg: &InoutArg) -> Outcome<Contents> {
        self.check_writable("--inout", binding, &arg.file)?;
        let (name, file, out) = (&binding.name, arg.file.display(), arg.out.as_deref().unwrap_or(Path::new("OUT.npy")));
        let ask = format!("--inout {name}={file}:{}", out.display());
        let loaded = self.load(binding, &arg.file, arg.dtype, &ask)?;
        self.result_of(loaded, arg.result().to_owned())
    }

    pub fn check_writable(&self, flag: &str, binding: &Binding, file: &Path) -> Outcome {
        if binding.kind == BindingKind::ReadWriteStorage {
            return Ok(());
        }
        Err(Failure::wrong(
            format!("{flag} is for what a kernel writes, and it only reads `{}`", describe(binding)),
            format!("write --in {}={}", binding.name, file.display()),
        ))
    }
}

/// How a file's scalars lie in a binding. `mend` says what to do about one whose fields are of several types.
pub fn packing(binding: &Binding, file: &str, mend: impl FnOnce() -> String) -> Outcome<Packing> {
    Packing::of(binding.ty()).map_err(|mixed| {
        let (first, other) = (mixed.first.name(), mixed.other.name());
        Failure::wrong(format!("`{file}` for `{}`: the fields mix {first} and {other}", describe(binding)), mend())
    })
}

/// A binding for messages: `x: array<f32> (storage, read)`.
pub fn describe(binding: &Binding) -> String {
    format!("{}: {} ({})", binding.name, binding.ty(), binding.kind)
}

pub fn element_name(ty: &Type) -> String {
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
            let dtype = match (element_dtype(ty), Structs::of(ty)) {
                (Some(dtype), _) => dtype.to_string(),
                (None, Some(_)) => "struct".to_owned(),
                (None, None) => "DTYPE".to_owned(),
            };
            format!("--inout {name}=FILE.npy, or --out {name}=FILE.npy:{dtype} to start from zeros")
        }
    }
}
