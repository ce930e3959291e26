//! Trials of the checks themselves: each kind of claim must be able to fail, and say what is there.

use libtest_mimic::{Failed, Trial};

use super::{Claim, Listing, matches};

/// A loop with a version for most groups and one for the rest, which returns to the same place.
const LISTING: &str = "\
       0  push rbx
; 4: y[i] = a * x[i];
       1  vbroadcastss ymm8,[rax]
       6  lea ecx,[rbx+8]
       9  cmp ecx,esi
       b  jge short 0000000000000020h
       d  vmulps ymm0,ymm8,[rdx+rcx*4]
      12  vmulps ymm1,ymm8,[rdx+rcx*4+20h]
      17  vmovups [rbp+rcx*4],ymm0
      1c  jb short 0000000000000006h
      1e  jmp short 0000000000000040h
      20  vpmaskmovd ymm2,ymm3,[rdx+rcx*4]
; 5: atomicAdd(&n, 1u);
      28  lock xadd [rdx],eax
      30  jmp short 0000000000000006h
      40  ret
";

/// Claims about [`LISTING`], and what must be said where they do not hold.
const CLAIMS: &[(&str, Option<&str>)] = &[
    ("has: vmulps", None),
    ("has: vmulps x2", None),
    ("has: vmulps x1+", None),
    ("has: vmulps x2; ret", None),
    ("lacks: vgather; call", None),
    ("has: vmulps ymm1,*20h]", None),
    ("lacks: vmulps ymm1,*40h]", None),
    ("has: lock lacks: call", None),
    ("loop has: vmulps x2 lacks: vpmaskmovd; lock", None),
    ("loop has: lock", None),
    ("has: vfmadd", Some("`asm has: vfmadd`:\n  `vfmadd`: 0 instructions, expected at least 1")),
    ("has: mulps", Some("`mulps`: 0 instructions")),
    (
        "has: vmulps x1",
        Some(
            "`vmulps`: 2 instructions, expected 1\n    ; 4: y[i] = a * x[i];\n         d  vmulps ymm0,ymm8,[rdx+rcx*4]\n",
        ),
    ),
    ("has: vmulps x3+", Some("`vmulps`: 2 instructions, expected at least 3")),
    ("has: vmulps; vdivps", Some("`vdivps`: 0 instructions")),
    (
        "lacks: call; lock",
        Some("`lock`: 1 instructions, expected none\n    ; 5: atomicAdd(&n, 1u);\n        28  lock xadd [rdx],eax\n"),
    ),
    (
        "loop has: vmulps x3 lacks: lock",
        Some(
            "none of 2 loops is like that; the nearest:\n  `vmulps`: 2 instructions, expected 3\n    ; 4: y[i] = a * x[i];\n         6  lea",
        ),
    ),
    ("block has: vmulps x2; jb", None),
    ("block has: lock; vpmaskmovd lacks: vmulps", None),
    ("block has: vmulps; vpmaskmovd", Some("none of 6 blocks is like that; the nearest:\n  `vmulps`: 0 instructions")),
    ("loop has: vmulps; vpmaskmovd", Some("none of 2 loops")),
    ("loop has: push", Some("`push`: 0 instructions")),
];

/// Claims that say nothing, or nothing that can be read.
const MISTAKES: &[(&str, &str)] = &[
    ("", "write `asm has: PATTERN`"),
    ("has vmulps", "write `asm has: PATTERN`"),
    ("has:", "write `asm has: PATTERN`"),
    ("has: vmulps; ", "write `asm has: PATTERN`"),
    ("wants: vmulps", "write `asm has: PATTERN`"),
    ("rest has: vmulps", "write `asm has: PATTERN`"),
    ("loop lacks: vmulps", "say what the loop or block has"),
    ("block lacks: vmulps", "say what the loop or block has"),
    ("has: vmulps x0", "write `lacks: vmulps`"),
];

pub fn own_trials() -> Vec<Trial> {
    let claims = Trial::test("harness/asm claims", || {
        let code = Listing::parse(LISTING);
        for &(text, problem) in CLAIMS {
            let outcome = Claim::parse(text).map_err(Failed::from)?.check(&code);
            match (&outcome, problem) {
                (Ok(()), None) => {}
                (Err(message), Some(part)) if message.contains(part) => {}
                _ => return Err(format!("`asm {text}`: {outcome:?}, expected {problem:?}").into()),
            }
        }
        Ok(())
    });
    let mistakes = Trial::test("harness/asm mistakes", || {
        for &(text, part) in MISTAKES {
            match Claim::parse(text) {
                Err(error) if error.contains(part) => {}
                Err(error) => return Err(format!("`asm {text}` gives other words than `{part}`: {error}").into()),
                Ok(_) => return Err(format!("`asm {text}` is accepted").into()),
            }
        }
        Ok(())
    });
    let loops = Trial::test("harness/asm loops", || {
        let code = Listing::parse(LISTING);
        let ends = |body: &Vec<super::Instruction>| Some((body.first()?.at, body.last()?.at));
        let found: Vec<_> = code.loops().iter().filter_map(ends).collect();
        match found == [(0x6, 0x1c), (0x6, 0x30)] {
            true => Ok(()),
            false => Err(format!("{found:x?}").into()),
        }
    });
    let patterns = Trial::test("harness/asm patterns", || {
        for (pattern, expected) in
            [("vmov", true), ("vmovups [", true), ("movups", false), ("vmov*ymm0", true), ("vmov*ymm0*[", false)]
        {
            if matches("vmovups [rbp+rcx*4],ymm0", pattern) != expected {
                return Err(format!("`{pattern}`").into());
            }
        }
        Ok(())
    });
    vec![claims, mistakes, loops, patterns]
}
