//! What a case says about the machine code that the CPU engine makes of its kernel.

mod listing;
mod trials;

use std::fmt::Write;

use swath::{Device, Error};

use self::listing::{Instruction, Listing};
use super::header::Case;

pub use trials::own_trials;

/// One `asm` line of a header.
pub struct Claim {
    /// The line as it was written, for messages.
    text: String,
    scope: Scope,
    has: Vec<Has>,
    lacks: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// All instructions of the kernel.
    Whole,
    /// Those of some loop: of any one that does what the claim says.
    Loop,
    /// Those of some stretch without jumps into it or within it.
    Block,
}

/// A pattern, and how many instructions must match it.
struct Has {
    pattern: String,
    count: Count,
}

#[derive(Clone, Copy)]
enum Count {
    AtLeast(usize),
    Exactly(usize),
}

/// Messages show this many instructions at most.
const SHOWN: usize = 80;

impl Claim {
    /// Reads what stands behind the word `asm`.
    ///
    /// # Errors
    ///
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<Claim, String> {
        let usage = "write `asm has: PATTERN`, `asm lacks: PATTERN`, or the same after `asm loop` or `asm block`";
        let mut claim = Claim { text: format!("asm {text}"), scope: Scope::Whole, has: Vec::new(), lacks: Vec::new() };
        let mut rest = text.trim();
        for (word, scope) in [("loop ", Scope::Loop), ("block ", Scope::Block)] {
            if let Some(clauses) = rest.strip_prefix(word) {
                claim.scope = scope;
                rest = clauses.trim_start();
            }
        }
        while !rest.is_empty() {
            let (word, after) = rest.split_once(':').ok_or(usage)?;
            let end = ["has:", "lacks:"].iter().filter_map(|next| after.find(next)).min().unwrap_or(after.len());
            let patterns = after[..end].split(';').map(str::trim);
            match word {
                "has" => patterns.map(Has::parse).try_for_each(|has| has.map(|has| claim.has.push(has)))?,
                "lacks" => claim.lacks.extend(patterns.map(str::to_owned)),
                _ => return Err(usage.into()),
            }
            rest = &after[end..];
        }
        let patterns = || claim.has.iter().map(|has| &has.pattern).chain(&claim.lacks);
        if patterns().next().is_none() || patterns().any(|pattern| pattern.is_empty()) {
            return Err(usage.into());
        }
        if claim.scope != Scope::Whole && claim.has.is_empty() {
            return Err("say what the loop or block has, lest any one will do".into());
        }
        Ok(claim)
    }

    /// Compares the claim with the code.
    ///
    /// # Errors
    ///
    /// Says which part of it does not hold, and shows the instructions in question.
    fn check(&self, code: &Listing) -> Result<(), String> {
        let outcome = match self.scope {
            Scope::Whole => self.problems(&code.instructions, true),
            Scope::Loop => self.check_any("loops", &code.loops()),
            Scope::Block => self.check_any("blocks", &code.blocks()),
        };
        match outcome.as_str() {
            "" => Ok(()),
            problems => Err(format!("`{}`:\n{problems}", self.text)),
        }
    }

    /// What is wrong if none of the `parts` is as the claim says: with the one that comes nearest to it.
    fn check_any(&self, kind: &str, parts: &[Vec<Instruction>]) -> String {
        // Of parts that are equally wrong, the shortest: outer loops hold what inner ones do.
        let wrong = |part: &&Vec<Instruction>| (self.problems(part, false).lines().count(), part.len());
        let Some(nearest) = parts.iter().min_by_key(wrong) else { return format!("  the code has no {kind}\n") };
        match self.problems(nearest, false) {
            problems if problems.is_empty() => problems,
            problems => {
                let of = parts.len();
                format!("  none of {of} {kind} is like that; the nearest:\n{problems}{}", show(nearest))
            }
        }
    }

    /// One line for each pattern that is not met; where `shown`, with the instructions that must not be there.
    fn problems(&self, code: &[Instruction], shown: bool) -> String {
        let mut problems = String::new();
        for Has { pattern, count } in &self.has {
            let found = matching(code, pattern);
            let wanted = match *count {
                Count::AtLeast(n) if found.len() < n => format!("at least {n}"),
                Count::Exactly(n) if found.len() != n => n.to_string(),
                _ => continue,
            };
            let _ = writeln!(problems, "  `{pattern}`: {} instructions, expected {wanted}", found.len());
            if shown {
                problems += &show(&found);
            }
        }
        for pattern in &self.lacks {
            let found = matching(code, pattern);
            if !found.is_empty() {
                let _ = writeln!(problems, "  `{pattern}`: {} instructions, expected none", found.len());
                if shown {
                    problems += &show(&found);
                }
            }
        }
        problems
    }
}

impl Has {
    /// Reads `PATTERN`, `PATTERN x4` (four of them) or `PATTERN x4+` (at least four).
    fn parse(text: &str) -> Result<Has, String> {
        let counted = text.rsplit_once(' ').and_then(|(pattern, count)| {
            let digits = count.strip_prefix('x')?;
            let (digits, exact) = digits.strip_suffix('+').map_or((digits, true), |digits| (digits, false));
            let n = digits.parse().ok()?;
            Some((pattern.trim_end(), if exact { Count::Exactly(n) } else { Count::AtLeast(n) }))
        });
        let (pattern, count) = counted.unwrap_or((text, Count::AtLeast(1)));
        if let Count::Exactly(0) | Count::AtLeast(0) = count {
            return Err(format!("`{pattern}` x0 says nothing: write `lacks: {pattern}`"));
        }
        Ok(Has { pattern: pattern.into(), count })
    }
}

/// Whether an instruction starts as the pattern says; a `*` stands for anything.
fn matches(instruction: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| instruction.strip_prefix(start)) else { return false };
    parts.all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

fn matching(code: &[Instruction], pattern: &str) -> Vec<Instruction> {
    code.iter().filter(|instruction| matches(&instruction.text, pattern)).cloned().collect()
}

/// Instructions under the WGSL lines that they serve, as the engine's listing has them.
fn show(code: &[Instruction]) -> String {
    let mut text = String::new();
    let mut shown = &None;
    for instruction in &code[..code.len().min(SHOWN)] {
        if let origin @ Some(words) = &instruction.origin
            && shown != origin
        {
            let _ = writeln!(text, "    ; {words}");
            shown = origin;
        }
        let _ = writeln!(text, "    {:6x}  {}", instruction.at, instruction.text);
    }
    if code.len() > SHOWN {
        let _ = writeln!(text, "    ... and {} more", code.len() - SHOWN);
    }
    text
}

impl Case {
    /// Compares what the case says about machine code with what the CPU engine makes.
    ///
    /// # Errors
    ///
    /// Says which lines do not hold, and shows the instructions in question.
    pub fn check_asm(&self, device: &Device) -> Result<(), String> {
        let place = format!("tests/cases/{}.wgsl", self.name);
        let code = self.compile(device).and_then(|kernel| asm(&kernel));
        let code = Listing::parse(&code.map_err(|error| format!("{place}: {error}"))?);
        let problems: String = self.asm.iter().filter_map(|claim| claim.check(&code).err()).collect();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(format!("{place}: {problems}`swath check {place} --emit asm` shows all of it")),
        }
    }
}

/// The machine code of a kernel.
#[cfg(feature = "cpu")]
fn asm(kernel: &swath::Kernel) -> Result<String, Error> {
    kernel.asm()
}

#[cfg(not(feature = "cpu"))]
fn asm(_: &swath::Kernel) -> Result<String, Error> {
    unreachable!("without the CPU engine there is no device to ask about")
}
