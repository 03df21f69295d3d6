//! What the operators' document says of the API's limits is what the code has.

use crate::auth::{guess, jwt, revisit, session};
use crate::run::SETUP_LINK;

use super::{confirm, device, hooks_call, hooks_work, invitations, me, resets, tokens, traffic};

#[test]
fn the_operators_document_has_the_limits_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/OPERATIONS.md");
    let text = std::fs::read_to_string(path).unwrap();
    let days = |life: std::time::Duration| life.as_secs() / 86_400;
    let minutes = |life: std::time::Duration| life.as_secs() / 60;
    let hours = |seconds: i64| seconds / 3600;
    let guesses = guess::ALLOWED;
    let rows = [
        format!("wrong ones by address, by account | {guesses} a minute each;"),
        format!(
            "| session, access token | {} days after its last use, {} days in all, 100 of one person; {} min,",
            days(session::REFRESH_LIFE),
            days(session::SESSION_LIFE),
            minutes(jwt::LIFETIME),
        ),
        format!(
            "| password given again in a session | counts for {} min |",
            minutes(confirm::CONFIRMED_FOR)
        ),
        format!(
            "| sign-in of a device | {} min; codes guessed at by a person, by an address: {guesses} a minute; begun by an \
             address: {} a minute |",
            device::PATIENCE / 60,
            device::STARTS,
        ),
        format!(
            "set-up, new password, invitation | {} min; {} h; {} days unless said otherwise, at most {} |",
            minutes(SETUP_LINK),
            minutes(resets::LINK_LIFE) / 60,
            invitations::DEFAULT_DAYS,
            invitations::MAX_DAYS,
        ),
        format!(
            "| API token | {} days unless said otherwise, at most {} |",
            me::DEFAULT_DAYS,
            tokens::MAX_DAYS
        ),
        format!(
            "who reads is looked at again | every {} s |",
            revisit::AGAIN.as_secs()
        ),
        format!(
            "| calls of hooks: age of a signature, tries | {} min, {} within",
            hooks_call::WINDOW_SECONDS / 60,
            hooks_work::TRIES,
        ),
        format!(
            "| request counts shown: window, steps | {} h unless said otherwise, at most {} h; {} unless said otherwise, \
             at most {} |",
            hours(traffic::WINDOW_S),
            hours(traffic::KEPT_S),
            traffic::STEPS,
            segue_store::MOST_TRAFFIC_POINTS,
        ),
        format!(
            "| audit logs: signed checkpoint | with the first record, every {} records, once a day",
            segue_store::AUDIT_CHECKPOINT_EVERY
        ),
    ];
    for row in rows {
        assert!(
            text.contains(&row),
            "docs/OPERATIONS.md does not say: {row}"
        );
    }
    // What people are told in passing.
    let minutes_of_a_link = minutes(resets::LINK_LIFE);
    assert_eq!(minutes_of_a_link, 60, "refusals and letters say an hour");
    assert_eq!(minutes(confirm::CONFIRMED_FOR), 10, "hints say ten minutes");
}
