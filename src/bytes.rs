//! Numbers of bytes for people.

use std::fmt;

/// A number of bytes for people: `1.5 MiB`.
pub(crate) struct Bytes(pub u64);

/// A number of bytes that is compared with a limit, to the last one: `1572865 bytes (1.5 MiB)`.
pub(crate) fn exact_bytes(bytes: u64) -> String {
    if bytes < 1024 { format!("{bytes} bytes") } else { format!("{bytes} bytes ({})", Bytes(bytes)) }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while value >= 1024.0 && unit + 1 < units.len() {
            value /= 1024.0;
            unit += 1;
        }
        write!(f, "{value:.1} {}", units[unit])
    }
}

/// A number of bytes: `4096`, `256MiB`, `1.5GB`, `64k`.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        other => return Err(format!("`{other}` is not a unit; write 4096, 256MiB, 2GiB or 1.5GB")),
    };
    let number = number.replace('_', "");
    let bytes = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(unit),
        Err(_) if unit == 1 => None,
        Err(_) => number.parse::<f64>().ok().map(|part| part * unit as f64).filter(|&b| b < 9e18).map(|b| b as u64),
    };
    match bytes {
        Some(0) => Err("0 bytes hold nothing; write something like 256MiB".into()),
        Some(bytes) => Ok(bytes),
        None => Err("write a number of bytes like 4096, 256MiB, 2GiB or 1.5GB".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        for (text, bytes) in [("4096", 4096), ("256MiB", 256 << 20), ("1.5GB", 1_500_000_000), ("64k", 65536)] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for bad in ["", "0", "MiB", "1XB", "-1", "1.5", "0.5B", "99999999999999999999"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
    }
}
