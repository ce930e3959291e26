//! `swath bench`: every sample on both executors of the CPU engine, on every GPU, and natively, side by side.

mod document;
mod limits;
mod measure;
mod page;
mod roofline;

use std::{path::Path, time::Duration};

use swath::{
    Runtime,
    samples::{self, Sample, Size},
};

use self::{
    document::{Baseline, Document, Row, Times, is_stdout},
    measure::{Contender, Effort},
};
use super::{
    args::BenchArgs,
    failure::{Failure, Outcome},
    results,
    show::{self, Progress},
};

/// What the CPU engine's interpreter is called here, where it stands beside the compiler.
const INTERPRETER: &str = "cpu:interp";

/// Runs the command.
pub fn bench(args: &BenchArgs) -> Outcome {
    let samples = chosen_samples(&args.samples)?;
    let baseline = args.baseline.as_deref().map(document::read_baseline).transpose()?;
    let files = [args.json.as_deref(), args.html.as_deref()];
    for path in files.into_iter().flatten().filter(|path| !is_stdout(path)) {
        results::check_target(path)?;
    }
    if args.html.as_deref().is_some_and(is_stdout) {
        return Err(Failure::wrong("--html writes a file, not to stdout", "name one, such as bench.html"));
    }
    let mut contenders = match (args.device.as_slice(), args.reproducible) {
        ([], true) => contenders(&["cpu".to_owned()], &Runtime::new()?)?,
        (names, _) => contenders(names, &Runtime::new()?)?,
    };
    contenders.iter_mut().for_each(|contender| contender.is_reproducible = args.reproducible);
    let size = args.size.unwrap_or(if args.quick { Size::Small } else { Size::Default });
    let effort = if args.quick { Effort::QUICK } else { Effort::FULL };

    let progress = Progress::new((samples.len() * (contenders.len() + 1)) as u64, "");
    let mut rows = Vec::new();
    let mut arithmetic = limits::host_arithmetic();
    for sample in samples {
        let field = (&*contenders, &mut arithmetic);
        rows.extend(measure::side_by_side(sample, size, args.seed, field, &effort, &progress)?);
    }
    drop(progress);
    for row in &mut rows {
        let contender = contenders.iter().find(|contender| contender.alias == row.on);
        row.limit_by(contender.and_then(|contender| contender.gigaoperations).unwrap_or(arithmetic));
    }

    let table = table(&rows, &contenders, baseline.as_ref());
    match args.json.as_deref() {
        Some(path) if is_stdout(path) => eprintln!("{table}"),
        _ => show::line(&table)?,
    }
    let failed: Vec<String> =
        rows.iter().filter(|row| !row.verified).map(|row| format!("{} on {}", row.sample, row.on)).collect();
    let document = Document::new(rows);
    if let Some(path) = args.json.as_deref() {
        document.save(path)?;
    }
    if let Some(path) = args.html.as_deref() {
        write_page(path, &document)?;
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Failed(format!("not verified: {}", failed.join(", ")))) }
}

fn write_page(path: &Path, document: &Document) -> Outcome {
    results::write_text(path, &page::page(document))
}

fn chosen_samples(names: &[String]) -> Outcome<Vec<&'static dyn Sample>> {
    if names.is_empty() || names.iter().any(|name| name == "all") {
        return Ok(samples::all().to_vec());
    }
    names.iter().map(|name| Ok(samples::find(name)?)).collect()
}

/// The devices that are named; both executors of the CPU engine and every GPU where none is.
fn contenders(names: &[String], runtime: &Runtime) -> Outcome<Vec<Contender>> {
    let mut contenders: Vec<Contender> = Vec::new();
    let mut add = |runtime: &Runtime, name: &str, alias: Option<&str>| -> Outcome {
        let device = runtime.device(name)?;
        let alias = alias.unwrap_or(device.alias()).to_owned();
        if contenders.iter().any(|contender| contender.alias == alias) {
            return Ok(());
        }
        let measured = !limits::is_host(&device);
        let gigaoperations = measured.then(|| limits::gpu_arithmetic(runtime, &device)).transpose()?;
        contenders.push(Contender { runtime: runtime.clone(), device, alias, is_reproducible: false, gigaoperations });
        Ok(())
    };
    if names.is_empty() || names.iter().any(|name| name == "all") {
        let (engines, gpus): (Vec<_>, Vec<_>) = runtime.devices().iter().partition(|device| device.alias() == "cpu");
        for engine in engines {
            add(runtime, engine.alias(), None)?;
            if !engine.info().driver.starts_with("interp") {
                add(&interpreter()?, "cpu", Some(INTERPRETER))?;
            }
        }
        for gpu in gpus {
            add(runtime, gpu.alias(), None)?;
        }
        return Ok(contenders);
    }
    for name in names {
        if name.trim() == INTERPRETER {
            add(&interpreter()?, "cpu", Some(INTERPRETER))?;
        } else {
            add(runtime, name, None)?;
        }
    }
    Ok(contenders)
}

#[cfg(feature = "cpu")]
fn interpreter() -> Outcome<Runtime> {
    Ok(Runtime::cpu_interpreter()?)
}

#[cfg(not(feature = "cpu"))]
fn interpreter() -> Outcome<Runtime> {
    Err(Failure::wrong(format!("`{INTERPRETER}`: this build has no CPU engine"), "build with the feature `cpu`"))
}

fn table(rows: &[Row], contenders: &[Contender], baseline: Option<&Baseline>) -> String {
    let mut header = vec![
        "sample",
        "size",
        "on",
        "kernel",
        "least to most",
        "with transfers",
        "rate",
        "of the limit",
        "vs native",
        "verified",
    ];
    if baseline.is_some() {
        header.push("vs baseline");
    }
    let mut table = show::table(&header, &[3, 4, 5, 6, 7, 8, 10]);
    let mut before = "";
    for row in rows {
        let (sample, size) = if row.sample == before { ("", "") } else { (row.sample.as_str(), row.size.as_str()) };
        before = &row.sample;
        let time = |ms: f64| show::time(Duration::from_secs_f64(ms / 1e3));
        let times = |times: Option<Times>, show: &dyn Fn(Times) -> String| times.map_or("-".to_string(), show);
        let mut cells = vec![
            sample.to_string(),
            size.to_string(),
            row.on.clone(),
            times(row.kernel_ms, &|times| time(times.median)),
            times(row.kernel_ms, &|times| format!("{} to {}", time(times.min), time(times.max))),
            times(row.total_ms, &|times| time(times.median)),
            row.rate.clone(),
            row.nearness(),
            row.speedup.map_or("-".into(), |speedup| format!("{} x", show::digits(speedup))),
            if row.verified { "yes".into() } else { "NO".into() },
        ];
        if let Some(baseline) = baseline {
            let earlier = baseline.get(&row.key()).zip(row.kernel_ms);
            cells.push(
                earlier.map_or("-".into(), |(&earlier, now)| format!("{} x", show::digits(earlier / now.median))),
            );
        }
        table.add_row(cells);
    }
    let mut text: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    text += "\nnative: the sample's reference in Rust, on all cores, from memory to memory\n";
    for contender in contenders {
        let info = contender.device.info();
        text += &format!("{}: {} ({})\n", contender.alias, info.name, info.driver);
    }
    text += "the limit: memory with as much traffic, or multiplications and additions, measured in this run\n";
    for row in rows {
        if let Some(error) = &row.error {
            text += &format!("{} on {}: {error}\n", row.sample, row.on);
        }
    }
    text
}
