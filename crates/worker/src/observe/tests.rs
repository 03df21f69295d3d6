//! Tests of the observer's parts without a store.

use std::net::Ipv4Addr;

use segue_driver::{Container, ContainerName, Exit, Observed as Seen, Phase, Role};
use segue_model::Timestamp;
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::{AppId, EnvironmentId, HostId, InstanceId, TeamId};
use segue_model::spec::Health;
use segue_model::state::{Desired, Observed};
use uuid::Uuid;

use super::target::Target;
use super::track::{Sighting, Track, explain_exit};

pub(crate) fn target() -> Target {
    Target {
        team: TeamId::from_uuid(Uuid::from_u128(1)),
        app: AppId::from_uuid(Uuid::from_u128(2)),
        environment: EnvironmentId::from_uuid(Uuid::from_u128(3)),
        instance: InstanceId::from_uuid(Uuid::from_u128(4)),
        service: "web".parse().unwrap(),
        slot: 1,
        host: HostId::from_uuid(Uuid::from_u128(5)),
        address: Ipv4Addr::new(10, 96, 0, 2),
        port: 8080,
        health: Health::default(),
        restarts_by_engine: true,
        desired: Desired::Run,
    }
}

pub(crate) fn nothing_seen() -> Sighting {
    Sighting {
        as_of: at(0),
        state: Observed::None,
        exit_code: None,
        oom: false,
        restarts: 0,
        aliased: false,
        words_due: false,
        failure: None,
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn track() -> Track {
    Track::new(target(), nothing_seen(), false)
}

fn state(track: &mut Track) -> Option<Observed> {
    track.take().map(|seen| seen.state)
}

#[test]
fn ready_needs_a_running_process_and_its_gate() {
    let mut track = track();
    track.runs(Some(at(100)));
    assert_eq!(state(&mut track), Some(Observed::Started));
    track.verdict(at(200), at(99), true);
    assert_eq!(state(&mut track), None, "a verdict about another run");
    track.verdict(at(210), at(100), true);
    assert_eq!(state(&mut track), Some(Observed::Ready));
    track.runs(Some(at(100)));
    assert_eq!(state(&mut track), None, "nothing new is not written");
    track.verdict(at(300), at(100), false);
    assert_eq!(state(&mut track), Some(Observed::Unready));
    track.verdict(at(400), at(100), true);
    assert_eq!(state(&mut track), Some(Observed::Ready));
}

#[test]
fn a_restart_by_the_engine_keeps_the_instance_and_asks_its_gate_again() {
    let mut track = track();
    track.runs(Some(at(100)));
    track.verdict(at(200), at(100), true);
    track.take();
    track.died(at(300), at(300), 137);
    let seen = track.take().unwrap();
    assert_eq!(
        (seen.state, seen.restarts, seen.exit_code),
        (Observed::Unready, 1, Some(137))
    );
    track.runs(Some(at(400)));
    assert_eq!(track.known().state, Observed::Unready);
    track.verdict(at(500), at(100), true);
    assert_eq!(
        track.known().state,
        Observed::Unready,
        "the old run's verdict"
    );
    track.verdict(at(600), at(400), true);
    assert_eq!(track.known().state, Observed::Ready);
}

#[test]
fn an_end_that_the_engine_does_not_repeat_is_an_exit() {
    let mut one = track();
    one.target.restarts_by_engine = false;
    one.runs(Some(at(100)));
    one.died(at(200), at(200), 3);
    assert_eq!(state(&mut one), Some(Observed::Exited));
    let mut two = track();
    two.runs(Some(at(100)));
    two.target.desired = Desired::Stop;
    two.died(at(200), at(200), 143);
    let seen = two.take().unwrap();
    assert_eq!((seen.state, seen.restarts), (Observed::Exited, 0));
}

#[test]
fn one_that_never_passed_its_gate_is_not_unready_between_its_restarts() {
    let mut track = track();
    track.runs(Some(at(100)));
    track.died(at(200), at(200), 1);
    let seen = track.take().unwrap();
    assert_eq!(
        (seen.state, seen.restarts, seen.exit_code),
        (Observed::Started, 1, Some(1))
    );
    track.runs(Some(at(300)));
    assert_eq!(track.known().state, Observed::Started);
}

#[test]
fn a_late_result_does_not_beat_a_newer_one() {
    let mut track = track();
    track.target.restarts_by_engine = false;
    track.runs(Some(at(100)));
    track.died(at(500), at(500), 1);
    track.take();
    track.engine(at(400), &Seen::Absent);
    assert_eq!(
        state(&mut track),
        None,
        "a listing asked for before the end"
    );
    track.engine(at(600), &Seen::Absent);
    assert_eq!(state(&mut track), Some(Observed::Gone));
}

#[test]
fn absence_is_gone_only_for_what_existed() {
    let mut track = track();
    track.engine(at(100), &Seen::Absent);
    assert_eq!(state(&mut track), None);
    track.calling();
    track.attempted();
    track.called(at(150));
    track.engine(at(200), &Seen::Absent);
    let seen = track.take().unwrap();
    assert_eq!(
        (seen.state, seen.as_of),
        (Observed::None, at(200)),
        "the attempt is known to have had no effect"
    );
    track.engine(at(300), &Seen::Unknown);
    assert_eq!(state(&mut track), None);
    track.target.desired = Desired::Gone;
    track.engine(at(400), &Seen::Absent);
    assert_eq!(
        state(&mut track),
        Some(Observed::Gone),
        "its end is wanted and it is not there"
    );
}

#[test]
fn what_is_not_there_while_it_is_made_says_nothing_of_the_call() {
    let mut track = track();
    track.calling();
    track.engine(at(100), &Seen::Absent);
    assert_eq!(
        state(&mut track),
        None,
        "its attempt is about to be written"
    );
    track.attempted();
    track.engine(at(200), &Seen::Absent);
    assert_eq!(state(&mut track), None, "the call is under way");
    track.called(at(300));
    track.engine(at(250), &Seen::Absent);
    assert_eq!(
        state(&mut track),
        None,
        "a listing asked for before its end"
    );
    track.engine(at(310), &Seen::Absent);
    let seen = track.take().unwrap();
    assert_eq!((seen.state, seen.as_of), (Observed::None, at(310)));

    // What existed is gone, whatever is done to it.
    track.runs(Some(at(320)));
    track.take();
    track.calling();
    track.attempted();
    track.engine(at(400), &Seen::Absent);
    assert_eq!(state(&mut track), Some(Observed::Gone));
}

#[test]
fn an_open_gate_survives_the_worker_and_not_a_restart_meanwhile() {
    let stored = Sighting {
        state: Observed::Ready,
        ..nothing_seen()
    };
    let mut track = Track::new(target(), stored, false);
    track.runs(Some(at(50)));
    assert_eq!(state(&mut track), None, "still ready, nothing to write");
    assert_eq!(track.known().state, Observed::Ready);
}

#[test]
fn an_end_says_how_after_how_long_and_with_which_words() {
    let exit = Exit {
        code: 1,
        oom: false,
        at: None,
    };
    const LINES: &str = "starting\nKeyError: 'DATABASE_URL'\n\n";
    let failure = explain_exit(&exit, Some(1250), LINES, LINES);
    assert_eq!(failure.code, FailureCode::ExitedAtOnce);
    assert_eq!(
        failure.evidence,
        "exit code 1 after 1.2 s: KeyError: 'DATABASE_URL'"
    );
    let killed = Exit {
        code: 137,
        oom: true,
        at: None,
    };
    assert_eq!(
        explain_exit(&killed, None, "", "").code,
        FailureCode::OutOfMemory
    );
}

#[test]
fn an_end_for_memory_is_known_whenever_the_engine_tells_of_it() {
    let exit = Exit {
        code: 137,
        oom: false,
        at: None,
    };
    let failure = || explain_exit(&exit, Some(300), "", "");
    assert_eq!(failure().evidence, "killed by signal 9 after 0.3 s");
    // Before the look that found it running came back.
    let mut early = track();
    early.oom();
    early.runs(Some(at(100)));
    early.died(at(200), at(200), 137);
    assert!(early.known().oom);
    // After its end, and its description says nothing of it.
    let mut late = track();
    late.runs(Some(at(100)));
    late.died(at(200), at(200), 137);
    late.oom();
    late.explained(at(300), false, failure());
    assert!(late.known().oom);
    assert_eq!(
        late.known()
            .failure
            .as_ref()
            .map(|f| (f.code, f.evidence.as_str())),
        Some((FailureCode::OutOfMemory, "killed for memory after 0.3 s"))
    );
    // Of the run before, and this one was killed by somebody.
    let mut next = track();
    next.runs(Some(at(100)));
    next.oom();
    next.died(at(200), at(200), 137);
    next.runs(Some(at(300)));
    next.died(at(400), at(400), 137);
    next.explained(at(500), false, failure());
    assert!(!next.known().oom);
    assert_eq!(
        next.known().failure.as_ref().map(|f| f.code),
        Some(FailureCode::ExitedAtOnce)
    );
}

#[test]
fn words_that_may_not_be_shown_still_say_what_it_was() {
    let exit = Exit {
        code: 127,
        oom: false,
        at: None,
    };
    let words = "[FATAL tini (7)] exec nope failed: No such file or directory";
    let failure = explain_exit(&exit, None, words, "");
    assert_eq!(failure.code, FailureCode::CommandNotFound);
    assert_eq!(failure.evidence, "exit code 127");
}

fn container(phase: Phase, restarts: u32) -> Container {
    Container {
        engine_id: "e".to_owned(),
        name: ContainerName::from(target().instance),
        role: Role::Instance,
        identity: None,
        image_id: "sha256:aa".to_owned(),
        phase,
        address: None,
        pid: None,
        started_at: Some(at(290)),
        restarts,
    }
}

fn why() -> Failure {
    Failure {
        code: FailureCode::CommandNotFound,
        evidence: "exit code 127".to_owned(),
    }
}

#[test]
fn an_end_and_that_its_words_are_due_are_told_together() {
    let mut track = track();
    track.runs(Some(at(100)));
    track.take();
    track.died(at(200), at(200), 127);
    let seen = track.take().unwrap();
    assert_eq!((seen.restarts, seen.words_due), (1, true));
    let end = track.take_end().unwrap();
    assert_eq!((end.run, end.exit.code), (Some(at(100)), 127));
    assert_eq!(track.take_end(), None, "each end is asked for once");
    // The engine starts it again before its words are read.
    track.runs(Some(at(300)));
    assert!(track.known().words_due);
    track.explained(at(400), false, why());
    let seen = track.take().unwrap();
    assert_eq!((seen.words_due, seen.failure), (false, Some(why())));
}

#[test]
fn a_restart_that_only_a_look_tells_of_is_an_end_without_words_too() {
    let mut track = track();
    track.runs(Some(at(100)));
    track.take();
    track.engine(
        at(300),
        &Seen::Known(Box::new(container(Phase::Running, 1))),
    );
    let seen = track.take().unwrap();
    assert_eq!((seen.restarts, seen.words_due), (1, true));
    assert_eq!(track.take_end(), None, "how it ended is not known");
    let again = Phase::Restarting(Exit {
        code: 127,
        oom: false,
        at: None,
    });
    track.engine(at(400), &Seen::Known(Box::new(container(again, 2))));
    assert_eq!(track.take_end().unwrap().exit.code, 127);
}

#[test]
fn one_that_works_again_owes_no_words_and_keeps_no_complaint() {
    let mut track = track();
    track.runs(Some(at(100)));
    track.died(at(200), at(200), 1);
    track.runs(Some(at(300)));
    track.verdict(at(400), at(300), true);
    assert!(!track.known().words_due);
    track.explained(at(500), false, why());
    assert_eq!(track.known().failure, None);
}

#[test]
fn an_end_of_our_own_doing_owes_no_words() {
    let mut track = track();
    track.runs(Some(at(100)));
    track.target.desired = Desired::Stop;
    track.died(at(200), at(200), 143);
    assert!(!track.known().words_due);
    assert_eq!(track.take_end(), None);
}

#[test]
fn after_a_restart_of_the_worker_only_words_that_were_not_read_are_asked_for() {
    let exited = || {
        Seen::Known(Box::new(container(
            Phase::Exited(Exit {
                code: 127,
                oom: false,
                at: None,
            }),
            0,
        )))
    };
    let stored = Sighting {
        state: Observed::Exited,
        exit_code: Some(127),
        failure: Some(why()),
        ..nothing_seen()
    };
    let mut read = Track::new(target(), stored.clone(), false);
    read.engine(at(100), &exited());
    assert_eq!(read.take(), None, "nothing new is not written");
    assert_eq!(read.take_end(), None);
    let mut unread = Track::new(
        target(),
        Sighting {
            words_due: true,
            failure: None,
            ..stored
        },
        false,
    );
    unread.engine(at(100), &exited());
    assert_eq!(unread.take_end().unwrap().exit.code, 127);
}
