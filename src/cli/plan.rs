//! `swath plan`: how a call would run.

use serde::Serialize;
use swath::{
    Predicted,
    access::Verdict,
    plan::{Plan, Reason, Residency},
};

use super::{
    access::{AXES, word},
    args::PlanArgs,
    bind::{Purpose, bind},
    exec::{call, leaves_device_open, say_where},
    failure::Outcome,
    kernel::{check_constants, device_name, load_kernel, load_module, runtime},
    show,
};

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    kernel: String,
    device: String,
    /// The device that was asked for and cannot hold the call, and why.
    detour: Option<DetourEntry>,
    /// Why one device runs all of it, where several were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsplit: Option<String>,
    /// Why several devices share it, though none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared: Option<String>,
    /// The constants that the call leaves open, where they were tuned for the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    tuned: Option<String>,
    /// The shape of the workgroups that the device runs, where that is not the author's.
    #[serde(skip_serializing_if = "Option::is_none")]
    shape: Option<[u32; 3]>,
    workgroups: [u32; 3],
    tiles: TilesEntry,
    reasons: Vec<ReasonEntry>,
    bindings: Vec<BindingEntry>,
    device_bytes: u64,
    /// What it is predicted to take, on the device that was chosen first; empty where nothing is known.
    predicted: Vec<PredictedEntry>,
    /// The plans of the devices that share the call, this one's first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<Document>,
}

#[derive(Serialize)]
struct PredictedEntry {
    device: String,
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    joules: Option<f64>,
    observations: u64,
}

#[derive(Serialize)]
struct DetourEntry {
    device: String,
    reason: String,
}

#[derive(Serialize)]
struct TilesEntry {
    count: u32,
    /// The axis that is cut.
    axis: &'static str,
    /// Workgroups along that axis.
    units: u32,
    units_per_tile: u32,
}

#[derive(Serialize)]
struct ReasonEntry {
    /// `binding_limit`, `memory`, `dispatch_limit`, `asked`, `progress` or `checkpoint`.
    kind: &'static str,
    text: String,
}

#[derive(Serialize)]
struct BindingEntry {
    name: String,
    bytes: u64,
    /// `uniform`, `host`, `resident`, `whole` or `streamed`.
    residency: &'static str,
    verdict: &'static str,
    stride: Option<i64>,
    halo: Option<[u64; 2]>,
    operation: Option<&'static str>,
    reason: String,
    line: Option<u32>,
    tile_bytes: u64,
}

/// Runs the command.
pub fn plan(args: &PlanArgs) -> Outcome {
    let module = load_module(&args.call)?;
    let kernel = load_kernel(&args.call, &module)?;
    check_constants(&args.call, &module, &kernel)?;
    let mut slots = bind(&kernel, &args.call, Purpose::Look)?;
    let runtime = runtime(&args.call.device)?;
    if device_name(&args.call.device) == "auto" {
        // What the choice is made from, known from here on.
        runtime.measure();
    }
    let job = call(&args.call, &runtime, &kernel, &mut slots)?.plan()?;
    if args.json {
        let members: Vec<Document> = job.plans().map(document).collect();
        let members = if members.len() > 1 { members } else { Vec::new() };
        let predicted = job.predictions().iter().map(predicted).collect();
        return show::json(&Document { members, predicted, ..document(job.plan()) });
    }
    show::line(job.to_string().trim_end())?;
    if cfg!(feature = "cpu") && leaves_device_open(&args.call) && job.is_brief() {
        show::line("exec opens no GPU for it: the CPU engine has done it sooner than that takes")?;
    }
    say_where(&args.call, &job);
    Ok(())
}

fn document(plan: &Plan) -> Document {
    Document {
        kernel: plan.kernel.clone(),
        device: plan.device.clone(),
        detour: plan
            .detour
            .as_ref()
            .map(|detour| DetourEntry { device: detour.device.clone(), reason: detour.reason.clone() }),
        unsplit: plan.unsplit.clone(),
        shared: plan.shared.clone(),
        tuned: plan.tuned.clone(),
        shape: plan.shape,
        workgroups: plan.workgroups,
        tiles: TilesEntry {
            count: plan.tiles.count(),
            axis: AXES[plan.tiles.axis()],
            units: plan.tiles.units(),
            units_per_tile: plan.tiles.units_per_tile(),
        },
        reasons: plan.reasons.iter().map(reason).collect(),
        bindings: plan.bindings.iter().map(binding).collect(),
        device_bytes: plan.device_bytes,
        predicted: Vec::new(),
        members: Vec::new(),
    }
}

fn predicted(predicted: &Predicted) -> PredictedEntry {
    let names = std::iter::once(predicted.device()).chain(predicted.others()).map(|device| device.name());
    PredictedEntry {
        device: names.collect::<Vec<_>>().join(" + "),
        ms: show::millis(predicted.time()),
        joules: predicted.energy(),
        observations: predicted.observations(),
    }
}

fn reason(reason: &Reason) -> ReasonEntry {
    let kind = match reason {
        Reason::Binding { .. } => "binding_limit",
        Reason::Memory { .. } => "memory",
        Reason::Dispatch { .. } => "dispatch_limit",
        Reason::Asked { .. } => "asked",
        Reason::Progress => "progress",
        Reason::Checkpoint => "checkpoint",
        _ => "other",
    };
    ReasonEntry { kind, text: reason.to_string() }
}

fn binding(binding: &swath::plan::Binding) -> BindingEntry {
    let residency = match binding.residency {
        Residency::Uniform => "uniform",
        Residency::Host => "host",
        Residency::Resident => "resident",
        Residency::Whole => "whole",
        Residency::Streamed => "streamed",
        _ => "other",
    };
    let (stride, halo) = match binding.verdict {
        Verdict::Sliced { stride, halo, .. } => (Some(stride), Some(halo)),
        _ => (None, None),
    };
    let operation = if let Verdict::Merged(merge) = binding.verdict { Some(merge.name()) } else { None };
    BindingEntry {
        name: binding.name.clone(),
        bytes: binding.bytes,
        residency,
        verdict: word(binding.verdict),
        stride,
        halo,
        operation,
        reason: binding.reason.clone(),
        line: binding.place.as_ref().map(|place| place.line),
        tile_bytes: binding.tile_bytes,
    }
}
