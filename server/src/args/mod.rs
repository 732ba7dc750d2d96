//! The command line, as it is typed. The only module that knows the parser.

mod next;

pub use next::{Floors, Halt, Head, Keys, Manner, Offer, Promote, Publish, Rollout, Rotate, Yank};

use clap::{Args as Group, Parser, Subcommand};
use offgrid_manifest::{Id, Time, Version};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Builds, signs, publishes, checks and serves releases of OffGrid LLM.
#[derive(Debug, Parser)]
#[command(name = "offgrid-depot", version, arg_required_else_help = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a depot: its keys and its first root
    Init(Init),
    /// Make one key and nothing else, for a place of its own
    Key(Key),
    /// Make release.toml from a template and the assets of upstream's releases
    Import(Import),
    /// Turn release.toml into blobs and a release document
    Build(Build),
    /// Sign a release and make it the current one of a channel
    Publish(Publish),
    /// Give a release of one channel to another one as it is
    Promote(Promote),
    /// Offer the current release by other steps, or renew the channel
    Rollout(Rollout),
    /// Offer the current release to nobody more
    Halt(Halt),
    /// Withdraw a release
    Yank(Yank),
    /// Renew the head, which expires every 14 days
    Head(Head),
    /// Make the next root: other keys, thresholds, or 3 more years
    Rotate(Rotate),
    /// Make the next root, with higher floors and nothing else
    Floor(Floors),
    /// Check every document, signature and blob as a client would
    Check(Check),
    /// Serve a depot over HTTP
    Serve(Serve),
    /// Write root and sources into a bootstrapper
    Stamp(Stamp),
}

/// The time, for tests and for repeatable runs.
#[derive(Debug, Group)]
pub struct Clock {
    /// Take this for the time, as in 2026-09-01T00:00:00Z
    #[arg(long, value_name = "RFC3339")]
    pub now: Option<Time>,
}

/// `init`.
#[derive(Debug, Group)]
pub struct Init {
    /// The new depot
    pub dir: PathBuf,
    /// The folder for the keys; made when missing, outside the depot. With
    /// --existing several may be named
    #[arg(long, env = "OFFGRID_DEPOT_KEYS", value_name = "FOLDER", required = true)]
    pub keys: Vec<PathBuf>,
    /// Make no keys: root-1.pub and so on were made before, and enough root keys
    /// to sign are in the folders
    #[arg(long)]
    pub existing: bool,
    /// How many root keys must sign a root
    #[arg(long, value_name = "K", default_value_t = 2)]
    pub root_threshold: usize,
    /// How many root keys there are
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub root_keys: usize,
    /// How many release keys must sign a release
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub release_threshold: usize,
    /// How many release keys there are
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub release_keys: usize,
    /// How many head keys there are; any one of them signs
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub head_keys: usize,
    /// The oldest bootstrapper that may go on
    #[arg(long, value_name = "V", default_value = "0.1.0")]
    pub min_bootstrap: Version,
    /// Leave the keys without a password (for tests)
    #[arg(long, conflicts_with = "password_file")]
    pub no_password: bool,
    /// Take the password from the first line of this file
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    #[command(flatten)]
    pub clock: Clock,
}

/// `key`.
#[derive(Debug, Group)]
pub struct Key {
    /// Its name, like release-2
    pub name: Id,
    /// The folder for it; made when missing
    #[arg(long, env = "OFFGRID_DEPOT_KEYS", value_name = "FOLDER")]
    pub keys: PathBuf,
    /// Leave the key without a password (for tests)
    #[arg(long, conflicts_with = "password_file")]
    pub no_password: bool,
    /// Take the password from the first line of this file
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// `import`.
#[derive(Debug, Group)]
pub struct Import {
    /// A release.toml with patterns of asset names; otherwise the one that comes with
    /// this program, for the official archives of llama.cpp
    #[arg(value_name = "TEMPLATE")]
    pub template: Option<PathBuf>,
    /// A folder of assets, or a saved answer of GitHub's releases API; may be given
    /// several times. Files of an answer are looked for in the folders, then beside it
    #[arg(long, value_name = "DIR|FILE.json", required_unless_present = "show")]
    pub assets: Vec<PathBuf>,
    /// The number of the release
    #[arg(long, value_name = "V", required_unless_present = "show")]
    pub release: Option<Version>,
    /// Of an answer with several releases, this one
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Of assets of several builds of llama.cpp, those of this one
    #[arg(long, value_name = "BUILD")]
    pub engine: Option<String>,
    /// Of assets of several versions of the app, those of this one
    #[arg(long, value_name = "V")]
    pub app: Option<Version>,
    /// A variant that is missing is an error
    #[arg(long)]
    pub complete: bool,
    /// Print the template that comes with this program, and do nothing else
    #[arg(long)]
    pub show: bool,
    /// The release.toml to write
    #[arg(short, long, value_name = "OUT", default_value = "release.toml")]
    pub out: PathBuf,
}

/// `build`.
#[derive(Debug, Group)]
pub struct Build {
    /// The description of the release
    #[arg(value_name = "release.toml")]
    pub spec: PathBuf,
    /// Build into this depot
    #[arg(long, value_name = "DIR")]
    pub depot: PathBuf,
    /// Compress quickly instead of well (for tests)
    #[arg(long)]
    pub fast: bool,
    /// Allow rules in `needs` that this version does not know
    #[arg(long)]
    pub allow_unknown_needs: bool,
    #[command(flatten)]
    pub clock: Clock,
}

/// `check`.
#[derive(Debug, Group)]
pub struct Check {
    /// The depot's folder
    #[arg(value_name = "DIR|URL")]
    pub place: String,
    /// Also an error: what expires within this time, as in 7d or 36h
    #[arg(long, value_name = "TIME")]
    pub expires_within: Option<crate::publish::Span>,
    #[command(flatten)]
    pub clock: Clock,
}

/// `serve`.
#[derive(Debug, Group)]
pub struct Serve {
    /// The depot
    pub dir: PathBuf,
    /// Address and port; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Write a line for each request
    #[arg(long)]
    pub log: bool,
}

/// `stamp`.
#[derive(Debug, Group)]
pub struct Stamp {
    /// The bootstrapper as it was linked
    #[arg(value_name = "BIN")]
    pub binary: PathBuf,
    /// A root of the depot; its signatures lie beside it
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
    /// Where the depot can be found; may be given several times
    #[arg(long = "source", value_name = "URL", required = true)]
    pub sources: Vec<String>,
    /// The stamped bootstrapper
    #[arg(short, long, value_name = "OUT")]
    pub out: PathBuf,
    #[command(flatten)]
    pub clock: Clock,
}
