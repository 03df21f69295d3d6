//! Loads the world: one read-only snapshot of everything that the planner needs to know of an environment.
//!
//! Invariants: all statements see the same snapshot (`repeatable read`); a row that cannot be read fails the
//! load, because a planner that sees half a world would stop what it does not see (rule 3).

use std::collections::{BTreeMap, BTreeSet};

use segue_model::id::{AppId, BuildId, EnvironmentId, ReleaseId, TeamId};
use segue_model::revision::RevisionContent;
use segue_model::route::{EnvironmentRoutes, RouteGen};
use segue_model::spec::{ImageRef, ImageSource, ReleaseSpec};
use segue_model::world::{Release, ServiceRelease, World};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::world_rows as rows;
use super::{SystemStore, traffic};
use crate::decode;
use crate::error::StoreError;

pub(super) type Tx = Transaction<'static, Postgres>;

impl SystemStore {
    /// One snapshot of an environment; `None` if it never existed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn world(&self, environment: EnvironmentId) -> Result<Option<World>, StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        sqlx::query!("set transaction isolation level repeatable read read only")
            .execute(&mut *tx)
            .await?;
        let id = environment.as_uuid();
        let Some(row) = sqlx::query!(
            r#"
            select e.team_id, e.app_id, e.generation, e.stopped, e.deleted_at is not null as "deleted!",
                s.next_serial, s.serving_release_id, s.stable_release_id, now() as "now!"
            from environments e
            join environment_status s on s.environment_id = e.id
            where e.id = $1
            "#,
            id,
        )
        .fetch_optional(&mut *tx)
        .await?
        else {
            return Ok(None);
        };
        let deployments = rows::deployments(&mut tx, id).await?;
        let instances = rows::instances(&mut tx, id).await?;
        let runs = super::run::load(&mut tx, id).await?;
        let mut wanted: BTreeSet<Uuid> = [row.serving_release_id, row.stable_release_id]
            .into_iter()
            .flatten()
            .collect();
        for deployment in deployments.values() {
            wanted.insert(deployment.release.as_uuid());
            let from = deployment.rollout.as_ref().and_then(|rollout| rollout.from);
            wanted.extend(from.map(ReleaseId::as_uuid));
        }
        wanted.extend(
            instances
                .values()
                .map(|instance| instance.release.as_uuid()),
        );
        wanted.extend(runs.values().map(|run| run.release.as_uuid()));
        let world = World {
            now: row.now.to_jiff(),
            team: TeamId::from_uuid(row.team_id),
            app: AppId::from_uuid(row.app_id),
            environment,
            generation: row.generation,
            stopped: row.stopped,
            deleted: row.deleted,
            next_serial: decode::number(row.next_serial, "serial")?,
            serving: row.serving_release_id.map(ReleaseId::from_uuid),
            stable: row.stable_release_id.map(ReleaseId::from_uuid),
            hosts_of: rows::domains(&mut tx, id).await?,
            releases: releases(&mut tx, &wanted).await?,
            deployments,
            targets: rows::targets(&mut tx, id).await?,
            volume_hosts: rows::volume_hosts(&mut tx, id).await?,
            hosts: rows::hosts(&mut tx, id).await?,
            subnets: rows::subnets(&mut tx, id).await?,
            edges: rows::edges(&mut tx, id).await?,
            routes: routes(&mut tx, row.team_id, row.app_id, id).await?,
            traffic: traffic::of_rollout(&mut tx, id).await?,
            policy: rows::policy(&mut tx).await?,
            instances,
            runs,
        };
        tx.commit().await?;
        Ok(Some(world))
    }
}

async fn routes(
    tx: &mut Tx,
    team: Uuid,
    app: Uuid,
    environment: Uuid,
) -> Result<EnvironmentRoutes, StoreError> {
    let row = sqlx::query!(
        "
        select routes
        from routes
        where environment_id = $1
        ",
        environment,
    )
    .fetch_optional(&mut **tx)
    .await?;
    match row {
        Some(row) => decode::json(row.routes, "routes"),
        None => Ok(EnvironmentRoutes {
            team: TeamId::from_uuid(team),
            app: AppId::from_uuid(app),
            environment: EnvironmentId::from_uuid(environment),
            route_gen: RouteGen::default(),
            routes: Vec::new(),
        }),
    }
}

/// An image that a build has made, with what the image itself says.
struct BuiltImage {
    image: ImageRef,
    exposed: Option<u16>,
    generated: Option<bool>,
}

async fn releases(
    tx: &mut Tx,
    wanted: &BTreeSet<Uuid>,
) -> Result<BTreeMap<ReleaseId, Release>, StoreError> {
    let ids: Vec<Uuid> = wanted.iter().copied().collect();
    let found = sqlx::query!(
        "
        select id, version, spec, stable_at
        from releases
        where id = any ($1)
        ",
        &ids,
    )
    .fetch_all(&mut **tx)
    .await?;
    let built = built_images(tx, &ids).await?;
    let mut specs = Vec::with_capacity(found.len());
    for row in found {
        let spec: ReleaseSpec = decode::json(row.spec, "release")?;
        specs.push((row.id, row.version, spec, decode::time(row.stable_at)));
    }
    let facts = image_facts(tx, specs.iter().map(|(_, _, spec, _)| spec)).await?;
    Ok(specs
        .into_iter()
        .map(|(id, version, spec, stable_at)| {
            let mut ready = true;
            let mut services = BTreeMap::new();
            for (name, mut service) in spec.services {
                let pinned = match &service.image {
                    ImageSource::Pinned(image) => Some(BuiltImage {
                        image: image.clone(),
                        exposed: facts.get(image.content()).copied().flatten(),
                        generated: None,
                    }),
                    ImageSource::Build(build) | ImageSource::Resolve { build, .. } => {
                        built.get(build).map(|b| BuiltImage {
                            image: b.image.clone(),
                            exposed: b.exposed,
                            generated: b.generated,
                        })
                    }
                };
                let Some(pinned) = pinned else {
                    ready = false;
                    continue;
                };
                service.generated = pinned.generated.unwrap_or(service.generated);
                let content = RevisionContent::new(&service, &pinned.image, pinned.exposed);
                let revision = content.revision();
                let spec = service.spec;
                services.insert(
                    name,
                    ServiceRelease {
                        spec,
                        image: pinned.image,
                        revision,
                        content,
                    },
                );
            }
            let release = Release {
                version,
                services,
                ready,
                rollout: spec.rollout,
                stable_at,
            };
            (ReleaseId::from_uuid(id), release)
        })
        .collect())
}

async fn built_images(
    tx: &mut Tx,
    releases: &[Uuid],
) -> Result<BTreeMap<BuildId, BuiltImage>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select distinct on (s.build_id) s.build_id, s.image as "image!", s.exposed_port, s.generated
        from release_builds r
        join build_status s on s.build_id = r.build_id
        where r.release_id = any ($1) and s.state = 'succeeded' and s.image is not null
        order by s.build_id
        "#,
        releases,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let built = BuiltImage {
                image: decode::json(row.image, "image")?,
                exposed: row
                    .exposed_port
                    .map(|port| decode::number(port, "port"))
                    .transpose()?,
                generated: row.generated,
            };
            Ok((BuildId::from_uuid(row.build_id), built))
        })
        .collect()
}

/// The exposed port of pinned images, as the build that first made or found them noted it.
async fn image_facts<'a>(
    tx: &mut Tx,
    specs: impl Iterator<Item = &'a ReleaseSpec>,
) -> Result<BTreeMap<String, Option<u16>>, StoreError> {
    let contents: BTreeSet<String> = specs
        .flat_map(|spec| spec.services.values())
        .filter_map(|service| match &service.image {
            ImageSource::Pinned(image) => Some(image.content().to_owned()),
            ImageSource::Build(_) | ImageSource::Resolve { .. } => None,
        })
        .collect();
    let contents: Vec<String> = contents.into_iter().collect();
    let rows = sqlx::query!(
        "
        select distinct content, exposed_port
        from image_facts
        where content = any ($1)
        ",
        &contents,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let port = row
                .exposed_port
                .map(|port| decode::number(port, "port"))
                .transpose()?;
            Ok((row.content, port))
        })
        .collect()
}
