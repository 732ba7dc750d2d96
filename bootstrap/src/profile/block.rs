//! One marked block in the bytes of a file: found, put in, given back. Pure.
//!
//! Owns the two marker lines. Everything outside of them is other people's and
//! stays byte for byte, whatever its encoding and line ends are; where it is not
//! clear what is outside, nothing is done.

use std::ops::Range;

/// The first line of a block. Receipts give back what stands between these two
/// for ever, so they never change.
pub(crate) const BEGIN: &str = "# >>> offgrid >>>";
/// The last line of a block.
pub(crate) const END: &str = "# <<< offgrid <<<";

/// What some editors write before the first line.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a file holds of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    None,
    /// One block: its lines with their ends.
    At(Range<usize>),
    /// Markers that do not make one block: why, in words that follow "it has".
    Damaged(&'static str),
}

/// Looks for the block.
pub(crate) fn find(bytes: &[u8]) -> Found {
    let (mut begins, mut ends) = (Vec::new(), Vec::new());
    let mut at = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
    while at < bytes.len() {
        let rest = &bytes[at..];
        let next = at + rest.iter().position(|&c| c == b'\n').map_or(rest.len(), |end| end + 1);
        match bytes[at..next].trim_ascii() {
            line if line == BEGIN.as_bytes() => begins.push(at),
            line if line == END.as_bytes() => ends.push(next),
            _ => {}
        }
        at = next;
    }
    match (&begins[..], &ends[..]) {
        ([], []) => Found::None,
        ([begin], [end]) if begin < end => Found::At(*begin..*end),
        ([_, _, ..], _) | (_, [_, _, ..]) => Found::Damaged("its marker lines more than once"),
        ([_], []) => Found::Damaged("the first marker line without the last one"),
        ([], [_]) => Found::Damaged("the last marker line without the first one"),
        ([_], [_]) => Found::Damaged("its marker lines the wrong way round"),
    }
}

/// A block of these lines.
pub(crate) fn of(lines: &str) -> String {
    format!("{BEGIN}\n{}\n{END}\n", lines.trim_end_matches('\n'))
}

/// The file with this block in the place of the one at `range`, or at its end.
pub(crate) fn put(bytes: &[u8], range: Option<Range<usize>>, block: &str) -> Vec<u8> {
    match range {
        Some(range) => [&bytes[..range.start], block.as_bytes(), &bytes[range.end..]].concat(),
        None => [bytes, gap(bytes).as_bytes(), block.as_bytes()].concat(),
    }
}

/// Where the bytes of others end, when line ends of ours had to go between them
/// and the block.
pub(crate) fn joint(bytes: &[u8]) -> Option<u64> {
    (!gap(bytes).is_empty()).then_some(bytes.len() as u64)
}

/// The line ends that a block at the end of a file needs before it: one after a
/// last line that has none, and one after a backslash, which would make the line
/// after it a part of its own.
fn gap(bytes: &[u8]) -> &'static str {
    let open = !bytes.is_empty() && bytes != BOM && !bytes.ends_with(b"\n");
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    match (open, line.ends_with(b"\\")) {
        (true, true) => "\n\n",
        (true, false) | (false, true) => "\n",
        (false, false) => "",
    }
}

/// The file without the block at `range`. The line ends that were put before it
/// go too, when it is still the last thing in the file and what stands before it
/// still ends at `joint`.
pub(crate) fn take(bytes: &[u8], range: Range<usize>, joint: Option<u64>) -> Vec<u8> {
    let joint = joint.and_then(|at| usize::try_from(at).ok());
    let ours = |at: &usize| {
        range.end == bytes.len()
            && bytes.get(*at..range.start).is_some_and(|gap| gap.iter().all(|&c| c == b'\n'))
    };
    let start = joint.filter(ours).unwrap_or(range.start);
    [&bytes[..start], &bytes[range.end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "export A=1\n";

    fn block() -> String {
        of(TEXT)
    }

    /// What a file is after the block was put in and taken out again.
    fn there_and_back(bytes: &[u8]) -> Vec<u8> {
        assert_eq!(find(bytes), Found::None);
        let with = put(bytes, None, &block());
        let Found::At(range) = find(&with) else { panic!("{:?}", String::from_utf8_lossy(&with)) };
        assert_eq!(&with[range.clone()], block().as_bytes());
        assert!(with.starts_with(bytes), "what was there stays as it was");
        take(&with, range, joint(bytes))
    }

    #[test]
    fn what_is_outside_stays_byte_for_byte() {
        let files: [&[u8]; 13] = [
            b"",
            b"\n",
            b"a",
            b"a\n",
            b"a\n\n\n",
            b"a\r\nb\r\n",
            b"a\r\nb",
            b"a \\",
            b"a \\\n",
            b"\xff\xfe\x80 not text \xc3\n",
            b"\xef\xbb\xbf",
            b"\xef\xbb\xbfa",
            b"# >>> conda >>>\n# <<< conda <<<\n# >>> offgrid >>> not alone\n",
        ];
        for file in files {
            assert_eq!(there_and_back(file), file, "{:?}", String::from_utf8_lossy(file));
        }
    }

    #[test]
    fn the_block_begins_on_a_line_of_its_own() {
        for (file, gap) in [("", ""), ("a\n", ""), ("a", "\n"), ("a\\", "\n\n"), ("a\\\n", "\n")] {
            let with = put(file.as_bytes(), None, &block());
            assert_eq!(with, format!("{file}{gap}{}", block()).into_bytes());
        }
    }

    #[test]
    fn a_block_is_found_wherever_it_stands_and_however_its_lines_end() {
        for (file, range) in [
            ("a\n# >>> offgrid >>>\nx\n# <<< offgrid <<<\nb\n", 2..40),
            ("# >>> offgrid >>>\r\nx\r\n# <<< offgrid <<<\r\nb", 0..41),
            ("# >>> offgrid >>>\n# <<< offgrid <<<", 0..35),
            ("a\n  # >>> offgrid >>> \n\t# <<< offgrid <<<\nb", 2..42),
        ] {
            assert_eq!(find(file.as_bytes()), Found::At(range), "{file:?}");
        }
        let bom = [BOM, block().as_bytes()].concat();
        assert_eq!(find(&bom), Found::At(3..bom.len()));
    }

    #[test]
    fn damaged_blocks_are_named_and_not_guessed() {
        let (begin, end) = ("# >>> offgrid >>>\n", "# <<< offgrid <<<\n");
        for (file, why) in [
            (format!("{begin}x\n"), "the first marker line without the last one"),
            (format!("x\n{end}"), "the last marker line without the first one"),
            (format!("{end}x\n{begin}"), "its marker lines the wrong way round"),
            (format!("{begin}{begin}{end}"), "its marker lines more than once"),
            (format!("{begin}{end}{end}"), "its marker lines more than once"),
            (format!("{begin}x\n{end}{begin}x\n{end}"), "its marker lines more than once"),
        ] {
            assert_eq!(find(file.as_bytes()), Found::Damaged(why), "{file:?}");
        }
    }

    #[test]
    fn edits_of_others_after_us_stay() {
        let (file, new) = ("a", of("other\n"));
        let with = String::from_utf8(put(file.as_bytes(), None, &block())).unwrap();
        let joint = joint(file.as_bytes());
        for (edited, left) in [
            // Lines after the block: the end of the line before it is needed now.
            (format!("{with}b\n"), "a\nb\n"),
            // Lines before it are theirs with their ends.
            (with.replacen("a\n", "a\nb\n", 1), "a\nb\n"),
            (with.replacen("a\n", "longer\n", 1), "longer\n"),
            (with.replacen("a\n", "", 1), ""),
        ] {
            let Found::At(range) = find(edited.as_bytes()) else { panic!("{edited}") };
            let taken = take(edited.as_bytes(), range.clone(), joint);
            assert_eq!(String::from_utf8(taken).unwrap(), left, "{edited}");
            // Another text in the place of the first one changes nothing around it.
            let other = put(edited.as_bytes(), Some(range), &new);
            let Found::At(range) = find(&other) else { panic!("{other:?}") };
            assert_eq!(&other[range.clone()], new.as_bytes());
            assert_eq!(put(&other, Some(range), &block()), edited.as_bytes());
        }
    }
}
