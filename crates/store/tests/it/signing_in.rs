//! Sessions, refresh tokens, guesses, devices: what the functions of sign-in promise.

use segue_model::id::{SessionId, UserId};
use segue_store::testing::{Fixture, TestDb};
use segue_store::{
    Actor, DeviceGrant, DevicePoll, Guess, Keep, NewDevice, NewSession, NewToken, Page, Refresh,
    Role, SetupState, StoreError, TeamContext, fresh_id,
};
use sqlx::Executor;

fn hours(n: i64) -> jiff::Timestamp {
    jiff::Timestamp::now() + jiff::SignedDuration::from_hours(n)
}

fn context(user: UserId) -> TeamContext {
    TeamContext::platform(Actor::User(user))
}

async fn start(db: &TestDb, user: UserId, hash: u8) -> SessionId {
    let new = NewSession {
        token_hash: [hash; 32],
        token_expires_at: hours(1),
        expires_at: hours(2),
        address: Some("192.0.2.7".parse().unwrap()),
        client: "a browser".into(),
    };
    let account = db.store().account(user, context(user));
    account.session_start(&new).await.unwrap()
}

async fn refresh(db: &TestDb, old: u8, new: u8) -> Refresh {
    let sign_in = db.store().sign_in(None, None);
    sign_in
        .refresh(&[old; 32], &[new; 32], hours(1))
        .await
        .unwrap()
}

/// Lets so much time pass for what was used.
async fn age(db: &TestDb, interval: &str) {
    let mut admin = db.admin().await.unwrap();
    let statement = format!("update refresh_tokens set used_at = used_at - interval '{interval}'");
    admin.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
}

#[tokio::test]
async fn a_refresh_token_that_comes_again_later_ends_the_session() {
    let db = TestDb::new().await.unwrap();
    let user = Fixture::new(db.store(), "one").await.unwrap().owner;
    let session = start(&db, user, 1).await;
    assert_eq!(refresh(&db, 1, 2).await, Refresh::Rotated { user, session });
    age(&db, "11 seconds").await;
    assert_eq!(refresh(&db, 1, 3).await, Refresh::Reused { user });
    for hash in [1, 2, 3, 9] {
        assert_eq!(refresh(&db, hash, 4).await, Refresh::Refused, "{hash}");
    }
    let auth = db.store().auth();
    assert_eq!(auth.session(session, user).await.unwrap(), None);
}

#[tokio::test]
async fn two_tabs_at_the_same_moment_do_not_end_the_session() {
    let db = TestDb::new().await.unwrap();
    let user = Fixture::new(db.store(), "one").await.unwrap().owner;
    let session = start(&db, user, 1).await;
    let tabs: Vec<_> = (10..18).map(|new| refresh(&db, 1, new)).collect();
    let outcomes = futures::future::join_all(tabs).await;
    let rotated = outcomes
        .iter()
        .filter(|outcome| **outcome == Refresh::Rotated { user, session });
    assert_eq!(rotated.count(), 1, "{outcomes:?}");
    let superseded = outcomes
        .iter()
        .filter(|outcome| **outcome == Refresh::Superseded);
    assert_eq!(superseded.count(), 7, "{outcomes:?}");
    assert!(
        db.store()
            .auth()
            .session(session, user)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_person_only() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap().owner;
    let two = Fixture::new(db.store(), "two").await.unwrap().owner;
    let (first, second) = (start(&db, one, 1).await, start(&db, one, 2).await);
    let own = db.store().account(one, context(one));
    let listed = own.session_list(Page::first(10)).await.unwrap();
    assert_eq!(
        listed.iter().map(|one| one.id).collect::<Vec<_>>(),
        [second, first]
    );
    assert_eq!(
        (listed[0].client.as_str(), listed[0].address),
        ("a browser", Some("192.0.2.7".parse().unwrap()))
    );
    let after = Page {
        after: Some(second),
        limit: 10,
    };
    assert_eq!(own.session_list(after).await.unwrap().len(), 1);
    let foreign = db.store().account(two, context(two));
    assert!(matches!(
        foreign.session_end(first).await,
        Err(StoreError::NotFound)
    ));
    own.session_end(first).await.unwrap();
    assert!(matches!(
        own.session_end(first).await,
        Err(StoreError::NotFound)
    ));
    assert_eq!(refresh(&db, 1, 3).await, Refresh::Refused);
    // A new password ends all but the one it was set with.
    let third = start(&db, one, 5).await;
    let changed = own.password_set("$hash", Keep::Session(third)).await;
    assert_eq!(changed.unwrap().sessions_ended, 1);
    assert_eq!(refresh(&db, 2, 6).await, Refresh::Refused);
    let user = one;
    assert_eq!(
        refresh(&db, 5, 7).await,
        Refresh::Rotated {
            user,
            session: third
        }
    );
    // Nobody signs in who is disabled, and whoever was signed in is not any more.
    own.disable(true).await.unwrap();
    assert_eq!(refresh(&db, 7, 8).await, Refresh::Refused);
    let new = NewSession {
        token_hash: [9; 32],
        token_expires_at: hours(1),
        expires_at: hours(2),
        address: None,
        client: String::new(),
    };
    assert!(matches!(
        own.session_start(&new).await,
        Err(StoreError::NotFound)
    ));
    own.disable(false).await.unwrap();
    own.session_start(&new).await.unwrap();
}

#[tokio::test]
async fn guesses_are_counted_by_all_together_and_right_ones_are_none() {
    let db = TestDb::new().await.unwrap();
    let guess = async |account: u8, address: u8| {
        let keys = [[account; 32], [address; 32]];
        db.store().auth().guess(&keys, 5).await.unwrap()
    };
    let at_once = futures::future::join_all((0..20).map(|_| guess(1, 100))).await;
    let noted = at_once
        .iter()
        .filter(|guess| matches!(guess, Guess::Noted(_)))
        .count();
    assert_eq!(noted, 5, "{at_once:?}");
    // The account is full from any address, and the address for any account.
    for (account, address) in [(1, 101), (2, 100)] {
        let refused = guess(account, address).await;
        assert!(
            matches!(refused, Guess::Wait(seconds) if (1..=60).contains(&seconds)),
            "{refused:?}"
        );
    }
    // What was refused did not count for the other key, and a right one counts for none.
    for _ in 0..10 {
        let Guess::Noted(right) = guess(2, 101).await else {
            panic!("refused")
        };
        db.store().auth().guess_good(right).await.unwrap();
    }
    // A minute later all is forgotten.
    let mut admin = db.admin().await.unwrap();
    admin
        .execute("update sign_in_attempts set at = at - interval '1 minute'")
        .await
        .unwrap();
    assert!(matches!(guess(1, 100).await, Guess::Noted(_)));
}

#[tokio::test]
async fn a_device_is_let_in_once() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let auth = db.store().auth();
    let new = NewDevice {
        device_hash: [1; 32],
        user_code: "WDJBMJHT",
        client: "laptop",
        address: None,
        expires_at: hours(1),
    };
    assert!(auth.device_start(&new).await.unwrap());
    assert!(matches!(
        auth.device_start(&new).await,
        Err(StoreError::Conflict { .. })
    ));
    let poll = async || auth.device_poll(&[1; 32]).await.unwrap();
    assert_eq!(poll().await, DevicePoll::Pending);
    assert_eq!(poll().await, DevicePoll::SlowDown { seconds: 10 });
    assert_eq!(
        auth.device_poll(&[2; 32]).await.unwrap(),
        DevicePoll::Expired
    );
    let account = db.store().account(one.owner, context(one.owner));
    let grant = DeviceGrant {
        team: one.team,
        role: Role::Deployer,
        scopes: vec!["read".into()],
    };
    let decided = account.device_decide("WDJBMJHT", Some(&grant)).await;
    assert_eq!(decided.unwrap(), "laptop");
    assert!(matches!(
        account.device_decide("WDJBMJHT", None).await,
        Err(StoreError::NotFound)
    ));
    assert_eq!(auth.device_show("WDJBMJHT").await.unwrap(), None);
    let DevicePoll::Approved(approved) = poll().await else {
        panic!("not approved")
    };
    let token = |byte: u8| NewToken {
        id: segue_model::id::TokenId::from_uuid(fresh_id()),
        name: approved.client.clone(),
        prefix: "segue_x".into(),
        hash: [byte; 32],
        role: approved.role,
        scopes: approved.scopes.clone(),
        app: None,
        address_ranges: Vec::new(),
        expires_at: hours(1),
        created_by: approved.person,
    };
    let scope = one.scope();
    scope
        .device_token_create(&[1; 32], &approved, &token(1))
        .await
        .unwrap();
    assert!(matches!(
        scope
            .device_token_create(&[1; 32], &approved, &token(2))
            .await,
        Err(StoreError::NotFound)
    ));
    assert_eq!(poll().await, DevicePoll::Expired);
    assert!(auth.token(&[1; 32]).await.unwrap().is_some());
    assert!(auth.token(&[2; 32]).await.unwrap().is_none());
}

#[tokio::test]
async fn set_up_links_say_what_became_of_them() {
    let db = TestDb::new().await.unwrap();
    let (system, auth) = (db.store().system(), db.store().auth());
    let state = async |hash: u8| auth.setup_state(&[hash; 32]).await.unwrap();
    assert_eq!(state(1).await, SetupState::Unknown);
    system.setup_token_put(&[1; 32], hours(1)).await.unwrap();
    assert_eq!(state(1).await, SetupState::Good);
    system.setup_token_put(&[2; 32], hours(-1)).await.unwrap();
    assert_eq!(
        (state(1).await, state(2).await),
        (SetupState::Expired, SetupState::Expired)
    );
    system.setup_token_put(&[3; 32], hours(1)).await.unwrap();
    let setup = segue_store::Setup {
        email: "ada@example.com".into(),
        name: "Ada".into(),
        password_hash: "$argon2id$".into(),
        team_name: "acme".parse().unwrap(),
    };
    let sign_in = db.store().sign_in(None, None);
    sign_in.setup(&[3; 32], &setup).await.unwrap().unwrap();
    assert_eq!(
        (state(3).await, state(2).await),
        (SetupState::Used, SetupState::SetUp)
    );
}
