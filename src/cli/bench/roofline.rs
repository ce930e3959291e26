//! The roofline: how fast each run was over how many operations it does for each byte, below what the machine can do.
//!
//! Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model for Multicore Architectures"
//! (2009).

use std::fmt::Write;

use super::document::{Document, Limit, Row};
use crate::cli::show;

/// Size of the drawing, and the margins where the axes are labelled.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 45.0;
const TOP: f64 = 15.0;
const RIGHT: f64 = 20.0;

/// A logarithmic axis.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// Whole decades around `values`, drawn between two places.
    fn around(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Axis {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| *value > 0.0 && value.is_finite()) {
            low = low.min(value.log10().floor());
            high = high.max(value.log10().ceil());
        }
        if low > high {
            Axis { low: 0.0, high: 1.0, from, to }
        } else {
            Axis { low, high: high.max(low + 1.0), from, to }
        }
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (self.to - self.from) * (value.log10() - self.low) / (self.high - self.low)
    }

    /// The powers of ten on it.
    fn decades(&self) -> impl Iterator<Item = f64> {
        (self.low as i32..=self.high as i32).map(|power| 10.0_f64.powi(power))
    }
}

/// A point: operations for each byte, and 10^9 operations a second.
fn point(row: &Row) -> Option<(f64, f64)> {
    let (operations, bytes) = row.gigaoperations_per_second.zip(row.gigabytes_per_second)?;
    (operations > 0.0 && bytes > 0.0).then(|| (operations / bytes, operations))
}

/// The drawing as SVG. `colour` gives the number of a device's colour.
pub fn roofline(document: &Document, colour: impl Fn(&str) -> usize) -> String {
    let rows = &document.results;
    let limits: Vec<&Limit> = rows.iter().filter_map(|row| row.limit.as_ref()).collect();
    let points = || rows.iter().filter_map(point);
    let x = Axis::around(points().map(|(intensity, _)| intensity), LEFT, WIDTH - RIGHT);
    let roofs = limits.iter().map(|limit| limit.gigaoperations_per_second);
    let y = Axis::around(points().map(|(_, rate)| rate).chain(roofs), HEIGHT - BOTTOM, TOP);

    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Roofline\">\n");
    axes(&mut svg, &x, &y);
    for roof in distinct_roofs(&limits) {
        draw_roof(&mut svg, &x, &y, roof);
    }
    for row in rows {
        let Some((intensity, rate)) = point(row) else { continue };
        let _ = writeln!(
            svg,
            "<circle class=\"c{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"><title>{} on {}: {} Gop/s</title></circle>",
            colour(&row.on),
            x.at(intensity),
            y.at(rate),
            row.sample,
            row.on,
            show::digits(rate)
        );
    }
    // Each sample stands over one intensity: its name goes below its points.
    let mut named: Vec<&str> = Vec::new();
    for row in rows {
        if let Some((intensity, _)) = point(row).filter(|_| !named.contains(&row.sample.as_str())) {
            let low = rows.iter().filter(|other| other.sample == row.sample).filter_map(point);
            let low = low.map(|(_, rate)| rate).fold(f64::INFINITY, f64::min);
            let _ = writeln!(
                svg,
                "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x.at(intensity),
                (y.at(low) + 18.0).min(HEIGHT - BOTTOM - 4.0),
                row.sample
            );
            named.push(&row.sample);
        }
    }
    svg += "</svg>\n";
    svg
}

fn axes(svg: &mut String, x: &Axis, y: &Axis) {
    for value in x.decades() {
        let (at, bottom) = (x.at(value), HEIGHT - BOTTOM);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/>");
        let _ = writeln!(svg, "<text class=\"tick\" x=\"{at:.1}\" y=\"{:.1}\">{value}</text>", bottom + 16.0);
    }
    for value in y.decades() {
        let (at, right) = (y.at(value), WIDTH - RIGHT);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>");
        let left = LEFT - 22.0;
        let _ = writeln!(svg, "<text class=\"tick\" x=\"{left}\" y=\"{:.1}\">{value}</text>", at + 4.0);
    }
    let middle = 0.5 * (LEFT + WIDTH - RIGHT);
    let _ = writeln!(svg, "<text class=\"tick\" x=\"{middle}\" y=\"{}\">operations for each byte</text>", HEIGHT - 8.0);
    let across = 0.5 * (TOP + HEIGHT - BOTTOM);
    let _ = writeln!(
        svg,
        "<text class=\"tick\" x=\"14\" y=\"{across}\" transform=\"rotate(-90 14 {across})\">10⁹ operations a second</text>"
    );
}

/// A machine's arithmetic, and the least and most that its memory gave: caches help where there is little traffic.
struct Roof {
    operations: f64,
    memory: [f64; 2],
}

fn distinct_roofs(limits: &[&Limit]) -> Vec<Roof> {
    let mut roofs: Vec<Roof> = Vec::new();
    for limit in limits {
        let (operations, bytes) = (limit.gigaoperations_per_second, limit.gigabytes_per_second);
        match roofs.iter_mut().find(|roof| roof.operations == operations) {
            Some(Roof { memory: [least, most], .. }) => (*least, *most) = (least.min(bytes), most.max(bytes)),
            None => roofs.push(Roof { operations, memory: [bytes; 2] }),
        }
    }
    roofs
}

fn draw_roof(svg: &mut String, x: &Axis, y: &Axis, roof: Roof) {
    let (left, right) = (10.0_f64.powf(x.low), 10.0_f64.powf(x.high));
    let bottom = 10.0_f64.powf(y.low);
    for bytes in roof.memory {
        // From where the slope enters the drawing to where arithmetic takes over.
        let start = left.max(bottom / bytes);
        let ridge = (roof.operations / bytes).clamp(start, right);
        let (from, to) = ((bytes * start).min(roof.operations), (bytes * ridge).min(roof.operations));
        let _ = writeln!(
            svg,
            "<path class=\"roof\" d=\"M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}\"><title>{} GB/s, {} Gop/s</title></path>",
            x.at(start),
            y.at(from),
            x.at(ridge),
            y.at(to),
            x.at(right),
            y.at((bytes * right).min(roof.operations)),
            show::digits(bytes),
            show::digits(roof.operations)
        );
    }
}
