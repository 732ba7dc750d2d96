//! From the command line to one module, and its result to the report. The clock
//! is read here and nowhere else.

use crate::args::{self, Args, Clock, Command};
use crate::depot::Depot;
use crate::keys::{Keyring, Password};
use crate::{Error, build, check, init, keys, publish, report, serve, stamp};
use offgrid_manifest::Time;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs the command.
///
/// # Errors
/// What the command says.
pub fn run(args: Args) -> Result<ExitCode, Error> {
    match args.command {
        Command::Init(args) => init(args),
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
        root: (args.root_keys, args.root_threshold),
        release: (args.release_keys, args.release_threshold),
        head: (args.head_keys, 1),
        min_bootstrap: args.min_bootstrap,
        password,
        now: now(&args.clock),
    };
    let root = init::run(&options)?;
    report::made(&options.dir, &options.keys, &root);
    Ok(ExitCode::SUCCESS)
}

fn publish(args: args::Publish) -> Result<ExitCode, Error> {
    let depot = Depot::open(&args.dir)?;
    let folder = match args.keys.keys {
        Some(folder) => folder,
        None => depot.keys_folder()?.ok_or(keys::Error::NoFolder)?,
    };
    let mut ring = Keyring::new(folder, password(args.keys.password_file));
    let published = publish::run(
        &depot,
        &mut ring,
        &publish::Options {
            channel: args.channel,
            release: args.release,
            rollout: args.rollout,
            critical: args.critical,
            minimum_safe: args.minimum_safe,
            mirrors: args.mirrors,
            allow_downgrade: args.allow_downgrade,
            now: now(&args.clock),
        },
    )?;
    report::published(&published);
    Ok(ExitCode::SUCCESS)
}
