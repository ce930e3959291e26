//! `swath devices`.

use serde::Serialize;
use swath::{Device, DeviceKind, Runtime};

use super::{args::DevicesArgs, failure::Outcome, show};

#[derive(Serialize)]
struct Document {
    devices: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    device: String,
    name: String,
    kind: &'static str,
    backend: String,
    driver: String,
    memory_bytes: Option<u64>,
    features: Vec<&'static str>,
    limits: serde_json::Map<String, serde_json::Value>,
    /// What `auto` means.
    default: bool,
}

/// Runs the command.
pub fn devices(args: &DevicesArgs) -> Outcome {
    let runtime = Runtime::new()?;
    let default = runtime.device("auto").ok();
    if args.json {
        let entries = runtime.devices().iter().map(|device| entry(device, default.as_ref() == Some(device)));
        return show::json(&Document { devices: entries.collect() });
    }
    let mut text = String::new();
    for device in runtime.devices() {
        let info = device.info();
        let mark = if default.as_ref() == Some(device) { "   (auto)" } else { "" };
        text += &format!("{}: {}{mark}\n", device.alias(), info.name);
        text += &format!("  kind      {}\n", kind(info.kind));
        text += &format!("  backend   {}\n", info.backend);
        text += &format!("  driver    {}\n", info.driver);
        text += &format!("  memory    {}\n", info.memory.map_or("not known".into(), show::bytes));
        if !info.features.is_empty() {
            text += &format!("  features  {}\n", info.features.join(", "));
        }
        for (place, (name, value)) in info.limits.iter().enumerate() {
            let title = if place == 0 { "limits" } else { "" };
            text += &format!("  {title:9} {name} {}\n", limit(name, *value));
        }
        text.push('\n');
    }
    show::line(&text)
}

fn entry(device: &Device, default: bool) -> Entry {
    let info = device.info();
    Entry {
        device: device.alias().to_string(),
        name: info.name.clone(),
        kind: kind(info.kind),
        backend: info.backend.clone(),
        driver: info.driver.clone(),
        memory_bytes: info.memory,
        features: info.features.clone(),
        limits: info.limits.iter().map(|&(name, value)| (name.to_string(), value.into())).collect(),
        default,
    }
}

/// A limit for people: sizes as bytes with a unit, "no limit" where the type is full.
fn limit(name: &str, value: u64) -> String {
    match name {
        _ if value == u64::MAX => "no limit".into(),
        _ if ["BufferSize", "BindingSize", "StorageSize"].iter().any(|end| name.ends_with(end)) => {
            format!("{value} ({})", show::bytes(value))
        }
        _ => value.to_string(),
    }
}

/// A kind of device in words.
pub fn kind(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Cpu => "CPU engine",
        DeviceKind::DiscreteGpu => "discrete GPU",
        DeviceKind::IntegratedGpu => "integrated GPU",
        DeviceKind::VirtualGpu => "virtual GPU",
        DeviceKind::SoftwareGpu => "software GPU",
        _ => "GPU",
    }
}
