//! Host names that a release's services want: a generated one for every routed service, and those that people
//! wrote.
//!
//! The main web service of production is `{app}.{base}` if that is free. Everything else is
//! `{app}-{env}-{6 random}.{base}`: a generated name is never given twice, so it carries chance.

use segue_model::name::{Domain, ServiceName};
use segue_model::spec::{ReleaseSpec, ServiceKind};
use segue_store::{DomainKind, EnvironmentKind, NewDomain};

use super::deploy::DeployPlace;
use crate::problem::Problem;

const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Host names to claim with a deployment; `short_taken`: somebody else has the short name.
pub(super) async fn wanted(
    at: DeployPlace<'_>,
    spec: &ReleaseSpec,
    short_taken: bool,
) -> Result<Vec<NewDomain>, Problem> {
    let known = at.scope.domain_list(at.env.id).await?;
    let mut claims = Vec::new();
    let web = || {
        spec.services
            .iter()
            .filter(|(_, service)| service.spec.kind == ServiceKind::Web)
    };
    let main = web()
        .map(|(name, _)| name)
        .min_by_key(|name| (name.as_str() != "web", (*name).clone()));
    for (name, service) in web() {
        let generated = known
            .iter()
            .any(|domain| domain.kind == DomainKind::Generated && domain.service == *name);
        if !generated {
            let short =
                Some(name) == main && at.env.kind == EnvironmentKind::Production && !short_taken;
            claims.push(NewDomain {
                name: generate(at, name, Some(name) == main, short)?,
                service: name.clone(),
                kind: DomainKind::Generated,
                active: true,
            });
        }
        // A preview has generated names only: the written ones are those of the environment it is made after.
        let written = match at.env.kind {
            EnvironmentKind::Preview => &[],
            EnvironmentKind::Production | EnvironmentKind::Staging => {
                service.spec.domains.as_slice()
            }
        };
        for domain in written {
            if known
                .iter()
                .any(|known| known.name == *domain && known.service == *name)
            {
                continue;
            }
            claims.push(NewDomain {
                name: domain.clone(),
                service: name.clone(),
                kind: DomainKind::Custom,
                // Nobody can prove such a name, and nobody outside of this machine can reach it.
                active: domain.as_str().ends_with(".localhost"),
            });
        }
    }
    Ok(claims)
}

fn generate(
    at: DeployPlace<'_>,
    service: &ServiceName,
    main: bool,
    short: bool,
) -> Result<Domain, Problem> {
    let (app, env, base) = (&at.app.name, &at.env.name, &at.state.config().base_domain);
    let label = if short {
        app.to_string()
    } else {
        let random: String = rand::random::<[u8; 6]>()
            .iter()
            .map(|byte| letter(*byte))
            .collect();
        let middle = if main {
            env.to_string()
        } else {
            format!("{env}-{service}")
        };
        // A DNS label has at most 63 characters; the random end is what must stay.
        let front: String = format!("{app}-{middle}").chars().take(56).collect();
        format!("{}-{random}", front.trim_end_matches('-'))
    };
    Domain::new(format!("{label}.{base}")).map_err(|error| Problem::internal(&error))
}

fn letter(byte: u8) -> char {
    ALPHABET
        .get(usize::from(byte) % ALPHABET.len())
        .map_or('a', |letter| char::from(*letter))
}
