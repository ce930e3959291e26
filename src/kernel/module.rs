//! WGSL modules: text in, entry points out.

use std::{fmt, path::Path, sync::Arc};

use naga::ShaderStage;

use super::{Kernel, diagnostic, names, read, source::Source, specialize};
use crate::error::{Error, Message, Result};

/// A parsed and validated WGSL module. Cheap to clone.
#[derive(Clone)]
pub struct Module {
    pub(super) inner: Arc<ModuleInner>,
}

pub(super) struct ModuleInner {
    pub source: Source,
    /// Where the text is from, for errors.
    pub file: Option<String>,
    pub module: naga::Module,
}

impl Module {
    /// Parses and validates WGSL text.
    ///
    /// # Errors
    ///
    /// [`Error::Wgsl`], with a caret at the source, where the text is not valid WGSL.
    ///
    /// ```
    /// let module = swath::Module::parse("@compute @workgroup_size(64) fn nothing() {}")?;
    /// assert_eq!(module.kernel_names().collect::<Vec<_>>(), ["nothing"]);
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn parse(wgsl: &str) -> Result<Module> {
        Module::parse_text(wgsl, None)
    }

    fn parse_text(wgsl: &str, file: Option<String>) -> Result<Module> {
        let wgsl = without_mark(wgsl);
        let module = read::module(wgsl)?;
        Ok(Module { inner: Arc::new(ModuleInner { source: Source::of(wgsl), file, module }) })
    }

    /// Parses and validates the WGSL file at `path`. With the feature `imports`, what it imports is looked for in its folder;
    /// `Sources` says more.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where it cannot be read, and as [`parse`](Module::parse).
    pub fn parse_file(path: impl AsRef<Path>) -> Result<Module> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = Message::new(format!("cannot be read: {error}")).subject(path.display().to_string());
            Error::Io(message.cause(error).help("check the path, and that the file is UTF-8 text"))
        })?;
        #[cfg(feature = "imports")]
        if super::text::is_foreign(&text) {
            return super::Sources::beside(path).parse_file(path);
        }
        let file = path.display().to_string();
        Module::parse_text(&text, Some(file.clone())).map_err(|error| diagnostic::in_file(Some(&file), error))
    }

    /// The names of the compute entry points, in the order of the text.
    pub fn kernel_names(&self) -> impl Iterator<Item = &str> + Clone {
        let entries = self.inner.module.entry_points.iter();
        entries.filter(|entry| entry.stage == ShaderStage::Compute).map(|entry| entry.name.as_str())
    }

    /// The kernel that is the compute entry point `name`.
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] where there is none of that name, or its override constants do not
    /// resolve; [`Error::Wgsl`] where it uses what is not supported (textures, samplers).
    pub fn kernel(&self, name: &str) -> Result<Kernel> {
        if !self.kernel_names().any(|kernel| kernel == name) {
            let stage = self.inner.module.entry_points.iter().find(|entry| entry.name == name).map(|entry| entry.stage);
            let message = match stage {
                Some(stage) => {
                    let stage = format!("{stage:?}").to_lowercase();
                    Message::new(format!("the entry point `{name}` is for the {stage} stage, not for compute"))
                }
                None => Message::new(format!("the module has no kernel `{name}`")),
            };
            let help = match self.kernel_names().next() {
                None => "mark a function with @compute @workgroup_size(64)".to_owned(),
                Some(_) => names::suggest(name, "its kernels are", self.kernel_names()),
            };
            return Err(Error::Kernel(message.help(help)));
        }
        specialize::kernel(self, name, &[])
    }

    /// The kernel of a module that has exactly one.
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] that lists them where there are several, and as [`kernel`](Module::kernel).
    pub fn only_kernel(&self) -> Result<Kernel> {
        let mut kernels = self.kernel_names();
        match (kernels.next(), kernels.next()) {
            (Some(name), None) => self.kernel(name),
            (None, _) => Err(Error::Kernel(
                Message::new("the module has no kernel").help("mark a function with @compute @workgroup_size(64)"),
            )),
            (Some(_), Some(_)) => Err(Error::Kernel(
                Message::new(format!("the module has several kernels: {}", names::list(self.kernel_names())))
                    .help("say which one by its name"),
            )),
        }
    }

    /// The kernel `name` with values for its override constants, by name or `@id` number. Needed
    /// only where [`Kernel::with_const`] comes too late: where a constant without a default decides
    /// whether the kernel makes sense at all, such as an array's length.
    ///
    /// # Errors
    ///
    /// As [`kernel`](Module::kernel) and [`Kernel::with_const`].
    pub fn kernel_with_consts(&self, name: &str, constants: &[(&str, f64)]) -> Result<Kernel> {
        if !self.kernel_names().any(|kernel| kernel == name) {
            return self.kernel(name);
        }
        let constants: Vec<_> = constants.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        specialize::kernel(self, name, &constants)
    }
}

/// A text without the byte order mark that some editors put in front of it.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("kernels", &self.kernel_names().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let module = Module::parse("\u{feff}@compute @workgroup_size(1) fn k() {}");
        assert_eq!(module.map(|module| module.kernel_names().count()).ok(), Some(1));
        let error = Module::parse("\u{feff}fn f() { y = 1; }").expect_err("there is no y").to_string();
        assert!(error.contains("wgsl:1:10"), "{error}");
    }
}
