//! `swath devices`.

use serde::Serialize;
use swath::{Device, DeviceKind, Runtime, cost::Ceilings};

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
    /// What it can do at most, if that was measured.
    ceilings: Option<CeilingsEntry>,
    /// What it gets wrong, if it was probed.
    failed_probes: Option<Vec<ProbeEntry>>,
    /// What `auto` means where nothing is known of a call.
    default: bool,
}

#[derive(Serialize)]
struct ProbeEntry {
    name: String,
    tested: String,
}

/// What a device can do at most. Rates are a second; where it works in the host's memory there is nothing to copy.
#[derive(Serialize)]
pub struct CeilingsEntry {
    launch_us: f64,
    compile_ms: f64,
    up_bytes: Option<f64>,
    down_bytes: Option<f64>,
    memory_bytes: f64,
    operations: f64,
    operations_of_one_workgroup: f64,
    accesses: f64,
    atomics: f64,
    workgroups: f64,
}

impl CeilingsEntry {
    pub fn new(ceilings: &Ceilings) -> CeilingsEntry {
        let finite = |rate: f64| rate.is_finite().then_some(rate);
        CeilingsEntry {
            launch_us: 1e6 * ceilings.launch,
            compile_ms: 1e3 * ceilings.compile,
            up_bytes: finite(ceilings.up),
            down_bytes: finite(ceilings.down),
            memory_bytes: ceilings.memory,
            operations: ceilings.arithmetic,
            operations_of_one_workgroup: ceilings.lone,
            accesses: ceilings.access,
            atomics: ceilings.atomic,
            workgroups: ceilings.workgroups,
        }
    }
}

/// What a device can do at most, in lines.
pub fn ceilings(ceilings: &Ceilings) -> Vec<String> {
    let time = |seconds: f64| show::time(std::time::Duration::from_secs_f64(seconds.clamp(0.0, 1e6)));
    let giga = |rate: f64| show::digits(rate * 1e-9);
    let mut lines = vec![format!("a call {}, compiling {}", time(ceilings.launch), time(ceilings.compile))];
    if ceilings.up.is_finite() {
        lines.push(format!("up {} GB/s, down {} GB/s", giga(ceilings.up), giga(ceilings.down)));
    }
    lines.push(format!("memory {} GB/s, caches {} G accesses/s", giga(ceilings.memory), giga(ceilings.access)));
    lines.push(format!(
        "{} G operations/s, {} of one workgroup, {} G atomics/s",
        giga(ceilings.arithmetic),
        giga(ceilings.lone),
        giga(ceilings.atomic)
    ));
    lines
}

/// Runs the command.
pub fn devices(args: &DevicesArgs) -> Outcome {
    let runtime = Runtime::new()?;
    if args.measure {
        runtime.probe();
        runtime.measure_again();
    }
    let default = runtime.device("auto").ok();
    if args.json {
        let entries = runtime.devices().iter().map(|device| entry(&runtime, device, default.as_ref() == Some(device)));
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
        if let Some(known) = runtime.ceilings(device) {
            for (place, line) in ceilings(&known).iter().enumerate() {
                text += &format!("  {:9} {line}\n", if place == 0 { "at most" } else { "" });
            }
        }
        for (place, line) in trust(&runtime, device).iter().enumerate() {
            text += &format!("  {:9} {line}\n", if place == 0 { "trust" } else { "" });
        }
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

/// What a device gets wrong, in lines; none for the CPU engine, with which others are compared.
fn trust(runtime: &Runtime, device: &Device) -> Vec<String> {
    if device.kind() == DeviceKind::Cpu {
        return Vec::new();
    }
    match runtime.failed_probes(device).as_deref() {
        None => vec!["not probed yet: a first call does it, or --measure".to_owned()],
        Some([]) => vec!["passes all probes".to_owned()],
        Some(failed) => {
            let line = |probe: &swath::FailedProbe| format!("gets wrong: {} ({})", probe.name, probe.tested);
            failed.iter().map(line).collect()
        }
    }
}

fn entry(runtime: &Runtime, device: &Device, default: bool) -> Entry {
    let info = device.info();
    Entry {
        device: device.alias().to_string(),
        name: info.name.clone(),
        kind: kind(info.kind),
        backend: info.backend.clone(),
        driver: info.driver.clone(),
        memory_bytes: info.memory,
        features: info.features.clone(),
        ceilings: runtime.ceilings(device).map(|ceilings| CeilingsEntry::new(&ceilings)),
        failed_probes: runtime.failed_probes(device).map(|failed| {
            failed.into_iter().map(|probe| ProbeEntry { name: probe.name, tested: probe.tested }).collect()
        }),
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
