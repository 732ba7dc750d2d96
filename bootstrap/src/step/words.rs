//! What a step is called: in plans and journals, and for people.

use super::Step;
use crate::profile::Before;
use crate::service::Managed;
use crate::setup;
use crate::step::Undo;

impl Step {
    /// The step's name in plans and journals; serde's, without serialising what may
    /// be thousands of files.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::MakeDir { .. } => "make-dir",
            Step::FillSlot { .. } => "fill-slot",
            Step::Rebuild { .. } => "rebuild",
            Step::SetAside { .. } => "set-aside",
            Step::FetchModel { .. } => "fetch-model",
            Step::FetchSetup { .. } => "fetch-setup",
            Step::ProveSetup { .. } => "prove-setup",
            Step::PutText { .. } => "put-text",
            Step::PutFile { .. } => "put-file",
            Step::Link { .. } => "link",
            Step::EditBlock { .. } => "edit-block",
            Step::Prove { .. } => "prove",
            Step::Switch { .. } => "switch",
            Step::MakeUser { .. } => "make-user",
            Step::Own { .. } => "own",
            Step::PutUnit { .. } => "put-unit",
            Step::TellManager { .. } => "tell-manager",
            Step::Enable { .. } => "enable",
            Step::Linger { .. } => "linger",
            Step::Start { .. } => "start",
            Step::Health { .. } => "health",
            Step::Retire { .. } => "retire",
            Step::GiveBack { .. } => "give-back",
        }
    }

    /// Whether it is bookkeeping: shown in the plan, not while it happens.
    pub fn is_minor(&self) -> bool {
        match self {
            Step::MakeDir { .. }
            | Step::Own { .. }
            | Step::PutText { .. }
            | Step::TellManager { .. }
            | Step::Health { .. } => true,
            Step::Retire { what } => what.is_minor(),
            Step::GiveBack { undo, .. } => matches!(undo, Undo::RemoveDirs { .. }),
            _ => false,
        }
    }

    /// The line that people read.
    pub fn describe(&self) -> String {
        match self {
            Step::MakeDir { path } => format!("make the folder {}", path.display()),
            Step::FillSlot { slot } => format!("download and verify {}", slot.name),
            Step::Rebuild { slot, .. } => format!("make {} anew", slot.name),
            Step::SetAside { from, to } => {
                format!("move {} to {}", from.display(), to.display())
            }
            Step::FetchModel { model, .. } => format!("download the model {}", model.name),
            Step::FetchSetup { setup } => format!("download offgrid-setup {}", setup.version),
            Step::ProveSetup { setup } => {
                format!("prove that offgrid-setup {} works on this machine", setup.version)
            }
            Step::PutText { path, .. } => format!("write {}", path.display()),
            Step::PutFile { path, from, .. } if *path == setup::before(from) => {
                format!("keep the old program as {}", path.display())
            }
            Step::PutFile { path, .. } => format!("install this program as {}", path.display()),
            Step::Link { path, target } => {
                format!("link {} to {}", path.display(), target.display())
            }
            Step::EditBlock { path, .. } => {
                format!("let new terminals find `offgrid`, by a block in {}", path.display())
            }
            Step::Prove { slot, .. } => format!("prove that {slot} generates text on this machine"),
            Step::Switch { slot, .. } => format!("switch to {slot}"),
            Step::MakeUser { user, .. } => {
                format!("make the user {user}, which the service runs as")
            }
            Step::Own { path, user } => format!("give {} to {user}", path.display()),
            Step::PutUnit { path, .. } => format!("write {}", path.display()),
            Step::TellManager { service } => {
                format!("have {} read its files", service.kind.name())
            }
            Step::Enable { service: Managed { timer: true, .. }, .. } => {
                "ask for updates from time to time from now on".to_owned()
            }
            Step::Enable { on: true, .. } => {
                "let the service start by itself from now on".to_owned()
            }
            Step::Enable { .. } => "start the service by itself no more".to_owned(),
            Step::Linger { .. } => "let your services run while you are not logged in".to_owned(),
            Step::Start { again: true, .. } => "start the service anew".to_owned(),
            Step::Start { .. } => "start the service".to_owned(),
            Step::Health { .. } => "wait until the service answers, if it runs".to_owned(),
            Step::Retire { what } => what.describe(),
            Step::GiveBack { undo, .. } => undo.describe(),
        }
    }
}

impl Undo {
    /// The line that people read when an uninstall gives this back.
    fn describe(&self) -> String {
        match self {
            Undo::Nothing => "leave what is not ours".to_owned(),
            Undo::RemoveDirs { path, .. } => {
                format!("remove the folder {} if it is empty", path.display())
            }
            Undo::RemoveFile { path } | Undo::RemoveTree { path } => {
                format!("remove {}", path.display())
            }
            Undo::SetFile { path, .. } => format!("restore {}", path.display()),
            Undo::SetLink { path, target: None } => format!("remove the link {}", path.display()),
            Undo::SetLink { path, .. } => format!("restore the link {}", path.display()),
            Undo::SetBlock { path, before: Before { was: None, .. } } => {
                format!("take our block out of {}", path.display())
            }
            Undo::SetBlock { path, .. } => format!("restore the block in {}", path.display()),
            Undo::SwitchTo { slot: None, .. } => "take the live slot down".to_owned(),
            Undo::SwitchTo { slot: Some(slot), .. } => format!("switch to {slot}"),
            Undo::MoveBack { to, .. } | Undo::PutBack { path: to, .. } => {
                format!("put back {}", to.display())
            }
            Undo::Reinstate { what } => what.describe(),
            Undo::MakeDirs { path } => format!("make the folder {}", path.display()),
            Undo::RemoveUser { user } => format!("remove the user {user}"),
            Undo::MakeUser { user, .. } => format!("make the user {user}"),
            Undo::SetOwner { path, .. } => format!("give {} back to its owner", path.display()),
            Undo::TellManager { service } => {
                format!("have {} read its files again", service.kind.name())
            }
            Undo::Enabled { service: Managed { timer: true, .. }, was: false } => {
                "ask for updates by itself no more".to_owned()
            }
            Undo::Enabled { was: false, .. } => "start the service by itself no more".to_owned(),
            Undo::Enabled { .. } => "let the service start by itself".to_owned(),
            Undo::Started { was: false, .. } => "stop the service".to_owned(),
            Undo::Started { .. } => "start the service".to_owned(),
            Undo::Linger { was: false, .. } => {
                "let your services end when you log out, as before".to_owned()
            }
            Undo::Linger { .. } => "let your services run while you are not logged in".to_owned(),
        }
    }
}
