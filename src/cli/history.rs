//! `swath history`: what was learned.

use serde::Serialize;
use swath::{
    History,
    cost::{LearnedDevice, LearnedKernel},
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
    if args.json {
        return show::json(&document(path.map(|path| path.display().to_string()), &devices, &kernels));
    }
    show::line(&text(&place, &devices, &kernels))
}

fn document(file: Option<String>, devices: &[LearnedDevice], kernels: &[LearnedKernel]) -> Document {
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
    Document { file, devices: devices.iter().map(device).collect(), kernels: kernels.iter().map(kernel).collect() }
}

fn text(place: &str, devices: &[LearnedDevice], kernels: &[LearnedKernel]) -> String {
    let mut text = format!("kept in {place}\n");
    if devices.is_empty() {
        text += "no device was measured (swath devices --measure does it)\n";
    }
    for device in devices {
        text += &format!("\n{}\n", device.name);
        devices::ceilings(&device.ceilings).iter().for_each(|line| text += &format!("  {line}\n"));
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
