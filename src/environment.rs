//! What the environment says. A value that means nothing is refused where a runtime is made, for who set it relies on it; who
//! reads one without a runtime takes it for not set.

use std::{env, path::Path};

use crate::{
    bytes::parse_bytes,
    error::{Error, Message, Result},
};

/// What is wrong with a value, and how it may look.
type Problem = (String, &'static str);

/// A variable, and how its value is read.
type Variable = (&'static str, fn(&str) -> Result<(), Problem>);

/// Those whose values can be wrong whatever devices there are.
const VARIABLES: [Variable; 5] = [
    ("SWATH_MEMORY", |text| read_memory(text).map(drop)),
    ("SWATH_THREADS", |text| read_threads(text).map(drop)),
    ("SWATH_CPU", |text| one_of(text, &["interp"], "`interp`, or nothing")),
    ("SWATH_TRUST", |text| one_of(text, &["on", "off"], "`on` or `off`")),
    ("SWATH_HISTORY", |text| match Path::new(text).is_absolute() {
        true => Ok(()),
        false => one_of(text, &["on", "off"], "`on`, `off`, or the absolute path of a folder"),
    }),
];

fn read_memory(text: &str) -> Result<u64, Problem> {
    parse_bytes(text).map_err(|problem| (problem, "a number of bytes, such as 512MiB or 2GB"))
}

fn read_threads(text: &str) -> Result<usize, Problem> {
    match text.parse() {
        Ok(threads @ 1..) => Ok(threads),
        _ => Err(("it is not a number of threads".into(), "a number from 1 on")),
    }
}

/// Bytes of each GPU's memory that calls may take, from `SWATH_MEMORY`.
pub(crate) fn memory() -> Option<u64> {
    read_memory(&text("SWATH_MEMORY")?).ok()
}

/// Threads of the CPU engine, from `SWATH_THREADS`.
#[cfg(feature = "cpu")]
pub(crate) fn threads() -> Option<usize> {
    read_threads(&text("SWATH_THREADS")?).ok()
}

/// Whether `SWATH_CPU` forbids to compile.
#[cfg(feature = "cpu")]
pub(crate) fn interprets() -> bool {
    text("SWATH_CPU").is_some_and(|text| text == "interp")
}

/// Whether `SWATH_TRUST` has devices trusted with everything.
pub(crate) fn trusts_all() -> bool {
    text("SWATH_TRUST").is_some_and(|text| text == "off")
}

/// What a variable says, if it is set to something.
fn text(name: &str) -> Option<String> {
    let text = env::var(name).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn one_of(text: &str, words: &[&str], form: &'static str) -> Result<(), Problem> {
    if words.contains(&text) { Ok(()) } else { Err(("it means nothing".into(), form)) }
}

/// # Errors
///
/// [`Error::Call`] with the first variable whose value means nothing.
pub(crate) fn check() -> Result<()> {
    VARIABLES.iter().try_for_each(|(name, read)| {
        let Some(text) = text(name) else { return Ok(()) };
        read(&text).map_err(|(problem, form)| {
            let message = Message::new(format!("{name} is `{text}`: {problem}"));
            Error::Call(message.help(format!("give it {form}, or unset it")))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_mean_nothing_are_told_from_those_that_do() {
        let says = |name: &str, text: &str| {
            let (_, read) = VARIABLES.iter().find(|(known, _)| *known == name).expect("it is one");
            read(text).is_ok()
        };
        for (name, text) in [
            ("SWATH_MEMORY", "1.5GB"),
            ("SWATH_MEMORY", "1048576"),
            ("SWATH_THREADS", "3"),
            ("SWATH_CPU", "interp"),
            ("SWATH_TRUST", "off"),
            ("SWATH_HISTORY", "on"),
            ("SWATH_HISTORY", if cfg!(windows) { "C:\\a" } else { "/a" }),
        ] {
            assert!(says(name, text), "{name}={text}");
        }
        for (name, text) in [
            ("SWATH_MEMORY", "much"),
            ("SWATH_MEMORY", "-1"),
            ("SWATH_THREADS", "0"),
            ("SWATH_THREADS", "two"),
            ("SWATH_CPU", "interpret"),
            ("SWATH_TRUST", "of"),
            ("SWATH_HISTORY", "a/folder"),
        ] {
            assert!(!says(name, text), "{name}={text}");
        }
    }
}
