//! Records as lines of text.

use super::super::{Ceilings, DeviceId, Fingerprint, Record, Seen};
use crate::digest::checksum;

/// What the file begins with; the number is that of this layout and of what predictions are compared with.
pub const HEADER: &[u8; 16] = b"swath learned 1\n";

/// Letters of a name that are kept.
const NAME: usize = 80;

/// The records of a file.
#[derive(Debug, Default)]
pub struct Parsed {
    pub records: Vec<Record>,
    /// Lines that are damaged.
    pub damaged: usize,
    pub is_other_version: bool,
}

/// Reads a file, and leaves out what is damaged.
pub fn parse(bytes: &[u8]) -> Parsed {
    if bytes.is_empty() {
        return Parsed::default();
    }
    let Some(lines) = bytes.strip_prefix(HEADER) else {
        return Parsed { is_other_version: true, ..Parsed::default() };
    };
    let mut parsed = Parsed::default();
    for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        match str::from_utf8(line).ok().and_then(record) {
            Some(record) => parsed.records.push(record),
            None => parsed.damaged += 1,
        }
    }
    parsed
}

fn record(line: &str) -> Option<Record> {
    let (sum, text) = line.split_once('\t')?;
    if u64::from_str_radix(sum, 16).ok()? != checksum(text.as_bytes()) {
        return None;
    }
    let mut fields = text.split('\t');
    let record = match fields.next()? {
        "device" => {
            let (id, name) = (DeviceId(fingerprint(fields.next()?)?), fields.next()?.to_owned());
            let values: Vec<f64> = fields.next()?.split(',').map(|value| value.parse().ok()).collect::<Option<_>>()?;
            Record::Device { id, name, ceilings: Ceilings::from_values(values.try_into().ok()?)? }
        }
        "runs" => {
            let (device, kernel) = (DeviceId(fingerprint(fields.next()?)?), fingerprint(fields.next()?)?);
            let class = fields.next()?.parse().ok()?;
            let count = fields.next()?.parse().ok()?;
            let name = fields.next()?.to_owned();
            let last = finite(fields.next()?)?;
            Record::Runs { seen: Seen { device, kernel, class }, name, last, count }
        }
        "tuned" => {
            let (device, kernel) = (DeviceId(fingerprint(fields.next()?)?), fingerprint(fields.next()?)?);
            let seen = Seen { device, kernel, class: fields.next()?.parse().ok()? };
            let (name, on) = (fields.next()?.to_owned(), fields.next()?.to_owned());
            let constants = fields.next()?.split(',').filter(|text| !text.is_empty()).map(constant);
            Record::Tuned { seen, name, on, constants: constants.collect::<Option<_>>()? }
        }
        "probe" => {
            let (id, version) = (DeviceId(fingerprint(fields.next()?)?), fields.next()?.parse().ok()?);
            let (device, probe) = (fields.next()?.to_owned(), fields.next()?.to_owned());
            let failed = fields.next()?.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            Record::Probe { id, device, version, probe, failed }
        }
        "power" => {
            let (id, name) = (DeviceId(fingerprint(fields.next()?)?), fields.next()?.to_owned());
            Record::Power { id, name, last: finite(fields.next()?)? }
        }
        _ => return None,
    };
    fields.next().is_none().then_some(record)
}

/// Numbers with commas between.
fn finite(text: &str) -> Option<Vec<f32>> {
    let number = |text: &str| text.parse().ok().filter(|number: &f32| number.is_finite());
    text.split(',').map(number).collect()
}

fn fingerprint(text: &str) -> Option<Fingerprint> {
    u128::from_str_radix(text, 16).ok().map(Fingerprint)
}

fn constant(text: &str) -> Option<(String, f64)> {
    let (name, value) = text.split_once('=')?;
    let value: f64 = value.parse().ok()?;
    value.is_finite().then(|| (name.to_owned(), value))
}

/// Adds a record as a line.
pub fn line(record: &Record, to: &mut Vec<u8>) {
    let text = match record {
        Record::Device { id, name, ceilings } => {
            format!("device\t{}\t{}\t{}", id.0, plain(name), list(&ceilings.values()))
        }
        Record::Runs { seen: Seen { device, kernel, class }, name, last, count } => {
            format!("runs\t{}\t{kernel}\t{class}\t{count}\t{}\t{}", device.0, plain(name), list(last))
        }
        Record::Tuned { seen: Seen { device, kernel, class }, name, on, constants } => {
            // Names of constants are words of WGSL, or numbers.
            let constants: Vec<String> = constants.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let (name, on, constants) = (plain(name), plain(on), constants.join(","));
            format!("tuned\t{}\t{kernel}\t{class}\t{name}\t{on}\t{constants}", device.0)
        }
        Record::Probe { id, device, version, probe, failed } => {
            format!("probe\t{}\t{version}\t{}\t{probe}\t{}", id.0, plain(device), failed.join(","))
        }
        Record::Power { id, name, last } => format!("power\t{}\t{}\t{}", id.0, plain(name), list(last)),
    };
    to.extend_from_slice(format!("{:016x}\t{text}\n", checksum(text.as_bytes())).as_bytes());
}

fn list(values: &[impl ToString]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A name on one line, of a bounded length.
fn plain(name: &str) -> String {
    name.chars().take(NAME).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
