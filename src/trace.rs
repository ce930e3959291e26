//! Traces: what the calls of a runtime do and when, for a viewer.

use std::{
    fmt,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use crate::{
    exec::trace::{Event, Recorder},
    file::Output,
};

/// Records what the calls of a [`Runtime`](crate::Runtime) do and when, until it is dropped.
///
/// Each device has a row for what it, or the thread that feeds it, is busy with: compiling, uploads, kernels, downloads,
/// waiting. Where several devices share a call, or one goes through it in tiles, further rows have its claims, each from when
/// its units were taken until their results were in place. A GPU's kernels are drawn so that they end when their results
/// had arrived, for its clock is not the host's.
///
/// ```
/// let rt = swath::Runtime::cpu()?;
/// let trace = rt.trace();
/// let module = rt.module(
///     "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
///      @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
///          if id.x < arrayLength(&y) { y[id.x] = id.x; }
///      }",
/// )?;
/// let mut y = vec![0u32; 100_000];
/// rt.call(&module.kernel("count")?).write("y", &mut y).grid([100_000]).tiles(4).run()?;
/// let mut json = Vec::new();
/// trace.write(&mut json).expect("memory takes it");
/// assert!(String::from_utf8_lossy(&json).contains("\"name\":\"kernel\""));
/// # Ok::<(), swath::Error>(())
/// ```
#[must_use = "nothing is recorded once the trace is dropped"]
pub struct Trace {
    recorder: Arc<Recorder>,
}

impl Trace {
    pub(crate) fn new(recorder: Arc<Recorder>) -> Trace {
        Trace { recorder }
    }

    /// Writes what was recorded so far as JSON in the
    /// [Trace Event Format](https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU), which
    /// `chrome://tracing` and [Perfetto](https://ui.perfetto.dev) show. Times are in microseconds since the trace began.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let recorded = self.recorder.recorded();
        write!(out, "{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[")?;
        for (number, name) in recorded.rows.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let name = Text(name);
            write!(
                out,
                "{comma}\n{{\"ph\":\"M\",\"pid\":1,\"tid\":{number},\"name\":\"thread_name\",\"args\":{{\"name\":{name}}}}}"
            )?;
        }
        for Event { row, activity, kernel, start, took, units } in &recorded.events {
            let (name, kernel) = (activity.name(), Text(kernel));
            let (start, took) = (start.as_nanos() as f64 / 1e3, took.as_nanos() as f64 / 1e3);
            write!(
                out,
                ",\n{{\"ph\":\"X\",\"pid\":1,\"tid\":{row},\"ts\":{start:.3},\"dur\":{took:.3},\"name\":\"{name}\","
            )?;
            write!(out, "\"args\":{{\"kernel\":{kernel}")?;
            if let Some(units) = units {
                write!(out, ",\"first_unit\":{},\"units\":{}", units.start, units.end - units.start)?;
            }
            write!(out, "}}}}")?;
        }
        writeln!(out, "\n]}}")
    }

    /// Writes what was recorded so far to a file, as [`write`](Trace::write) does. The file is complete, or as it was.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn save(&self, file: impl AsRef<Path>) -> io::Result<()> {
        let mut out = io::BufWriter::new(Output::create(file.as_ref())?);
        self.write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.commit()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("events", &self.recorder.recorded().events.len()).finish()
    }
}

/// Text as a JSON string.
struct Text<'t>(&'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"")?;
        for c in self.0.chars() {
            match c {
                '"' => write!(f, "\\\"")?,
                '\\' => write!(f, "\\\\")?,
                c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        write!(f, "\"")
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn names_are_json() {
        assert_eq!(Text("a \"b\" \\ \n").to_string(), "\"a \\\"b\\\" \\\\ \\u000a\"");
    }
}
