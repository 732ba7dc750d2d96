//! The section of this executable that `offgrid-depot stamp` writes into after
//! linking.

use offgrid_manifest::stamp::{SECTION_SIZE, empty_section};

// Not writable, and in the file: its first bytes are not zero, so no linker
// makes it `.bss`. The names are `offgrid_manifest::stamp::SECTION` and, in
// Mach-O, the segment and section that the depot looks for.
#[expect(unsafe_code, reason = "a section's name is an unsafe attribute")]
// SAFETY: the section is ours alone and holds plain bytes.
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__ogstamp"))]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".ogstamp"))]
#[used]
static STAMP: [u8; SECTION_SIZE] = empty_section();

/// The bytes that are in memory now. Volatile, because the compiler knows the
/// bytes from before stamping and may otherwise use those.
#[expect(unsafe_code, reason = "the only read that is never folded")]
pub(crate) fn stamp_section() -> Vec<u8> {
    // SAFETY: each is a reference to an initialised byte.
    STAMP.iter().map(|byte| unsafe { std::ptr::read_volatile(byte) }).collect()
}
