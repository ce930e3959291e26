//! How many cases a test draws, and which.

/// The number of cases that the variable `count` asks for, else so many; and the first seed.
pub fn drawn(count: &str, usual: u64) -> (u64, u64) {
    let number = |name: &str, usual| match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a whole number, and `{text}` is none")),
        Err(_) => usual,
    };
    (number(count, usual), number("SWATH_SEED", 1))
}
