//! Makes a program that shows something smaller: it leaves out whatever the program shows it without.

use crate::agree::Failure;

/// What comes out of a program; where two runs of it differ and the environment says `SWATH_REDUCE`, what comes out of a
/// smaller one. What lines do that other invocations depend on is left as it is: `shared` says what a line does.
pub fn reduced<R>(
    wgsl: &str,
    shared: impl Fn(&str) -> Option<&'static str>,
    run: impl Fn(&str) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let first = run(wgsl);
    if std::env::var_os("SWATH_REDUCE").is_none() || !matches!(first, Err(Failure::Differs(_))) {
        return first;
    }
    let order: Vec<&str> = wgsl.lines().filter_map(&shared).collect();
    let differs = |wgsl: &str| matches!(run(wgsl), Err(Failure::Differs(_)));
    // Where these change, invocations race.
    let smaller = reduce(wgsl, |wgsl| wgsl.lines().filter_map(&shared).eq(order.iter().copied()) && differs(wgsl));
    run(&smaller)
}

/// The smallest text found for which `shows` still holds: line by line, block by block, then parts of expressions.
fn reduce(text: &str, shows: impl Fn(&str) -> bool) -> String {
    let mut best: Vec<String> = text.lines().map(str::to_owned).collect();
    loop {
        let before = best.len() + best.iter().map(String::len).sum::<usize>();
        lines(&mut best, &shows);
        expressions(&mut best, &shows);
        if best.len() + best.iter().map(String::len).sum::<usize>() == before {
            return best.join("\n");
        }
    }
}

/// Keeps `changed` if it will do.
fn keep(best: &mut Vec<String>, changed: Vec<String>, shows: &impl Fn(&str) -> bool) -> bool {
    let kept = shows(&changed.join("\n"));
    if kept {
        *best = changed;
    }
    kept
}

/// Leaves out lines, blocks, and the braces around blocks.
fn lines(best: &mut Vec<String>, shows: &impl Fn(&str) -> bool) {
    let mut size = best.len() / 2;
    while size > 0 {
        let mut at = best.len();
        while at > 0 {
            at = at.saturating_sub(size);
            let end = (at + size).min(best.len());
            keep(best, [&best[..at], &best[end..]].concat(), shows);
            at = at.min(best.len());
        }
        size /= 2;
    }
    for at in (0..best.len()).rev() {
        let Some(end) = block_end(best, at) else { continue };
        if keep(best, [&best[..at], &best[end + 1..]].concat(), shows) {
            continue;
        }
        keep(best, [&best[..at], &best[at + 1..end], &best[end + 1..]].concat(), shows);
    }
}

/// The line that closes the block which a line opens.
fn block_end(lines: &[String], at: usize) -> Option<usize> {
    let depth = |line: &String| line.matches('{').count() as i64 - line.matches('}').count() as i64;
    if depth(lines.get(at)?) <= 0 {
        return None;
    }
    let mut open = 0;
    (at..lines.len()).find(|&line| {
        open += depth(&lines[line]);
        open <= 0
    })
}

/// Puts simple values, or its own parts, in place of what stands in parentheses.
fn expressions(best: &mut Vec<String>, shows: &impl Fn(&str) -> bool) {
    const SIMPLE: [&str; 12] =
        ["0u", "1u", "0i", "1i", "0.0", "1.0", "false", "true", "vec2u(1u)", "vec3f(1.0)", "vec4f(1.0)", "vec4u(1u)"];
    for line in 0..best.len() {
        let mut at = 0;
        while let Some(open) = best.get(line).and_then(|text| text[at..].find('(')).map(|found| at + found) {
            at = open + 1;
            let text = best[line].clone();
            let Some(close) = closing(&text, open) else { continue };
            let name = |c: char| c.is_ascii_alphanumeric() || "_<>".contains(c);
            let start = text[..open].rfind(|c| !name(c)).map_or(0, |before| before + 1);
            let inner = &text[open + 1..close];
            let parts = split(inner);
            let simple = SIMPLE.iter().copied().filter(|simple| simple.len() < close + 1 - start);
            for value in simple.chain(parts) {
                let mut changed = best.clone();
                changed[line] = format!("{}{value}{}", &text[..start], &text[close + 1..]);
                if keep(best, changed, shows) {
                    at = start;
                    break;
                }
            }
        }
    }
}

/// Where the parenthesis at `open` is closed.
fn closing(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().skip_while(|(at, _)| *at < open).find_map(|(at, c)| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        (depth == 0).then_some(at)
    })
}

/// Arguments, or the operands of an operator.
fn split(inner: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        depth += i32::from("([".contains(c)) - i32::from(")]".contains(c));
        if depth == 0 && (c == ',' || c == ' ') {
            parts.push(inner[start..at].trim());
            start = at + 1;
        }
    }
    parts.push(inner[start..].trim());
    parts.retain(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric() || "(-!~".contains(c)));
    parts
}
