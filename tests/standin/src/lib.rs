//! A stand-in for the upstream app.
