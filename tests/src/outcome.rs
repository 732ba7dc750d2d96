//! What a command did, and what it said.

use serde_json::Value;
use std::process::Output;

/// An ended command. Everything is printed when an expectation fails.
#[derive(Debug)]
pub struct Outcome {
    /// As it was typed.
    pub line: String,
    /// Its exit code; 128 and the signal when one ended it.
    pub code: i32,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

impl Outcome {
    pub fn new(line: String, output: Output) -> Outcome {
        use std::os::unix::process::ExitStatusExt;
        let signal = output.status.signal().unwrap_or(0);
        Outcome {
            line,
            code: output.status.code().unwrap_or(128 + signal),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Stops the test unless the command ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Outcome {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }

    /// Stops the test unless it ended with this code and this E_ code, said once
    /// to people as well.
    #[track_caller]
    pub fn expect_error(self, code: i32, name: &str) -> Outcome {
        let outcome = self.expect(code);
        let found = match outcome.ended() {
            Some(ended) => ended["error"]["code"].as_str().unwrap_or("none").to_owned(),
            None => outcome.stderr.clone(),
        };
        assert!(found.contains(name), "{name} was expected\n{}", outcome.all());
        outcome
    }

    /// Stops the test unless stdout or stderr holds this text.
    #[track_caller]
    pub fn says(self, text: &str) -> Outcome {
        let there = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(there, "`{text}` was not said\n{}", self.all());
        self
    }

    /// Every JSON object of stdout.
    pub fn events(&self) -> Vec<Value> {
        self.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The last `ended` event.
    pub fn ended(&self) -> Option<Value> {
        self.events().into_iter().rev().find(|event| event["event"] == "ended")
    }

    /// The only JSON object of stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}\n{}", self.all()))
    }

    fn all(&self) -> String {
        let Outcome { line, code, stdout, stderr } = self;
        format!("$ {line}\n[exit {code}]\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}
