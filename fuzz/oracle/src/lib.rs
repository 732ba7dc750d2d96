//! What must hold for every input, whoever made it. Each function takes bytes,
//! gives them to the code of the product and panics when a rule is broken; the
//! rules are stated here once more, in another way and with other libraries.
//!
//! Used by the fuzz targets (`fuzz/fuzz_targets`) and by the test that replays
//! the corpus without a fuzzer (`tests/scenarios/corpus.rs`).

mod depot;
mod documents;
mod host;
pub mod machine;
mod pack;
mod path;
mod plain;
mod refresh;
mod signature;
mod signer;
mod stamp;
mod threshold;
mod values;

/// What is asked of one input.
pub type Oracle = fn(&[u8]);

/// Every target by its name, which is that of its folder in the corpus.
pub const TARGETS: &[(&str, Oracle)] = &[
    ("amd", host::amd),
    ("binary", stamp::binary),
    ("channel", documents::channel),
    ("elf", host::elf),
    ("head", documents::head),
    ("json", documents::json),
    ("libc", host::libc),
    ("machine", host::machine),
    ("nvidia", host::nvidia),
    ("parts", documents::parts),
    ("path", path::path),
    ("pci", host::pci),
    ("proc", host::proc),
    ("refresh", refresh::refresh),
    ("release", documents::release),
    ("root", documents::root),
    ("setup", host::setup),
    ("signature", signature::signature),
    ("stamp", stamp::stamp),
    ("sysctl", host::sysctl),
    ("tar", pack::tar),
    ("texts", host::texts),
    ("threshold", threshold::threshold),
    ("time", values::time),
    ("values", values::values),
    ("vulkan", host::vulkan),
    ("windows", host::windows),
    ("xz", pack::xz),
    ("zst", pack::zst),
];

/// Asks the target of this name; `None` when there is none.
pub fn ask(target: &str, input: &[u8]) -> Option<()> {
    let (_, oracle) = TARGETS.iter().find(|(name, _)| *name == target)?;
    oracle(input);
    Some(())
}
