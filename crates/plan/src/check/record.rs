//! Checkers of what is recorded: rollouts, releases, events.

use std::collections::BTreeMap;

use segue_model::change::EventKind;
use segue_model::failure::{FailureCode, LAST_WORDS_LIMIT};
use segue_model::state::DeploymentState as S;
use segue_model::world::{Deployment, Release};

use super::Case;

/// I1: at most one unfinished rollout after the plan; each change names a deployment once and what it was read as.
pub(super) fn one_rollout(case: &Case<'_>, found: &mut Vec<String>) {
    let unfinished = case
        .after
        .deployments
        .values()
        .filter(|d| d.rollout.as_ref().is_some_and(|r| !r.state.is_terminal()))
        .count();
    if unfinished > 1 {
        found.push(format!("{unfinished} unfinished rollouts"));
    }
    let mut seen = BTreeMap::new();
    for change in &case.plan.changes.rollouts {
        *seen.entry(change.deployment).or_insert(0u32) += 1;
        let before = case
            .before
            .deployments
            .values()
            .find(|d| d.id == change.deployment);
        match before {
            None => found.push(format!("{} is unknown or finished", change.deployment)),
            Some(d) if d.rollout.as_ref().map(|r| r.state) != change.expected => {
                found.push(format!("#{} was not read as written", d.number));
            }
            Some(_) => {}
        }
    }
    for (id, times) in seen {
        if times > 1 {
            found.push(format!("{id} changes {times} times"));
        }
    }
}

/// I2: a plan calls a release good once, and only one whose rollout succeeds with this plan and without a failure.
pub(super) fn releases_stand(case: &Case<'_>, found: &mut Vec<String>) {
    for release in &case.plan.changes.stable {
        let known = case.before.releases.get(release);
        if known.is_none_or(|r| r.stable_at.is_some()) {
            found.push(format!("{release} is unknown or was called good before"));
        }
        let earned = case.plan.changes.rollouts.iter().any(|change| {
            let deployment = case
                .before
                .deployments
                .values()
                .find(|d| d.id == change.deployment);
            change.rollout.state == S::Succeeded
                && change.rollout.failure.is_none()
                && deployment.is_some_and(|d| d.release == *release)
        });
        if !earned {
            found.push(format!("{release} is called good without success"));
        }
    }
    if let Some(serving) = case.plan.changes.serving
        && !case.before.releases.contains_key(&serving)
    {
        found.push(format!("{serving} is unknown and shall serve"));
    }
}

/// I16: rollouts move by their machine, end by their deadlines, go back only to what was good, and only once.
pub(super) fn rollouts_end(case: &Case<'_>, found: &mut Vec<String>) {
    for change in &case.plan.changes.rollouts {
        let Some(deployment) = case
            .before
            .deployments
            .values()
            .find(|d| d.id == change.deployment)
        else {
            continue;
        };
        let name = format!("#{}", deployment.number);
        let after = &change.rollout;
        let before = change.expected.unwrap_or(S::Queued);
        if before != after.state && before.to(after.state).is_err() {
            found.push(format!("{name} goes from {before} to {}", after.state));
        }
        if after.state == S::RollingBack && before != S::RollingBack {
            if deployment.is_rollback {
                found.push(format!("{name} is a way back and is taken back"));
            }
            let good = case
                .after
                .serving
                .filter(|id| *id != deployment.release)
                .and_then(|id| case.before.releases.get(&id))
                .is_some_and(|release| release.stable_at.is_some());
            if !good {
                found.push(format!("{name} goes back to what was never good"));
            }
        }
        if matches!(after.state, S::Failing | S::RolledBack | S::Failed) && after.failure.is_none()
        {
            found.push(format!("{name} is {} without a failure", after.state));
        }
        if after.state == S::Failing
            && before != S::Failing
            && after
                .failure
                .as_ref()
                .is_some_and(|f| f.code == FailureCode::ExitedAtOnce)
            && !has_spoken(case, deployment)
        {
            found.push(format!("{name} is judged before its last words are read"));
        }
        if after.state == S::Live && before != S::Live {
            let wanted = after.switch_gen.unwrap_or(case.before.routes.route_gen);
            let late = case
                .before
                .edges
                .values()
                .filter(|edge| edge.lease_until > case.now() && edge.acknowledged < wanted)
                .count();
            if late > 0 {
                found.push(format!("{name} is live and {late} live edges are not"));
            }
        }
    }
    for deployment in case.after.deployments.values() {
        let Some(rollout) = &deployment.rollout else {
            continue;
        };
        let Some(release) = case.after.releases.get(&deployment.release) else {
            continue;
        };
        let limit = match rollout.state {
            S::Starting | S::Switching => {
                Some((rollout.progress_at, release.rollout.progress_deadline))
            }
            S::RollingBack => Some((rollout.progress_at, case.before.policy.rollback_deadline)),
            S::Live | S::Baking => Some((
                rollout.live_at.unwrap_or(rollout.progress_at),
                release.rollout.bake,
            )),
            _ => None,
        };
        let began_now = deployment_state(case, deployment.number) != Some(rollout.state);
        if let Some((since, limit)) = limit
            && !began_now
            && case.is_past(since, limit)
        {
            found.push(format!(
                "#{} is still {} past its deadline",
                deployment.number, rollout.state
            ));
        }
        if matches!(rollout.state, S::Live | S::Baking) && !began_now && all_fail(case, deployment)
        {
            found.push(format!(
                "#{} stays though every request fails",
                deployment.number
            ));
        }
        if rollout.state == S::Failing && !began_now {
            found.push(format!("#{} stays failing", deployment.number));
        }
    }
}

/// Whether some instance of the deployment's release died and its words were read or came too late. Containers that
/// are no longer known are counted by the rollout.
fn has_spoken(case: &Case<'_>, deployment: &Deployment) -> bool {
    let counted = deployment.rollout.as_ref().map_or(0, |r| r.early_deaths);
    let Some(release) = case.before.releases.get(&deployment.release) else {
        return false;
    };
    counted > 0
        || case.before.instances.values().any(|i| {
            let service = release.services.get(&i.service);
            let reading = i
                .words_due_since
                .is_some_and(|since| !case.is_past(since, LAST_WORDS_LIMIT));
            service.is_some_and(|s| s.revision == i.revision) && (i.failure.is_some() || !reading)
        })
}

/// Whether a changed service of the deployment fails every one of many requests, and its release before failed none
/// of as many. Far beyond where the planner draws its line.
fn all_fail(case: &Case<'_>, deployment: &Deployment) -> bool {
    const MANY: u64 = 1000;
    let from = deployment.rollout.as_ref().and_then(|r| r.from);
    let Some(from) = from.filter(|from| *from != deployment.release) else {
        return false;
    };
    let revision = |release, service| {
        let known: Option<&Release> = case.before.releases.get(&release);
        known?.services.get(service).map(|s| s.revision)
    };
    case.before.traffic.iter().any(|(service, by_release)| {
        let (Some(new), Some(old)) = (by_release.get(&deployment.release), by_release.get(&from))
        else {
            return false;
        };
        let revisions = (
            revision(deployment.release, service),
            revision(from, service),
        );
        revisions.0.is_some()
            && revisions.1.is_some()
            && revisions.0 != revisions.1
            && new.total() >= MANY
            && new.total() == new.failed()
            && old.total() >= MANY
            && old.failed() == 0
    })
}

fn deployment_state(case: &Case<'_>, number: i64) -> Option<S> {
    let deployment = case.before.deployments.get(&number)?;
    deployment.rollout.as_ref().map(|r| r.state)
}

/// I23: each change of desired state has exactly one event, and no event of those kinds is without a change.
pub(super) fn one_event_each(case: &Case<'_>, found: &mut Vec<String>) {
    let changes = &case.plan.changes;
    let mut wanted: BTreeMap<(&'static str, String), i64> = BTreeMap::new();
    let mut want = |what: &'static str, subject: String| {
        *wanted.entry((what, subject)).or_default() += 1;
    };
    for host in &changes.subnets {
        want("subnet", host.to_string());
    }
    for new in &changes.create {
        want("created", new.id.to_string());
    }
    for change in &changes.instances {
        want("instance", change.id.to_string());
    }
    for change in &changes.rollouts {
        if change.expected != Some(change.rollout.state) {
            want("deployment", change.deployment.to_string());
        }
    }
    for change in &changes.runs {
        want("run", change.id.to_string());
    }
    if let Some(routes) = &changes.routes {
        want("routes", routes.route_gen.0.to_string());
    }
    if let Some(release) = changes.serving {
        want("serving", release.to_string());
    }
    for release in &changes.stable {
        want("stable", release.to_string());
    }
    for event in &changes.events {
        let subject = &event.subject;
        let text = |id: Option<String>| id.unwrap_or_default();
        let key = match event.kind {
            EventKind::SubnetWanted => ("subnet", text(subject.host.map(|i| i.to_string()))),
            EventKind::InstanceCreated => {
                ("created", text(subject.instance.map(|i| i.to_string())))
            }
            EventKind::InstanceDraining
            | EventKind::InstanceStopping
            | EventKind::InstanceRemoved
            | EventKind::InstanceLost => {
                ("instance", text(subject.instance.map(|i| i.to_string())))
            }
            EventKind::DeploymentChanged => (
                "deployment",
                text(subject.deployment.map(|i| i.to_string())),
            ),
            EventKind::RoutesChanged => {
                ("routes", text(subject.route_gen.map(|g| g.0.to_string())))
            }
            EventKind::ServingChanged => ("serving", text(subject.release.map(|i| i.to_string()))),
            EventKind::ReleaseStable => ("stable", text(subject.release.map(|i| i.to_string()))),
            EventKind::RunChanged => ("run", text(subject.run.map(|i| i.to_string()))),
            // Said besides a change, not for one.
            EventKind::EdgeSkipped | EventKind::DrainLimit => continue,
        };
        *wanted.entry(key).or_default() -= 1;
    }
    for ((what, subject), balance) in wanted {
        if balance != 0 {
            found.push(format!("{what} {subject}: {balance:+} events missing"));
        }
    }
}
