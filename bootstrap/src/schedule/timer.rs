//! What each service manager is told about scheduled updates: files and commands as
//! plain data, like those of a service.
//!
//! Every one of them starts `offgrid update --scheduled` four times an hour, which
//! decides itself whether it is due; so windows and settings change no file here.
//! The minute is the machine's own.

use super::spread;
use crate::quote;
use crate::service::backend::{Answer, Commands, Definition, State, UnitFile, Wanted, Words};
use crate::service::user_units;
use crate::settings::ServiceKind;
use offgrid_manifest::Digest;
use std::path::{Path, PathBuf};

/// Minutes between two ticks.
const TICK: u64 = 15;
const LABEL: &str = "com.offgrid.update";
/// The end of our line in a crontab.
const MARK: &str = "# offgrid-update";

/// What the manager that keeps the app running, or cron where none does, is told.
/// `machine` is the machine's random number. None on a system without any of them.
pub fn definition(kind: ServiceKind, wanted: &Wanted<'_>, machine: &str) -> Option<Definition> {
    let minute = spread(machine, "minute") % TICK;
    Some(match kind {
        ServiceKind::Systemd => systemd("/etc/systemd/system".into(), wanted, true),
        ServiceKind::SystemdUser => systemd(user_units(wanted).ok()?, wanted, false),
        ServiceKind::Launchd => launchd("/Library/LaunchDaemons".into(), "system", wanted, minute),
        ServiceKind::LaunchdAgent => {
            let domain = format!("gui/{}", wanted.uid?);
            launchd(wanted.home?.join("Library/LaunchAgents"), &domain, wanted, minute)
        }
        ServiceKind::Openrc | ServiceKind::Supervise | ServiceKind::None
            if std::env::consts::FAMILY == "unix" =>
        {
            cron(wanted, minute)
        }
        _ => return None,
    })
}

/// What the answers to [`Commands::query`] say: whether it is set up, and whether it
/// will run by itself.
pub fn state(kind: ServiceKind, answers: &[Answer]) -> State {
    let Some(answer) = answers.first() else { return State::default() };
    let said = |word: &str| answer.text.lines().any(|line| line.trim() == word);
    let (known, on) = match kind {
        ServiceKind::Systemd | ServiceKind::SystemdUser => {
            (said("LoadState=loaded"), said("UnitFileState=enabled"))
        }
        _ => (answer.status == Some(0), answer.status == Some(0)),
    };
    let running = said("ActiveState=active");
    State { known, running, autostart: known && on, ..State::default() }
}

/// The name of the folder below `/var/cache` in which a child without rights works for
/// the installation of this prefix.
pub fn cache_name(prefix: &Path) -> String {
    if prefix == Path::new("/opt/offgrid") {
        return "offgrid".to_owned();
    }
    let digest = Digest::of(prefix.as_os_str().as_encoded_bytes()).to_string();
    format!("offgrid-{}", &digest[..8])
}

fn words(line: &[&str]) -> Words {
    line.iter().map(|word| (*word).to_owned()).collect()
}

// systemd

fn systemd(folder: PathBuf, wanted: &Wanted<'_>, system: bool) -> Definition {
    let unit = |name: &str, text: String| UnitFile { path: folder.join(name), text, mode: 0o644 };
    let ctl = |line: &[&str]| {
        let mut all = vec!["systemctl".to_owned()];
        all.extend((!system).then(|| "--user".to_owned()));
        all.extend(words(line));
        vec![all]
    };
    const TIMER: &str = "offgrid-update.timer";
    let properties = "--property=LoadState,ActiveState,UnitFileState";
    Definition {
        files: vec![
            unit("offgrid-update.service", systemd_service(wanted, system)),
            unit(TIMER, systemd_timer()),
        ],
        commands: Commands {
            reload: ctl(&["daemon-reload"]),
            enable: ctl(&["enable", "--now", TIMER]),
            disable: ctl(&["disable", "--now", TIMER]),
            start: ctl(&["start", TIMER]),
            stop: ctl(&["stop", TIMER]),
            restart: ctl(&["restart", TIMER]),
            query: ctl(&["show", properties, TIMER]),
            ..Commands::default()
        },
        log: None,
    }
}

fn systemd_timer() -> String {
    "# Made by OffGrid Setup; changes of yours belong in a drop-in (systemctl edit).\n\
     [Unit]\n\
     Description=Asks now and then whether an update of OffGrid LLM is due\n\
     \n\
     [Timer]\n\
     OnCalendar=*:00/15\n\
     RandomizedDelaySec=10min\n\
     FixedRandomDelay=yes\n\
     AccuracySec=1min\n\
     Persistent=yes\n\
     \n\
     [Install]\n\
     WantedBy=timers.target\n"
        .to_owned()
}

/// A path as a word of `ExecStart=`.
fn unit_word(path: &Path) -> String {
    let text = path.display().to_string();
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('%', "%%").replace('$', "$$"))
}

/// The same in a list of paths.
fn unit_path(path: &Path) -> String {
    let text = path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('%', "%%"))
}

fn systemd_service(wanted: &Wanted<'_>, system: bool) -> String {
    let program = unit_word(wanted.program);
    // A user's manager knows no such target.
    let after = match system {
        true => "Wants=network-online.target\nAfter=network-online.target\n",
        false => "",
    };
    let mut text = format!(
        "# Made by OffGrid Setup; changes of yours belong in a drop-in (systemctl edit).\n\
         [Unit]\n\
         Description=Scheduled update of OffGrid LLM\n\
         {after}\
         \n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart={program} update --scheduled\n\
         # Nothing could be reached, or another run is at work: next time.\n\
         SuccessExitStatus=4 6\n\
         TimeoutStartSec=8h\n\
         # An update that is stopped is taken back first.\n\
         TimeoutStopSec=5min\n\
         Nice=10\n\
         IOSchedulingClass=idle\n\
         NoNewPrivileges=yes\n"
    );
    if system {
        text.push_str(&sandbox(wanted));
    }
    text
}

/// What an update of the whole system may touch: its prefix, the units, its cache, and
/// the folder in which it talks to the supervisor.
fn sandbox(wanted: &Wanted<'_>) -> String {
    let (prefix, cache) = (unit_path(wanted.prefix), cache_name(wanted.prefix));
    format!(
        "UMask=0022\n\
         ProtectSystem=strict\n\
         ReadWritePaths={prefix} /etc/systemd/system -/run/offgrid-llm\n\
         CacheDirectory={cache}\n\
         CacheDirectoryMode=0755\n\
         PrivateTmp=yes\n\
         ProtectHome=read-only\n\
         ProtectClock=yes\n\
         ProtectControlGroups=yes\n\
         ProtectHostname=yes\n\
         ProtectKernelLogs=yes\n\
         ProtectKernelModules=yes\n\
         ProtectKernelTunables=yes\n\
         LockPersonality=yes\n\
         RestrictRealtime=yes\n\
         RestrictSUIDSGID=yes\n\
         RestrictNamespaces=yes\n\
         RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n\
         SystemCallArchitectures=native\n\
         SystemCallFilter=@system-service\n\
         SystemCallErrorNumber=EPERM\n\
         # A new release is proved on the GPU, which compiles its kernels: no\n\
         # PrivateDevices=, no MemoryDenyWriteExecute=.\n\
         # To give up root for what is fetched and decoded, to give files to the\n\
         # service's user, and to tell its supervisor:\n\
         CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE CAP_KILL\n"
    )
}

// launchd

fn launchd(folder: PathBuf, domain: &str, wanted: &Wanted<'_>, minute: u64) -> Definition {
    let path = folder.join(format!("{LABEL}.plist"));
    let program = xml(&wanted.program.display().to_string());
    let ticks: String = (0..60 / TICK)
        .map(|tick| {
            let minute = minute + tick * TICK;
            format!("    <dict><key>Minute</key><integer>{minute}</integer></dict>\n")
        })
        .collect();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n\
         <dict>\n\
         \x20 <key>Label</key><string>{LABEL}</string>\n\
         \x20 <key>ProgramArguments</key>\n\
         \x20 <array>\n\
         \x20   <string>{program}</string>\n\
         \x20   <string>update</string>\n\
         \x20   <string>--scheduled</string>\n\
         \x20 </array>\n\
         \x20 <key>StartCalendarInterval</key>\n\
         \x20 <array>\n{ticks}\
         \x20 </array>\n\
         \x20 <key>ProcessType</key><string>Background</string>\n\
         \x20 <key>LowPriorityIO</key><true/>\n\
         </dict>\n\
         </plist>\n"
    );
    let file = path.display().to_string();
    let target = format!("{domain}/{LABEL}");
    let ctl = |line: &[&str]| {
        let mut all = vec!["launchctl".to_owned()];
        all.extend(words(line));
        vec![all]
    };
    Definition {
        files: vec![UnitFile { path, text, mode: 0o644 }],
        commands: Commands {
            enable: ctl(&["bootstrap", domain, &file]),
            disable: ctl(&["bootout", &target]),
            query: ctl(&["print", &target]),
            ..Commands::default()
        },
        log: None,
    }
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

// cron

/// A marked line in the crontab of who installs, root included: busybox's cron, as on
/// Alpine, reads no `/etc/cron.d`.
fn cron(wanted: &Wanted<'_>, minute: u64) -> Definition {
    let ticks: Vec<String> =
        (0..60 / TICK).map(|tick| (minute + tick * TICK).to_string()).collect();
    let program = quote::sh(&wanted.program.display().to_string());
    // To cron a bare % is the end of the command.
    let program = program.replace('%', "\\%");
    let line = format!("{} * * * * {program} update --scheduled {MARK}", ticks.join(","));
    let others = format!("crontab -l 2>/dev/null | grep -v '{MARK}$'");
    let sh = |text: String| vec![vec!["sh".to_owned(), "-c".to_owned(), text]];
    Definition {
        files: Vec::new(),
        commands: Commands {
            enable: sh(format!("({others}; printf '%s\\n' {}) | crontab -", quote::sh(&line))),
            disable: sh(format!(
                "left=$({others}); if [ -n \"$left\" ]; then printf '%s\\n' \"$left\" | crontab -; \
                 else crontab -r 2>/dev/null || true; fi"
            )),
            query: sh(format!("crontab -l 2>/dev/null | grep -q '{MARK}$'")),
            ..Commands::default()
        },
        log: None,
    }
}

#[cfg(test)]
mod tests;
