use super::*;

const DONE: &str = "{\"done\":{\"index\":0}}\n";
const NOTHING: &str = "{\"intent\":{\"index\":1,\"undo\":\"nothing\"}}\n";
const INTENT: &str = "{\"intent\":{\"index\":1,\"undo\":{\"remove-file\":{\"path\":\"x\"}}}}\n";

/// How many lines count, and how many bytes they are; `None` for damage.
fn counted(lines: &[&str]) -> Option<(usize, usize)> {
    let read = entries(lines.concat().as_bytes(), Path::new("journal"));
    read.ok().map(|(entries, len)| (entries.len(), len))
}

#[test]
fn what_was_torn_at_the_end_never_happened() {
    let whole = Some((2, INTENT.len() + DONE.len()));
    assert_eq!(counted(&[INTENT, DONE]), whole);
    for torn in [
        &["{\"do"][..],
        &["\0\0\0\0\0"],
        &["\0\0\0\n"],
        &["\0\0\0", NOTHING],
        &["\0\0\0\n", NOTHING, DONE],
        &["\0\0\0\n", NOTHING, "{\"done\""],
        // It was never durable: it is the last one.
        &["\0\0\0\n", INTENT],
        &["\0\0\0\n", NOTHING, DONE, INTENT],
        &[&INTENT[..INTENT.len() - 1]],
    ] {
        assert_eq!(counted(&[&[INTENT, DONE], torn].concat()), whole, "{torn:?}");
    }
}

#[test]
fn what_was_durable_and_is_torn_is_damage() {
    for damaged in [
        &["\0\0\0\n", INTENT, DONE][..],
        &["\0\0\0\n", INTENT, "{\"do"],
        &["\0\0\0\n", "\"committed\"\n", DONE],
        &["{\"what\":1}\n"],
        &["\0\0\n", "{\"what\":1}\n"],
    ] {
        assert_eq!(counted(&[&[INTENT, DONE], damaged].concat()), None, "{damaged:?}");
    }
}
