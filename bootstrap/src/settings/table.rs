// Long because: one entry for each option.
//! The one table of options. Parser, layers, help and the reference page all
//! read it; an option that is not here does not exist.
//!
//! Owns names, shapes and help texts. Never says what a value means: `settle`
//! does.

use super::command::Command::{self, *};

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On or off; the flag turns it on.
    Switch,
    /// On or off; the flag turns it off.
    NoSwitch,
    /// One value out of a few, each with a flag of its own: (flag, value).
    Flags(&'static [(&'static str, &'static str)]),
    /// One value; `arg` is its name in help.
    Text {
        /// "DIR"
        arg: &'static str,
    },
    /// One value, or a switch that stands for one of two.
    OneOr {
        /// "PATH"
        arg: &'static str,
        /// The other flag.
        switch: &'static str,
        /// What it stands for, and what `=false` does.
        on_off: [&'static str; 2],
    },
    /// Several values: the flag again and again, commas in a variable, an array
    /// in a file.
    List {
        /// "URL|DIR"
        arg: &'static str,
    },
}

/// One option.
#[derive(Debug)]
pub struct Spec {
    /// With its dashes; also the option's identity in a `Layer`.
    pub flag: &'static str,
    /// `y` of `-y`.
    pub short: Option<char>,
    /// The variable; only settings have one.
    pub var: Option<&'static str>,
    /// The key in `setup.toml`; only settings have one.
    pub key: Option<&'static str>,
    /// What it takes.
    pub kind: Kind,
    /// Where it may be typed; [`EVERYWHERE`] when empty.
    pub commands: &'static [Command],
    /// What holds when nobody says anything, in words.
    pub default: &'static str,
    /// One line.
    pub help: &'static str,
}

/// Every command.
pub const EVERYWHERE: &[Command] = &[];
const CHOOSING: &[Command] = &[Install, Update, Plan];
const CONSENTING: &[Command] = &[Install, Update, Plan, Rollback];
const FETCHING: &[Command] = &[Install, Update, Plan, Repair, Model, Trust];
const ASKING: &[Command] = &[Install, Update, Plan, Status, Repair, Model, Trust];

/// Of an option that variables and files can give too.
const fn setting(
    flag: &'static str,
    var: &'static str,
    key: &'static str,
    kind: Kind,
    help: &'static str,
) -> Spec {
    let default = "off";
    let (var, key) = (Some(var), Some(key));
    Spec { flag, short: None, var, key, kind, commands: EVERYWHERE, default, help }
}

/// Of an option that can only be typed.
const fn only(
    commands: &'static [Command],
    flag: &'static str,
    kind: Kind,
    help: &'static str,
) -> Spec {
    Spec { flag, short: None, var: None, key: None, kind, commands, default: "off", help }
}

const fn text(arg: &'static str) -> Kind {
    Kind::Text { arg }
}

const fn list(arg: &'static str) -> Kind {
    Kind::List { arg }
}

impl Spec {
    const fn short(mut self, short: char) -> Spec {
        self.short = Some(short);
        self
    }

    const fn of(mut self, commands: &'static [Command]) -> Spec {
        self.commands = commands;
        self
    }

    const fn default(mut self, default: &'static str) -> Spec {
        self.default = default;
        self
    }

    /// Whether it may be typed with this command; no command is the guided
    /// install.
    pub fn fits(&self, command: Option<Command>) -> bool {
        self.commands.is_empty() || self.commands.contains(&command.unwrap_or(Install))
    }

    /// Every flag of it.
    pub fn flags(&self) -> Vec<&'static str> {
        match self.kind {
            Kind::Flags(flags) => flags.iter().map(|(flag, _)| *flag).collect(),
            Kind::OneOr { switch, .. } => vec![self.flag, switch],
            _ => vec![self.flag],
        }
    }

    /// The name of its value.
    pub fn arg(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Text { arg } | Kind::List { arg } | Kind::OneOr { arg, .. } => Some(arg),
            _ => None,
        }
    }
}

/// The option of a flag.
pub fn by_flag(flag: &str) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| spec.flags().contains(&flag))
}

/// The option of a letter.
pub fn by_short(short: char) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| spec.short == Some(short))
}

/// The option of a key in a file.
pub fn by_key(key: &str) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| spec.key == Some(key))
}

/// Every option, in the order of the help pages.
#[rustfmt::skip]
pub static TABLE: &[Spec] = &[
    setting("--yes", "OFFGRID_SETUP_YES", "yes", Kind::Switch,
        "ask nothing: the answer is yes").short('y'),
    setting("--json", "OFFGRID_SETUP_JSON", "json", Kind::Switch,
        "for other programs: JSON, one object a line"),
    setting("--quiet", "OFFGRID_SETUP_QUIET", "quiet", Kind::Switch,
        "say only what went wrong").short('q'),
    setting("--verbose", "OFFGRID_SETUP_VERBOSE", "verbose", Kind::Switch,
        "say more, for finding out why").short('v'),
    setting("--offline", "OFFGRID_SETUP_OFFLINE", "offline", Kind::Switch,
        "never use the network"),
    setting("--source", "OFFGRID_SETUP_SOURCE", "source", list("URL|DIR"),
        "fetch from this address or folder (a USB stick, say); can be given \
         more than once")
        .default("where this program came from"),
    setting("--channel", "OFFGRID_SETUP_CHANNEL", "channel", text("NAME"),
        "which line of releases to follow")
        .default("the one installed, else `stable`"),
    setting("--prefix", "OFFGRID_SETUP_PREFIX", "prefix", text("DIR"),
        "the folder to install into")
        .default("the usual place of this system"),
    setting("--system", "OFFGRID_SETUP_SCOPE", "scope",
        Kind::Flags(&[("--system", "system"), ("--user", "user")]),
        "install for everybody on this computer, or only for you")
        .default("`user`; `system` for root"),
    setting("--no-color", "OFFGRID_SETUP_COLOR", "color", Kind::NoSwitch,
        "plain text, no colours (NO_COLOR does the same)")
        .default("on, on a terminal"),
    setting("--version", "OFFGRID_SETUP_VERSION", "version", text("V"),
        "this release instead of the newest, like 0.3.0")
        .of(&[Install, Update, Plan, Trust])
        .default("the newest of the channel"),
    setting("--variant", "OFFGRID_SETUP_VARIANT", "variant", text("NAME"),
        "this variant instead of the one that fits best (see plan --explain); updates \
         keep to it until `auto` is said")
        .of(CHOOSING)
        .default("the one installed while it fits, else the best that does"),
    setting("--gpu", "OFFGRID_SETUP_GPU", "gpu", text("KIND"),
        "which GPUs to use: auto, none, nvidia, amd or intel; updates keep to it until \
         `auto` is said")
        .of(CHOOSING)
        .default("`auto`: cards before graphics inside the processor"),
    setting("--llama-server", "OFFGRID_SETUP_ENGINE", "engine",
        Kind::OneOr { arg: "PATH", switch: "--reuse-llama", on_off: ["auto", "bundled"] },
        "use this llama-server, which is on this computer already, and download none; \
         --reuse-llama: the first one found that does; in a file `bundled`, `auto` or a path")
        .of(CHOOSING)
        .default("`bundled`: the release's own; an update keeps what was chosen"),
    setting("--model", "OFFGRID_SETUP_MODEL", "model", list("NAME|none"),
        "fetch this model too, or none; can be given more than once").of(CHOOSING)
        .default("a question on a terminal, else none"),
    setting("--service", "OFFGRID_SETUP_SERVICE", "service", text("KIND"),
        "how the app is kept running: auto, systemd, systemd-user, launchd, \
         launchd-agent, windows, openrc, supervise or none").of(&[Install, Update, Plan, Service])
        .default("`auto`: the best of this system"),
    setting("--adopt", "OFFGRID_SETUP_ADOPT", "adopt", text("ask|yes|no"),
        "take over the app where it is as its makers install it, until an uninstall brings that back")
        .of(&[Install, Plan]).default("`ask` on a terminal; else it is left alone"),
    setting("--no-autostart", "OFFGRID_SETUP_AUTOSTART", "autostart", Kind::NoSwitch,
        "register the service, but start it only when somebody asks for it")
        .of(&[Install, Update, Plan, Service])
        .default("on: it starts with this computer, or with your session"),
    setting("--listen", "OFFGRID_SETUP_LISTEN", "listen", text("WHO"),
        "who may reach the app: `loopback`, this computer alone; `lan`, everybody on your \
         network, without a password unless you set one")
        .of(&[Install, Update, Plan, Service])
        .default("`loopback`"),
    setting("--drain", "OFFGRID_SETUP_DRAIN", "drain", text("SECONDS"),
        "how long requests that are being answered may take before another release takes \
         over; 0: do not wait")
        .of(&[Install, Update, Rollback, Repair, Service])
        .default("60"),
    setting("--linger", "OFFGRID_SETUP_LINGER", "linger", Kind::Switch,
        "let your service run while you are not logged in (loginctl enable-linger)")
        .of(&[Install, Update, Plan, Service])
        .default("off; an installation says how to"),
    setting("--no-modify-path", "OFFGRID_SETUP_MODIFY_PATH", "modify_path", Kind::NoSwitch,
        "leave your shell's profiles as they are: `offgrid` may then need its full \
         name")
        .of(&[Install, Plan])
        .default("on: new terminals find `offgrid`"),
    setting("--keep", "OFFGRID_SETUP_KEEP", "keep", text("N"),
        "how many releases stay on this disk, the live one counted; at least 2").of(CHOOSING)
        .default("2"),
    setting("--accept-stale", "OFFGRID_SETUP_ACCEPT_STALE", "accept_stale", Kind::Switch,
        "accept signed release lists that have expired (an old USB stick)")
        .of(&[Install, Update, Plan, Model, Trust]),
    setting("--allow-downgrade", "OFFGRID_SETUP_ALLOW_DOWNGRADE", "allow_downgrade", Kind::Switch,
        "allow a release older than the installed one").of(CHOOSING),
    setting("--ca-file", "OFFGRID_SETUP_CA_FILE", "ca_file", text("FILE"),
        "trust the certificates in this PEM file too (a company proxy)").of(ASKING)
        .default("those of the system, SSL_CERT_FILE"),
    setting("--limit-rate", "OFFGRID_SETUP_LIMIT_RATE", "limit_rate", text("BYTES"),
        "download at most so much a second, like 500K or 2M; or none").of(FETCHING)
        .default("none"),
    setting("--max-download", "OFFGRID_SETUP_MAX_DOWNLOAD", "max_download", text("BYTES"),
        "stop before downloading more than this in all, like 300M; or none").of(FETCHING)
        .default("none"),
    setting("--no-self-update", "OFFGRID_SETUP_SELF_UPDATE", "self_update", Kind::NoSwitch,
        "leave this program as it is when a release brings a newer one").of(CHOOSING)
        .default("on"),
    setting("--updates", "OFFGRID_SETUP_UPDATES", "updates", text("HOW"),
        "updates that nobody has to ask for: never; notify, say that there is one; \
         download, fetch it too; install")
        .of(&[Install, Update, Plan, Status])
        .default("what was said last, at first `never`"),
    setting("--update-window", "OFFGRID_SETUP_UPDATE_WINDOW", "update_window", list("WHEN"),
        "when such an update may run, by the local time, like \"Mon-Fri 02:00-05:00\"; can be \
         given more than once")
        .of(&[Install, Update, Plan, Status])
        .default("at any time"),
    setting("--update-budget", "OFFGRID_SETUP_UPDATE_BUDGET", "update_budget", text("BYTES"),
        "what such updates may download in 30 days, like 500M; or none")
        .of(&[Install, Update, Plan, Status])
        .default("none"),
    setting("--metered", "OFFGRID_SETUP_METERED", "metered", text("WHICH"),
        "whether downloads cost money here: then such updates download nothing. yes, no, or \
         auto: what the files of NetworkManager say (Linux; what is not known is not metered)")
        .of(&[Install, Update, Plan, Status])
        .default("`auto`"),
    setting("--wait", "OFFGRID_SETUP_WAIT", "wait", Kind::Switch,
        "when another run is at work on the same installation, wait until it has ended")
        .of(&[Install, Update, Rollback, Repair, Verify, Uninstall, Model]),
    only(&[Rollback], "--to", text("V"),
        "back to this release, like 0.3.0, or 0.3.0+VARIANT where there are two of it")
        .default("the one before"),
    only(CONSENTING, "--allow-yanked", Kind::Switch,
        "allow a release that was withdrawn"),
    only(CONSENTING, "--accept-vulnerable", text("V"),
        "allow this release although it is known to be unsafe"),
    only(&[Update], "--check", Kind::Switch,
        "only say whether there is an update (exit code 10: yes)"),
    only(&[Update], "--scheduled", Kind::Switch,
        "as the timer types it: ask nothing, and do what `updates` allows, when it is due"),
    only(&[Status], "--history", Kind::Switch,
        "show what was done, when, and by whom"),
    only(&[Plan], "--explain", Kind::Switch,
        "also say why every other variant was not chosen"),
    only(&[Update, Plan], "--rematch", Kind::Switch,
        "take the variant that fits this computer best now; also try again what did not \
         work here"),
    only(&[Detect, Doctor, Plan], "--sysroot", text("DIR"),
        "look at a captured computer in this folder instead").default("this computer"),
    only(&[Detect], "--capture", text("DIR"),
        "write what was looked at into this new folder, with nothing personal in it, \
         for a bug report"),
    only(&[Uninstall], "--purge", Kind::Switch,
        "also delete models and your settings"),
    only(&[Trust], "--state", text("DIR"),
        "the folder that remembers what is trusted")
        .default("that of the installation"),
    only(&[Trust], "--root", text("FILE"),
        "begin with this root of trust; its signature lies beside it")
        .default("the one in this program"),
    only(&[Trust], "--now", text("RFC3339"),
        "take this for the time, as in 2026-09-01T00:00:00Z").default("the clock"),
    only(&[Trust], "--target", text("NAME"),
        "download this: `setup`, a component or a variant of the release"),
    only(&[Trust, Stage], "--into", text("DIR"),
        "where to put what is downloaded"),
    only(&[Repair], "--finish", Kind::Switch,
        "finish the interrupted run"),
    only(&[Repair], "--back", Kind::Switch,
        "take the interrupted run back"),
];

#[cfg(test)]
mod tests;
