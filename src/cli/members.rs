//! The devices that shared a call, for people and for programs.

use serde::Serialize;
use swath::{Device, FaultReport, MemberReport};

use super::show;

/// What `--json` says of a device that shared a call.
#[derive(Serialize)]
pub struct MemberEntry {
    device: String,
    units: u32,
    tiles: u32,
    busy_ms: f64,
    idle_ms: f64,
    bytes_up: u64,
    bytes_down: u64,
}

/// The entries of all members; none where one device ran all of it.
pub fn entries(members: &[MemberReport]) -> Vec<MemberEntry> {
    let entry = |member: &MemberReport| MemberEntry {
        device: member.device().name().to_owned(),
        units: member.units(),
        tiles: member.tiles(),
        busy_ms: show::millis(member.busy_time()),
        idle_ms: show::millis(member.idle_time()),
        bytes_up: member.bytes_up(),
        bytes_down: member.bytes_down(),
    };
    members.iter().map(entry).collect()
}

/// A line about each member.
pub fn lines(members: &[MemberReport]) -> Vec<String> {
    members.iter().map(ToString::to_string).collect()
}

/// What `--json` says of something that failed and was done again.
#[derive(Serialize)]
pub struct FaultEntry {
    device: String,
    error: String,
    out: bool,
}

/// The entries of all faults.
pub fn faults(faults: &[FaultReport]) -> Vec<FaultEntry> {
    let entry = |fault: &FaultReport| FaultEntry {
        device: fault.device().name().to_owned(),
        error: fault.error().to_string(),
        out: fault.is_out(),
    };
    faults.iter().map(entry).collect()
}

/// The devices that a call was to run on, in one phrase: those that shared it, or `device`.
pub fn names(device: &Device, members: &[MemberReport]) -> String {
    let names: Vec<&str> = members.iter().filter(|m| m.units() > 0).map(|member| member.device().name()).collect();
    if names.is_empty() { device.name().to_owned() } else { names.join(" + ") }
}
