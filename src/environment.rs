//! What the environment says, checked where a runtime is made: a value that means nothing is refused, for who set it relies on
//! it.

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
    ("SWATH_MEMORY", |text| match parse_bytes(text) {
        Ok(_) => Ok(()),
        Err(problem) => Err((problem.to_string(), "a number of bytes, such as 512MiB or 2GB")),
    }),
    ("SWATH_THREADS", |text| match text.parse() {
        Ok(1_usize..) => Ok(()),
        _ => Err(("it is not a number of threads".into(), "a number from 1 on")),
    }),
    ("SWATH_CPU", |text| one_of(text, &["interp"], "`interp`, or nothing")),
    ("SWATH_TRUST", |text| one_of(text, &["on", "off"], "`on` or `off`")),
    ("SWATH_HISTORY", |text| match Path::new(text).is_absolute() {
        true => Ok(()),
        false => one_of(text, &["on", "off"], "`on`, `off`, or the absolute path of a folder"),
    }),
];

fn one_of(text: &str, words: &[&str], form: &'static str) -> Result<(), Problem> {
    if words.contains(&text) { Ok(()) } else { Err(("it means nothing".into(), form)) }
}

/// # Errors
///
/// [`Error::Call`] with the first variable whose value means nothing.
pub(crate) fn check() -> Result<()> {
    VARIABLES.iter().try_for_each(|(name, read)| match env::var(name) {
        Ok(text) if !text.trim().is_empty() => read(text.trim()).map_err(|(problem, form)| {
            let message = Message::new(format!("{name} is `{text}`: {problem}"));
            Error::Call(message.help(format!("give it {form}, or unset it")))
        }),
        _ => Ok(()),
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
