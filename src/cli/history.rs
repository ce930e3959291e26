//! `swath history`: what was learned.

use serde::Serialize;
use swath::{
    History,
    cost::{LearnedDevice, LearnedKernel, TunedKernel},
};

use super::{
    args::HistoryArgs,
    devices::{self, CeilingsEntry},
    failure::{Failure, Outcome},
    show,
};

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    /// Where it is kept; nothing where that is nowhere.
    file: Option<String>,
    devices: Vec<DeviceEntry>,
    kernels: Vec<KernelEntry>,
    tuned: Vec<TunedEntry>,
}

#[derive(Serialize)]
struct TunedEntry {
    kernel: String,
    fingerprint: String,
    device: String,
    size: i16,
    /// The fastest values; empty where those are that the author wrote.
    constants: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct DeviceEntry {
    device: String,
    ceilings: CeilingsEntry,
}

#[derive(Serialize)]
struct KernelEntry {
    kernel: String,
    fingerprint: String,
    device: String,
    /// Operations and bytes of its calls together are about two to the power of this.
    size: i16,
    /// How many times as long as the device's ceilings say it takes.
    factor: f64,
    observations: u64,
}

/// Runs the command.
pub fn history(args: &HistoryArgs) -> Outcome {
    let history = History::from_environment();
    let path = history.path();
    let place = path.as_ref().map_or_else(|| "nowhere (SWATH_HISTORY)".to_owned(), |path| path.display().to_string());
    let failed = |error| Failure::Failed(format!("{place}: {error}"));
    if args.clear {
        history.clear().map_err(failed)?;
        if !args.json {
            return show::line(&format!("forgotten: {place}"));
        }
    }
    let (devices, kernels) = history.learned().map_err(failed)?;
    let tuned = history.tuned().map_err(failed)?;
    if args.json {
        return show::json(&document(path.map(|path| path.display().to_string()), &devices, &kernels, &tuned));
    }
    show::line(&text(&place, &devices, &kernels, &tuned))
}

fn document(
    file: Option<String>,
    devices: &[LearnedDevice],
    kernels: &[LearnedKernel],
    tuned: &[TunedKernel],
) -> Document {
    let device = |device: &LearnedDevice| DeviceEntry {
        device: device.name.clone(),
        ceilings: CeilingsEntry::new(&device.ceilings),
    };
    let kernel = |kernel: &LearnedKernel| KernelEntry {
        kernel: kernel.name.clone(),
        fingerprint: kernel.fingerprint.clone(),
        device: kernel.device.clone(),
        size: kernel.size,
        factor: kernel.factor,
        observations: kernel.observations,
    };
    let constants =
        |tuned: &TunedKernel| tuned.constants.iter().map(|(name, value)| (name.clone(), (*value).into())).collect();
    let tuned = tuned.iter().map(|tuned| TunedEntry {
        kernel: tuned.name.clone(),
        fingerprint: tuned.fingerprint.clone(),
        device: tuned.device.clone(),
        size: tuned.size,
        constants: constants(tuned),
    });
    Document {
        file,
        devices: devices.iter().map(device).collect(),
        kernels: kernels.iter().map(kernel).collect(),
        tuned: tuned.collect(),
    }
}

fn text(place: &str, devices: &[LearnedDevice], kernels: &[LearnedKernel], tuned: &[TunedKernel]) -> String {
    let mut text = format!("kept in {place}\n");
    if devices.is_empty() {
        text += "no device was measured (swath devices --measure does it)\n";
    }
    for device in devices {
        text += &format!("\n{}\n", device.name);
        devices::ceilings(&device.ceilings).iter().for_each(|line| text += &format!("  {line}\n"));
    }
    if !tuned.is_empty() {
        let mut table = show::table(&["kernel", "size", "constants", "device"], &[1]);
        for TunedKernel { name, size, constants, device, .. } in tuned {
            let constants: Vec<String> = constants.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            let constants = if constants.is_empty() { "as they are written".to_owned() } else { constants.join(", ") };
            table.add_row([name.clone(), format!("2^{size}"), constants, device.clone()]);
        }
        text += &format!("\nthe fastest constants where a call leaves them open\n{table}\n");
    }
    if kernels.is_empty() {
        text += "no kernel was seen\n";
        return text;
    }
    let mut table = show::table(&["kernel", "size", "calls", "of its ceiling", "device"], &[1, 2, 3]);
    for kernel in kernels {
        table.add_row([
            kernel.name.clone(),
            format!("2^{}", kernel.size),
            kernel.observations.to_string(),
            format!("{} x", show::digits(kernel.factor)),
            kernel.device.clone(),
        ]);
    }
    text += &format!("\nhow long kernels take, as multiples of what the device's ceilings say\n{table}\n");
    text
}
