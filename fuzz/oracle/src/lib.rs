//! What must hold for every input, whoever made it. Each function takes bytes,
//! gives them to the code of the product and panics when a rule is broken; the
//! rules are stated here once more, in another way and with other libraries.
//!
//! Used by the fuzz targets (`fuzz/fuzz_targets`) and by the test that replays
//! the corpus without a fuzzer (`tests/scenarios/corpus.rs`).

mod depot;
mod documents;
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
    ("binary", stamp::binary),
    ("channel", documents::channel),
    ("head", documents::head),
    ("json", documents::json),
    ("parts", documents::parts),
    ("path", path::path),
    ("refresh", refresh::refresh),
    ("release", documents::release),
    ("root", documents::root),
    ("signature", signature::signature),
    ("stamp", stamp::stamp),
    ("tar", pack::tar),
    ("threshold", threshold::threshold),
    ("time", values::time),
    ("values", values::values),
    ("xz", pack::xz),
    ("zst", pack::zst),
];

/// Asks the target of this name; `None` when there is none.
pub fn ask(target: &str, input: &[u8]) -> Option<()> {
    let (_, oracle) = TARGETS.iter().find(|(name, _)| *name == target)?;
    oracle(input);
    Some(())
}
