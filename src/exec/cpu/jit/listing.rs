//! Compiled code as text, with the WGSL lines it came from.

use std::fmt::Write;

use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter};

use super::{emit::Emitted, mir::NO_ORIGIN};
use crate::kernel::source::Text;

/// The instructions in Intel's notation, each run of them under the line of `source` it serves.
pub fn listing(emitted: &Emitted, source: Text<'_>) -> String {
    let mut text = String::new();
    let mut formatter = IntelFormatter::new();
    formatter.options_mut().set_rip_relative_addresses(true);
    let mut origins = emitted.origins.iter().peekable();
    let lines = Lines::of(source);
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
        let line = origin.filter(|&place| place != NO_ORIGIN).map(|place| lines.at(place));
        if let Some(line) = line
            && shown != Some(line)
        {
            let (file, number, words) = line;
            let file = file.map_or(String::new(), |file| format!("{file}:"));
            let _ = writeln!(text, "; {file}{number}: {words}");
            shown = Some(line);
        }
        decoder.decode_out(&mut instruction);
        let mut words = String::new();
        formatter.format(&instruction, &mut words);
        let _ = writeln!(text, "  {at:6x}  {words}");
    }
    text
}

/// The lines of a source.
struct Lines<'s> {
    source: Text<'s>,
    /// Where each line after the first starts.
    starts: Vec<usize>,
}

impl<'s> Lines<'s> {
    fn of(source: Text<'s>) -> Self {
        Lines { source, starts: source.as_str().match_indices('\n').map(|(end, _)| end + 1).collect() }
    }

    /// The file, the number, from 1, and the text of the line that a byte is in.
    fn at(&self, place: u32) -> (Option<&'s str>, usize, &'s str) {
        let lines_before = |place: usize| self.starts.partition_point(|&start| start <= place);
        let (text, before) = (self.source.as_str(), lines_before(place as usize));
        let start = if before == 0 { 0 } else { self.starts[before - 1] };
        let end = self.starts.get(before).copied().unwrap_or(text.len());
        let file = self.source.file(place as usize);
        (file.name, before - lines_before(file.start) + 1, text[start..end].trim())
    }
}
