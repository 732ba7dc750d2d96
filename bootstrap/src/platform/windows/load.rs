//! What the loader reads before the first line of this program runs (Microsoft's "PE
//! Format", load configuration; reference/trust.md L11).

/// `IMAGE_LOAD_CONFIG_DIRECTORY64` as 32-bit words: up to the tables for exception
/// handlers, of which there are none.
#[repr(align(8))]
pub(super) struct Words(
    #[expect(dead_code, reason = "the system's loader reads it")] [u32; SIZE / 4],
);

const SIZE: usize = 0x70;
/// `LOAD_LIBRARY_SEARCH_SYSTEM32`
const SYSTEM32: u32 = 0x800;

const fn words() -> [u32; SIZE / 4] {
    let mut words = [0; SIZE / 4];
    words[0] = SIZE as u32;
    // `DependentLoadFlags`, the upper half of the word at 0x4c: what this program is
    // linked to comes from System32 alone, whatever lies beside it. Windows 10 1607.
    words[0x4c / 4] = SYSTEM32 << 16;
    words
}

// In a section of its own: GNU's linker does not enter it into the header, so
// `offgrid-depot stamp` does, and finds it by this name.
#[expect(unsafe_code, reason = "a section's name is an unsafe attribute")]
// SAFETY: the section is ours alone and holds plain numbers.
#[unsafe(link_section = ".oglcfg")]
#[used]
pub(super) static LOAD_CONFIG: Words = Words(words());
