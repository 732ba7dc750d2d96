//! The list of sources itself: heads side by side, signed mirrors, ways to files,
//! and which of many errors is told.

use crate::client::{Room, sources, with_mirrors};
use crate::e2e::simulator::Simulator;
use offgrid_manifest::Code;
use offgrid_setup::source::{Error, Fresh, Place, Sources, Worst};

fn named(sources: &Sources, skip: usize) -> Vec<String> {
    let answers = sources.heads("head.json", 99_999, skip, &|_| None);
    answers.into_iter().map(|answer| answer.source).collect()
}

#[test]
fn heads_are_asked_of_three_sources_at_a_time_in_their_order() {
    let room = Room::new();
    let depot = Simulator::new();
    let folders: Vec<String> = (0..7).map(|n| room.put(&n.to_string(), &depot.files)).collect();
    let all = sources(&folders);
    assert_eq!(named(&all, 0), folders[..3]);
    assert_eq!(named(&all, 3), folders[3..6]);
    assert_eq!(named(&all, 6), folders[6..]);
    assert!(named(&all, 7).is_empty());
    let answers = all.heads("head.json", 99_999, 0, &|_| None);
    for answer in answers {
        match answer.fresh {
            Ok(Fresh::New(bytes, None)) => assert_eq!(bytes, depot.files["head.json"]),
            _ => panic!("{}", answer.source),
        }
    }
    let none = all.heads("head.json", 3, 0, &|_| None);
    assert!(none.iter().all(|answer| matches!(
        &answer.fresh,
        Err(offgrid_setup::Error::Source(Error::TooLarge { .. }))
    )));
}

fn ways(sources: &Sources) -> Vec<String> {
    let routes = sources.routes(&Place::Depot("blob/x".into()));
    routes.iter().map(|route| format!("{route:?}")).collect()
}

#[test]
fn signed_mirrors_are_asked_for_files_before_the_origin_and_for_news_after_it() {
    let room = Room::new();
    let origin = room.put("origin", &Simulator::new().files);
    let all = with_mirrors(std::slice::from_ref(&origin));
    assert_eq!(ways(&all).len(), 1);
    let mirrors = ["http://127.0.0.1:1/".to_owned(), "https://127.0.0.1:2".to_owned()];
    all.learn(&mirrors);
    let found = ways(&all);
    assert_eq!(found.len(), 3);
    assert!(found[2].contains(&origin) && found[2].contains("blob/x"), "{found:?}");
    assert!(found[..2].iter().any(|way| way.contains("http://127.0.0.1:1/")));
    assert!(found[..2].iter().any(|way| way.contains("https://127.0.0.1:2/")));
    assert_eq!(named(&all, 0)[0], origin);
    // What is learned later takes the place of what was learned before.
    all.learn(&mirrors[..1]);
    assert_eq!(ways(&all).len(), 2);
    all.learn(&[]);
    assert_eq!(ways(&all).len(), 1);
    // An address of its own has one way.
    let address = all.routes(&Place::Address("http://127.0.0.1:3/x".into()));
    assert!(format!("{address:?}").contains("127.0.0.1:3") && address.len() == 1);
    // Somebody who said where to fetch from is taken at his word.
    let typed = sources(&[origin]);
    typed.learn(&mirrors);
    assert_eq!(ways(&typed).len(), 1);
}

#[test]
fn what_is_no_web_address_is_no_mirror() {
    let room = Room::new();
    let depot = Simulator::new();
    let (origin, other) = (room.put("origin", &depot.files), room.put("http-dir", &depot.files));
    let list = ["http://127.0.0.1:1/".to_owned(), origin];
    let all = with_mirrors(&list);
    // A folder whose name begins like an address, seen from where the program runs.
    let here = tempfile::Builder::new().prefix("http-").tempdir_in(".").unwrap();
    let here = here.path().file_name().unwrap().to_str().unwrap();
    for bad in [
        other.as_str(),
        &format!("file://{other}"),
        here,
        "http:",
        "ftp://127.0.0.1/",
        "http://a b/",
        "http://127.0.0.1:1/",
        "http://127.0.0.1:1",
        "",
    ] {
        all.learn(&[bad.to_owned()]);
        assert_eq!(ways(&all).len(), 2, "{bad}");
    }
    let twice = vec!["http://127.0.0.1:4/".to_owned(); 3];
    all.learn(&twice);
    assert_eq!(ways(&all).len(), 3);
    let many: Vec<String> = (10..30).map(|port| format!("http://127.0.0.1:{port}/")).collect();
    all.learn(&many);
    assert_eq!(ways(&all).len(), 2 + 8);
    assert!(ways(&all).iter().all(|way| !way.contains(":18/")));
}

#[test]
fn any_of_the_mirrors_may_be_the_first() {
    let all = with_mirrors(&["http://127.0.0.1:1/".to_owned()]);
    let many: Vec<String> = (10..14).map(|port| format!("http://127.0.0.1:{port}/")).collect();
    let mut firsts = std::collections::BTreeSet::new();
    for _ in 0..100_000 {
        all.learn(&many);
        firsts.insert(ways(&all)[0].clone());
        if firsts.len() == 4 {
            return;
        }
    }
    panic!("never first: all but {firsts:?}");
}

#[test]
fn a_way_that_could_not_be_gone_comes_last() {
    let list: Vec<String> = (10..13).map(|port| format!("http://127.0.0.1:{port}/")).collect();
    let all = sources(&list);
    let routes = all.routes(&Place::Depot("blob/x".into()));
    assert!(routes.iter().all(|route| !all.is_blamed(route)));
    all.blame(&routes[0]);
    all.blame(&routes[0]);
    assert!(all.is_blamed(&routes[0]) && !all.is_blamed(&routes[1]));
    let order: Vec<String> = ways(&all);
    let begins = |at: usize, port: u16| assert!(order[at].contains(&format!(":{port}/")));
    for (at, port) in [(0, 11), (1, 12), (2, 10)] {
        begins(at, port);
    }
    // Of another file too: it is the source that is blamed.
    let other = all.routes(&Place::Depot("blob/y".into()));
    assert!(all.is_blamed(&other[2]) && !all.is_blamed(&other[0]));
    let address = all.routes(&Place::Address("http://127.0.0.1:10/".into()));
    all.blame(&address[0]);
    assert!(!all.is_blamed(&address[0]));
}

#[test]
fn the_most_telling_of_many_errors_is_told() {
    let absent = |n: u8| Error::Absent { url: format!("absent {n}") };
    let status = |n: u16| Error::Status { url: "x".into(), status: n };
    let told = |errors: Vec<offgrid_setup::Error>| {
        let mut worst = Worst::default();
        errors.into_iter().for_each(|error| worst.add(error));
        worst.into_error().to_string()
    };
    let forged =
        |text: &str| offgrid_manifest::Error::new(Code::SigThreshold, text.to_owned()).into();
    assert_eq!(told(vec![]), "there is no source to ask");
    assert!(told(vec![absent(1).into(), absent(2).into()]).contains("absent 1"));
    assert!(told(vec![absent(1).into(), status(500).into()]).contains("500"));
    assert!(told(vec![status(500).into(), absent(1).into(), status(501).into()]).contains("500"));
    let all = vec![absent(1).into(), status(500).into(), forged("a"), forged("b")];
    assert_eq!(told(all), "a");
    let all = vec![forged("a"), status(500).into(), absent(1).into()];
    assert_eq!(told(all), "a");
}
