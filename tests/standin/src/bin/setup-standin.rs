//! A stand-in for a bootstrapper that must not take over: it has the place for a
//! stamp and does what the last word of its own file says. For tests only.

use offgrid_manifest::stamp::{SECTION_SIZE, empty_section};
use std::io::Write;
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
        b"crashes" => std::process::abort(),
        b"babbles" => {
            let written = std::io::stdout().write_all(b"\x1b[2J{\"v\":1, all is well\0\n");
            ExitCode::from(u8::from(written.is_err()))
        }
        // Leaves somebody behind who holds its streams open.
        b"forks" if std::env::args().nth(1).as_deref() != Some("stay") => {
            let own = std::env::current_exe();
            let child = own.and_then(|own| std::process::Command::new(own).arg("stay").spawn());
            ExitCode::from(if child.is_ok() { 1 } else { 9 })
        }
        b"forks" => loop {
            std::thread::park();
        },
        // What a program says that cannot read the state it finds.
        b"puzzled" => ExitCode::from(3),
        _ => ExitCode::SUCCESS,
    }
}
