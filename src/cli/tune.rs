//! `swath tune`: the fastest values of override constants.

use serde::Serialize;
use swath::{Runtime, Tuned, TunedDevice, TunedVariant};

use super::{
    args::TuneArgs,
    bind::{Purpose, bind},
    exec::call,
    failure::{Failure, Outcome},
    kernel::{kernel_with, load_module},
    show,
    values::ConstArg,
};

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    kernel: String,
    devices: Vec<DeviceEntry>,
}

#[derive(Serialize)]
struct DeviceEntry {
    device: String,
    /// The fastest values; empty for those that are written, nothing where no variant is right.
    best: Option<serde_json::Map<String, serde_json::Value>>,
    /// Whether calls that leave the constants and the device open will use them.
    kept: bool,
    variants: Vec<VariantEntry>,
}

#[derive(Serialize)]
struct VariantEntry {
    constants: serde_json::Map<String, serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_ms: Option<f64>,
    runs: usize,
    /// Where its results differ from those of the first variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong: Option<String>,
    /// Why the device does not run it.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// Runs the command.
pub fn tune(args: &TuneArgs) -> Outcome {
    let call_args = &args.call;
    if call_args.reproducible {
        return Err(Failure::wrong("--reproducible calls use no tuned constants", "leave it out"));
    }
    let (open, given): (Vec<&ConstArg>, Vec<&ConstArg>) =
        call_args.consts.iter().partition(|constant| !constant.others.is_empty());
    if open.is_empty() {
        return Err(Failure::wrong(
            "there is nothing to tune",
            "list values of an override constant: --const WG=32,64,128",
        ));
    }
    let module = load_module(call_args)?;
    let kernel = kernel_with(call_args, &module, &given)?;
    let mut slots = bind(&kernel, call_args, Purpose::Look)?;
    // Not the CPU engine alone where that is asked for: what is found is kept for calls that choose.
    let runtime = Runtime::new()?;
    let values: Vec<(&str, Vec<f64>)> =
        open.iter().map(|constant| (constant.name.as_str(), constant.values())).collect();
    let values: Vec<(&str, &[f64])> = values.iter().map(|(name, values)| (*name, values.as_slice())).collect();
    let mut failure = None;
    let tuned = kernel.tune(&runtime, &values, |_| {
        call(call_args, &runtime, &kernel, &mut slots).unwrap_or_else(|error| {
            failure = Some(error);
            runtime.call(&kernel)
        })
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    let tuned = tuned?;
    if args.json {
        show::json(&document(&tuned))?;
    } else {
        show::line(&text(&tuned))?;
    }
    let wrong: Vec<String> = tuned
        .wrong()
        .map(|(on, variant, place)| format!("with {} on {}: {place}", words(variant), on.device().name()))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!("kernel `{}` gives other results {}", kernel.name(), wrong.join("; "))))
}

fn document(tuned: &Tuned) -> Document {
    let variant = |variant: &TunedVariant| {
        let is_timed = variant.runs() > 0;
        VariantEntry {
            constants: object(variant),
            kernel_ms: is_timed.then(|| show::millis(variant.kernel_time())),
            total_ms: is_timed.then(|| show::millis(variant.total_time())),
            runs: variant.runs(),
            wrong: variant.difference().map(str::to_owned),
            refused: variant.refusal().map(str::to_owned),
        }
    };
    let device = |on: &TunedDevice| DeviceEntry {
        device: on.device().name().to_owned(),
        best: on.best().map(object),
        kept: on.is_kept(),
        variants: on.variants().iter().map(variant).collect(),
    };
    Document { kernel: tuned.kernel().name().to_owned(), devices: tuned.devices().iter().map(device).collect() }
}

fn object(variant: &TunedVariant) -> serde_json::Map<String, serde_json::Value> {
    variant.constants().iter().map(|(name, value)| (name.clone(), (*value).into())).collect()
}

/// The constants of a variant in words.
fn words(variant: &TunedVariant) -> String {
    match variant.constants() {
        [] => "as it is written".to_owned(),
        constants => constants.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", "),
    }
}

fn text(tuned: &Tuned) -> String {
    let mut text = String::new();
    for on in tuned.devices() {
        text += &format!("{} on {} ({})\n", tuned.kernel().name(), on.device().name(), on.device().alias());
        let mut table = show::table(&["constants", "kernel", "in all", "runs", ""], &[1, 2, 3]);
        for variant in on.variants() {
            let is_best = on.best().is_some_and(|best| best.constants() == variant.constants());
            let note = match (variant.difference(), variant.refusal()) {
                (Some(place), _) => format!("WRONG: {place}"),
                (None, Some(why)) => format!("does not run: {why}"),
                (None, None) if is_best => "fastest".to_owned(),
                (None, None) => String::new(),
            };
            let time = |time| if variant.runs() > 0 { show::time(time) } else { String::new() };
            let (kernel, total) = (time(variant.kernel_time()), time(variant.total_time()));
            table.add_row([words(variant), kernel, total, variant.runs().to_string(), note]);
        }
        text += &format!("{table}\n");
        text += &match (on.best(), on.is_kept()) {
            (None, _) => "nothing is kept: no variant is right there\n\n".to_owned(),
            (Some(best), true) if best.constants().is_empty() => {
                "kept: calls go on with what is written\n\n".to_owned()
            }
            (Some(best), true) => {
                format!("kept: calls that leave the constants and the device open take {} there\n\n", words(best))
            }
            (Some(best), false) => {
                format!("not kept (SWATH_HISTORY=off, --workgroups, or no default): give {}\n\n", flags(best))
            }
        };
    }
    text
}

/// The constants of a variant as the command takes them.
fn flags(variant: &TunedVariant) -> String {
    let flags = variant.constants().iter().map(|(name, value)| format!("--const {name}={value}"));
    let flags: Vec<String> = flags.collect();
    if flags.is_empty() { "no --const".to_owned() } else { flags.join(" ") }
}
