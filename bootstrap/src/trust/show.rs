//! What is remembered, as data for `status` and `trust show`; nothing is fetched.

use super::state::{Known, Memory};
use super::{Warning, Wish, choose};
use crate::error::Error as Any;
use crate::stamp::Stamped;
use offgrid_manifest::{Id, Role, Root, Time};
use serde_json::{Value, json};

impl Memory {
    /// What people should know before anything is fetched.
    pub(super) fn remarks(&self, damaged: bool, clock: Time, now: Time) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if damaged {
            let what = "the remembered trust state could not be read and was forgotten; a copy \
                        is kept beside it";
            warnings.push(Warning { code: "W_STATE_FORGOTTEN", what: what.to_owned() });
        }
        if clock < now {
            let what = format!(
                "this computer's clock says {clock}, but there are documents of {now}; that \
                 time is used"
            );
            warnings.push(Warning { code: "W_CLOCK_BEHIND", what });
        }
        warnings
    }
}

/// What is remembered of a channel, for `status`; `wish` says what is live.
///
/// # Errors
/// `E_SCHEMA` for the state of a newer program.
pub fn remembered(
    stamped: &Stamped,
    known: &Known<'_>,
    channel: &Id,
    wish: &Wish<'_>,
    clock: Time,
) -> Result<Value, Any> {
    let (memory, _) = Memory::load(stamped, known)?;
    let stored = memory.stored(channel);
    let (head, channel) = stored.as_ref().map_or((None, None), |(h, c)| (Some(h), Some(c)));
    let expires = head.zip(channel).map(|(head, channel)| head.expires.min(channel.expires));
    let now = memory.time(clock);
    let update = channel.map(|channel| choose::offer(channel, wish, now));
    let notes: Vec<String> =
        channel.zip(wish.live).map_or(Vec::new(), |(c, live)| choose::notices(c, live));
    let available = update.as_ref().and_then(|(version, _)| version.clone());
    // Nothing is held back where there is nothing.
    let held = update.and_then(|(_, held)| held).filter(|_| available.is_some());
    Ok(json!({
        "update": {
            "available": available,
            "checked": memory.checked(),
            "blocked_by": held.map(choose::Held::name),
        },
        "trust": {
            "root": memory.root.version,
            "head": head.map(|head| head.version),
            "channel": channel.map(|channel| channel.version),
            "expires": expires,
        },
        "current": channel.map(|channel| &channel.current),
        "notes": notes,
    }))
}

/// Whether what is remembered of a channel allows to go back to `wish.version`:
/// the same consent as for installing it, but of its age. Nothing is fetched, and
/// what has expired still warns.
///
/// # Errors
/// `E_YANKED`, `E_NEEDS_CONSENT`; `E_SCHEMA` for the state of a newer program.
pub fn may_return(
    stamped: &Stamped,
    known: &Known<'_>,
    channel: &Id,
    wish: &Wish<'_>,
) -> Result<(), Any> {
    let (memory, _) = Memory::load(stamped, known)?;
    let stored = memory.stored(channel);
    let (Some((_, channel)), Some(version)) = (stored, wish.version) else { return Ok(()) };
    let consent = choose::Consent { downgrade: true, ..wish.consent };
    Ok(choose::consented(&channel, &Wish { consent, ..*wish }, version)?)
}

/// The bytes of the newest channel that is remembered, verified again. Nothing is
/// fetched, and its age does not matter.
///
/// # Errors
/// `E_SCHEMA` for the state of a newer program.
pub fn channel_of(
    stamped: &Stamped,
    known: &Known<'_>,
    channel: &Id,
) -> Result<Option<Vec<u8>>, Any> {
    let (memory, _) = Memory::load(stamped, known)?;
    Ok(memory.stored(channel).map(|(_, channel)| channel.bytes().to_vec()))
}

/// Everything that is remembered: versions, marks, expiry, keys.
///
/// # Errors
/// `E_SCHEMA` for the state of a newer program.
pub fn show(stamped: &Stamped, known: &Known<'_>) -> Result<Value, Any> {
    let (memory, damaged) = Memory::load(stamped, known)?;
    let head = memory.head().map(|head| {
        json!({
            "version": head.version, "issued": head.issued, "expires": head.expires,
            "root_version": head.root_version, "sha256": head.digest(),
        })
    });
    let channels: serde_json::Map<String, Value> =
        memory.channels().iter().map(|(name, c)| (name.to_string(), channel(c))).collect();
    let marks: serde_json::Map<String, Value> =
        memory.marked().map(|name| (name.to_string(), json!(memory.channel_mark(name)))).collect();
    Ok(json!({
        "v": 1,
        "root": root(&memory),
        "head": head,
        "channels": channels,
        "marks": {"head": memory.head_mark(), "channel": marks},
        "not_before": memory.time(Time::from_unix(0)),
        "checked": memory.checked(),
        "evidence": memory.evidence(),
        "damaged": damaged,
    }))
}

fn channel(channel: &offgrid_manifest::Verified<offgrid_manifest::Channel>) -> Value {
    json!({
        "version": channel.version, "issued": channel.issued, "expires": channel.expires,
        "sha256": channel.digest(), "current": channel.current,
        "minimum_safe": channel.minimum_safe, "critical": channel.critical,
        "releases": channel.releases.keys().collect::<Vec<_>>(),
        "yanked": channel.yanked.keys().collect::<Vec<_>>(), "mirrors": channel.mirrors,
    })
}

fn root(memory: &Memory) -> Value {
    let root: &Root = &memory.root;
    let role = |role: &Role| json!({"keys": role.keys, "threshold": role.threshold});
    let roles = &root.roles;
    json!({
        "version": root.version, "issued": root.issued, "expires": root.expires,
        "sha256": memory.root.digest(), "min_bootstrap": root.min_bootstrap,
        "floors": {"head": root.floors.head, "channel": root.floors.channel},
        "keys": root.keys,
        "roles": {
            "root": role(&roles.root), "release": role(&roles.release), "head": role(&roles.head),
        },
    })
}
