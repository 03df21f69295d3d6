//! Whether a source that somebody wants deployed is what serves already.
//!
//! Invariants: it is said only of one state of the environment (what is read lies between two looks at its
//! generation), only where the newest deployment is live, and only where a deployment would make an equal release:
//! the same source built with the same settings, the same services with the same variables, versions of secrets and
//! way of rolling out. An image that people name may have moved under its name, so that a source which builds nothing
//! never counts as unchanged. Must not: write anything.

use std::collections::BTreeMap;

use segue_model::name::ServiceName;
use segue_model::spec::{ImageSource, ReleaseService, ReleaseSpec};
use segue_store::{BuildInput, Deployment, NewRelease, Page, ReleaseView, StoreError, Target};

use super::deploy::{DeployInput, DeployPlace, What};
use super::gather;
use crate::dto::deployment::is_live;
use crate::problem::Problem;

/// The deployment that is live, if deploying this source would make the same again.
pub(super) async fn live(
    at: DeployPlace<'_>,
    input: &DeployInput,
) -> Result<Option<Deployment>, Problem> {
    let DeployPlace {
        scope, app, env, ..
    } = at;
    let What::Source(sha256) = &input.what else {
        return Ok(None);
    };
    let Some(base) = scope.release_wanted(env.id).await? else {
        return Ok(None);
    };
    let source = match scope.source_by_sha256(app.id, *sha256).await {
        Err(StoreError::NotFound) => return Ok(None),
        source => source?,
    };
    if env.stopped || base.source != Some(source.id) || base.origin.is_some() {
        return Ok(None);
    }
    let composed = gather::compose(at, input).await?;
    let Target::New(release) = &composed.target else {
        return Ok(None);
    };
    if !composed.changes.is_empty()
        || !is_same(&base.spec, &release.spec)
        || !is_built_so(at, &base, release).await?
    {
        return Ok(None);
    }
    let newest = Page {
        after: None,
        limit: 1,
    };
    let newest = scope.deployment_list(env.id, newest).await?.pop();
    let stands = newest.filter(|newest| {
        newest.release == base.id && is_live(newest.state) && !newest.cancel_requested
    });
    let now = scope.environment_get(env.id).await?;
    Ok(stands.filter(|_| now.generation == env.generation))
}

/// Whether two releases differ in nothing but the rows of the builds that their images come from.
fn is_same(one: &ReleaseSpec, other: &ReleaseSpec) -> bool {
    let shapes = |spec: &ReleaseSpec| -> BTreeMap<ServiceName, ReleaseService> {
        let service = |(name, service): (&ServiceName, &ReleaseService)| {
            let mut service = service.clone();
            // Images are compared below, by where they come from.
            service.image = ImageSource::Build(nil());
            (name.clone(), service)
        };
        spec.services.iter().map(service).collect()
    };
    let built = |spec: &ReleaseSpec| {
        let images = spec.services.values().map(|service| &service.image);
        images
            .filter(|image| matches!(image, ImageSource::Build(_)))
            .count()
    };
    one.rollout == other.rollout
        && built(one) > 0
        && shapes(one) == shapes(other)
        && one
            .services
            .values()
            .zip(other.services.values())
            .all(|(one, other)| match (&one.image, &other.image) {
                (ImageSource::Build(_), ImageSource::Build(_)) => true,
                (
                    ImageSource::Resolve { name: one, .. },
                    ImageSource::Resolve { name: other, .. },
                ) => one == other,
                (ImageSource::Pinned(one), ImageSource::Pinned(other)) => one == other,
                _ => false,
            })
}

const fn nil() -> segue_model::id::BuildId {
    segue_model::id::BuildId::from_uuid(uuid::Uuid::nil())
}

/// Whether what serves was built from this source with the settings of now.
async fn is_built_so(
    at: DeployPlace<'_>,
    base: &ReleaseView,
    release: &NewRelease,
) -> Result<bool, Problem> {
    let wanted = release
        .builds
        .iter()
        .find(|build| matches!(build.input, BuildInput::Source(_)));
    let before = base
        .spec
        .services
        .values()
        .find_map(|service| match &service.image {
            ImageSource::Build(build) => Some(*build),
            ImageSource::Resolve { .. } | ImageSource::Pinned(_) => None,
        });
    let (Some(wanted), Some(before)) = (wanted, before) else {
        return Ok(false);
    };
    let before = at.scope.build_get(before).await?;
    Ok(before.input == wanted.input && before.settings == wanted.settings)
}

#[cfg(test)]
mod tests {
    use segue_model::id::BuildId;
    use segue_model::name::ImageName;
    use segue_model::spec::{EnvValue, Rollout, ServiceKind, ServiceSpec};

    use super::*;

    fn service(image: ImageSource) -> ReleaseService {
        ReleaseService {
            spec: ServiceSpec::new(ServiceKind::Web),
            image,
            env: BTreeMap::new(),
            restart_nonce: 0,
            generated: true,
        }
    }

    fn build() -> ImageSource {
        ImageSource::Build(BuildId::from_uuid(uuid::Uuid::new_v4()))
    }

    fn named(name: &str) -> ImageSource {
        ImageSource::Resolve {
            name: ImageName::new(name).unwrap(),
            build: BuildId::from_uuid(uuid::Uuid::new_v4()),
        }
    }

    fn release(services: Vec<(&str, ReleaseService)>) -> ReleaseSpec {
        let services = services
            .into_iter()
            .map(|(name, service)| (ServiceName::new(name).unwrap(), service));
        ReleaseSpec {
            services: services.collect(),
            rollout: Rollout::default(),
        }
    }

    #[test]
    fn another_row_of_the_same_build_is_no_change() {
        let make = || {
            release(vec![
                ("web", service(build())),
                ("db", service(named("postgres:16"))),
            ])
        };
        assert!(is_same(&make(), &make()));
    }

    #[test]
    fn everything_that_shapes_a_release_is_a_change() {
        let base = release(vec![("web", service(build()))]);
        let changes: [fn(&mut ReleaseSpec); 6] = [
            |spec| {
                let variable = ("A".parse().unwrap(), EnvValue::Value("1".to_owned()));
                each(spec, |web| web.env.extend([variable.clone()]));
            },
            |spec| {
                let secret = ("A".parse().unwrap(), EnvValue::Secret { version: 2 });
                each(spec, |web| web.env.extend([secret.clone()]));
            },
            |spec| each(spec, |web| web.spec.port = Some(1)),
            |spec| each(spec, |web| web.restart_nonce = 1),
            |spec| each(spec, |web| web.generated = false),
            |spec| each(spec, |web| web.image = named("web:1")),
        ];
        for change in changes {
            let mut other = base.clone();
            change(&mut other);
            assert!(!is_same(&base, &other), "{other:?}");
        }
        let more = release(vec![
            ("web", service(build())),
            ("worker", service(build())),
        ]);
        assert!(!is_same(&base, &more) && !is_same(&more, &base));
    }

    fn each(spec: &mut ReleaseSpec, change: impl Fn(&mut ReleaseService)) {
        spec.services.values_mut().for_each(change);
    }

    #[test]
    fn a_name_may_mean_another_image_tomorrow() {
        let make = || release(vec![("web", service(named("web:latest")))]);
        assert!(!is_same(&make(), &make()));
    }
}
