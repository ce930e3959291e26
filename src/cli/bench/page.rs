//! `--html`: the measurements as one page that needs nothing else.

use std::fmt::Write;

use super::{
    document::{Document, Row},
    roofline::roofline,
};
use crate::cli::show;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c1c22; --faint: #d5d5dd; --back: #fdfdfb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e4ea; --faint: #3c3c46; --back: #17171b; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back);
  max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
.size { font-weight: normal; opacity: .7; }
.bars { display: grid; grid-template-columns: 6rem 1fr 22rem; gap: .2rem .7rem; align-items: center; }
.bar { height: .9rem; min-width: 2px; border-radius: 2px; }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.wrong { color: #c22; font-weight: bold; }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; text-anchor: middle; }
.grid { stroke: var(--faint); fill: none; } .roof { stroke: var(--ink); stroke-width: 1.5; fill: none; }
.c0 { background: #8a8a94; fill: #8a8a94; } .c1 { background: #2f7ed8; fill: #2f7ed8; }
.c2 { background: #7fb2e5; fill: #7fb2e5; } .c3 { background: #e07b39; fill: #e07b39; }
.c4 { background: #3f9c5a; fill: #3f9c5a; } .c5 { background: #a05bb5; fill: #a05bb5; }
";

/// Colours in the style.
const COLOURS: usize = 6;

/// The page.
pub fn page(document: &Document) -> String {
    let mut devices: Vec<&str> = Vec::new();
    for row in &document.results {
        if !devices.contains(&row.on.as_str()) {
            devices.push(&row.on);
        }
    }
    let colour = |on: &str| devices.iter().position(|device| *device == on).unwrap_or(0) % COLOURS;

    let mut html = String::from("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n");
    html += "<meta name=\"viewport\" content=\"width=device-width\">\n<title>swath bench</title>\n";
    let _ = writeln!(html, "<style>{STYLE}</style>\n<h1>swath bench</h1>");
    let host = &document.host;
    let _ = writeln!(html, "<p>{}, {}, {} cores.</p>\n<ul>", escaped(&host.os), escaped(&host.arch), host.cores);
    for on in &devices {
        if let Some(row) = document.results.iter().find(|row| row.on == *on) {
            let _ = writeln!(html, "<li>{}: {}</li>", escaped(on), escaped(&row.device));
        }
    }
    html += "</ul>\n<p>Bars are speeds: longer is faster. Times are medians in the kernel, on data that is where it is \
             needed, everyone in turn in one run. The limit is what the machine was measured to do in that run: memory \
             with as much traffic, or multiplications and additions.</p>\n";
    let samples = document.results.chunk_by(|a, b| a.sample == b.sample);
    for rows in samples {
        bars(&mut html, rows, &colour);
    }
    html += "<h2>Roofline</h2>\n<p>Below the slope memory limits, below the flat part arithmetic. There are two slopes: \
             the least and the most that memory and its caches gave.</p>\n";
    html += &roofline(document, colour);
    html += "</html>\n";
    html
}

/// The bars of one sample.
fn bars(html: &mut String, rows: &[Row], colour: &impl Fn(&str) -> usize) {
    let (Some(first), median) = (rows.first(), |row: &Row| row.kernel_ms.map(|times| times.median)) else { return };
    let _ = writeln!(html, "<h2>{} <span class=\"size\">{}</span></h2>", escaped(&first.sample), escaped(&first.size));
    html.push_str("<div class=\"bars\">\n");
    let least = rows.iter().filter_map(median).fold(f64::INFINITY, f64::min);
    for row in rows {
        let percent = median(row).map_or(0.0, |median| 100.0 * least / median);
        let _ = writeln!(
            html,
            "<span>{}</span><span><div class=\"bar c{}\" style=\"width:{percent:.1}%\"></div></span><span class=\"number\">{}</span>",
            escaped(&row.on),
            colour(&row.on),
            numbers(row)
        );
    }
    html.push_str("</div>\n");
}

/// What stands beside a bar.
fn numbers(row: &Row) -> String {
    let mut text = match row.kernel_ms {
        Some(times) => format!("{} ms", show::digits(times.median)),
        None => "no time".to_owned(),
    };
    if let Some(speedup) = row.speedup.filter(|_| row.on != "native") {
        text += &format!(", {} x native", show::digits(speedup));
    }
    if row.limit.is_some() {
        text += &format!(", {}", row.nearness());
    }
    if !row.verified {
        let error = row.error.as_deref().unwrap_or("not verified");
        text += &format!(" <span class=\"wrong\">{}</span>", escaped(error));
    }
    text
}

/// Text that cannot be taken for markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::document::{Limit, Times};

    fn row(on: &str, median: f64, error: Option<&str>) -> Row {
        let limit =
            Limit { by: "memory".into(), percent: 62.0, gigabytes_per_second: 20.0, gigaoperations_per_second: 200.0 };
        Row {
            sample: "saxpy".into(),
            size: "4 elements".into(),
            on: on.into(),
            device: "a <device> & more".into(),
            kernel_ms: Some(Times { median, min: median, max: median, runs: 1 }),
            total_ms: None,
            gigabytes_per_second: Some(12.0),
            gigaoperations_per_second: Some(2.0),
            speedup: Some(1.0 / median),
            limit: Some(limit),
            verified: error.is_none(),
            error: error.map(str::to_owned),
            rate: String::new(),
            memory: Some(20.0),
        }
    }

    #[test]
    fn the_page_shows_every_row_and_nothing_as_markup() {
        let document = Document::new(vec![row("native", 1.0, None), row("cpu", 0.5, Some("off by 1 < 2"))]);
        let html = page(&document);
        assert!(html.contains("a &lt;device&gt; &amp; more") && !html.contains("<device>"), "{html}");
        assert!(html.contains("off by 1 &lt; 2"), "{html}");
        assert!(html.contains("width:50.0%") && html.contains("width:100.0%"), "{html}");
        assert!(html.contains("2.00 x native, 62.0 % of memory"), "{html}");
        assert_eq!(html.matches("<circle").count(), 2);
        // Nothing is fetched from anywhere.
        assert!(!html.contains("http") && !html.contains("src="), "{html}");
    }

    #[test]
    fn a_run_without_numbers_makes_a_page_too() {
        let mut empty = row("cpu", 1.0, None);
        empty.kernel_ms = None;
        empty.limit = None;
        (empty.gigabytes_per_second, empty.gigaoperations_per_second) = (None, None);
        let html = page(&Document::new(vec![empty]));
        assert!(html.contains("no time") && !html.contains("NaN") && !html.contains("inf"), "{html}");
        assert!(page(&Document::new(Vec::new())).contains("Roofline"));
    }
}
