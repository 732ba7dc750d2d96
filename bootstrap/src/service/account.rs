//! The user that a service of the whole system runs as. Owns how such a user is
//! found, made and removed. Never touches one that was there before.

use super::backend::{Account, Words};
use super::{Error, LOOK, act};
use crate::disk;
use crate::platform::{self, Signal};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Its name, and that of its group.
pub const NAME: &str = "offgrid";
/// Groups that own the device nodes of GPUs, where they exist (reference/gpu.md 5).
const OF_GPUS: [&str; 2] = ["render", "video"];
/// For processes that are killed to be gone.
const END: Duration = Duration::from_secs(10);
/// Larger ones are not lists of a machine's own users.
const LIST_MAX: u64 = 16 * 1024 * 1024;

/// Numbers of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Of the user.
    pub uid: u32,
    /// Of its first group.
    pub gid: u32,
}

/// A user of this machine by its name.
///
/// # Errors
/// When the list of users cannot be read.
pub fn user(name: &str) -> Result<Option<Numbers>, disk::Error> {
    Ok(find(&list("/etc/passwd")?, name))
}

/// The folder of a user, as the list of users says it.
///
/// # Errors
/// When the list cannot be read.
pub fn home_of(name: &str) -> Result<PathBuf, disk::Error> {
    let passwd = list("/etc/passwd")?;
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name));
    Ok(line.and_then(|line| line.split(':').nth(5)).unwrap_or("/").into())
}

fn list(path: &str) -> Result<String, disk::Error> {
    let bytes = disk::read(Path::new(path), LIST_MAX)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// passwd(5): `name:password:uid:gid:...`.
fn find(passwd: &str, name: &str) -> Option<Numbers> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Numbers { uid, gid })
}

/// group(5): the groups of these names that there are, with their numbers.
fn groups(text: &str, wanted: &[&str]) -> Vec<(String, u32)> {
    let found = |name: &&str| {
        let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
        Some(((*name).to_owned(), line.split(':').nth(2)?.parse().ok()?))
    };
    wanted.iter().filter_map(found).collect()
}

/// The account of the service on this machine, whether the user is there yet or not.
///
/// # Errors
/// When the list of groups cannot be read.
pub fn account(home: &Path) -> Result<Account, disk::Error> {
    let groups = groups(&list("/etc/group")?, &OF_GPUS);
    let groups = groups.into_iter().map(|(name, _)| name).collect();
    Ok(Account { user: NAME.to_owned(), groups, home: home.to_owned() })
}

/// Has a child of root run as the service's user, in its groups and with its folder.
///
/// # Errors
/// `E_STATE` when there is no such user; when a list cannot be read.
pub fn become_user(command: &mut Command) -> Result<(), crate::Error> {
    let missing = || Error::NoUser { user: NAME.to_owned() };
    let numbers = user(NAME)?.ok_or_else(missing)?;
    command.env("HOME", home_of(NAME)?).env("USER", NAME).env("LOGNAME", NAME);
    platform::lower_rights(command, numbers.uid, numbers.gid, &group_numbers()?);
    Ok(())
}

/// The numbers of the groups that the service is in besides its own.
///
/// # Errors
/// When the list of groups cannot be read.
pub fn group_numbers() -> Result<Vec<u32>, disk::Error> {
    let groups = groups(&list("/etc/group")?, &OF_GPUS);
    Ok(groups.into_iter().map(|(_, number)| number).collect())
}

/// Makes the user and its group: no password, no shell, and no folder.
///
/// # Errors
/// What the program for it said.
pub fn make(name: &str, home: &Path, numbers: Option<Numbers>) -> Result<(), crate::Error> {
    if user(name)?.is_none() {
        act::run_all(&to_make(name, &home.to_string_lossy(), numbers, act::is_there("useradd")))?;
    }
    Ok(())
}

/// Removes both.
///
/// # Errors
/// What the program for it said.
pub fn remove(name: &str) -> Result<(), crate::Error> {
    let shadow = act::is_there("userdel");
    if let Some(numbers) = user(name)? {
        end_all_of(numbers);
        act::run_all(&[words(&[if shadow { "userdel" } else { "deluser" }, name])])?;
    }
    // Some systems remove the group with its user.
    if !groups(&list("/etc/group")?, &[name]).is_empty() {
        act::run_all(&[words(&[if shadow { "groupdel" } else { "delgroup" }, name])])?;
    }
    Ok(())
}

/// Ends what still runs as a user that is to go: `userdel` refuses meanwhile. Not in
/// containers, whose users only have the same numbers.
fn end_all_of(numbers: Numbers) {
    let until = Instant::now() + END;
    // Of root it would be everything.
    while numbers.uid != 0 && Instant::now() < until {
        let left = platform::processes_of(numbers.uid);
        if left.is_empty() {
            return;
        }
        for pid in left {
            // It may have ended at this moment.
            let _ = platform::signal(pid, Signal::Kill);
        }
        thread::sleep(LOOK);
    }
}

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// With the programs of shadow, else with those of busybox.
fn to_make(name: &str, home: &str, numbers: Option<Numbers>, shadow: bool) -> Vec<Words> {
    let (uid, gid) = numbers.map_or_else(Default::default, |numbers| {
        (numbers.uid.to_string(), numbers.gid.to_string())
    });
    let with = |option: &str, value: &str| match value.is_empty() {
        true => Vec::new(),
        false => words(&[option, value]),
    };
    if shadow {
        let group = [words(&["groupadd", "--system", "--force"]), with("--gid", &gid)].concat();
        let user = words(&["useradd", "--system", "--gid", name, "--no-create-home"]);
        let place = words(&["--home-dir", home, "--shell", "/usr/sbin/nologin"]);
        return vec![
            [group, words(&[name])].concat(),
            [user, with("--uid", &uid), place, words(&[name])].concat(),
        ];
    }
    let group = [words(&["addgroup", "-S"]), with("-g", &gid), words(&[name])].concat();
    let user = words(&["adduser", "-S", "-D", "-H", "-G", name, "-h", home, "-s", "/sbin/nologin"]);
    vec![group, [user, with("-u", &uid), words(&[name])].concat()]
}

/// The folder that is the service's: what holds its models.
pub fn home(models: &Path) -> PathBuf {
    models.parent().map_or_else(|| models.to_owned(), Path::to_owned)
}

/// Whether this is somebody who may make users.
pub fn may_make() -> bool {
    platform::is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_found_by_their_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\noffgrid2:x:7:7::/:/bin/false\n\
                      broken\noffgrid:x:998:997::/var/lib/offgrid:/usr/sbin/nologin\n";
        assert_eq!(find(passwd, "offgrid"), Some(Numbers { uid: 998, gid: 997 }));
        for none in ["offgri", "broken", "x", ""] {
            assert_eq!(find(passwd, none), None, "{none}");
        }
        let group = "video:x:44:\nrender2:x:1:\nrender:x:105:somebody\n";
        assert_eq!(
            groups(group, &["render", "video", "none"]),
            [("render".to_owned(), 105), ("video".to_owned(), 44)]
        );
    }

    #[test]
    fn a_user_is_made_with_what_there_is_and_with_its_old_numbers() {
        let typed = |numbers, shadow| {
            let lines = to_make("offgrid", "/var/lib/offgrid", numbers, shadow);
            lines.iter().map(|line| line.join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(
            typed(None, true),
            [
                "groupadd --system --force offgrid",
                "useradd --system --gid offgrid --no-create-home --home-dir /var/lib/offgrid \
                 --shell /usr/sbin/nologin offgrid"
            ]
        );
        let numbers = Some(Numbers { uid: 998, gid: 997 });
        assert_eq!(typed(numbers, true)[0], "groupadd --system --force --gid 997 offgrid");
        assert!(typed(numbers, true)[1].contains(" --uid 998 "));
        assert_eq!(
            typed(numbers, false),
            [
                "addgroup -S -g 997 offgrid",
                "adduser -S -D -H -G offgrid -h /var/lib/offgrid -s /sbin/nologin -u 998 offgrid"
            ]
        );
    }
}
