//! The command line, as clap reads it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use swath::{parse_bytes, samples::Size};

#[cfg(feature = "imports")]
use super::values::DefineArg;
use super::values::{ConstArg, Extents, InArg, InoutArg, OutArg, SetArg, parse_positive_seconds};

const DEVICE_HELP: &str = "auto, cpu, gpu (the best), gpu:0, or a part of a device's name; several with commas between share the \
                           call, as do all that help with `all`";

/// Runs WGSL compute kernels over data of any size, on GPUs and on the CPU.
#[derive(Debug, Parser)]
#[command(name = "swath", version, about, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Exit status: 0 done, 1 the work failed, 2 the call was wrong. SWATH_LOG=info (or debug, trace) logs to stderr; \
                  SWATH_LOG=debug,naga=debug also what a library says."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List every device, the CPU engine included
    Devices(DevicesArgs),
    /// Run a shipped sample and verify it against its native reference
    Run(RunArgs),
    /// Run any compute kernel on .npy files
    #[command(after_long_help = EXEC_HELP)]
    Exec(Box<ExecArgs>),
    /// Parse, validate and reflect a kernel; run nothing
    Check(Box<CheckArgs>),
    /// Measure the samples on every device beside their native references
    Bench(BenchArgs),
    /// Print how a call would run: device, tiles and why, where its data is; run nothing
    Plan(Box<PlanArgs>),
    /// Find the fastest values of a kernel's override constants, on each device that is named; write no output
    Tune(Box<TuneArgs>),
    /// Show what was learned of kernels and devices, and where it is kept; or forget it
    History(HistoryArgs),
}

/// `swath devices`.
#[derive(Debug, Args)]
pub struct DevicesArgs {
    /// Probe what each device gets wrong, where that is not known, and measure what it can do at most, up to three times in all: the
    /// best counts
    #[arg(long)]
    pub measure: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `swath history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Forget all of it
    #[arg(long)]
    pub clear: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `swath run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Name of a sample, or `all`; without one the samples are listed
    pub sample: Option<String>,
    /// How much data: small, default, large, or a number whose meaning the sample says
    #[arg(long, value_name = "small|default|large|N", default_value = "default", conflicts_with = "input")]
    pub size: Size,
    /// Take the inputs from a file rather than make them; which samples take which files, the error says
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Where to run
    #[arg(long, value_name = "D", env = "SWATH_DEVICE", default_value = "auto", help = DEVICE_HELP)]
    pub device: String,
    /// Run on the CPU engine or on the one device that is named, and nowhere else: the same bits in every run
    #[arg(long)]
    pub reproducible: bool,
    /// Seed of the inputs
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Write when each device did what, in the Trace Event Format of Chrome and Perfetto
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Write what the sample makes (a PNG for pictures)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What the choice of a device is to save.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PreferArg {
    Time,
    Energy,
}

/// What a call of a kernel is made of; `exec` and `check` share it.
#[derive(Debug, Args)]
pub struct CallArgs {
    /// File with the WGSL
    #[arg(value_name = "KERNEL.wgsl")]
    pub kernel: PathBuf,
    /// Entry point, when the file has several
    #[arg(long, value_name = "NAME")]
    pub entry: Option<String>,
    /// Size of the grid in invocations
    #[arg(long, value_name = "X[,Y[,Z]]", allow_hyphen_values = true)]
    pub grid: Option<Extents>,
    /// Size of the grid in workgroups
    #[arg(long, value_name = "X[,Y[,Z]]", conflicts_with = "grid", allow_hyphen_values = true)]
    pub workgroups: Option<Extents>,
    /// Data that the kernel reads; with :DTYPE it is converted first. FILE.bin holds raw bytes, and `-` is stdin
    #[arg(long = "in", value_name = "NAME=FILE.npy[:DTYPE]")]
    pub inputs: Vec<InArg>,
    /// Data that the kernel reads and writes; without OUT.npy the file itself is replaced once the kernel is done, with :DTYPE it
    /// is converted first
    #[arg(long = "inout", value_name = "NAME=IN.npy[:OUT.npy[:DTYPE]]")]
    pub inouts: Vec<InoutArg>,
    /// Data that the kernel writes, zero at the start. FILE.bin gets raw bytes and has no DTYPE, and `-` is stdout
    #[arg(long = "out", value_name = "NAME=FILE.npy:DTYPE[:SHAPE]")]
    pub outputs: Vec<OutArg>,
    /// A uniform or one field of it; vectors as comma lists
    #[arg(long = "set", value_name = "NAME[.FIELD]=VALUE", allow_hyphen_values = true)]
    pub sets: Vec<SetArg>,
    /// An override constant, by its name or its @id; for `swath tune` also several values with commas between
    #[arg(long = "const", value_name = "OVERRIDE=VALUE", allow_hyphen_values = true)]
    pub consts: Vec<ConstArg>,
    /// The folder that files are imported from; without it that of the kernel's file
    #[cfg(feature = "imports")]
    #[arg(long, value_name = "FOLDER")]
    pub modules: Option<PathBuf>,
    /// Define a name for #ifdef, #if and @if: true, or an integer, true or false
    #[cfg(feature = "imports")]
    #[arg(long = "define", value_name = "NAME[=VALUE]", allow_hyphen_values = true)]
    pub defines: Vec<DefineArg>,
    /// Where to run
    #[arg(long, value_name = "D", env = "SWATH_DEVICE", default_value = "auto", help = DEVICE_HELP)]
    pub device: String,
    /// Most device memory that the data may take, like 256MiB: what needs more runs in tiles
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, allow_negative_numbers = true)]
    pub memory: Option<u64>,
    /// Number of tiles; without it as few as the device allows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    pub tiles: Option<u32>,
    /// Run on the CPU engine or on the one device that is named, and nowhere else: the same bits in every run
    #[arg(long)]
    pub reproducible: bool,
    /// What the choice of a device is to save, where none is named
    #[arg(long, value_name = "time|energy", default_value = "time", hide_possible_values = true)]
    pub prefer: PreferArg,
}

/// `swath exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    #[command(flatten)]
    pub call: CallArgs,
    /// Run it so often; every repetition starts from the same contents
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000), allow_negative_numbers = true)]
    pub repeat: u32,
    /// Give up, with status 1 and no file touched, when the runs take longer than this
    #[arg(long, value_name = "SECONDS", value_parser = parse_positive_seconds, allow_negative_numbers = true)]
    pub timeout: Option<std::time::Duration>,
    /// Write when each device did what, in the Trace Event Format of Chrome and Perfetto
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Record in FILE what is done, so that the same command goes on from there after it was stopped or killed
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// Print one JSON document with the times
    #[arg(long)]
    pub json: bool,
}

/// `swath check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub call: CallArgs,
    /// Print an inner form of the kernel instead
    #[arg(long, value_name = "WHAT")]
    pub emit: Option<Emit>,
    /// Run under the sanitizer (not in this version)
    #[arg(long, hide = true)]
    pub run: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What `check --emit` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Emit {
    /// The program in the intermediate representation
    Ir,
    /// The machine code of the CPU engine, with the WGSL lines it came from
    Asm,
}

/// `swath bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Names of samples; all of them when none is given
    pub samples: Vec<String>,
    /// Devices, separated by commas, cpu:interp (the CPU engine's interpreter) among them; all when none is given
    #[arg(long, value_name = "D[,D...]", value_delimiter = ',')]
    pub device: Vec<String>,
    /// How much data: small, default, large, or a number whose meaning the sample says
    #[arg(long, value_name = "small|default|large|N")]
    pub size: Option<Size>,
    /// Seed of the inputs
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Write the measurements to a file, or to stdout with `-`
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write one self-contained page with bars and a roofline
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Compare with an earlier --json file
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Let no call leave its device, and without --device measure the CPU engine alone: the same bits in every run
    #[arg(long)]
    pub reproducible: bool,
    /// Small inputs and few repetitions: does it work, rather than how fast is it
    #[arg(long)]
    pub quick: bool,
}

/// `swath plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub call: CallArgs,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `swath tune`.
#[derive(Debug, Args)]
pub struct TuneArgs {
    #[command(flatten)]
    pub call: CallArgs,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

const EXEC_HELP: &str = "\
Names are those of the WGSL variables. Options can be repeated.

DTYPE is f32, i32, u32, f16, or vec2f .. vec4f, vec2i .. vec4i, vec2u .. vec4u, vec2h .. vec4h: a vector type is a \
last axis of 2, 3 or 4 in the .npy file. NumPy's own float64 and int64 are refused, unless :DTYPE asks for a \
conversion.

SHAPE is like 480,640 or 480x640, in NumPy's order. Left out, a binding of fixed size has its own shape, and one of \
any size has the grid's: --grid X gives (X,), --grid X,Y gives (Y, X), --grid X,Y,Z gives (Z, Y, X).

Arrays are packed in the .npy file and laid out as WGSL says on the device: array<vec3f> takes (N, 3) floats, and \
(N, 4) if the padding is in the file. An array of structs whose fields are all of one scalar type takes those \
scalars in the order of the fields, padding left out (or kept, if the last axis counts it).

Structs are also read from an array of records (a structured dtype), each field by its name: vectors are sub-arrays, \
matrices sub-arrays of columns. Padding and further fields may be there or not. --inout keeps the file's dtype, and --out \
NAME=FILE.npy:struct writes the struct's fields without padding.

FILE.bin holds the bytes as WGSL lays them out, padding included: --in NAME=FILE.bin, --inout NAME=IN.bin:OUT.bin, --out \
NAME=FILE.bin[:SHAPE]. `-` in place of a file is a .npy on stdin, or on stdout for one result.

Fields of a uniform that are not set are an error, save those whose names start with an underscore or with `pad`: \
they stay zero. --set and --in serve uniforms and read-only storage alike. Integers may be written as 0xff or 1e6.

With --device auto, a call that the CPU engine has done sooner than a GPU is opened runs there.

The grid may be left out where every output is an array that is written element by element along x.

With --checkpoint, results are built in hidden files beside their places, and take their names when all is done; the same \
command then says so and does nothing. To start anew, remove FILE and FILE.data. Changed inputs are refused.

Files are written when everything is done, and not at all on an error. Large ones (16 MiB) are mapped rather than read, so \
that data larger than memory streams from disk to disk: let nothing change them meanwhile.

Examples:
  swath exec saxpy.wgsl --grid 1000000 --set params.a=2.5 --in x=x.npy --inout y=y.npy
  swath exec blur.wgsl --grid 640,480 --in src=in.npy --out dst=out.npy:f32 --device gpu --json";
