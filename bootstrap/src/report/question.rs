//! Questions to a person, and the one place that reads from the terminal.
//!
//! An answer that is not understood is asked for again, a few times; then, at the end
//! of what is typed, and when somebody stops the command, there is no answer. Never
//! decides what that means, and never waits after a stop.

use super::{Reporter, text};
use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// More than anybody types for an answer, in bytes.
const ANSWER_MAX: u64 = 1024;
const ANSWER_SIZE: usize = 1024;
/// How often one question is asked.
const TRIES: usize = 3;
/// Between two looks whether to wait on for an answer.
const LOOK: Duration = Duration::from_millis(50);

/// One of several answers, as a person picks it by its number or its word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// What may be typed in the place of the number.
    pub word: String,
    /// What it is, for people.
    pub line: String,
}

/// A question on one line, and what its answers mean.
struct Asked<'a, T> {
    prompt: String,
    /// What to type, said after an answer that is none.
    wanted: String,
    read: &'a dyn Fn(&str) -> Option<T>,
}

impl Reporter {
    /// Asks for yes or no; nothing typed means `usual`. Only where a person can be
    /// asked. `None`: no answer, also when `stop` says that nobody should wait for it.
    pub fn ask(&self, question: &str, usual: bool, stop: &dyn Fn() -> bool) -> Option<bool> {
        self.ask_from(question, usual, &mut BufReader::new(Typed { stop }))
    }

    /// Asks which of these; the index. Nothing typed means `usual`. Otherwise as
    /// [`Reporter::ask`].
    pub fn pick(
        &self,
        question: &str,
        picks: &[Pick],
        usual: usize,
        stop: &dyn Fn() -> bool,
    ) -> Option<usize> {
        self.pick_from(question, picks, usual, &mut BufReader::new(Typed { stop }))
    }

    pub(super) fn ask_from(
        &self,
        question: &str,
        usual: bool,
        input: &mut dyn BufRead,
    ) -> Option<bool> {
        let hint = if usual { "[Y/n]" } else { "[y/N]" };
        let asked = Asked {
            prompt: format!("{} {hint} ", text::lines(question, "  ")),
            wanted: "Please type y for yes or n for no.".to_owned(),
            read: &|answer| match answer.to_ascii_lowercase().as_str() {
                "" => Some(usual),
                "y" | "yes" => Some(true),
                "n" | "no" => Some(false),
                _ => None,
            },
        };
        self.answer(&asked, input)
    }

    pub(super) fn pick_from(
        &self,
        question: &str,
        picks: &[Pick],
        usual: usize,
        input: &mut dyn BufRead,
    ) -> Option<usize> {
        let width = picks.len().to_string().len();
        let lines = picks
            .iter()
            .enumerate()
            .map(|(index, pick)| format!("  {:>width$}  {}", index + 1, text::line(&pick.line)));
        let lines: Vec<String> =
            std::iter::once(text::lines(question, "  ")).chain(lines).collect();
        self.lock().human.prompt(&(lines.join("\n") + "\n"));
        let named = |answer: &str| picks.iter().position(|pick| pick.word == answer);
        let numbered = |answer: &str| {
            let number: usize = answer.parse().ok()?;
            number.checked_sub(1).filter(|index| *index < picks.len())
        };
        let asked = Asked {
            prompt: format!("Number [{}]: ", usual + 1),
            wanted: format!("Please type a number from 1 to {}.", picks.len()),
            read: &|answer| match answer {
                "" => Some(usual),
                answer => numbered(answer).or_else(|| named(answer)),
            },
        };
        self.answer(&asked, input)
    }

    fn answer<T>(&self, asked: &Asked<'_, T>, input: &mut dyn BufRead) -> Option<T> {
        for _ in 0..TRIES {
            self.lock().human.prompt(&asked.prompt);
            let Some(line) = line(input) else {
                // The cursor still stands behind the question.
                self.lock().human.say("");
                return None;
            };
            match line.as_deref().and_then(|line| (asked.read)(line.trim())) {
                Some(answer) => return Some(answer),
                None => self.lock().human.say(&asked.wanted),
            }
        }
        None
    }
}

/// The next line; `Some(None)`: one that is too long, or no text. `None`: there is none.
fn line(input: &mut dyn BufRead) -> Option<Option<String>> {
    let mut bytes = Vec::new();
    let read = input.take(ANSWER_MAX).read_until(b'\n', &mut bytes).ok()?;
    if read as u64 == ANSWER_MAX && !bytes.ends_with(b"\n") {
        // Its end is no answer to anything either.
        input.skip_until(b'\n').ok()?;
        return Some(None);
    }
    (read > 0).then(|| String::from_utf8(bytes).ok())
}

/// What is typed. A read of a terminal goes on after a signal that is heard, so
/// another thread waits for it, and we for the signal too.
struct Typed<'a> {
    stop: &'a dyn Fn() -> bool,
}

impl Read for Typed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (sender, typed) = mpsc::channel();
        let size = buffer.len().min(ANSWER_SIZE);
        // It ends with an answer, or with the program.
        thread::spawn(move || {
            let mut bytes = vec![0; size];
            let read = io::stdin().read(&mut bytes);
            // Nobody waits for it any more: no news.
            let _ = sender.send(read.map(|count| bytes[..count].to_vec()));
        });
        loop {
            match typed.recv_timeout(LOOK) {
                Ok(read) => {
                    let bytes = read?;
                    buffer[..bytes.len()].copy_from_slice(&bytes);
                    return Ok(bytes.len());
                }
                Err(RecvTimeoutError::Timeout) if !(self.stop)() => {}
                Err(_) => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Style;
    use super::super::samples::Tape;
    use super::*;

    fn reporter() -> (Reporter, Tape, Tape) {
        let (out, err) = (Tape::default(), Tape::default());
        (Reporter::to(Style::default(), Box::new(out.clone()), Box::new(err.clone())), out, err)
    }

    #[test]
    fn nothing_typed_is_the_usual_answer_and_no_answer_is_none() {
        for (typed, usual, said) in [
            ("\n", true, Some(true)),
            ("\n", false, Some(false)),
            (" YES \r\n", false, Some(true)),
            ("y", false, Some(true)),
            ("n\n", true, Some(false)),
            ("", true, None),
            ("yesterday\n", true, None),
            ("yesterday\nno\n", true, Some(false)),
            ("a\nb\nc\ny\n", true, None),
        ] {
            let (reporter, out, err) = reporter();
            assert_eq!(
                reporter.ask_from("Go on?", usual, &mut typed.as_bytes()),
                said,
                "{typed:?}"
            );
            let hint = if usual { "[Y/n]" } else { "[y/N]" };
            assert!(err.text().starts_with(&format!("Go on? {hint} ")), "{}", err.text());
            assert_eq!(out.text(), "");
        }
    }

    fn picks() -> Vec<Pick> {
        let pick = |word: &str| Pick { word: word.into(), line: format!("the \u{1b}{word}") };
        vec![pick("tiny"), pick("large"), pick("none")]
    }

    #[test]
    fn one_of_several_is_picked_by_number_or_word_and_nothing_else() {
        for (typed, said) in [
            ("\n", Some(0)),
            ("2\n", Some(1)),
            (" large \n", Some(1)),
            ("none\n", Some(2)),
            ("0\n4\n3\n", Some(2)),
            ("-1\nTwo\n1.5\n1\n", None),
            ("18446744073709551616\n", None),
            ("", None),
        ] {
            let (reporter, _, err) = reporter();
            let picked = reporter.pick_from("Which?", &picks(), 0, &mut typed.as_bytes());
            assert_eq!(picked, said, "{typed:?}");
            let shown = "Which?\n  1  the \\u{1b}tiny\n  2  the \\u{1b}large\n  \
                         3  the \\u{1b}none\nNumber [1]: ";
            assert!(err.text().starts_with(shown), "{}", err.text());
        }
    }

    #[test]
    fn an_answer_without_end_is_one_wrong_answer_and_its_end_is_none() {
        let typed = format!("{}y\nn\n", " ".repeat(5000));
        let (reporter, _, err) = reporter();
        assert_eq!(reporter.ask_from("Go on?", true, &mut typed.as_bytes()), Some(false));
        assert_eq!(err.text().matches("Please type y").count(), 1);
        let (reporter, ..) = self::reporter();
        let bytes: &[u8] = b"\xff\xfe\ny\n";
        assert_eq!(reporter.ask_from("Go on?", false, &mut { bytes }), Some(true));
    }
}
