//! The stable error names (DESIGN 4) and the exit code of each (DESIGN 11).
//!
//! Owns the list; every program of the project maps its errors onto it.

use std::fmt;

macro_rules! codes {
    ($($variant:ident = $name:literal => $exit:literal, $doc:literal;)*) => {
        /// A stable error name. Scripts match on it; it never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $doc] $variant,)* }

        impl Code {
            /// Every code there is, in the order of DESIGN 4.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The name as people and scripts see it.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// The exit code of a program that ends with this error.
            pub const fn exit(self) -> u8 {
                match self { $(Code::$variant => $exit,)* }
            }
        }
    };
}

codes! {
    Selftest = "E_SELFTEST" => 1, "A new program did not pass its own test.";
    Health = "E_HEALTH" => 1, "The new release does not work on this machine.";
    State = "E_STATE" => 1, "What is on disk is not what the receipt says, or a file operation failed.";
    Usage = "E_USAGE" => 2, "The command line, a variable or a setting is wrong.";
    NeedsConsent = "E_NEEDS_CONSENT" => 2, "A question has to be answered and nobody can be asked.";
    Unsupported = "E_UNSUPPORTED" => 3, "This host or this request cannot be served.";
    Unstamped = "E_UNSTAMPED" => 3, "This program carries no root of trust.";
    Schema = "E_SCHEMA" => 3, "A document or a state file is newer than this program.";
    Unreachable = "E_UNREACHABLE" => 4, "No source could be reached.";
    Http = "E_HTTP" => 4, "A source gave an answer that is not the file.";
    Stall = "E_STALL" => 4, "A source stopped sending.";
    SigThreshold = "E_SIG_THRESHOLD" => 5, "Too few valid signatures.";
    SigAlg = "E_SIG_ALG" => 5, "A signature of another algorithm than ED.";
    Type = "E_TYPE" => 5, "A document of another type than was asked for.";
    Name = "E_NAME" => 5, "A document of another name, version or product than was asked for.";
    Parse = "E_PARSE" => 5, "A signed document that cannot be read.";
    Hash = "E_HASH" => 5, "Bytes that do not have the pinned digest.";
    Size = "E_SIZE" => 5, "More or fewer bytes than were pinned.";
    Rollback = "E_ROLLBACK" => 5, "An older document than one that was seen.";
    Frozen = "E_FROZEN" => 5, "The newest document that can be had has expired.";
    Mixmatch = "E_MIXMATCH" => 5, "A child that is not the one its parent pins.";
    RootWithheld = "E_ROOT_WITHHELD" => 5, "The head names a root that no source gives.";
    RootExpired = "E_ROOT_EXPIRED" => 5, "The root of trust has expired.";
    Path = "E_PATH" => 5, "A name from outside that would leave its folder.";
    Entry = "E_ENTRY" => 5, "An archive entry of a forbidden kind.";
    Tree = "E_TREE" => 5, "An unpacked tree that is not the signed one.";
    Bomb = "E_BOMB" => 5, "An archive that unpacks to more than was signed.";
    NotListed = "E_NOT_LISTED" => 5, "A release that the channel does not list.";
    Yanked = "E_YANKED" => 5, "A release that was withdrawn.";
    UntrustedBinary = "E_UNTRUSTED_BINARY" => 5, "A program that others may have changed.";
    Locked = "E_LOCKED" => 6, "Another run holds the lock.";
    Unfinished = "E_UNFINISHED" => 7, "A run could neither be finished nor taken back.";
    Perm = "E_PERM" => 8, "No permission, or a place that others may write to.";
    Nospace = "E_NOSPACE" => 9, "No space left.";
    Interrupted = "E_INTERRUPTED" => 130, "Interrupted, and taken back.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once() {
        let mut names: Vec<_> = Code::ALL.iter().map(|c| c.name()).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(all, names.len());
        assert!(names.iter().all(|n| n.starts_with("E_")));
    }
}
