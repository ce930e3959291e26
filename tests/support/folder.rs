//! A folder in which the command runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// A folder with kernels and arrays, removed in the end.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).expect("a file in the temporary folder");
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// An array of `u32`, as NumPy writes it.
    pub fn array(&self, name: &str, values: impl IntoIterator<Item = u32>) {
        self.write(name, array(&values.into_iter().collect::<Vec<_>>()));
    }

    /// The names of all files, hidden ones too.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).expect("the folder is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    /// `swath` with these words; none has a space in it.
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_swath"));
        command.current_dir(self.root()).env_remove("SWATH_DEVICE").args(words.split_whitespace());
        // Signals that whoever started the tests ignores would be ignored here, too.
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // SAFETY: `signal` may be called between fork and exec, and nothing else is.
            unsafe {
                command.pre_exec(|| {
                    [libc::SIGINT, libc::SIGHUP].into_iter().for_each(|signal| _ = libc::signal(signal, libc::SIG_DFL));
                    Ok(())
                });
            }
        }
        command
    }

    pub fn swath(&self, words: &str) -> Output {
        self.command(words).output().expect("swath starts")
    }

    /// Starts it, with its output in pipes.
    pub fn start(&self, words: &str) -> Child {
        self.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("swath starts")
    }

    /// Runs it and expects that all went well. What it said on stderr.
    pub fn runs(&self, words: &str) -> String {
        self.fails(words, 0)
    }

    /// Runs it and expects this status. What it said on stderr.
    pub fn fails(&self, words: &str, status: i32) -> String {
        let output = self.swath(words);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "swath {words}\n{stderr}");
        stderr
    }
}

/// The bytes of a `.npy` file.
pub fn array(values: &[u32]) -> Vec<u8> {
    let mut header = format!("{{'descr': '<u4', 'fortran_order': False, 'shape': ({},), }}", values.len());
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}
