//! What the suite tuf-conformance asks of a client, asked of ours
//! (reference/trust.md 3.1), and what only ours has: floors, the root that a head
//! names, several sources, expiry policy. Everything through `offgrid-setup trust
//! init|refresh|download|show`; the depots are of a simulator unless something has
//! to be downloaded.

mod basic;
mod client;
mod download;
mod expiry;
mod keys;
mod ours;
mod rollback;
mod rotation;
