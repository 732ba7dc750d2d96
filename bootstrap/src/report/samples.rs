//! What the tests of this module tell about, and a stream that can be read.

use crate::plan::{Plan, Verb};
use crate::step::Step;
use crate::store::SlotName;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

pub(super) fn slot(version: &str) -> SlotName {
    format!("{version}+linux-x86_64-cpu").parse().unwrap()
}

pub(super) fn plan() -> Plan {
    Plan {
        id: "0123".to_owned(),
        verb: Verb::Install,
        from: None,
        to: Some(slot("0.3.0")),
        steps: vec![
            Step::MakeDir { path: "/opt/offgrid".into() },
            Step::PutText {
                path: "/opt/offgrid/state/id".into(),
                text: "secret".to_owned(),
                keep: false,
            },
            Step::Switch { current: "/opt/offgrid/current".into(), slot: slot("0.3.0") },
        ],
        receipt: None,
        download_bytes: 45_200_000,
        reused_bytes: 0,
        disk_bytes: 120_000_000,
    }
}

/// Keeps what is written.
#[derive(Clone, Default)]
pub(super) struct Tape(Arc<Mutex<Vec<u8>>>);

impl Tape {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A pipe that nobody reads any more.
pub(super) struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}
