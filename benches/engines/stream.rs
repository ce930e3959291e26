//! Saxpy over more than the caches hold, beside what memory can do with the same mix of reads and writes.

use serde_json::json;
use swath::Runtime;

use crate::{
    Outcome, cases,
    inputs::STREAM,
    native::{Build, Served},
    options::Options,
    race::{self, Times},
    racer::{Engine, Racer},
    reference, report,
};

/// Reads x and y, writes y.
const BYTES: f64 = 3.0 * 4.0 * STREAM as f64;

/// Prints the rates and their ratio; whether all results were right.
pub fn stream(options: &Options) -> Outcome<bool> {
    let case = cases::stream();
    let mut racers: Vec<Box<dyn Racer>> = vec![
        Box::new(Engine::new("jit", Runtime::cpu()?, "cpu")?),
        Box::new(Served::native(Build::Default)?),
        Box::new(Served::native(Build::Cpu)?),
        Box::new(Served::native(Build::Default)?.with_kernel("stream_avx2", "avx2", "unrolled by hand with std::arch")),
    ];
    if cfg!(not(target_arch = "x86_64")) {
        racers.pop();
    }
    let mut all = vec![Times::default(); racers.len()];
    let allowed = reference::stream(&case);
    for (racer, times) in racers.iter_mut().zip(&mut all) {
        racer.prepare(&case)?;
        racer.run(&case, 1)?;
        let found = racer.result(&case)?;
        times.correct = found.len() == STREAM && found.iter().all(|word| allowed.holds(f32::from_bits(*word).into()));
        if !times.correct {
            eprintln!("{}: a wrong result", racer.column());
        }
    }
    race::turns(&case, &mut racers, &mut all, options)?;

    println!("y = a x + y over {:.0} MB, of which {:.0} MB go through memory", 8e-6 * STREAM as f64, 1e-6 * BYTES);
    println!("{:12} {:>10} {:>10}", "", "median ms", "GB/s");
    let rate = |times: &Times| BYTES / (times.median() * 1e6);
    for (racer, times) in racers.iter().zip(&all) {
        println!("{:12} {:>10.3} {:>10.2}   {}", racer.column(), times.median(), rate(times), racer.describe());
    }
    let limit = all[1..].iter().map(rate).fold(0.0, f64::max);
    let ratio = rate(&all[0]) / limit;
    println!("the engine reaches {:.1} % of the best native rate", 100.0 * ratio);
    if let Some(path) = &options.json {
        let rates = racers.iter().zip(&all).map(|(racer, times)| (racer.column().to_owned(), json!(rate(times))));
        let rates: serde_json::Map<_, _> = rates.collect();
        report::save(path, &json!({"version": 1, "gigabytes_per_second": rates, "ratio": ratio}))?;
    }
    Ok(all.iter().all(|times| times.correct))
}
