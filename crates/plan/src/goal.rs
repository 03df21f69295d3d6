//! The goal: which releases a plan works towards, derived from the rollout's state; and per service what that means.
//!
//! A goal is derived, never stored: a crash between two plans cannot lose it.

use std::collections::BTreeSet;

use segue_model::id::ReleaseId;
use segue_model::name::ServiceName;
use segue_model::revision::Revision;
use segue_model::spec::{ServiceKind, ServiceSpec, Strategy};
use segue_model::state::DeploymentState;
use segue_model::world::{Deployment, Instance, Release, RolloutState, ServiceRelease, World};

use crate::draft::Draft;
use crate::judge;

/// Part of a service's surge when none is given, as a divisor: a quarter.
const SURGE_DIVISOR: u32 = 4;

/// A release with its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) id: ReleaseId,
    pub(crate) release: &'a Release,
}

/// What a plan works towards.
#[derive(Debug, Clone)]
pub(crate) struct Goal<'a> {
    pub(crate) world: &'a World,
    /// What shall run in the end; `None`: nothing.
    pub(crate) target: Option<Named<'a>>,
    /// What served before a rollout that goes forward.
    pub(crate) base: Option<Named<'a>>,
    /// The rollout goes forward.
    pub(crate) forward: bool,
    /// Routes are those of the target already; always so outside of a rollout that goes forward.
    pub(crate) switched: bool,
    /// How instances are replaced.
    pub(crate) strategy: Strategy,
}

/// What a goal means for one service.
#[derive(Debug, Clone)]
pub(crate) struct ServiceGoal<'a> {
    pub(crate) name: ServiceName,
    /// In the target.
    pub(crate) want: Option<&'a ServiceRelease>,
    /// In the base.
    pub(crate) old: Option<&'a ServiceRelease>,
    /// Instances wanted of the target's revision.
    pub(crate) count: usize,
    /// Instances wanted of the base's revision while it serves.
    pub(crate) old_count: usize,
    /// Its own strategy: `recreate` where a volume is involved, never `switch` where nothing changed.
    pub(crate) strategy: Strategy,
    /// Instances above the target while `rolling`.
    pub(crate) surge: usize,
    /// Instances that may be missing.
    pub(crate) unavailable: usize,
    /// Routes are those of the target already.
    pub(crate) switched: bool,
}

impl<'a> Goal<'a> {
    /// Derives the goal from the draft's rollouts.
    pub(crate) fn new(draft: &Draft<'a>) -> Self {
        let world = draft.world;
        let nothing = Self {
            world,
            target: None,
            base: None,
            forward: false,
            switched: true,
            strategy: Strategy::Rolling,
        };
        if world.stopped || world.deleted {
            return nothing;
        }
        let named = |id: ReleaseId| {
            let release = world.releases.get(&id)?;
            Some(Named { id, release })
        };
        let steady = |serving: Option<ReleaseId>| {
            let target = serving.and_then(named);
            Self {
                target,
                strategy: back_strategy(target),
                ..nothing.clone()
            }
        };
        let Some((deployment, rollout)) = draft.running() else {
            return steady(draft.serving);
        };
        use DeploymentState as S;
        match rollout.state {
            S::Failing => match judge::way_back(world, deployment, &rollout) {
                Some(back) => steady(Some(back)),
                None => steady(draft.serving),
            },
            S::RollingBack => steady(draft.serving),
            _ => Self::of_rollout(world, deployment, &rollout),
        }
    }

    /// The goal of a rollout that goes forward.
    pub(crate) fn of_rollout(
        world: &'a World,
        deployment: &Deployment,
        rollout: &RolloutState,
    ) -> Self {
        use DeploymentState as S;
        let named = |id: ReleaseId| {
            let release = world.releases.get(&id)?;
            Some(Named { id, release })
        };
        Self {
            world,
            target: named(deployment.release),
            base: rollout.from.and_then(named),
            forward: true,
            switched: matches!(rollout.state, S::Switching | S::Live | S::Baking),
            strategy: rollout.strategy,
        }
    }

    /// Every service that is wanted, was wanted or has instances, in order.
    pub(crate) fn services(&self) -> BTreeSet<ServiceName> {
        let of = |named: &Option<Named<'a>>| {
            named
                .iter()
                .flat_map(|n| n.release.services.keys().cloned())
                .collect::<Vec<_>>()
        };
        let instances = self.world.instances.values().map(|i| i.service.clone());
        of(&self.target)
            .into_iter()
            .chain(of(&self.base))
            .chain(instances)
            .collect()
    }

    /// What the goal means for a service.
    pub(crate) fn service(&self, name: &ServiceName) -> ServiceGoal<'a> {
        let of = |named: Option<Named<'a>>| named.and_then(|n| n.release.services.get(name));
        let want = of(self.target);
        let old = of(self.base);
        let count = want.map_or(0, |s| replicas(self.world, name, &s.spec));
        let old_count = old.map_or(0, |s| replicas(self.world, name, &s.spec));
        let exclusive = want.or(old).is_some_and(|s| s.spec.is_exclusive())
            || self
                .world
                .instances
                .values()
                .any(|i| i.service == *name && i.exclusive && i.may_exist());
        let rollout = self.target.or(self.base).map(|n| &n.release.rollout);
        let quarter = u32::try_from(count)
            .unwrap_or(u32::MAX)
            .div_ceil(SURGE_DIVISOR)
            .max(1);
        let surge = if self.forward {
            let set = rollout.and_then(|r| r.max_surge).unwrap_or(quarter);
            usize::try_from(set).unwrap_or(usize::MAX)
        } else {
            // Going back, or repairing: as fast as there is room.
            count.max(1)
        };
        let unavailable = rollout.map_or(0, |r| r.max_unavailable);
        let unavailable = usize::try_from(unavailable).unwrap_or(usize::MAX);
        ServiceGoal {
            name: name.clone(),
            want,
            old,
            count,
            old_count,
            strategy: if exclusive {
                Strategy::Recreate
            } else if self.strategy == Strategy::Switch
                && want.is_some()
                && want.map(|s| s.revision) == old.map(|s| s.revision)
            {
                // Carried over: there is nothing to switch, only leftovers of a former rollout to replace.
                Strategy::Rolling
            } else {
                self.strategy
            },
            // Neither more nor fewer would leave no step to take.
            surge: if surge == 0 && unavailable == 0 {
                1
            } else {
                surge
            },
            unavailable,
            switched: self.switched,
        }
    }

    /// The release that an instance takes traffic for.
    pub(crate) fn label(&self, service: &ServiceGoal<'a>, instance: &Instance) -> ReleaseId {
        let of = |named: Option<Named<'a>>, revision: Option<Revision>| {
            named.filter(|_| revision == Some(instance.revision))
        };
        let target = of(self.target, service.want.map(|s| s.revision));
        let base = of(self.base, service.old.map(|s| s.revision));
        let first = if self.switched {
            target.or(base)
        } else {
            base.or(target)
        };
        first.map_or(instance.release, |named| named.id)
    }
}

impl ServiceGoal<'_> {
    /// The target's revision.
    pub(crate) fn revision(&self) -> Option<Revision> {
        self.want.map(|s| s.revision)
    }

    /// The base's revision, where it differs from the target's.
    pub(crate) fn old_revision(&self) -> Option<Revision> {
        self.old
            .map(|s| s.revision)
            .filter(|revision| self.revision() != Some(*revision))
    }

    /// What serves stays behind the routes until the switch; what else is ready waits for it.
    pub(crate) fn awaits_switch(&self) -> bool {
        self.strategy == Strategy::Switch && !self.switched && self.is_changed()
    }

    /// The target brings a revision that the base does not have.
    pub(crate) fn is_changed(&self) -> bool {
        self.want.is_some() && self.old.map(|s| s.revision) != self.revision()
    }
}

/// A rollout that goes back, or a repair, replaces in steps; `recreate` stays, because versions may never overlap.
fn back_strategy(target: Option<Named<'_>>) -> Strategy {
    match target.map(|n| n.release.rollout.strategy) {
        Some(Strategy::Recreate) => Strategy::Recreate,
        _ => Strategy::Rolling,
    }
}

/// Wanted instances of a service: the target set by people or the autoscaler, else the release's own figure.
fn replicas(world: &World, name: &ServiceName, spec: &ServiceSpec) -> usize {
    let wanted = match spec.kind {
        // Jobs are started by their schedule, not kept running.
        ServiceKind::Job => 0,
        _ => world.targets.get(name).copied().unwrap_or(spec.replicas),
    };
    let wanted = if spec.is_exclusive() {
        wanted.min(1)
    } else {
        wanted
    };
    usize::try_from(wanted).unwrap_or(usize::MAX)
}
