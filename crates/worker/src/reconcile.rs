//! Reconciling one environment: load, plan, check, commit, act; again until the plan has nothing to write.
//!
//! Invariants: the only input is the key; a plan that the independent check refuses is neither committed nor
//! acted on; nothing is done past the lease's deadline; an environment where nothing changed costs one read and
//! nothing else. Must not: decide.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use segue_model::change::Reason;
use segue_model::id::{EnvironmentId, InstanceId, RunId};
use segue_model::spec::{Check, Health, ServiceKind};
use segue_model::state::Desired;
use segue_model::world::{Instance, World};
use segue_plan::{Input, check, plan};
use segue_store::{Commit, Lease, StoreError};
use tokio::time::Instant;

use crate::act::Acts;
use crate::core::lease::{Term, TermOver};
use crate::observe::Known;
use crate::observe::target::Target;
use crate::observe::track::Sighting;
use crate::shared::Shared;

/// Commits in a row for one look. The planner needs a handful; more means that it does not converge, and the
/// others shall have their turn.
const MAX_ROUNDS: u32 = 64;
/// After a plan that the check refused.
const VIOLATION_RETRY: Duration = Duration::from_secs(10);

/// Why a look ended without an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    /// Nothing may be done any more.
    #[error(transparent)]
    Term(#[from] TermOver),
    /// The store; by its kind it is retried or ends the term.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// When to look again without being asked to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Next {
    /// The planner's wish, by the database's clock.
    pub check: Option<Timestamp>,
    /// This process's own, after a failed call.
    pub retry: Option<Instant>,
}

type Told = (Desired, Health);
type Explained = (Vec<Reason>, Option<Timestamp>, i64);

/// Reconciles environments under one lease.
pub(crate) struct Reconciler {
    shared: Arc<Shared>,
    acts: Acts,
    /// What the observers know, so that an unchanged world is not told again.
    told: Mutex<HashMap<InstanceId, Told>>,
    /// What was written last as reasons.
    explained: Mutex<HashMap<EnvironmentId, Explained>>,
}

impl Reconciler {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            acts: Acts::new(shared.clone()),
            shared,
            told: Mutex::default(),
            explained: Mutex::default(),
        }
    }

    /// One look at an environment.
    ///
    /// # Errors
    /// [`ReconcileError`]; nothing is half done, look again.
    pub(crate) async fn look(
        &self,
        term: &Term<Lease>,
        environment: EnvironmentId,
    ) -> Result<Next, ReconcileError> {
        let store = &self.shared.store;
        for _ in 0..MAX_ROUNDS {
            term.check()?;
            let asked = Timestamp::now();
            let Some(world) = store.world(environment).await? else {
                return Ok(Next::default());
            };
            self.shared.clock.measure(asked, world.now);
            let input = Input { world: &world };
            let plan = plan(&input);
            let violations = check(&input, &plan);
            if !violations.is_empty() {
                for violation in &violations {
                    tracing::error!(environment.id = %environment, ?violation, "the plan breaks an invariant; nothing is written or done");
                }
                return Ok(Next {
                    check: None,
                    retry: Some(Instant::now() + VIOLATION_RETRY),
                });
            }
            if !plan.changes.is_empty() {
                self.shared.steps.pass("commit").await;
                let commit = Commit {
                    world: &world,
                    changes: &plan.changes,
                    reasons: &plan.reasons,
                    next_check: plan.next_check,
                };
                match term.call(store.commit(term.fence(), commit)).await? {
                    Ok(_) => {
                        self.shared.steps.pass("committed").await;
                        self.remember(
                            environment,
                            (plan.reasons, plan.next_check, world.generation),
                        );
                    }
                    Err(StoreError::Superseded { what }) => {
                        tracing::debug!(environment.id = %environment, what, "the world moved, planning again");
                    }
                    Err(error) => return Err(error.into()),
                }
                continue;
            }
            self.explain(term, &world, plan.reasons, plan.next_check)
                .await?;
            let world = Arc::new(world);
            self.watch(&world);
            let retry = if plan.actions.is_empty() {
                None
            } else {
                term.check()?;
                self.acts.begin(term, &world, plan.actions)
            };
            self.shared.steps.pass("looked").await;
            return Ok(Next {
                check: plan.next_check,
                retry,
            });
        }
        tracing::error!(environment.id = %environment, rounds = MAX_ROUNDS, "the plan does not come to rest");
        Ok(Next {
            check: None,
            retry: Some(Instant::now() + VIOLATION_RETRY),
        })
    }

    fn remember(&self, environment: EnvironmentId, explained: Explained) {
        self.explained
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(environment, explained);
    }

    /// Writes why something waits, if that is news.
    async fn explain(
        &self,
        term: &Term<Lease>,
        world: &World,
        reasons: Vec<Reason>,
        next_check: Option<Timestamp>,
    ) -> Result<(), ReconcileError> {
        let news = (reasons, next_check, world.generation);
        let known = {
            let explained = self
                .explained
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            explained
                .get(&world.environment)
                .is_some_and(|known| *known == news)
        };
        if known {
            return Ok(());
        }
        let (store, fence) = (&self.shared.store, term.fence());
        store
            .explain(fence, world.environment, world.generation, &news.0, news.1)
            .await?;
        self.remember(world.environment, news);
        Ok(())
    }

    /// Tells the observers which instances there are, what is wanted of them and how they are asked.
    fn watch(&self, world: &Arc<World>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, instance) in world.containers() {
            if !instance.may_exist() {
                told.remove(&id);
                continue;
            }
            let Some(known) = known(world, id, instance) else {
                continue;
            };
            let news = (known.target.desired, known.target.health.clone());
            if told.get(&id) == Some(&news) {
                continue;
            }
            if self
                .shared
                .tell(instance.host, crate::observe::Input::Watch(Box::new(known)))
            {
                told.insert(id, news);
            }
        }
    }
}

/// An instance of a world as an observer needs it; `None` if its release is not known.
pub(crate) fn known(world: &World, id: InstanceId, instance: &Instance) -> Option<Known> {
    // The newest release that has the revision says how it is asked: health checks change without a new container.
    let service = world
        .releases
        .values()
        .filter_map(|release| Some((release.version, release.services.get(&instance.service)?)))
        .filter(|(_, service)| service.revision == instance.revision)
        .max_by_key(|(version, _)| *version)
        .map(|(_, service)| service);
    let (health, kind) = match (world.runs.get(&RunId::from_uuid(id.as_uuid())), service) {
        // Of a one-off run nothing is asked but that it runs, and it is never started again.
        (Some(_), _) => {
            let health = Health {
                check: Check::Running,
                ..Health::default()
            };
            (health, ServiceKind::Job)
        }
        (None, Some(service)) => (service.spec.health.clone(), service.content.kind),
        (None, None) => return None,
    };
    let target = Target {
        team: world.team,
        app: world.app,
        environment: world.environment,
        instance: id,
        service: instance.service.clone(),
        slot: instance.slot,
        host: instance.host,
        address: instance.address,
        port: instance.port,
        health,
        restarts_by_engine: !instance.exclusive && kind != ServiceKind::Job,
        desired: instance.desired,
    };
    let sighting = Sighting {
        as_of: instance.observed_at.unwrap_or(Timestamp::UNIX_EPOCH),
        state: instance.observed,
        exit_code: instance.exit_code,
        oom: instance.oom,
        restarts: instance.restarts,
        aliased: instance.aliased,
        words_due: instance.words_due_since.is_some(),
        failure: instance.failure.clone(),
    };
    Some(Known {
        target,
        sighting,
        unknown: instance.is_unknown(),
    })
}
