//! Scenarios through the real executables.
