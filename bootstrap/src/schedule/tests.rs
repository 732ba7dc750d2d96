use super::*;

const NOON: u64 = 1_800_014_400; // 2027-01-15 12:00 UTC, a Friday

fn moment(unix: u64) -> Moment {
    let minute = u16::try_from(unix % DAY / 60).unwrap();
    Moment { unix, day: u8::try_from((unix / DAY + 3) % 7).unwrap(), minute }
}

fn daily(now: u64, last: Option<(u64, bool)>, machine: &str) -> Due {
    let mode = Mode::Notify;
    due(&Timing { mode, windows: &[], now: moment(now), last, machine: Some(machine) })
}

#[test]
fn off_is_off() {
    let timing =
        Timing { mode: Mode::Never, windows: &[], now: moment(NOON), last: None, machine: None };
    assert_eq!(due(&timing), Due::Never);
}

#[test]
fn a_machine_has_one_moment_a_day_and_makes_up_for_one_that_it_slept_through() {
    let own = spread("a", "day") % DAY;
    let midnight = NOON - NOON % DAY;
    let at = midnight + own;
    assert_eq!(daily(at, Some((at - DAY + 60, false)), "a"), Due::Now);
    assert_eq!(daily(at - 1, Some((at - DAY + 60, false)), "a"), Due::Later);
    assert_eq!(daily(at + 3600, Some((at, false)), "a"), Due::Later);
    assert_eq!(daily(at + 9 * DAY + 1, Some((at, false)), "a"), Due::Now);
    assert_eq!(daily(at, None, "a"), Due::Now);
}

#[test]
fn what_could_not_be_reached_is_tried_again_after_an_hour() {
    let at = NOON - NOON % DAY + spread("a", "day") % DAY;
    assert_eq!(daily(at + 3599, Some((at, true)), "a"), Due::Later);
    assert_eq!(daily(at + 3600, Some((at, true)), "a"), Due::Now);
    assert_eq!(daily(at + 3600, Some((at, false)), "a"), Due::Later);
}

#[test]
fn a_clock_that_ran_ahead_holds_nothing_up() {
    assert_eq!(daily(NOON, Some((NOON + 99 * DAY, false)), "a"), Due::Now);
}

#[test]
fn a_fleet_spreads_over_the_day_and_over_the_window() {
    let mut hours = [0; 24];
    let mut minutes = [0; 150];
    for machine in 0..24_000 {
        let machine = machine.to_string();
        hours[usize::try_from(spread(&machine, "day") % DAY / 3600).unwrap()] += 1;
        minutes[usize::try_from(spread(&machine, "window") % 150).unwrap()] += 1;
    }
    assert!(hours.iter().all(|count| (850..1150).contains(count)), "{hours:?}");
    assert!(minutes.iter().all(|count| (100..220).contains(count)), "{minutes:?}");
}

#[test]
fn a_window_lets_each_machine_in_once_and_never_outside() {
    let windows = Window::all("Fri 12:00-15:00").unwrap();
    let run = |now: u64, last, machine: &str| {
        let (mode, windows) = (Mode::Install, windows.as_slice());
        due(&Timing { mode, windows, now: moment(now), last, machine: Some(machine) })
    };
    for machine in 0..200 {
        let machine = machine.to_string();
        let own = spread(&machine, "window") % 151;
        assert_eq!(run(NOON - 60, None, &machine), Due::Closed);
        assert_eq!(run(NOON + own * 60, None, &machine), Due::Now, "{machine}");
        if own > 0 {
            assert_eq!(run(NOON + own * 60 - 1, None, &machine), Due::Later, "{machine}");
        }
        // At the last tick of the timer before it closes, at the latest.
        assert_eq!(run(NOON + 150 * 60, None, &machine), Due::Now);
        assert_eq!(run(NOON + 179 * 60, Some((NOON + 151 * 60, false)), &machine), Due::Later);
        assert_eq!(run(NOON + 180 * 60, None, &machine), Due::Closed);
        // Not even what failed goes on outside.
        assert_eq!(run(NOON + 200 * 60, Some((NOON, true)), &machine), Due::Closed);
    }
}

#[test]
fn a_run_goes_as_far_as_it_may() {
    let most = Means { mode: Mode::Install, bytes: 100, budget: None, spent: 0, metered: false };
    let table = [
        (most, May::Install),
        (Means { mode: Mode::Download, ..most }, May::Fetch),
        (Means { mode: Mode::Notify, ..most }, May::Tell(None)),
        (Means { mode: Mode::Never, ..most }, May::Tell(None)),
        (Means { metered: true, ..most }, May::Tell(Some(Held::Metered))),
        (Means { metered: true, bytes: 0, ..most }, May::Install),
        (Means { budget: Some(100), ..most }, May::Install),
        (Means { budget: Some(99), ..most }, May::Tell(Some(Held::Budget { left: 99 }))),
        (
            Means { budget: Some(150), spent: 60, ..most },
            May::Tell(Some(Held::Budget { left: 90 })),
        ),
        (Means { budget: Some(5), spent: 60, bytes: 0, ..most }, May::Install),
        (Means { mode: Mode::Notify, budget: Some(0), ..most }, May::Tell(None)),
    ];
    for (means, wanted) in table {
        assert_eq!(may(&means), wanted, "{means:?}");
    }
}
