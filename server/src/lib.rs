//! The depot.
