//! What documents say that are signed and whole, and that clients refuse all the
//! same, or that nobody can have meant: floors, withdrawn and unsafe releases,
//! rollouts that end nowhere, numbers that were used twice.

use super::Checker;
use crate::publish::{FULL, percent};
use crate::{address, disk, trust};
use offgrid_manifest::root::Floors;
use offgrid_manifest::{Channel, Code, Head, Release, Root, Verified, layout};

impl Checker<'_> {
    /// Head and channels against the floors of the root.
    pub(super) fn floors(&mut self, floors: &Floors, head: &Head) {
        let below =
            |version: u64, floor: u64| format!("version {version} is below the floor {floor}");
        if head.version < floors.head {
            self.problem(Code::Rollback, layout::HEAD, &below(head.version, floors.head));
        }
        for (name, floor) in &floors.channel {
            match head.channels.get(name) {
                Some(pin) if pin.version < *floor => {
                    let place = layout::channel(name, pin.version);
                    self.problem(Code::Rollback, &place, &below(pin.version, *floor));
                }
                Some(_) => {}
                None => self.note(format!("the root has a floor for {name}, which is no channel")),
            }
        }
    }

    /// One head for one number: a client keeps the one that it saw first.
    pub(super) fn numbers(&mut self, head: &Head) -> Result<(), disk::Error> {
        for (version, digests) in trust::signed_heads(self.depot)? {
            if digests.len() < 2 {
                continue;
            }
            let what = format!("{} heads of version {version} were signed", digests.len());
            if version == head.version {
                let what = format!("{what}; clients keep the one that they saw first");
                self.problem(Code::Mixmatch, layout::HEAD, &what);
            } else {
                self.note(what);
            }
        }
        Ok(())
    }

    /// What one channel says.
    pub(super) fn channel(&mut self, place: &str, channel: &Channel) {
        let Channel { name, current, .. } = channel;
        if let Some(yank) = channel.yanked.get(current) {
            let what = format!("{current}, which it offers, was yanked: {}", yank.reason);
            self.problem(Code::Yanked, place, &what);
        }
        if let Some(least) = channel.minimum_safe.as_ref().filter(|least| current < *least) {
            let what = format!("{current}, which it offers, is below {least}, the minimum");
            self.problem(Code::NeedsConsent, place, &what);
        }
        for version in channel.yanked.keys().filter(|v| !channel.releases.contains_key(v)) {
            self.note(format!("{place}: {version} is yanked and not listed"));
        }
        for mirror in &channel.mirrors {
            match address::base(mirror) {
                Err(error) => self.problem(Code::Parse, place, &format!("a mirror: {error}")),
                Ok(base) if base != *mirror => {
                    self.note(format!("{place}: the mirror {mirror} has no `/` at its end"));
                }
                Ok(_) => {}
            }
        }
        self.rollout(place, channel);
        self.salt(place, channel);
        if self.depot.path(&layout::channel(name, channel.version + 1)).exists() {
            let next = channel.version + 1;
            self.note(format!("{place}: there is a version {next} that the head does not name"));
        }
    }

    fn rollout(&mut self, place: &str, channel: &Channel) {
        let Some(rollout) = channel.rollout.as_ref().filter(|_| !channel.critical) else { return };
        let current = &channel.current;
        let most = rollout.steps.iter().map(|step| step.permyriad).max().unwrap_or(0);
        if most == 0 {
            self.note(format!("{place}: {current} is halted; nobody more is offered it"));
        } else if most < FULL {
            let most = percent(most);
            self.note(format!("{place}: {current} never reaches everybody; it ends at {most}"));
        }
        // Steps out of the order of time are no document at all.
        let falls =
            |pair: &[offgrid_manifest::channel::RolloutStep]| pair[0].permyriad > pair[1].permyriad;
        if rollout.steps.windows(2).any(falls) {
            self.note(format!("{place}: the steps of {current} do not rise"));
        }
    }

    /// Another salt for the same release draws the early group again.
    fn salt(&mut self, place: &str, channel: &Channel) {
        let numbers = trust::numbers(self.depot, &channel.name).unwrap_or_default();
        let before = numbers.into_iter().rfind(|number| *number < channel.version);
        let before = before
            .and_then(|n| trust::channel(self.depot, &self.roots, &channel.name, n).ok())
            .filter(|before| before.current == channel.current);
        let salts = before.as_ref().and_then(|b| b.rollout.as_ref()).zip(channel.rollout.as_ref());
        if salts.is_some_and(|(before, now)| before.salt != now.salt) {
            let current = &channel.current;
            self.note(format!("{place}: the salt of {current} is another one than before"));
        }
    }

    /// The program of a release that is offered may go on by the root's rule.
    pub(super) fn bootstrap(&mut self, root: &Root, release: &Verified<Release>) {
        let (setup, least) = (&release.setup, &root.min_bootstrap);
        if !setup.targets.is_empty() && setup.version < *least {
            let place = layout::release(&release.version, &release.digest());
            let what = format!("its program is {}, the root asks for {least}", setup.version);
            self.problem(Code::Mixmatch, &place, &what);
        }
    }

    fn note(&mut self, note: String) {
        self.report.notes.push(note);
    }
}
