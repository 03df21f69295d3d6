//! The real router over a real database, with people of every role.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use segue_api::ApiConfig;
use segue_model::access::{Scope, Scopes};
use segue_model::id::{TeamId, TokenId, UserId};
use segue_store::testing::TestDb;
use segue_store::{
    Actor, Giver, NewMember, NewToken, PlatformScope, Role, Store, TeamContext, fresh_id,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The body, after making sure of the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self.body
    }

    pub fn etag(&self) -> String {
        self.headers["etag"].to_str().unwrap().to_owned()
    }
}

/// A person with a token for one team.
#[derive(Debug, Clone)]
pub struct Person {
    pub user: UserId,
    pub team: TeamId,
    pub token: String,
    pub token_id: TokenId,
}

pub struct Api {
    pub router: Router,
    store: Store,
    /// The test's own database; `None` where the test has a server of its own.
    pub db: Option<TestDb>,
    pub config: ApiConfig,
    /// Everything that the configuration names; removed at the end.
    pub _folder: tempfile::TempDir,
}

/// Makes the files that a configuration names.
pub fn config() -> (tempfile::TempDir, ApiConfig) {
    let folder = tempfile::tempdir().unwrap();
    let config = ApiConfig::in_folder(folder.path());
    std::fs::create_dir_all(config.edge_token_file.parent().unwrap()).unwrap();
    write_private(&config.edge_token_file, "0123456789abcdef0123456789abcdef");
    (folder, config)
}

pub fn write_private(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

impl Api {
    pub async fn new() -> Self {
        let db = TestDb::new().await.unwrap();
        Self::over(db.store().clone(), Some(db))
    }

    /// The router over this store.
    pub fn over(store: Store, db: Option<TestDb>) -> Self {
        let (folder, config) = config();
        let router =
            segue_api::router(config.clone(), store.clone(), CancellationToken::new()).unwrap();
        Self {
            router,
            store,
            db,
            config,
            _folder: folder,
        }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str, person: &Person) -> Answer {
        self.call(Method::GET, path, Some(&person.token), None, &[])
            .await
    }

    pub async fn post(&self, path: &str, person: &Person, body: Value) -> Answer {
        self.call(Method::POST, path, Some(&person.token), Some(body), &[])
            .await
    }

    /// What operators may do.
    fn platform(&self) -> PlatformScope {
        let context = TeamContext::platform(Actor::System("test"));
        self.store().platform(context)
    }

    /// A team with its owner.
    pub async fn team(&self, name: &str, platform_admin: bool) -> Person {
        let platform = self.platform();
        let email = format!("{name}@example.com");
        let user = platform
            .user_create(&email, name, None, platform_admin)
            .await
            .unwrap();
        let team = platform
            .team_create(&name.parse().unwrap(), user)
            .await
            .unwrap();
        self.token(user, team, Role::Owner).await
    }

    /// Another team of the same person.
    pub async fn token_in_new_team(&self, person: &Person, name: &str) -> Person {
        let name = name.parse().unwrap();
        let team = self
            .platform()
            .team_create(&name, person.user)
            .await
            .unwrap();
        self.token(person.user, team, Role::Owner).await
    }

    /// Somebody more in a team.
    pub async fn member(&self, team: TeamId, name: &str, role: Role) -> Person {
        let email = format!("{name}@example.com");
        let user = self
            .platform()
            .user_create(&email, name, None, false)
            .await
            .unwrap();
        let scope = self
            .store()
            .team(&TeamContext::new(team, Actor::System("test")));
        let new = NewMember {
            user,
            role,
            app: None,
            environment: None,
        };
        scope
            .member_add(Giver::Installation, new, None)
            .await
            .unwrap();
        self.token(user, team, role).await
    }

    pub async fn token(&self, user: UserId, team: TeamId, role: Role) -> Person {
        let scopes = Scopes::full().0.iter().map(ToString::to_string).collect();
        self.token_with(user, team, role, scopes).await
    }

    /// The same person with a token that may do everything that the role may.
    pub async fn with_every_scope(&self, person: &Person, role: Role) -> Person {
        let scopes = Scope::ALL.iter().map(ToString::to_string).collect();
        self.token_with(person.user, person.team, role, scopes)
            .await
    }

    pub async fn token_with(
        &self,
        user: UserId,
        team: TeamId,
        role: Role,
        scopes: Vec<String>,
    ) -> Person {
        // Made here and not by the code under test: the format is a contract.
        let random = hex::encode(Sha256::digest(fresh_id().as_bytes()));
        let check = hex::encode(Sha256::digest(format!("segue token check\0{random}")));
        let token = format!("segue_{random}{}", &check[..8]);
        let token_id = TokenId::from_uuid(fresh_id());
        let new = NewToken {
            id: token_id,
            name: "test".into(),
            prefix: "segue_test".into(),
            hash: Sha256::digest(&token).into(),
            role,
            scopes,
            app: None,
            address_ranges: Vec::new(),
            expires_at: segue_model::Timestamp::now() + jiff::SignedDuration::from_hours(1),
            created_by: user,
        };
        let scope = self
            .store()
            .team(&TeamContext::new(team, Actor::User(user)));
        scope.token_create(&new, None).await.unwrap();
        Person {
            user,
            team,
            token,
            token_id,
        }
    }

    /// An app with its environment `production`, made through the API; answers the environment's path.
    pub async fn app(&self, person: &Person, team: &str, app: &str) -> String {
        let apps = format!("/v1/teams/{team}/apps");
        self.post(&apps, person, json!({"name": app}))
            .await
            .expect(201);
        let envs = format!("{apps}/{app}/envs");
        self.post(&envs, person, json!({"name": "production"}))
            .await
            .expect(201);
        format!("{envs}/production")
    }
}

/// A POST with an idempotency key.
pub async fn with_key(api: &Api, path: &str, person: &Person, key: &str, body: Value) -> Answer {
    let headers = [("idempotency-key", key)];
    api.call(
        Method::POST,
        path,
        Some(&person.token),
        Some(body),
        &headers,
    )
    .await
}
