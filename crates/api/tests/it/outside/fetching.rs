//! Repositories that are fetched: open, private, behind TLS of one's own; and what cannot be fetched.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use serde_json::json;
use tokio::time::timeout;

use super::forge::Forge;
use super::{app, started};
use crate::harness::Answer;
use crate::live::{PATIENCE, Server};

const FLASK: &[(&str, &str)] = &[
    ("requirements.txt", "flask\ngunicorn\n"),
    ("Procfile", "web: gunicorn app:app\n"),
    ("app.py", "from flask import Flask\napp = Flask(__name__)\n"),
    (
        "app.json",
        r#"{"env": {"API_KEY": {"required": true}, "MODE": "plain"}}"#,
    ),
];

const FETCH: &str = "/v1/teams/acme/apps/shop/sources/fetch";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_is_fetched_and_its_plan_is_shown() {
    let (server, owner, forge) = started().await;
    let api = &server.api;
    app(&server, &owner, json!({"name": "shop"})).await;
    let commit = forge.commit("main", FLASK);
    let url = format!("{}/open.git", forge.url);

    let fetched = api
        .post(FETCH, &owner, json!({"url": url}))
        .await
        .expect(200);
    assert_eq!(fetched["commit"], commit.as_str());
    // The same by branch, by whole name and by commit: the same source.
    for reference in ["main", "refs/heads/main"] {
        let again = api
            .post(FETCH, &owner, json!({"url": url, "ref": reference}))
            .await
            .expect(200);
        assert_eq!(again["sha256"], fetched["sha256"]);
    }
    let sha256 = fetched["sha256"].as_str().unwrap();
    let plan = api
        .get(
            &format!("/v1/teams/acme/apps/shop/sources/{sha256}/plan"),
            &owner,
        )
        .await
        .expect(200);
    assert_eq!(plan["builder"], "python");
    assert_eq!(plan["services"][0]["name"], "web");
    assert_eq!(plan["services"][0]["command"], "gunicorn app:app");
    assert!(plan["dockerfile"].as_str().unwrap().contains("FROM "));
    assert_eq!(plan["missing"], json!(["API_KEY"]));
    assert!(
        plan["manifest"]
            .as_str()
            .unwrap()
            .contains("builder = \"python\"")
    );
    // Nothing of the fetch is left.
    let left = || std::fs::read_dir(&api.config.git_root).unwrap().count();
    let gone = async {
        while left() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();

    // What cannot be fetched is said in a sentence.
    for (body, status, part) in [
        (json!({"url": url, "ref": "nosuch"}), 422, "has no nosuch"),
        (
            json!({"url": format!("{}/missing.git", forge.url)}),
            422,
            "no such repository",
        ),
        (json!({"url": format!("{}/away.git", forge.url)}), 422, ""),
        (
            json!({"url": "http://127.0.0.2:1/x.git"}),
            422,
            "not public",
        ),
        (
            json!({"url": "http://169.254.169.254/x.git"}),
            422,
            "not public",
        ),
        (json!({"url": "file:///etc"}), 422, "http"),
        (json!({"url": "ext::sh -c id"}), 422, "web address"),
        (json!({"url": "ssh://git@example.com/x.git"}), 422, "http"),
        (
            json!({"url": "https://a:b@example.com/x.git"}),
            422,
            "no user name",
        ),
        (json!({"url": "--upload-pack=id"}), 422, "web address"),
        (
            json!({"url": url, "ref": "--upload-pack=id"}),
            422,
            "a branch",
        ),
        (json!({"url": url, "ref": "a:b"}), 422, "a branch"),
        (json!({}), 422, "no repository"),
        (json!({"url": url, "branch": "x"}), 400, ""),
    ] {
        let answer: Answer = api.post(FETCH, &owner, body.clone()).await;
        assert!(
            answer.status.as_u16() == status || (status == 400 && answer.status.is_client_error()),
            "{body}: {} {}",
            answer.status,
            answer.body
        );
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(part), "{body}: {detail}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_repository_is_fetched_with_a_sealed_credential() {
    let (server, owner, forge) = started().await;
    let api = &server.api;
    let url = format!("{}/closed.git", forge.url);
    app(
        &server,
        &owner,
        json!({"name": "shop", "repo": {"url": url}}),
    )
    .await;
    forge.commit("main", FLASK);

    let refused = api.post(FETCH, &owner, json!({})).await.expect(422);
    let hint = refused["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("credential"), "{refused}");
    let registries = "/v1/teams/acme/registries";
    let new = json!({"kind": "git", "host": forge.host(), "username": "ada", "password": "s3cret"});
    let kept = api.post(registries, &owner, new.clone()).await.expect(201);
    assert!(!kept.to_string().contains("s3cret"));
    api.post(registries, &owner, new).await.expect(409);
    let listed = api.get(registries, &owner).await.expect(200);
    assert!(!listed.to_string().contains("s3cret") && listed["items"][0]["username"] == "ada");
    api.post(FETCH, &owner, json!({})).await.expect(200);
    // Another team's fetch of the same repository has no such right.
    let other = api.team("other", false).await;
    api.post("/v1/teams/other/apps", &other, json!({"name": "shop"}))
        .await
        .expect(201);
    api.post(
        "/v1/teams/other/apps/shop/sources/fetch",
        &other,
        json!({"url": url}),
    )
    .await
    .expect(422);
    let path = format!("{registries}/{}", kept["id"].as_str().unwrap());
    let delete = async || {
        api.call(Method::DELETE, &path, Some(&owner.token), None, &[])
            .await
    };
    delete().await.expect(204);
    delete().await.expect(404);
    api.post(FETCH, &owner, json!({})).await.expect(422);
    server.end().await;
}

/// The same forge behind TLS, with a certificate of an authority that only `outbound.extra_ca` names.
async fn behind_tls(forge: &Forge) -> (String, tempfile::TempDir) {
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let authority = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let plain = forge.host().to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, plain) = (acceptor.clone(), plain.clone());
            tokio::spawn(async move {
                // Who does not trust the certificate leaves.
                let Ok(mut outer) = acceptor.accept(stream).await else {
                    return;
                };
                let mut inner = tokio::net::TcpStream::connect(plain).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    (url, folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forge_with_a_certificate_of_ones_own_is_fetched_from_where_the_operator_says_so() {
    let forge = Forge::start().await;
    forge.commit("main", FLASK);
    let (url, folder) = behind_tls(&forge).await;
    for trusted in [false, true] {
        let server = Server::start_with(|config| {
            config.outbound.allow = vec!["127.0.0.1/32".parse().unwrap()];
            if trusted {
                config.outbound.extra_ca = Some(folder.path().join("ca.pem"));
            }
        })
        .await;
        let owner = server.api.team("acme", false).await;
        app(&server, &owner, json!({"name": "shop"})).await;
        let body = json!({"url": format!("{url}/open.git")});
        let answer = server.api.post(FETCH, &owner, body).await;
        if trusted {
            answer.expect(200);
        } else {
            let refused = answer.expect(422);
            let said = refused["detail"].as_str().unwrap();
            assert!(said.contains("certificate"), "{said}");
        }
        server.end().await;
    }
}
