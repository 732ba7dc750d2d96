//! Found in, steps out.

use super::*;
use crate::service::Managed;
use crate::settings::ServiceKind;
use std::path::Path;

fn unit(name: &str, user: bool) -> Unit {
    let folder = if user { "/home/u/.config/systemd/user" } else { "/etc/systemd/system" };
    Unit {
        name: name.to_owned(),
        user,
        path: Path::new(folder).join(name),
        links: vec![Path::new(folder).join("default.target.wants").join(name)],
        instances: vec![name.to_owned()],
        running: true,
        drop_ins: Some(Path::new(folder).join(format!("{name}.d"))),
        vars: vec![("OFFGRID_PORT".to_owned(), "8080".to_owned())],
    }
}

fn everything() -> Upstream {
    let files = [
        "/usr/local/bin/offgrid",
        "/usr/local/bin/llama-server",
        "/var/lib/offgrid/web/ui",
        "/etc/offgrid/llama-port",
        "/home/u/.config/offgrid/llama-port",
        "/home/u/.local/bin/offgrid",
    ];
    let packaged = Unit {
        path: "/usr/lib/systemd/system/offgrid.service".into(),
        ..unit("offgrid.service", false)
    };
    let units = vec![
        unit("llama-server.service", false),
        unit("offgrid-llm.service", false),
        packaged,
        unit("offgrid-llm.service", true),
    ];
    let files = files.iter().map(PathBuf::from).collect();
    Upstream { files, units, own_models: 2, models: vec!["/m".into()], processes: vec![7] }
}

fn scope(system: bool, has_env: bool) -> Scope<'static> {
    let (config, models) = match system {
        true => ("/etc/offgrid", "/var/lib/offgrid/models"),
        false => ("/home/u/.config/offgrid", "/home/u/.offgrid-llm/models"),
    };
    let (config, models) = (Path::new(config), Path::new(models));
    Scope { system, home: Some(Path::new("/home/u")), config, has_env, models }
}

fn kept(path: &Path) -> PathBuf {
    format!("{}.kept~", path.display()).into()
}

fn adoption(system: bool) -> Adoption {
    Adoption::of(&everything(), &scope(system, false), &kept)
}

fn lines(steps: &[Step]) -> Vec<String> {
    steps.iter().map(|step| step.describe().replace('\\', "/")).collect()
}

#[test]
fn an_installation_for_everybody_takes_over_what_is_everybodys() {
    let system = adoption(true);
    assert_eq!(
        system.beyond(),
        [
            "the service offgrid.service",
            "the service offgrid-llm.service",
            "/home/u/.local/bin/offgrid"
        ]
    );
    assert_eq!(
        lines(&system.weave(Vec::new(), Path::new("/s"))),
        [
            "stop the service offgrid-llm.service",
            "stop the service llama-server.service",
            "start it by itself no more: take away /etc/systemd/system/default.target.wants/offgrid-llm.service",
            "start it by itself no more: take away /etc/systemd/system/default.target.wants/llama-server.service",
            "keep /etc/systemd/system/llama-server.service as /etc/systemd/system/llama-server.service.kept~",
            "keep /etc/systemd/system/offgrid-llm.service as /etc/systemd/system/offgrid-llm.service.kept~",
            "keep /etc/systemd/system/offgrid-llm.service.d as /etc/systemd/system/offgrid-llm.service.d.kept~",
            "keep /usr/local/bin/llama-server as /usr/local/bin/llama-server.kept~",
            "keep /usr/local/bin/offgrid as /usr/local/bin/offgrid.kept~",
            "keep /var/lib/offgrid/web/ui as /var/lib/offgrid/web/ui.kept~",
            "have systemd read its files again",
            "make the folder /etc/offgrid",
            "write its settings into /etc/offgrid/offgrid.env",
        ]
    );
}

#[test]
fn one_users_takes_over_what_is_that_users_and_nothing_else() {
    let user = adoption(false);
    assert_eq!(user.beyond().len(), 6, "{:?}", user.beyond());
    let said = lines(&user.weave(Vec::new(), Path::new("/s"))).join("\n");
    assert!(said.contains("/home/u/.local/bin/offgrid.kept~"), "{said}");
    assert!(!said.contains("/usr/local") && !said.contains("/etc/"), "{said}");
    let settings = Adoption::of(&everything(), &scope(false, true), &kept);
    assert!(
        !lines(&settings.weave(Vec::new(), Path::new("/s"))).join("\n").contains("offgrid.env")
    );
    assert!(Adoption::of(&Upstream::default(), &scope(true, false), &kept).is_empty());
}

#[test]
fn no_two_steps_are_about_one_place_and_what_may_fail_comes_first() {
    let slot = || "1.0.0+a".parse().unwrap();
    let link = PathBuf::from("/usr/local/bin/offgrid");
    let steps = vec![
        Step::MakeDir { path: "/var/lib/offgrid/models".into() },
        Step::Prove { slot: slot(), within: None },
        Step::Link { path: link.clone(), target: "/opt/offgrid/bin/offgrid".into() },
        Step::Link { path: "/elsewhere".into(), target: "/x".into() },
        Step::Switch { current: "/opt/offgrid/current".into(), slot: slot() },
    ];
    let woven = adoption(true).weave(steps, Path::new("/s"));
    let kinds: Vec<&str> = woven.iter().map(Step::kind).collect();
    assert_eq!(kinds[..2], ["make-dir", "prove"]);
    assert_eq!(kinds[kinds.len() - 3..], ["retire", "link", "switch"]);
    let about = |step: &&Step| match step {
        Step::Retire { what: Retire::Place { path, .. } } => *path == link,
        Step::Link { path, .. } => *path == link,
        _ => false,
    };
    let about: Vec<&Step> = woven.iter().filter(about).collect();
    let target = "/opt/offgrid/bin/offgrid".into();
    let what = Retire::Place { path: link.clone(), kept: kept(&link), ours: Ours::Link { target } };
    assert_eq!(about, [&Step::Retire { what }]);
}

#[test]
fn the_question_says_what_becomes_of_everything() {
    let lines = adoption(true).lines(&everything(), Path::new("/var/lib/offgrid/models"));
    let said = lines.join("\n");
    for part in [
        "stop and disable offgrid-llm.service, llama-server.service",
        "/usr/local/bin/offgrid",
        "2 in /var/lib/offgrid/models",
        "OFFGRID_MODELS_DIR=/m",
        "/etc/offgrid/offgrid.env",
        "`offgrid uninstall` puts everything back",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_service_of_ours_is_refused_its_name_and_its_port_while_theirs_has_them() {
    let units = vec![unit(UNIT, false)];
    let named = Upstream { units, ..Upstream::default() };
    let error = refuse(&named, (1, None), true, true).unwrap_err();
    assert_eq!(error.code(), offgrid_manifest::Code::NeedsConsent);
    let hint = error.hint().unwrap();
    assert!(hint.contains("--adopt yes") && hint.contains("--service none"), "{hint}");
    assert!(refuse(&named, (1, None), false, true).is_ok(), "nothing is registered");
    assert!(refuse(&named, (1, None), true, false).is_ok(), "a user's units are others");
    let runs = Upstream { processes: vec![7], ..Upstream::default() };
    let error = refuse(&runs, (11611, Some(7)), true, false).unwrap_err();
    assert!(error.to_string().contains("port 11611"), "{error}");
    assert!(refuse(&runs, (11611, Some(8)), true, false).is_ok(), "somebody else's: W_PORT");
}

#[test]
fn theirs_runs_until_a_service_of_everybodys_is_proved_in_a_sandbox_that_waits_aside() {
    let slot = || "1.0.0+a".parse().unwrap();
    let unit = Path::new("/etc/systemd/system").join(UNIT);
    let managed = || Managed { kind: ServiceKind::Systemd, home: None, config: None, timer: false };
    let put = |path: &Path| Step::PutUnit { path: path.into(), text: "ours\n".into(), mode: 0o644 };
    let steps = vec![
        Step::MakeUser { user: "offgrid".into(), home: "/var/lib/offgrid".into() },
        Step::TellManager { service: managed() },
        put(&unit.with_file_name("offgrid-llm.socket")),
        put(&unit),
        Step::Enable { service: managed(), on: true },
        Step::Prove { slot: slot(), within: Some(unit.clone()) },
        Step::Switch { current: "/opt/offgrid/current".into(), slot: slot() },
        Step::Start { service: managed(), again: false },
    ];
    let woven = adoption(true).weave(steps, Path::new("/s"));
    let kinds: Vec<&str> = woven.iter().map(Step::kind).collect();
    assert_eq!(kinds[..5], ["make-user", "make-dir", "put-text", "prove", "retire"]);
    let service = ["tell-manager", "put-unit", "retire", "enable", "switch", "start"];
    assert_eq!(kinds[kinds.len() - 6..], service);
    let copy = Path::new("/s").join(UNIT);
    assert_eq!(woven[3], Step::Prove { slot: slot(), within: Some(copy.clone()) });
    assert_eq!(woven[2], Step::PutText { path: copy, text: "ours\n".into(), keep: true });
    let ours = Ours::Text { text: "ours\n".into(), mode: 0o644 };
    let what = Retire::Place { path: unit.clone(), kept: kept(&unit), ours };
    assert_eq!(woven[woven.len() - 4], Step::Retire { what });
    assert!(!woven.contains(&put(&unit)), "one place, one step");
    // Theirs is stopped and starts no more before anything of ours is told to anybody.
    let last = kinds.iter().rposition(|kind| *kind == "retire").unwrap();
    let others = kinds[4..last - 2].iter().filter(|kind| **kind != "make-dir");
    assert!(others.clone().all(|kind| *kind == "retire"), "{kinds:?}");
}

#[test]
fn the_port_that_theirs_had_is_known_before_it_is_written() {
    assert_eq!(adoption(true).port(), Some(8080));
    assert_eq!(Adoption::of(&everything(), &scope(true, true), &kept).port(), None);
}
