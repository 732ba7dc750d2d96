//! What a step is called: in plans and journals, and for people.

use super::Step;
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
            Step::Health { .. } => "health",
            Step::Retire { .. } => "retire",
            Step::GiveBack { .. } => "give-back",
        }
    }

    /// Whether it is bookkeeping: shown in the plan, not while it happens.
    pub fn is_minor(&self) -> bool {
        match self {
            Step::MakeDir { .. } | Step::PutText { .. } | Step::Health { .. } => true,
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
            Step::Prove { slot } => format!("prove that {slot} generates text on this machine"),
            Step::Switch { slot, .. } => format!("switch to {slot}"),
            Step::Health { .. } => "wait until the service answers, if it runs".to_owned(),
            Step::Retire { what } => what.describe(),
            Step::GiveBack { undo, .. } => undo.describe(),
        }
    }
}
