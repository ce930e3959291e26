//! Programs that serve: the kernels by hand, built here in two ways, and this benchmark's own engine on other threads.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use crate::{Outcome, cases::Case, racer::Racer};

/// How the native program is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// As `cargo build --release` does by itself: for any processor of the architecture.
    Default,
    /// For the processor of this machine.
    Cpu,
}

impl Build {
    pub fn column(self) -> &'static str {
        match self {
            Build::Default => "native",
            Build::Cpu => "native-cpu",
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Build::Default => "Rust and rayon, cargo build --release",
            Build::Cpu => "Rust and rayon, cargo build --release with -C target-cpu=native",
        }
    }

    /// Builds the native program; where it is. One that was built before is in the folder that `SWATH_NATIVE` names, under
    /// the name of the column.
    pub fn program(self) -> Outcome<PathBuf> {
        if let Some(folder) = env::var_os("SWATH_NATIVE") {
            return Ok(Path::new(&folder).join(self.column()).with_extension(env::consts::EXE_EXTENSION));
        }
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/native/Cargo.toml");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("native").join(self.column());
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--release", "--locked", "--quiet", "--manifest-path"]).arg(&manifest);
        cargo.env("CARGO_TARGET_DIR", &target).env_remove("CARGO_ENCODED_RUSTFLAGS");
        match self {
            Build::Default => cargo.env_remove("RUSTFLAGS"),
            Build::Cpu => cargo.env("RUSTFLAGS", "-C target-cpu=native"),
        };
        if !cargo.status()?.success() {
            return Err(format!("`{}` does not build", manifest.display()).into());
        }
        Ok(target.join("release").join("swath-bench-native").with_extension(env::consts::EXE_EXTENSION))
    }
}

/// A program that answers requests, as `benches/native` says.
pub struct Served {
    column: String,
    description: String,
    /// What it runs, whatever the case is called.
    kernel: Option<&'static str>,
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Served {
    /// The native program, built as `build` says.
    pub fn native(build: Build) -> Outcome<Self> {
        let program = build.program()?;
        Served::start(build.column(), build.describe(), &mut Command::new(&program))
            .map_err(|error| format!("`{}`: {error}", program.display()).into())
    }

    /// What `command` starts.
    pub fn start(column: impl Into<String>, description: impl Into<String>, command: &mut Command) -> Outcome<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or("the program has no stdout")?);
        Ok(Served { column: column.into(), description: description.into(), kernel: None, child, requests, answers })
    }

    /// The same program, racing with another of its kernels.
    pub fn with_kernel(mut self, kernel: &'static str, column: &str, description: &str) -> Self {
        self.kernel = Some(kernel);
        column.clone_into(&mut self.column);
        description.clone_into(&mut self.description);
        self
    }

    fn kernel(&self, case: &Case) -> &'static str {
        self.kernel.unwrap_or(case.name)
    }

    fn ask(&mut self, request: &str) -> Outcome<String> {
        let requests = self.requests.as_mut().ok_or("the program has no stdin")?;
        writeln!(requests, "{request}")?;
        requests.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        match answer.trim_end() {
            "" => Err(format!("{}: `{request}` ended the program", self.column).into()),
            answer => match answer.strip_prefix("error ") {
                Some(reason) => Err(format!("{}: {reason}", self.column).into()),
                None => Ok(answer.to_owned()),
            },
        }
    }
}

impl Racer for Served {
    fn column(&self) -> &str {
        &self.column
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn prepare(&mut self, case: &Case) -> Outcome {
        self.ask(&format!("prepare {}", self.kernel(case))).map(drop)
    }

    fn run(&mut self, case: &Case, count: usize) -> Outcome<Vec<Duration>> {
        let answer = self.ask(&format!("run {} {count}", self.kernel(case)))?;
        let times = answer.split(' ').map(|nanoseconds| nanoseconds.parse().map(Duration::from_nanos));
        Ok(times.collect::<Result<_, _>>()?)
    }

    fn result(&mut self, case: &Case) -> Outcome<Vec<u32>> {
        let file = tempfile::NamedTempFile::new()?;
        let path = file.path().to_str().ok_or("the name of the folder for temporary files is not Unicode")?;
        self.ask(&format!("result {} {path}", self.kernel(case)))?;
        let bytes = fs::read(path)?;
        Ok(bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    fn release(&mut self, case: &Case) -> Outcome {
        self.ask(&format!("release {}", self.kernel(case))).map(drop)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It ends with its stdin; there is nobody to tell if it does not.
        self.requests = None;
        let _ = self.child.wait();
    }
}
