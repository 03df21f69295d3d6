//! The schema keeps what the design says of it.

#[path = "../../examples/shared/schema.rs"]
mod dump;

use std::collections::BTreeSet;

use segue_model::state::{BuildState, DeploymentState, Desired, HostState, Observed, RunState};
use segue_store::embedded::{Embedded, EmbeddedConfig};
use segue_store::testing::TestDb;
use segue_store::{
    AttemptVerb, DeploymentKind, DomainKind, DomainState, EnvironmentKind, Role, SetBy, WorkKind,
};
use sqlx::Row;

async fn names(db: &TestDb, query: &'static str) -> Vec<String> {
    let mut admin = db.admin().await.unwrap();
    sqlx::query(query)
        .fetch_all(&mut admin)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get::<String, _>(0))
        .collect()
}

#[tokio::test]
async fn every_tenant_table_is_locked_by_team() {
    let db = TestDb::new().await.unwrap();
    let tenants = names(
        &db,
        "select distinct c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'team_id'
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not a.attisdropped",
    )
    .await;
    assert!(tenants.len() > 35, "{tenants:?}");
    let open = names(
        &db,
        "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'team_id'
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not a.attisdropped
            and not (c.relrowsecurity and c.relforcerowsecurity)",
    )
    .await;
    assert_eq!(
        open,
        Vec::<String>::new(),
        "tenant tables without force row level security"
    );
    let unlocked = names(
        &db,
        "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'team_id'
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and not a.attisdropped
            and not exists (
                select from pg_policies p
                where p.tablename = c.relname and 'segue_api' = any(p.roles) and p.qual like '%current_setting%'
            )",
    )
    .await;
    assert_eq!(
        unlocked,
        Vec::<String>::new(),
        "tenant tables without the policy"
    );
}

#[tokio::test]
async fn no_simple_foreign_key_joins_two_tenant_tables() {
    let db = TestDb::new().await.unwrap();
    let simple = names(
        &db,
        "with tenant as (
            select a.attrelid as id, a.attnum as team from pg_attribute a
            where a.attname = 'team_id' and not a.attisdropped
        )
        select k.conrelid::regclass::text || ' -> ' || k.confrelid::regclass::text
        from pg_constraint k
        join tenant child on child.id = k.conrelid
        join tenant parent on parent.id = k.confrelid
        where k.contype = 'f' and not (child.team = any(k.conkey) and parent.team = any(k.confkey))",
    )
    .await;
    assert_eq!(simple, Vec::<String>::new());
}

#[tokio::test]
async fn everything_is_commented() {
    let db = TestDb::new().await.unwrap();
    let silent = names(
        &db,
        "select c.relname::text from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v') and c.relname <> '_sqlx_migrations'
            and not c.relname ~ '^log_chunks_[0-9]' and obj_description(c.oid) is null
         union all
         select p.proname::text from pg_proc p where p.pronamespace = 'public'::regnamespace and obj_description(p.oid) is null",
    )
    .await;
    assert_eq!(silent, Vec::<String>::new());
}

#[tokio::test]
async fn service_roles_cannot_log_in_or_pass_by_the_policies() {
    let db = TestDb::new().await.unwrap();
    let mighty = names(
        &db,
        "select rolname::text from pg_roles
         where rolname in ('segue_api', 'segue_auth', 'segue_system') and (rolcanlogin or rolsuper or rolbypassrls or rolcreaterole)",
    )
    .await;
    assert_eq!(mighty, Vec::<String>::new());
    let granted = names(
        &db,
        "select table_name::text from information_schema.role_table_grants where grantee in ('segue_auth', 'PUBLIC') and table_schema = 'public'",
    )
    .await;
    assert_eq!(
        granted,
        Vec::<String>::new(),
        "segue_auth has functions only"
    );
}

/// The words of `check (column in (...))`, by the constraint's name.
async fn check_list(db: &TestDb, constraint: &str) -> BTreeSet<String> {
    let mut admin = db.admin().await.unwrap();
    let text: String = sqlx::query_scalar(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = $1",
    )
    .bind(constraint)
    .fetch_one(&mut admin)
    .await
    .unwrap();
    text.split('\'')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn check_lists_are_the_enums() {
    let db = TestDb::new().await.unwrap();
    macro_rules! same {
        ($($constraint:literal $type:ident;)*) => {$(
            let words: BTreeSet<String> = $type::ALL.iter().map(|value| value.as_str().to_owned()).collect();
            assert_eq!(check_list(&db, $constraint).await, words, $constraint);
        )*};
    }
    same! {
        "build_status_state" BuildState;
        "rollouts_state" DeploymentState;
        "instances_desired" Desired;
        "instance_seen_state" Observed;
        "host_plan_state" HostState;
        "environments_kind" EnvironmentKind;
        "memberships_role" Role;
        "tokens_role" Role;
        "invitations_role" Role;
        "domains_kind" DomainKind;
        "domains_state" DomainState;
        "deployments_kind" DeploymentKind;
        "scale_targets_set_by" SetBy;
        "attempts_verb" AttemptVerb;
        "work_kind" WorkKind;
        "run_status_state" RunState;
    }
    let strategies: BTreeSet<String> = ["switch", "rolling", "recreate"].map(str::to_owned).into();
    assert_eq!(check_list(&db, "rollouts_strategy").await, strategies);
}

#[tokio::test]
async fn ranks_and_transitions_are_those_of_the_model() {
    let db = TestDb::new().await.unwrap();
    let mut admin = db.admin().await.unwrap();
    macro_rules! ranks {
        ($($query:literal $type:ident;)*) => {$(
            for state in $type::ALL {
                let rank: i16 = sqlx::query_scalar($query).bind(state.as_str()).fetch_one(&mut admin).await.unwrap();
                assert_eq!(rank, state.rank(), "{} {state}", $query);
            }
        )*};
    }
    ranks! {
        "select build_rank($1)" BuildState;
        "select deployment_rank($1)" DeploymentState;
        "select observed_rank($1)" Observed;
        "select host_rank($1)" HostState;
        "select run_rank($1)" RunState;
    }
    let mut last = 0;
    for role in segue_model::access::Role::ALL {
        let rank: i32 = sqlx::query_scalar("select role_rank($1)")
            .bind(role.as_str())
            .fetch_one(&mut admin)
            .await
            .unwrap();
        assert!(rank > last, "{role}");
        last = rank;
    }
    for from in Observed::ALL {
        for to in Observed::ALL {
            let may: bool = sqlx::query_scalar("select observed_may_become($1, $2)")
                .bind(from.as_str())
                .bind(to.as_str())
                .fetch_one(&mut admin)
                .await
                .unwrap();
            assert_eq!(may, from.may_become(*to), "{from} to {to}");
        }
    }
}

#[tokio::test]
async fn names_follow_one_grammar() {
    let db = TestDb::new().await.unwrap();
    let mut admin = db.admin().await.unwrap();
    let samples = [
        "a",
        "web",
        "a1-b2",
        "a-",
        "-a",
        "A",
        "1a",
        "a--b",
        "a_b",
        "a b",
        "",
        "a\n",
        "ä",
        "a.b",
        "shop.localhost",
        "*.example.com",
        "10.0.0.1",
        "a..b",
        "-a.b",
        "a.b-",
        "*.a",
        "localhost",
        "FOO",
        "_x",
        "1A",
        "A-B",
        "a.b.",
        "x.1",
        "a.1b",
        "*.*.a.b",
        "refs/heads/main",
        "refs/heads/a/b",
        "refs/heads/../x",
        "refs/heads/-x",
        "refs/notes/a",
        "refs/heads/a.lock",
        "refs/heads/a.lock/b",
        "refs/heads/.a",
        "refs/heads/a/.b",
        "refs/heads/a.",
        "refs/tags/v1.0",
        "refs/heads/a//b",
        "refs/heads/a/",
        "refs/heads/a./b",
        "refs/heads/a/-b",
    ];
    for sample in samples {
        let row =
            sqlx::query("select is_label($1), is_config_key($1), is_domain($1), is_git_ref($1)")
                .bind(sample)
                .fetch_one(&mut admin)
                .await
                .unwrap();
        let model = (
            segue_model::name::AppName::new(sample).is_ok(),
            segue_model::name::ConfigKey::new(sample).is_ok(),
            segue_model::name::Domain::new(sample).is_ok(),
            segue_model::name::GitRef::new(sample).is_ok(),
        );
        let sql: (bool, bool, bool, bool) = (row.get(0), row.get(1), row.get(2), row.get(3));
        assert_eq!(sql, model, "{sample:?}");
    }
}

#[tokio::test]
async fn the_committed_schema_is_the_sum_of_the_migrations() {
    let folder = tempfile::Builder::new()
        .prefix("segue-schema-")
        .tempdir()
        .unwrap();
    std::fs::set_permissions(
        folder.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o711),
    )
    .unwrap();
    let server =
        Embedded::start(EmbeddedConfig::new(folder.path().join("pg")).without_durability())
            .await
            .unwrap();
    segue_store::migrate(&server.connect_options())
        .await
        .unwrap();
    // A second run changes nothing.
    segue_store::migrate(&server.connect_options())
        .await
        .unwrap();
    let schema = dump::schema(&server).await.unwrap();
    server.stop().await.unwrap();
    let committed =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.sql")).unwrap();
    assert!(schema == committed, "schema.sql is old: run prepare");
}
