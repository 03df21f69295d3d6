//! Pushes in progress: who pushes what, and the tickets by which the hook speaks for them.
//!
//! One push per app is deployed at a time. The same commit pushed again attaches to what is under way; when the
//! client of the first push has left, the second one takes its place. Tickets live in memory: they end with the push.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use segue_model::id::{AppId, DeploymentId};
use segue_store::{App, TeamScope};
use tokio_util::sync::CancellationToken;

use crate::auth::principal::Principal;

/// A push, as far as the hook may act for it.
#[derive(Debug, Clone)]
pub(crate) struct Push {
    pub scope: TeamScope,
    pub app: App,
    /// Who pushes, and what they may.
    pub principal: Principal,
}

/// What is under way for an app.
#[derive(Debug, Clone)]
struct Active {
    secret: String,
    commit: String,
    deployment: Option<DeploymentId>,
    client_left: CancellationToken,
    taken_over: CancellationToken,
    /// Pushes of the same commit that follow this one.
    followers: Vec<String>,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<String, (Push, CancellationToken)>,
    active: HashMap<AppId, Active>,
}

/// All pushes of this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pushes(Arc<Mutex<Table>>);

/// A push's ticket; dropping it ends the push.
#[derive(Debug)]
pub(crate) struct Ticket {
    secret: String,
    left: CancellationToken,
    all: Pushes,
}

impl Ticket {
    /// What the hook presents.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// To be cancelled when the client leaves.
    pub(crate) fn client_left(&self) -> CancellationToken {
        self.left.clone()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.left.cancel();
        self.all.table().open.remove(&self.secret);
    }
}

/// The right to deploy for an app, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    app: AppId,
    secret: String,
    /// Another push of the same commit goes on in place of this one.
    pub taken_over: CancellationToken,
    all: Pushes,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut table = self.all.table();
        if table
            .active
            .get(&self.app)
            .is_some_and(|active| active.secret == self.secret)
        {
            table.active.remove(&self.app);
        }
    }
}

impl Turn {
    /// Says which deployment the push made.
    pub(crate) fn set_deployment(&self, deployment: DeploymentId) {
        let mut table = self.all.table();
        if let Some(active) = table
            .active
            .get_mut(&self.app)
            .filter(|active| active.secret == self.secret)
        {
            active.deployment = Some(deployment);
        }
    }
}

impl Turn {
    /// Whether this push leaves the ref to another one: nobody reads it any more, and somebody reads one that
    /// follows it. Git lets only one of them move the ref.
    pub(crate) fn yields(&self) -> bool {
        let table = self.all.table();
        let Some(active) = table
            .active
            .get(&self.app)
            .filter(|active| active.secret == self.secret)
        else {
            return false;
        };
        let reads = |secret: &String| {
            table
                .open
                .get(secret)
                .is_some_and(|(_, left)| !left.is_cancelled())
        };
        active.client_left.is_cancelled() && active.followers.iter().any(reads)
    }
}

/// What a push that wants to deploy is told.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Go on.
    Yours(Turn),
    /// The same commit is under way: follow that one.
    Attach(DeploymentId),
    /// Another commit is under way.
    Busy,
}

impl Pushes {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a ticket for a push.
    pub(crate) fn open(&self, push: Push) -> Ticket {
        let secret = hex::encode(rand::random::<[u8; 32]>());
        let left = CancellationToken::new();
        self.table()
            .open
            .insert(secret.clone(), (push, left.clone()));
        Ticket {
            secret,
            left,
            all: self.clone(),
        }
    }

    /// The push of a ticket.
    pub(crate) fn find(&self, secret: &str) -> Option<Push> {
        self.table().open.get(secret).map(|(push, _)| push.clone())
    }

    /// Asks for the app's turn.
    pub(crate) fn enter(&self, secret: &str, app: AppId, commit: &str) -> Entry {
        let mut table = self.table();
        let Some(left) = table.open.get(secret).map(|(_, left)| left.clone()) else {
            return Entry::Busy;
        };
        if let Some(active) = table.active.get_mut(&app) {
            match active.deployment {
                _ if active.commit != commit => return Entry::Busy,
                // Nobody reads the first one any more: this one becomes the one that counts.
                _ if active.client_left.is_cancelled() => active.taken_over.cancel(),
                Some(deployment) => {
                    active.followers.push(secret.to_owned());
                    return Entry::Attach(deployment);
                }
                None => return Entry::Busy,
            }
        }
        let active = Active {
            secret: secret.to_owned(),
            commit: commit.to_owned(),
            deployment: None,
            client_left: left,
            taken_over: CancellationToken::new(),
            followers: Vec::new(),
        };
        let taken_over = active.taken_over.clone();
        table.active.insert(app, active);
        Entry::Yours(Turn {
            app,
            secret: secret.to_owned(),
            taken_over,
            all: self.clone(),
        })
    }
}
