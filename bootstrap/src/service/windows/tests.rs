use super::*;
use crate::service::snapshot::{self, Usual};
use std::path::PathBuf;

#[test]
fn the_commands_and_the_task_are_as_they_were_looked_at() {
    let usual = Usual::new("C:/Program Files/OffGrid");
    let service = snapshot::of(&Windows, &usual.system());
    snapshot::check("windows/commands", &snapshot::shown(&service));
    let task = snapshot::of(&Windows, &usual.user());
    snapshot::check("windows-task/commands", &snapshot::shown(&task));
    snapshot::check("windows-task/task.xml", &task.files[0].text);
    assert_eq!(Windows.definition(&Wanted { home: None, ..usual.user() }), Err(Unfit::Home));
}

#[test]
fn a_name_cannot_end_the_programs_word() {
    let usual = Usual::new("C:/a\" b");
    let said = Windows.definition(&usual.system());
    assert_eq!(said, Err(Unfit::Path(PathBuf::from("C:/a\" b/bin/offgrid"))));
    let task = snapshot::of(&Windows, &Usual::new("C:/<a> & b").user());
    assert!(task.files[0].text.contains("<Command>C:/&lt;a&gt; &amp; b/bin/offgrid</Command>"));
}

#[test]
fn what_windows_says_is_read_by_numbers() {
    let of = |status: i32, query: &str, config: &str| {
        let answers =
            [query, config].map(|text| Answer { status: Some(status), text: text.to_owned() });
        let seen = Windows.state(&answers);
        [seen.known, seen.running, seen.failed, seen.autostart]
    };
    let query = |state: &str, exit: &str| {
        format!(
            "\r\nSERVICE_NAME: OffGridLLM\r\n        TYPE               : 10  WIN32_OWN_PROCESS\r\n\
             \x20       STATE              : {state}\r\n                                (STOPPABLE)\r\n\
             \x20       WIN32_EXIT_CODE    : {exit}\r\n"
        )
    };
    let auto = "        START_TYPE         : 2   AUTO_START  (DELAYED)\r\n";
    let demand = "        START_TYPE         : 3   DEMAND_START\r\n";
    assert_eq!(of(0, &query("4  RUNNING", "0  (0x0)"), auto), [true, true, false, true]);
    assert_eq!(of(0, &query("1  STOPPED", "0  (0x0)"), demand), [true, false, false, false]);
    assert_eq!(of(0, &query("1  STOPPED", "1077  (0x435)"), auto), [true, false, false, true]);
    assert_eq!(of(0, &query("1  STOPPED", "1066  (0x42a)"), auto), [true, false, true, true]);
    assert_eq!(of(1060, "", ""), [false; 4]);
    assert_eq!(Windows.state(&[]), State::default());
    let task = |xml: &str| Windows.state(&[Answer { status: Some(0), text: xml.to_owned() }]);
    let on = "<Task><Triggers><Enabled>false</Enabled></Triggers><Settings></Settings></Task>";
    assert!(task(on).known && task(on).autostart);
    assert!(!task("<Settings><Enabled>false</Enabled></Settings>").autostart);
}
