//! The program on the user's machine.
