//! The CPU engine as a program that serves, like the native one: so that a race can have it on other threads.

use std::{
    fs,
    io::{self, BufRead, Write},
};

use swath::Runtime;

use crate::{
    Outcome,
    cases::{Case, ENTRIES},
    racer::{Engine, Racer},
};

/// Answers the requests on stdin.
pub fn serve() -> Outcome {
    let mut engine = Engine::new("jit", Runtime::cpu()?, "cpu")?;
    let mut case = None;
    let mut stdout = io::stdout().lock();
    for request in io::stdin().lock().lines() {
        let answer = answer(&mut engine, &mut case, &request?).unwrap_or_else(|reason| format!("error {reason}"));
        writeln!(stdout, "{answer}")?;
        stdout.flush()?;
    }
    Ok(())
}

fn answer(engine: &mut Engine, prepared: &mut Option<Case>, request: &str) -> Outcome<String> {
    let words: Vec<_> = request.split_whitespace().collect();
    let done = "ok".to_owned();
    if let ["prepare", name] = words[..] {
        let entry = ENTRIES.iter().find(|entry| entry.name == name).ok_or("there is no such kernel")?;
        engine.prepare(prepared.insert((entry.case)()))?;
        return Ok(done);
    }
    let case = prepared.as_ref().ok_or("no kernel is prepared")?;
    match words[..] {
        ["run", _, count] => {
            let times = engine.run(case, count.parse()?)?;
            Ok(times.iter().map(|time| time.as_nanos().to_string()).collect::<Vec<_>>().join(" "))
        }
        ["result", _, file] => {
            fs::write(file, bytemuck::cast_slice::<u32, u8>(&engine.result(case)?))?;
            Ok(done)
        }
        ["release", _] => {
            engine.release(case)?;
            Ok(done)
        }
        _ => Err(format!("`{request}` is not a request").into()),
    }
}
