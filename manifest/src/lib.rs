//! The signed documents.
