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
