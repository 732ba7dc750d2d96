//! The right variant for a machine that changes: what is installed stays while it
//! fits, what fits better is told and taken when asked, what does not work here gives
//! way and is remembered, and so is what somebody asked for.

mod machine;

use e2e::Outcome;
use e2e::origin::Origin;
use machine::{MODEL, Machine, publish, short, whole};
use offgrid_manifest::{Digest, layout};
use serde_json::Value;

/// A machine without a card; ends the test where there can be none.
macro_rules! machine {
    () => {
        match Machine::new() {
            Ok(machine) => machine,
            Err(why) => {
                eprintln!("skipped: no other machine can be shown here: {why}");
                return;
            }
        }
    };
}

/// What `status --json` says of the variant.
fn selection(machine: &Machine) -> Value {
    machine.run(&["status", "--json"]).expect(0).json()["selection"].clone()
}

fn variant_of(value: &Value) -> String {
    value["variant"].as_str().map(short).unwrap_or_default()
}

fn noted(outcome: &Outcome, code: &str) -> Vec<Value> {
    outcome.events().into_iter().filter(|event| event["code"] == code).collect()
}

#[test]
fn what_fits_better_now_is_told_and_a_rematch_takes_it_and_a_rollback_goes_back() {
    let machine = machine!();
    machine.run(&["install", "--yes"]).expect(0);
    assert_eq!(machine.live(), "cpu");
    let before = selection(&machine);
    assert_eq!((&before["better"], &before["fits"]), (&Value::Null, &true.into()), "{before}");
    machine.driver("570.10");
    machine.sees("cuda12", true);
    let now = selection(&machine);
    assert_eq!(variant_of(&now["better"]), "cuda12", "{now}");
    machine
        .run(&["status"])
        .expect(0)
        .says("cuda12 fits this computer better now")
        .says("--rematch");
    // Nothing moves by itself.
    let update = machine.run(&["update", "--yes", "--json"]).expect(0);
    let ended = update.ended().unwrap();
    assert_eq!(
        (&ended["outcome"], variant_of(&ended["better"])),
        (&"unchanged".into(), "cuda12".into())
    );
    machine.run(&["update", "--check"]).expect(0).says("--rematch");
    assert_eq!(machine.live(), "cpu");
    let plan = machine.run(&["plan", "--json"]).expect(0).events().pop().unwrap();
    assert_eq!(variant_of(&plan["selection"]), "cpu");
    assert_eq!(variant_of(&plan["selection"]["better"]), "cuda12");
    let plan = machine.run(&["plan", "--json", "--rematch"]).expect(0).events().pop().unwrap();
    assert_eq!(variant_of(&plan["selection"]), "cuda12");
    machine.run(&["update", "--check", "--rematch"]).expect(10).says("to take the place of");
    let taken = machine.run(&["update", "--rematch", "--yes", "--json"]).expect(0);
    let ended = taken.ended().unwrap();
    assert_eq!((&ended["outcome"], variant_of(&ended)), (&"updated".into(), "cuda12".into()));
    assert_eq!(ended["version"], "1.0.0");
    assert_eq!(taken.events().iter().filter(|event| event["event"] == "began").count(), 1);
    assert_eq!(selection(&machine)["better"], Value::Null);
    machine.run(&["update", "--rematch", "--yes"]).expect(0).says("fits this computer best");
    // The way back is the way of every update, and it stays.
    machine.run(&["rollback", "--yes"]).expect(0);
    machine.run(&["update", "--yes"]).expect(0);
    assert_eq!(machine.live(), "cpu");
    publish(&machine.world, "1.1.0");
    let newer = machine.run(&["update", "--yes", "--json"]).expect(0).ended().unwrap();
    assert_eq!((&newer["version"], variant_of(&newer)), (&"1.1.0".into(), "cpu".into()));
    machine.run(&["verify"]).expect(0);
}

#[test]
fn what_does_not_fit_any_more_gives_way_and_says_why() {
    let machine = machine!();
    machine.driver("580.10");
    machine.sees("cuda13", true);
    machine.sees("cuda12", true);
    machine.run(&["install", "--yes"]).expect(0);
    assert_eq!(machine.live(), "cuda13");
    machine.driver("570.10");
    let now = selection(&machine);
    assert_eq!(
        (&now["fits"], variant_of(&now["better"])),
        (&false.into(), "cuda12".into()),
        "{now}"
    );
    assert!(now["unfit"].to_string().contains("570.10"), "{now}");
    machine.run(&["status"]).expect(0).says("does not fit this computer any more").says("580");
    machine.run(&["update", "--check"]).expect(10).says("cuda12 is to take the place of");
    let update = machine.run(&["update", "--yes", "--json"]).expect(0);
    let why = noted(&update, "W_VARIANT_UNFIT");
    assert!(why.len() == 1 && why[0].to_string().contains("570.10"), "{why:?}");
    assert_eq!(machine.live(), "cuda12");
}

#[test]
fn what_does_not_work_here_gives_way_down_to_the_processor_and_is_not_tried_again() {
    let machine = machine!();
    machine.driver("580.10");
    let origin = Origin::of(&machine.world.depot());
    let words = ["install", "--yes", "--json", "--model", "tiny"];
    let first = machine.run_from(&origin.url(), &words).expect(0);
    let model = layout::blob(&Digest::of(MODEL.as_bytes()));
    assert_eq!(origin.seen_of(&model).len(), 1, "a variant that does not work costs no model");
    let told = noted(&first, "W_VARIANT_FAILED");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].to_string().contains("does not show a CUDA device"), "{told:?}");
    let ended = first.ended().unwrap();
    let failed: Vec<String> = ended["failed"].as_array().unwrap().iter().map(variant_of).collect();
    assert_eq!(
        (failed, variant_of(&ended)),
        (vec!["cuda13".into(), "cuda12".into()], "cpu".into())
    );
    machine.run(&["verify"]).expect(0);
    // Not with the next release either.
    publish(&machine.world, "1.1.0");
    let update = machine.run(&["update", "--yes", "--json"]).expect(0);
    assert!(noted(&update, "W_VARIANT_FAILED").is_empty());
    assert_eq!(update.events().iter().filter(|event| event["event"] == "began").count(), 1);
    assert_eq!(machine.live(), "cpu");
    let now = selection(&machine);
    assert_eq!(
        (&now["better"], now["failed"].as_array().unwrap().len()),
        (&Value::Null, 2),
        "{now}"
    );
    // Another driver is another machine.
    machine.driver("590.10");
    machine.sees("cuda12", true);
    assert_eq!(variant_of(&selection(&machine)["better"]), "cuda13");
    let taken = machine.run(&["update", "--rematch", "--yes", "--json"]).expect(0);
    assert_eq!(noted(&taken, "W_VARIANT_FAILED").len(), 1);
    assert_eq!(machine.live(), "cuda12");
    let now = selection(&machine);
    assert_eq!(now["better"], Value::Null, "{now}");
    assert_eq!(variant_of(&now["failed"][0]), "cuda13");
    // Asked for, it is tried again on the same machine: in vain, and then not.
    machine.run(&["update", "--rematch", "--yes"]).expect(0).says("cuda13 did not work");
    machine.sees("cuda13", true);
    machine.run(&["update", "--yes"]).expect(0);
    assert_eq!(machine.live(), "cuda12");
    machine.run(&["update", "--rematch", "--yes"]).expect(0);
    assert_eq!(machine.live(), "cuda13");
    assert_eq!(selection(&machine)["failed"], Value::Array(Vec::new()));
}

#[test]
fn an_update_whose_only_variant_for_the_gpu_fails_goes_on_without_the_gpu() {
    let machine = machine!();
    machine.driver("570.10");
    machine.sees("cuda12", true);
    machine.run(&["install", "--yes"]).expect(0);
    assert_eq!(machine.live(), "cuda12");
    machine.sees("cuda12", false);
    publish(&machine.world, "1.1.0");
    let update = machine.run(&["update", "--yes", "--json"]).expect(0).ended().unwrap();
    assert_eq!((&update["version"], variant_of(&update)), (&"1.1.0".into(), "cpu".into()));
    // What was left can be had again without a download.
    machine.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(machine.live(), "cuda12");
}

#[test]
fn what_was_asked_for_is_remembered_until_it_is_taken_back() {
    let machine = machine!();
    machine.driver("570.10");
    machine.sees("cuda12", true);
    machine.run(&["install", "--yes", "--variant", &whole("cpu")]).expect(0);
    let asked = || selection(&machine)["asked"].clone();
    assert_eq!((variant_of(&asked()), machine.live()), ("cpu".into(), "cpu".into()));
    assert_eq!(selection(&machine)["better"], Value::Null, "it was asked for");
    publish(&machine.world, "1.1.0");
    machine.run(&["update", "--yes"]).expect(0).says("1.1.0");
    assert_eq!((variant_of(&asked()), machine.live()), ("cpu".into(), "cpu".into()));
    machine.run(&["update", "--yes", "--rematch"]).expect(0);
    assert_eq!(machine.live(), "cpu", "a rematch keeps to what was asked for");
    machine.run(&["update", "--yes", "--variant", "auto"]).expect(0);
    assert_eq!((asked()["variant"].clone(), machine.live()), (Value::Null, "cuda12".into()));
    // A rollback brings back what was asked for then.
    machine.run(&["rollback", "--yes"]).expect(0);
    assert_eq!((variant_of(&asked()), machine.live()), ("cpu".into(), "cpu".into()));
    machine.run(&["update", "--yes", "--variant", "auto", "--gpu", "none"]).expect(0);
    assert_eq!((asked()["gpu"].clone(), machine.live()), ("none".into(), "cpu".into()));
    machine.run(&["update", "--yes"]).expect(0);
    assert_eq!(selection(&machine)["better"], Value::Null, "no GPU was wanted");
    machine.run(&["update", "--yes", "--gpu", "auto"]).expect(0);
    assert_eq!((asked()["gpu"].clone(), machine.live()), ("auto".into(), "cuda12".into()));
    // What stands in a file lasts as long as it stands there.
    let config = machine.world.home().join(".config/offgrid");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("setup.toml"), "gpu = \"none\"\n").unwrap();
    machine.run(&["update", "--yes"]).expect(0);
    assert_eq!((asked()["gpu"].clone(), machine.live()), ("auto".into(), "cpu".into()));
}

#[test]
fn what_was_asked_for_and_does_not_fit_is_warned_of_and_what_does_not_work_is_no_other() {
    let machine = machine!();
    machine.driver("570.10");
    machine.sees("cuda12", true);
    let before = machine.world.snapshot();
    let words = ["install", "--yes", "--json", "--variant", &whole("cuda13")];
    let refused = machine.run(&words).expect_error(1, "E_HEALTH");
    let warned = noted(&refused, "W_UNFIT");
    assert!(warned.len() == 1 && warned[0].to_string().contains("570.10"), "{warned:?}");
    before.assert_same(&machine.world.snapshot());
    machine.sees("cuda13", true);
    machine.run(&words).expect(0);
    assert_eq!(machine.live(), "cuda13");
    machine.run(&["update", "--yes", "--variant", "nonsense"]).expect(2).says("cuda12");
    assert_eq!(machine.live(), "cuda13");
}
