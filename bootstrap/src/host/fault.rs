//! Why a GPU cannot be used, as a word that decisions can be made from.

/// The kind of a GPU's `why_not`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No driver of its maker is installed, or not all of it.
    Driver,
    /// AMD's old kernel driver has it.
    OldRadeon,
    /// The driver is installed and its kernel module is not loaded.
    Module,
    /// Kernel module and libraries are of two versions.
    Restart,
    /// A device node is missing.
    Node,
    /// A device node is missing, and this is a container.
    Container,
    /// The service's user is not in the group of the device node.
    Group,
    /// The rights of the device node keep the service's user out.
    Rights,
    /// Somebody set it aside, for a virtual machine or from the driver.
    SetAside,
    /// The library that Windows lends to WSL is hidden or missing.
    Lent,
    /// Anything else.
    Other,
}
