//! What can be asked of `rotate` and `floor`.

use offgrid_manifest::root::Roles;
use offgrid_manifest::{Id, Role, Time, Version};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One of the three roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleName {
    /// Signs roots.
    Root,
    /// Signs channels, releases and programs.
    Release,
    /// Signs the head.
    Head,
}

impl RoleName {
    pub(super) const ALL: [RoleName; 3] = [RoleName::Root, RoleName::Release, RoleName::Head];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            RoleName::Root => "root",
            RoleName::Release => "release",
            RoleName::Head => "head",
        }
    }

    pub(super) fn of(self, roles: &Roles) -> &Role {
        match self {
            RoleName::Root => &roles.root,
            RoleName::Release => &roles.release,
            RoleName::Head => &roles.head,
        }
    }

    pub(super) fn of_mut(self, roles: &mut Roles) -> &mut Role {
        match self {
            RoleName::Root => &mut roles.root,
            RoleName::Release => &mut roles.release,
            RoleName::Head => &mut roles.head,
        }
    }
}

/// A key that was made elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// What it shall sign.
    pub role: RoleName,
    /// Its name in the root.
    pub name: Id,
    /// Its `.pub` file.
    pub file: PathBuf,
}

/// A floor as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// What is current.
    Current,
    /// This version.
    At(u64),
}

/// What was asked for. Nothing at all renews the root.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Keys to take in.
    pub add: Vec<Added>,
    /// Keys to make.
    pub new: Vec<RoleName>,
    /// Keys that count for nothing from now on.
    pub remove: Vec<Id>,
    /// How many must sign.
    pub thresholds: Vec<(RoleName, usize)>,
    /// The oldest bootstrapper that may go on.
    pub min_bootstrap: Option<Version>,
    /// When the root expires.
    pub expires: Option<Time>,
    /// Heads begin again at the floor: a thief has counted ahead.
    pub restart_head: bool,
    /// The lowest head that counts.
    pub floor_head: Option<Floor>,
    /// The lowest documents of channels that count.
    pub floor_channels: BTreeMap<Id, Floor>,
    /// `floor`: nothing else changes.
    pub only_floors: bool,
    /// New keys get no password.
    pub no_password: bool,
    /// The time; `None` is 1970.
    pub now: Option<Time>,
}

impl Options {
    pub(super) fn now(&self) -> Time {
        self.now.unwrap_or(Time::from_unix(0))
    }
}
