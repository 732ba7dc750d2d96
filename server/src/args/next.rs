//! The words of the commands that make the next signed documents: `publish`,
//! `promote`, `rollout`, `halt`, `yank`, `head`, `rotate`, `floor`.

use super::Clock;
use crate::head::Take;
use crate::publish::{Steps, Wrong};
use crate::rotate::{Added, Floor, RoleName};
use clap::Args as Group;
use offgrid_manifest::json::INTEGER_MAX;
use offgrid_manifest::{Id, Time, Version};
use std::path::PathBuf;

/// Which keys sign.
#[derive(Debug, Group)]
pub struct Keys {
    /// A folder of keys, or of the folders root, release and head with keys; may
    /// be given several times; otherwise those that `init` was given
    #[arg(long, env = "OFFGRID_DEPOT_KEYS", value_name = "FOLDER")]
    pub keys: Vec<PathBuf>,
    /// Take the password from the first line of this file
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// What the commands have in common that change a channel.
#[derive(Debug, Group)]
pub struct Offer {
    /// Sign the channel only; `head --take` publishes it, where the head key is
    #[arg(long)]
    pub no_head: bool,
    #[command(flatten)]
    pub keys: Keys,
    #[command(flatten)]
    pub clock: Clock,
}

/// How a release is offered.
#[derive(Debug, Group)]
pub struct Manner {
    /// Offer it step by step, as in 1%@0h,25%@48h,100%@120h
    #[arg(long, value_name = "STEPS")]
    pub rollout: Option<Steps>,
    /// Offer it to everybody at once, whatever the rollout says
    #[arg(long)]
    pub critical: bool,
    /// Releases below this are unsafe
    #[arg(long, value_name = "V")]
    pub minimum_safe: Option<Version>,
    /// Another place that holds the depot; replaces the earlier list
    #[arg(long = "mirror", value_name = "URL")]
    pub mirrors: Vec<String>,
    /// Go back to an older release
    #[arg(long)]
    pub allow_downgrade: bool,
}

/// `publish`.
#[derive(Debug, Group)]
pub struct Publish {
    /// The depot
    pub dir: PathBuf,
    /// The channel that offers the release
    #[arg(long)]
    pub channel: Id,
    /// The release, built before
    #[arg(long, value_name = "V")]
    pub release: Version,
    #[command(flatten)]
    pub manner: Manner,
    #[command(flatten)]
    pub offer: Offer,
}

/// `promote`.
#[derive(Debug, Group)]
pub struct Promote {
    /// The depot
    pub dir: PathBuf,
    /// The channel that has the release
    #[arg(long, value_name = "CHANNEL")]
    pub from: Id,
    /// The channel that shall offer it
    #[arg(long, value_name = "CHANNEL")]
    pub to: Id,
    /// The release; otherwise the one that the first channel offers
    #[arg(long, value_name = "V")]
    pub release: Option<Version>,
    #[command(flatten)]
    pub manner: Manner,
    #[command(flatten)]
    pub offer: Offer,
}

/// `rollout`.
#[derive(Debug, Group)]
pub struct Rollout {
    /// The depot
    pub dir: PathBuf,
    /// The channel
    #[arg(long)]
    pub channel: Id,
    /// From now on, as in 25%@0h,100%@48h; left out, the channel is only renewed
    #[arg(value_name = "STEPS")]
    pub steps: Option<Steps>,
    #[command(flatten)]
    pub offer: Offer,
}

/// `halt`.
#[derive(Debug, Group)]
pub struct Halt {
    /// The depot
    pub dir: PathBuf,
    /// The channel
    #[arg(long)]
    pub channel: Id,
    #[command(flatten)]
    pub offer: Offer,
}

/// `yank`.
#[derive(Debug, Group)]
pub struct Yank {
    /// The depot
    pub dir: PathBuf,
    /// The channel
    #[arg(long)]
    pub channel: Id,
    /// The release to withdraw
    #[arg(long, value_name = "V")]
    pub release: Version,
    /// Why, in one sentence; people see it
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The name of an advisory
    #[arg(long, value_name = "ID")]
    pub advisory: Option<String>,
    #[command(flatten)]
    pub offer: Offer,
}

/// `head`.
#[derive(Debug, Group)]
pub struct Head {
    /// The depot
    pub dir: PathBuf,
    /// Name this document of a channel from now on, signed elsewhere
    #[arg(long, value_name = "NAME=N", value_parser = take)]
    pub take: Vec<Take>,
    #[command(flatten)]
    pub keys: Keys,
    #[command(flatten)]
    pub clock: Clock,
}

/// `rotate`.
#[derive(Debug, Group)]
pub struct Rotate {
    /// The depot
    pub dir: PathBuf,
    /// Take in a key that was made elsewhere
    #[arg(long, value_name = "ROLE:NAME=FILE.pub", value_parser = added)]
    pub add: Vec<Added>,
    /// Make a key for root, release or head
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub new: Vec<RoleName>,
    /// This key counts for nothing from now on
    #[arg(long, value_name = "NAME")]
    pub remove: Vec<Id>,
    /// How many keys of a role must sign
    #[arg(long, value_name = "ROLE=K", value_parser = threshold)]
    pub threshold: Vec<(RoleName, usize)>,
    /// The oldest bootstrapper that may go on
    #[arg(long, value_name = "V")]
    pub min_bootstrap: Option<Version>,
    /// When the root expires; otherwise in 3 years
    #[arg(long, value_name = "RFC3339")]
    pub expires: Option<Time>,
    /// A thief has counted the head up: begin again at the floor
    #[arg(long)]
    pub restart_head: bool,
    /// The lowest head that counts; otherwise the current one
    #[arg(long, value_name = "N|current", value_parser = floor)]
    pub floor_head: Option<Floor>,
    /// The lowest document of a channel that counts; otherwise the current one
    #[arg(long, value_name = "NAME=N|current", value_parser = floor_of)]
    pub floor_channel: Vec<(Id, Floor)>,
    /// Leave new keys without a password (for tests)
    #[arg(long, conflicts_with = "password_file")]
    pub no_password: bool,
    #[command(flatten)]
    pub keys: Keys,
    #[command(flatten)]
    pub clock: Clock,
}

/// `floor`.
#[derive(Debug, Group)]
pub struct Floors {
    /// The depot
    pub dir: PathBuf,
    /// The lowest head that counts
    #[arg(long, value_name = "N|current", value_parser = floor)]
    pub head: Option<Floor>,
    /// The lowest document of a channel that counts
    #[arg(long, value_name = "NAME=N|current", value_parser = floor_of)]
    pub channel: Vec<(Id, Floor)>,
    #[command(flatten)]
    pub keys: Keys,
    #[command(flatten)]
    pub clock: Clock,
}

fn wrong(text: &str, like: &str) -> Wrong {
    Wrong::new(format!("`{}` is not like {like}", text.escape_debug()))
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= INTEGER_MAX)
}

fn role(text: &str) -> Result<RoleName, Wrong> {
    match text {
        "root" => Ok(RoleName::Root),
        "release" => Ok(RoleName::Release),
        "head" => Ok(RoleName::Head),
        _ => Err(wrong(text, "root, release or head")),
    }
}

fn take(text: &str) -> Result<Take, Wrong> {
    let wrong = || wrong(text, "stable=7");
    let (name, version) = text.split_once('=').ok_or_else(wrong)?;
    let channel = name.parse().map_err(|_| wrong())?;
    Ok(Take { channel, version: number(version).ok_or_else(wrong)? })
}

fn added(text: &str) -> Result<Added, Wrong> {
    let wrong = || wrong(text, "release:release-2=release-2.pub");
    let (name, file) = text.split_once('=').ok_or_else(wrong)?;
    let (kind, name) = name.split_once(':').ok_or_else(wrong)?;
    let name = name.parse().map_err(|_| wrong())?;
    if file.is_empty() {
        return Err(wrong());
    }
    Ok(Added { role: role(kind)?, name, file: file.into() })
}

fn threshold(text: &str) -> Result<(RoleName, usize), Wrong> {
    let wrong = || wrong(text, "release=2");
    let (name, count) = text.split_once('=').ok_or_else(wrong)?;
    let count = number(count).and_then(|count| usize::try_from(count).ok());
    Ok((role(name)?, count.ok_or_else(wrong)?))
}

fn floor(text: &str) -> Result<Floor, Wrong> {
    match text {
        "current" => Ok(Floor::Current),
        _ => number(text).map(Floor::At).ok_or_else(|| wrong(text, "17 or current")),
    }
}

fn floor_of(text: &str) -> Result<(Id, Floor), Wrong> {
    let wrong = || wrong(text, "stable=17 or stable=current");
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    Ok((name.parse().map_err(|_| wrong())?, floor(value)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_an_equals_sign_are_read_and_others_refused() {
        let head =
            Added { role: RoleName::Head, name: "h-9".parse().unwrap(), file: "a=b.pub".into() };
        assert_eq!(added("head:h-9=a=b.pub"), Ok(head));
        assert_eq!(threshold("root=3"), Ok((RoleName::Root, 3)));
        assert_eq!(floor_of("stable=current").unwrap().1, Floor::Current);
        assert_eq!(floor("9007199254740991"), Ok(Floor::At(INTEGER_MAX)));
        assert_eq!(take("beta=4").unwrap().version, 4);
        for bad in ["", "h=x", "head:=x", "head:h", "head:h=", "tail:h=x", "head:H=x"] {
            assert!(added(bad).is_err(), "{bad}");
        }
        for bad in ["", "-1", "+1", "9007199254740992", "now"] {
            assert!(floor(bad).is_err(), "{bad}");
        }
        for bad in ["root", "root=", "root=-1", "x=1"] {
            assert!(threshold(bad).is_err(), "{bad}");
        }
    }
}
