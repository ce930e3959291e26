//! Compiled code as text, with the WGSL lines it came from.

use std::fmt::Write;

use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter};

use super::{emit::Emitted, mir::NOWHERE};

/// The instructions in Intel's notation, each run of them under the line of `source` it serves.
pub fn listing(emitted: &Emitted, source: &str) -> String {
    let mut text = String::new();
    let mut formatter = IntelFormatter::new();
    formatter.options_mut().set_rip_relative_addresses(true);
    let mut origins = emitted.origins.iter().peekable();
    let mut shown = None;
    let mut instruction = Instruction::default();
    let mut decoder = Decoder::with_ip(64, &emitted.code, 0, DecoderOptions::NONE);
    while decoder.can_decode() {
        let at = decoder.ip() as u32;
        let mut origin = None;
        while let Some(&&(_, place)) = origins.peek().filter(|(offset, _)| *offset <= at) {
            origin = Some(place);
            origins.next();
        }
        let line = origin.filter(|&place| place != NOWHERE).map(|place| line_of(source, place));
        if let Some((number, words)) = line
            && shown != Some(number)
        {
            let _ = writeln!(text, "; {number}: {words}");
            shown = Some(number);
        }
        decoder.decode_out(&mut instruction);
        let mut words = String::new();
        formatter.format(&instruction, &mut words);
        let _ = writeln!(text, "  {at:6x}  {words}");
    }
    text
}

/// The number, from 1, and the text of the line that a byte of the source is in.
fn line_of(source: &str, place: u32) -> (usize, &str) {
    let before = source.get(..place as usize).unwrap_or(source);
    let number = before.matches('\n').count();
    (number + 1, source.lines().nth(number).unwrap_or_default().trim())
}
