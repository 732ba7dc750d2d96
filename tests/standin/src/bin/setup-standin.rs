//! A stand-in for a bootstrapper that must not take over: it has the place for a
//! stamp and does what the last word of its own file says. For tests only.

use offgrid_manifest::stamp::{SECTION_SIZE, empty_section};
use std::process::ExitCode;

#[expect(unsafe_code, reason = "a section's name is an unsafe attribute")]
// SAFETY: the section is ours alone and holds plain bytes.
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__ogstamp"))]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".ogstamp"))]
#[used]
static STAMP: [u8; SECTION_SIZE] = empty_section();

fn main() -> ExitCode {
    let own = std::env::current_exe().and_then(std::fs::read).unwrap_or_default();
    let last = own.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    match last {
        b"hangs" => loop {
            std::thread::park();
        },
        b"fails" => ExitCode::from(1),
        // What a program says that cannot read the state it finds.
        b"puzzled" => ExitCode::from(3),
        _ => ExitCode::SUCCESS,
    }
}
