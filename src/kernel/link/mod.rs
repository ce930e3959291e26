//! Modules from several files: the imports and conditions of WESL, and those of naga_oil's preprocessor.
//!
//! The crate `wesl` puts the files together; what naga_oil has is said in WESL first (`directives`). It prints what comes
//! out, and `align` finds where each word of that stands in the author's files, so that errors name file and line.

mod align;
mod compile;
mod directives;
mod files;

use std::{
    cmp::Ordering,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use rustc_hash::FxHashMap;

use super::Module;
use crate::error::Result;

/// The files that a module is put together from: for `import` of [WESL](https://wesl-lang.dev) and `#import` of naga_oil.
///
/// A module is found by its path: `import package::noise::simplex::value;` looks for the file `noise/simplex.wesl` or
/// `noise/simplex.wgsl`, and `#import noise::simplex` also for the file that says `#define_import_path noise::simplex`.
/// What is given by [`file`](Sources::file) comes before what is in the [`folder`](Sources::folder).
///
/// ```
/// let module = swath::Sources::new()
///     .file("math.wgsl", "fn square(x: f32) -> f32 { return x * x; }")
///     .file(
///         "main.wgsl",
///         "import package::math::square;
///         @group(0) @binding(0) var<storage, read_write> y: array<f32>;
///         @compute @workgroup_size(64) fn squares(@builtin(global_invocation_id) id: vec3u) {
///             y[id.x] = square(y[id.x]);
///         }",
///     )
///     .parse("main.wgsl")?;
/// assert_eq!(module.kernel_names().collect::<Vec<_>>(), ["squares"]);
/// # Ok::<(), swath::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<(String, String)>,
    folder: Option<PathBuf>,
    defines: FxHashMap<String, Define>,
}

impl Sources {
    /// No files.
    pub fn new() -> Self {
        Sources::default()
    }

    /// Adds a file that is in memory, in the place of one of this name. The name is a path from the root of all modules, such
    /// as `noise/simplex.wgsl`.
    pub fn file(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        let name = name.into();
        self.files.retain(|file| file.0 != name);
        self.files.push((name, text.into()));
        self
    }

    /// The folder that is the root of all modules. Files are read from there when something is imported from them.
    pub fn folder(mut self, path: impl Into<PathBuf>) -> Self {
        self.folder = Some(path.into());
        self
    }

    /// Defines a name: for `#ifdef`, `#if` and `#{NAME}`, and, where it is true or a number other than 0, for `@if(NAME)`.
    pub fn define(mut self, name: impl Into<String>, value: impl Into<Define>) -> Self {
        self.defines.insert(name.into(), value.into());
        self
    }

    /// The folder that a file is in.
    pub(crate) fn beside(path: &Path) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Sources::new().folder(folder.unwrap_or(Path::new(".")))
    }

    /// Parses and validates the module whose entry points stand in the file at `path`, within the folder or not.
    ///
    /// # Errors
    ///
    /// As [`parse`](Sources::parse).
    pub fn parse_file(&self, path: impl AsRef<Path>) -> Result<Module> {
        compile::file(self, path.as_ref())
    }

    /// Parses and validates the module whose entry points stand in the file `root`, one that was added or one of the folder.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) where `root` cannot be read; [`Error::Wgsl`](crate::Error::Wgsl), with file and line,
    /// where something that is imported is not found, or where the text is not valid.
    pub fn parse(&self, root: &str) -> Result<Module> {
        compile::module(self, root)
    }
}

/// What a name is defined as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Define {
    /// True or false.
    Bool(bool),
    /// A number.
    Int(i64),
}

impl Define {
    /// How two of a kind compare.
    fn compare(&self, other: &Define) -> Option<Ordering> {
        match (self, other) {
            (Define::Bool(a), Define::Bool(b)) => Some(a.cmp(b)),
            (Define::Int(a), Define::Int(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// Whether it counts as true.
    fn holds(&self) -> bool {
        !matches!(self, Define::Bool(false) | Define::Int(0))
    }
}

impl From<bool> for Define {
    fn from(value: bool) -> Self {
        Define::Bool(value)
    }
}

impl From<i32> for Define {
    fn from(value: i32) -> Self {
        Define::Int(value.into())
    }
}

impl From<u32> for Define {
    fn from(value: u32) -> Self {
        Define::Int(value.into())
    }
}

impl FromStr for Define {
    type Err = ();

    /// `true`, `false`, or an integer as WGSL writes it.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "true" => Ok(Define::Bool(true)),
            "false" => Ok(Define::Bool(false)),
            _ => text.trim_end_matches(['i', 'u']).parse().map(Define::Int).map_err(|_| ()),
        }
    }
}

impl fmt::Display for Define {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Define::Bool(value) => write!(f, "{value}"),
            Define::Int(value) => write!(f, "{value}"),
        }
    }
}
