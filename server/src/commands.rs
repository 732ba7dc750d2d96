//! From the command line to one module, and its result to the report. The clock
//! is read here and nowhere else.

use crate::args::{self, Args, Clock, Command};
use crate::channel::Change;
use crate::depot::Depot;
use crate::keys::{Keyring, Password};
use crate::publish::What;
use crate::{Error, build, channel, check, head, import, init, keys, publish, report, rotate};
use crate::{serve, stamp};
use offgrid_manifest::{Id, Time};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs the command.
///
/// # Errors
/// What the command says.
pub fn run(args: Args) -> Result<ExitCode, Error> {
    match args.command {
        Command::Init(args) => init(args),
        Command::Key(args) => key(args),
        Command::Import(args) => import(args),
        Command::Build(args) => {
            let built = build::run(&build::Options {
                spec: args.spec,
                depot: args.depot,
                fast: args.fast,
                unknown_needs: args.allow_unknown_needs,
                now: now(&args.clock),
            })?;
            report::built(&built);
            Ok(ExitCode::SUCCESS)
        }
        Command::Publish(args) => publish(args),
        Command::Promote(args) => promote(args),
        Command::Rollout(args) => {
            change(&args.dir, args.channel, Change::Rollout(args.steps), args.offer)
        }
        Command::Halt(args) => change(&args.dir, args.channel, Change::Halt, args.offer),
        Command::Yank(args) => {
            let args::Yank { release, reason, advisory, .. } = args;
            change(&args.dir, args.channel, Change::Yank { release, reason, advisory }, args.offer)
        }
        Command::Head(args) => head(args),
        Command::Rotate(args) => rotate(args),
        Command::Floor(args) => floor(args),
        Command::Check(args) => {
            let within = args.expires_within.map(|span| span.seconds());
            let report = check::run(&args.place, within, now(&args.clock))?;
            Ok(report::checked(&report))
        }
        Command::Serve(args) => {
            serve::run(&args.dir, args.listen, args.log)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Stamp(args) => {
            let options = stamp::Options {
                binary: args.binary,
                root: args.root,
                sources: args.sources,
                out: args.out,
                now: now(&args.clock),
            };
            let done = stamp::run(&options)?;
            report::stamped(&options.out, &done);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn now(clock: &Clock) -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    clock.now.unwrap_or(Time::from_unix(since.as_secs()))
}

fn password(file: Option<PathBuf>) -> Password {
    file.map_or(Password::Ask, Password::File)
}

fn init(args: args::Init) -> Result<ExitCode, Error> {
    let password =
        if args.no_password { Password::None } else { password(args.password_file.clone()) };
    let options = init::Options {
        dir: args.dir,
        keys: args.keys,
        existing: args.existing,
        root: (args.root_keys, args.root_threshold),
        release: (args.release_keys, args.release_threshold),
        head: (args.head_keys, 1),
        min_bootstrap: args.min_bootstrap,
        password,
        now: now(&args.clock),
    };
    let root = init::run(&options)?;
    report::made(&options, &root);
    Ok(ExitCode::SUCCESS)
}

fn key(args: args::Key) -> Result<ExitCode, Error> {
    let password = if args.no_password { Password::None } else { password(args.password_file) };
    let made = keys::make(&args.keys, &[args.name.to_string()], &password)?;
    made.iter().for_each(|(name, key)| report::key(name, key, &args.keys));
    Ok(ExitCode::SUCCESS)
}

fn import(args: args::Import) -> Result<ExitCode, Error> {
    let Some(release) = args.release.filter(|_| !args.show) else {
        report::text(import::SHIPPED);
        return Ok(ExitCode::SUCCESS);
    };
    let options = import::Options {
        template: args.template,
        assets: args.assets,
        tag: args.tag,
        engine: args.engine,
        app: args.app,
        release,
        complete: args.complete,
        out: args.out,
    };
    report::imported(&options.out, &import::run(&options)?);
    Ok(ExitCode::SUCCESS)
}

/// The depot, and the keys that were named or that `init` was given.
fn open(dir: &Path, keys: args::Keys) -> Result<(Depot, Keyring), Error> {
    let depot = Depot::open(dir)?;
    let mut folders = keys.keys;
    if folders.is_empty() {
        folders = depot.keys_folders()?;
    }
    if folders.is_empty() {
        return Err(keys::Error::NoFolder.into());
    }
    let ring = Keyring::of(folders, password(keys.password_file));
    Ok((depot, ring))
}

fn publish(args: args::Publish) -> Result<ExitCode, Error> {
    offer(&args.dir, args.channel, What::Built(args.release), args.manner, args.offer)
}

fn promote(args: args::Promote) -> Result<ExitCode, Error> {
    let what = What::Of { channel: args.from, release: args.release };
    offer(&args.dir, args.to, what, args.manner, args.offer)
}

fn offer(
    dir: &Path,
    channel: Id,
    what: What,
    manner: args::Manner,
    offer: args::Offer,
) -> Result<ExitCode, Error> {
    let (depot, mut ring) = open(dir, offer.keys)?;
    let options = publish::Options {
        channel,
        what,
        rollout: manner.rollout,
        critical: manner.critical,
        minimum_safe: manner.minimum_safe,
        mirrors: manner.mirrors,
        allow_downgrade: manner.allow_downgrade,
        no_head: offer.no_head,
        now: now(&offer.clock),
    };
    report::published(&publish::run(&depot, &mut ring, &options)?);
    Ok(ExitCode::SUCCESS)
}

fn change(dir: &Path, name: Id, change: Change, offer: args::Offer) -> Result<ExitCode, Error> {
    let (depot, mut ring) = open(dir, offer.keys)?;
    let now = now(&offer.clock);
    let options = channel::Options { channel: name, change, no_head: offer.no_head, now };
    report::published(&channel::run(&depot, &mut ring, &options)?);
    Ok(ExitCode::SUCCESS)
}

fn head(args: args::Head) -> Result<ExitCode, Error> {
    let (depot, mut ring) = open(&args.dir, args.keys)?;
    report::headed(&head::run(&depot, &mut ring, &args.take, now(&args.clock))?);
    Ok(ExitCode::SUCCESS)
}

fn rotate(args: args::Rotate) -> Result<ExitCode, Error> {
    let (depot, mut ring) = open(&args.dir, args.keys)?;
    let options = rotate::Options {
        add: args.add,
        new: args.new,
        remove: args.remove,
        thresholds: args.threshold,
        min_bootstrap: args.min_bootstrap,
        expires: args.expires,
        restart_head: args.restart_head,
        floor_head: args.floor_head,
        floor_channels: args.floor_channel.into_iter().collect(),
        only_floors: false,
        no_password: args.no_password,
        now: Some(now(&args.clock)),
    };
    report::rotated(&rotate::run(&depot, &mut ring, &options)?);
    Ok(ExitCode::SUCCESS)
}

fn floor(args: args::Floors) -> Result<ExitCode, Error> {
    let (depot, mut ring) = open(&args.dir, args.keys)?;
    let options = rotate::Options {
        floor_head: args.head,
        floor_channels: args.channel.into_iter().collect(),
        only_floors: true,
        now: Some(now(&args.clock)),
        ..rotate::Options::default()
    };
    report::rotated(&rotate::run(&depot, &mut ring, &options)?);
    Ok(ExitCode::SUCCESS)
}
