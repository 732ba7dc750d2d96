//! What every command believes before it decides anything: root, head and
//! channel, and which release they mean for this machine. Writes only what a
//! command that holds the lock may remember.

use super::session::{Change, Session};
use crate::disk;
use crate::error::Error as Any;
use crate::receipt::Receipt;
use crate::settings::Settings;
use crate::source::Sources;
use crate::stamp::Stamped;
use crate::store::Store;
use crate::trust::{self, Choice, Consent, Inquiry, Refused, Staleness, Trusted, Wish};
use offgrid_manifest::verify::LARGE_MAX;
use offgrid_manifest::{Id, Pin, Version};

/// What is trusted now, for a command that only looks.
pub(super) fn refresh(
    session: &Session<'_>,
    stamped: &Stamped,
    sources: &Sources,
    receipt: Option<&Receipt>,
) -> Result<Trusted, Any> {
    ask(session, stamped, sources, receipt).map_err(|refused| *refused.error)
}

impl Change<'_> {
    /// The same for a command that holds the lock: what was verified on the way to
    /// a refusal is remembered, and state that cannot be believed is kept aside.
    pub(super) fn refresh(
        &self,
        stamped: &Stamped,
        sources: &Sources,
        receipt: Option<&Receipt>,
    ) -> Result<Trusted, Any> {
        let (session, store) = (self.session, self.session.store());
        match ask(session, stamped, sources, receipt) {
            Ok(trusted) => {
                if trusted.damaged {
                    keep_aside(store)?;
                }
                Ok(trusted)
            }
            Err(Refused { error, learned }) => {
                if let (Some(learned), Some(_)) = (learned, receipt) {
                    if learned.damaged {
                        keep_aside(store)?;
                    }
                    disk::write(&store.trust(), learned.memory.text().as_bytes(), 0o600)?;
                }
                Err(*error)
            }
        }
    }

    /// What was verified is remembered even when there is nothing to do.
    pub(super) fn remember(&self, trusted: &Trusted) -> Result<(), Any> {
        if !trusted.changed {
            return Ok(());
        }
        let text = trusted.memory.text();
        Ok(disk::write(&self.session.store().trust(), text.as_bytes(), 0o600)?)
    }
}

fn keep_aside(store: &Store) -> Result<(), Any> {
    if let Some(bytes) = disk::read(&store.trust(), trust::state_max())? {
        disk::write(&store.bad_trust(), &bytes, 0o600)?;
    }
    Ok(())
}

fn ask(
    session: &Session<'_>,
    stamped: &Stamped,
    sources: &Sources,
    receipt: Option<&Receipt>,
) -> Result<Trusted, Refused> {
    session.looking(&format!("reading the signed manifest from {}", sources.shown()));
    session.stage_refresh(receipt)?;
    let settings = session.settings;
    let channel = channel_of(settings, receipt)?;
    let store = session.store();
    let memory = disk::read(&store.trust(), trust::state_max())?;
    let live = receipt.map(|receipt| store.slot(&receipt.live).join("channel.json"));
    // A floor and no more: without it the other two sources of floors stand.
    let live = live.and_then(|path| disk::read(&path, LARGE_MAX).ok().flatten());
    let inquiry = Inquiry {
        stamped,
        known: trust::Known { memory: memory.as_deref(), installed: live.as_deref() },
        channel: &channel,
        stale: staleness(settings, sources),
        clock: session.clock(),
    };
    let refreshed = trust::refresh(&inquiry, sources);
    session.troubles(sources);
    let trusted = refreshed?;
    warn(session, &trusted);
    if let Some(receipt) = receipt {
        let way_out = way_out(receipt, &trusted.channel.current);
        for notice in trust::notices(&trusted.channel, &receipt.live.version) {
            session.warn("W_LIVE_UNSAFE", &notice, Some(&way_out));
        }
    }
    sources.learn(&trusted.channel.mirrors);
    Ok(trusted)
}

/// What to type when the live release was withdrawn or is unsafe.
pub(super) fn way_out(receipt: &Receipt, current: &Version) -> String {
    match *current > receipt.live.version {
        true if receipt.left.as_ref() == Some(current) => {
            format!("get a better one with `offgrid update --version {current}`")
        }
        true => "get a better one with `offgrid update`".to_owned(),
        false => format!(
            "go back with `offgrid rollback`, or with `offgrid update --version {current} \
             --allow-downgrade`"
        ),
    }
}

/// Says what is not as it should be.
pub(super) fn warn(session: &Session<'_>, trusted: &Trusted) {
    for warning in &trusted.warnings {
        session.warn(warning.code, &warning.what, None);
    }
}

/// Which channel is followed.
pub(super) fn channel_of(settings: &Settings, receipt: Option<&Receipt>) -> Result<Id, Any> {
    Ok(match (&settings.channel, receipt) {
        (Some(channel), _) => channel.clone(),
        (None, Some(receipt)) => receipt.channel.parse()?,
        (None, None) => "stable".parse()?,
    })
}

/// How strict to be about the time: a folder that a person named is a kit, whose
/// age is seen on the stick (DESIGN 4).
pub(super) fn staleness(settings: &Settings, sources: &Sources) -> Staleness {
    if settings.scheduled {
        // Nobody looks at a stick, and nobody has typed that old news will do.
        return Staleness::default();
    }
    let kit = sources.is_folder() && settings.sources_typed;
    Staleness { accepted: settings.accept_stale, kit }
}

/// Which release this machine takes, or why it stays with the live one.
///
/// # Errors
/// `E_NOT_LISTED`, `E_YANKED`, `E_NEEDS_CONSENT`.
pub(super) fn choice(
    session: &Session<'_>,
    trusted: &Trusted,
    receipt: Option<&Receipt>,
) -> Result<Choice, Any> {
    let settings = session.settings;
    let machine = machine_of(session.store())?;
    let wish = Wish {
        version: settings.version.as_ref(),
        live: receipt.map(|receipt| &receipt.live.version),
        left: receipt.and_then(|receipt| receipt.left.as_ref()),
        machine: machine.as_deref(),
        by_person: session.env.can_ask && !settings.scheduled,
        consent: Consent {
            downgrade: settings.allow_downgrade,
            yanked: settings.allow_yanked,
            vulnerable: settings.accept_vulnerable.as_ref(),
        },
    };
    Ok(trust::choose(&trusted.channel, &wish, trusted.now)?)
}

/// The release to plan for: the chosen one, or the live one where nothing better
/// is offered and something else about it was asked for.
pub(super) fn chosen(
    session: &Session<'_>,
    trusted: &Trusted,
    receipt: Option<&Receipt>,
) -> Result<(Version, Pin), Any> {
    match (choice(session, trusted, receipt)?, receipt) {
        (Choice::Take(version, pin), _) => Ok((version, pin)),
        (Choice::Stay(_), receipt) => {
            let live = receipt.map(|receipt| &receipt.live.version);
            let wish = Wish { version: live, live, ..Wish::default() };
            match trust::choose(&trusted.channel, &wish, trusted.now)? {
                Choice::Take(version, pin) => Ok((version, pin)),
                Choice::Stay(_) => Err(super::refuse::Error::NothingBefore.into()),
            }
        }
    }
}

/// This machine's number in rollouts; it never leaves the machine.
pub(super) fn machine_of(store: &Store) -> Result<Option<String>, Any> {
    let bytes = disk::read(&store.id(), 1024)?;
    let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    Ok(text.filter(|text| !text.is_empty()))
}
