//! Ends of audit logs are signed by the loop that looks after them, and letters reach the mail server.

use jiff::SignedDuration;
use segue_model::Timestamp;
use segue_store::seal::SecretBytes;
use segue_store::{Actor, AuditVerdict, Letter, NewReset, ResetGiver, TeamContext};

use super::bench::Bench;
use super::outside::{mail_server, tellers};
use crate::outside::both;

#[tokio::test]
async fn the_ends_of_logs_are_signed_and_a_broken_one_holds_up_no_other() {
    let bench = Bench::new().await;
    let shared = bench.shared();
    let verify = async |team| {
        let context = TeamContext::new(team, Actor::System("test"));
        let scope = bench.db.store().team(&context);
        scope.audit_verify(None).await.unwrap()
    };
    let signed = |found: &AuditVerdict, number| matches!(found, AuditVerdict::Whole { checkpoints, .. } if *checkpoints == number);
    assert_eq!(crate::audit::round(&shared).await.unwrap(), 0);
    let installation = TeamContext::platform(Actor::System("test")).team;
    for team in [bench.fixture.team, installation] {
        let found = verify(team).await;
        assert!(signed(&found, 1), "{found:?}");
    }
    // Somebody cuts the end off one, and the other goes on.
    bench.db.fill_audit(installation, 200).await.unwrap();
    bench.db.fill_audit(bench.fixture.team, 200).await.unwrap();
    bench
        .db
        .execute(
            "alter table audit disable trigger all;
             delete from audit where seq > 1 and team_id <> '00000000-0000-0000-0000-000000000000';
             update audit_heads h set seq = 1, hash = a.hash from audit a
             where a.team_id = h.team_id and a.seq = 1 and h.team_id <> '00000000-0000-0000-0000-000000000000'",
        )
        .await
        .unwrap();
    assert_eq!(crate::audit::round(&shared).await.unwrap(), 1);
    let found = verify(installation).await;
    assert!(signed(&found, 2), "{found:?}");
    let found = verify(bench.fixture.team).await;
    let cut = AuditVerdict::Broken {
        seq: 2,
        checkpoint: Some(1),
    };
    assert_eq!(found, cut);
}

#[tokio::test]
async fn a_letter_reaches_the_mail_server_once() {
    let bench = Bench::new().await;
    let shared = bench.shared();
    let (server, mails) = mail_server().await;
    let context = TeamContext::platform(Actor::System("test"));
    let hour = Timestamp::now() + SignedDuration::from_hours(1);
    let new = NewReset {
        person: bench.fixture.owner,
        token_hash: [7; 32],
        expires_at: hour,
        giver: ResetGiver::Installation,
        letter: Some(Letter {
            address: "ada@example.com".to_owned(),
            subject: "A new password".to_owned(),
            text: SecretBytes::from("https://segue.example/reset#canary\n".to_owned()),
        }),
    };
    let platform = bench.db.store().platform(context);
    platform.reset_create(&new).await.unwrap();
    // A worker without a mail server leaves it to one that has it.
    assert_eq!(both(&shared, &tellers(&[], None)).await.unwrap(), 0);
    // One whose mail server is away puts it off.
    let away = tellers(&[], Some("smtp://127.0.0.1:1"));
    assert_eq!(both(&shared, &away).await.unwrap(), 1);
    assert_eq!(both(&shared, &away).await.unwrap(), 0);
    bench
        .db
        .execute("update letters set next_at = now()")
        .await
        .unwrap();
    let tellers = tellers(&[], Some(&server));
    assert_eq!(both(&shared, &tellers).await.unwrap(), 1);
    assert_eq!(both(&shared, &tellers).await.unwrap(), 0);
    let mails = mails.lock().unwrap().clone();
    assert_eq!(mails.len(), 1);
    for part in [
        "To: ada@example.com",
        "Subject: A new password",
        "/reset#canary",
    ] {
        assert!(mails[0].contains(part), "{part}: {}", mails[0]);
    }
    let left = "select count(*)::text from letters";
    assert_eq!(bench.db.texts(left).await.unwrap(), ["0"]);
}
