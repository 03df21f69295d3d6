//! Sources: kept, detected, deployed, refused.

use axum::body::Body;
use axum::http::{Method, Request};
use segue_model::archive::{END, directory, file};
use serde_json::json;

use crate::harness::{Answer, Api, Person};

pub fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes: Vec<u8> = files
        .iter()
        .flat_map(|(path, text)| file(path, false, 1_000_000_000, text.as_bytes()))
        .collect();
    bytes.extend_from_slice(&END);
    bytes
}

pub async fn upload(api: &Api, person: &Person, app: &str, bytes: Vec<u8>) -> Answer {
    let request = Request::put(format!("/v1/teams/acme/apps/{app}/sources"))
        .header("authorization", format!("Bearer {}", person.token))
        .header("content-type", "application/octet-stream")
        .body(Body::from(bytes))
        .unwrap();
    api.send(request).await
}

#[tokio::test]
async fn a_source_is_kept_detected_and_deployed() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let files = [
        ("requirements.txt", "flask\ngunicorn\n"),
        ("app.py", "app = 1\n"),
        ("Procfile", "web: gunicorn app:app\nqueue: python app.py\n"),
    ];
    let kept = upload(&api, &owner, "shop", tar(&files)).await.expect(200);
    let sha256 = kept["sha256"].as_str().unwrap().to_owned();
    // The same files again are the same source.
    assert_eq!(
        upload(&api, &owner, "shop", tar(&files)).await.expect(200),
        kept
    );
    let head = async |sha256: &str| {
        api.call(
            Method::HEAD,
            &format!("/v1/teams/acme/apps/shop/sources/{sha256}"),
            Some(&owner.token),
            None,
            &[],
        )
        .await
        .status
        .as_u16()
    };
    assert_eq!(
        (head(&sha256).await, head(&"0".repeat(64)).await),
        (204, 404)
    );
    let deployment = api
        .post(
            &format!("{env}/deployments"),
            &owner,
            json!({"source": sha256}),
        )
        .await
        .expect(202);
    let build = deployment["builds"][0].as_str().unwrap();
    let build = api
        .get(&format!("{env}/builds/{build}"), &owner)
        .await
        .expect(200);
    assert_eq!(
        (&build["kind"], &build["state"]),
        (&json!("source"), &json!("queued"))
    );
    let services = api
        .get(&format!("{env}/services"), &owner)
        .await
        .expect(200);
    let names: Vec<_> = services["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| {
            (
                s["name"].as_str().unwrap(),
                s["spec"]["command"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        names,
        [("queue", "python app.py"), ("web", "gunicorn app:app")]
    );
    api.post(
        &format!("{env}/deployments"),
        &owner,
        json!({"source": "0".repeat(64)}),
    )
    .await
    .expect(422);
    // Nothing to detect is said with its code.
    let nothing = upload(&api, &owner, "shop", tar(&[("notes.txt", "x")]))
        .await
        .expect(200);
    let refused = api
        .post(
            &format!("{env}/deployments"),
            &owner,
            json!({"source": nothing["sha256"]}),
        )
        .await
        .expect(422);
    assert_eq!(refused["failure"]["code"], "nothing_detected");
}

#[tokio::test]
async fn a_manifest_in_the_source_becomes_the_specification_and_its_faults_have_a_line() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let manifest = "app = \"shop\"\n[services.web]\nkind = \"web\"\nreplicas = 3\nport = 9000\n[config]\nSECRET = { generate = \"secret\" }\n";
    let files = [("Dockerfile", "FROM scratch\n"), ("segue.toml", manifest)];
    let kept = upload(&api, &owner, "shop", tar(&files)).await.expect(200);
    api.post(
        &format!("{env}/deployments"),
        &owner,
        json!({"source": kept["sha256"]}),
    )
    .await
    .expect(202);
    let spec = api.get(&format!("{env}/spec"), &owner).await.expect(200);
    assert_eq!(
        (
            &spec["version"],
            &spec["spec"]["services"]["web"]["replicas"]
        ),
        (&json!(1), &json!(3))
    );
    // Made once, kept as a secret.
    let secrets = api.get(&format!("{env}/secrets"), &owner).await.expect(200);
    assert_eq!(
        (&secrets["items"][0]["key"], &secrets["items"][0]["version"]),
        (&json!("SECRET"), &json!(1))
    );
    api.post(
        &format!("{env}/deployments"),
        &owner,
        json!({"source": kept["sha256"]}),
    )
    .await
    .expect(202);
    let again = api.get(&format!("{env}/secrets"), &owner).await.expect(200);
    assert_eq!(again["items"][0]["version"], 1);
    let wrong = [
        ("Dockerfile", "FROM scratch\n"),
        (
            "segue.toml",
            "app = \"shop\"\n[services.web]\nreplica = 3\n",
        ),
    ];
    let kept = upload(&api, &owner, "shop", tar(&wrong)).await.expect(200);
    let refused = api
        .post(
            &format!("{env}/deployments"),
            &owner,
            json!({"source": kept["sha256"]}),
        )
        .await
        .expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "segue.toml:3:1");
    assert!(
        refused["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("replicas"),
        "{refused}"
    );
}

#[tokio::test]
async fn hostile_archives_leave_nothing() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    api.app(&owner, "acme", "shop").await;
    let hostile = [
        tar(&[("../x", "x")]),
        tar(&[("/etc/passwd", "x")]),
        tar(&[("a/.git/config", "x")]),
        tar(&[("a", "x"), ("a", "y")]),
        [directory("empty", 1_000_000_000), END.to_vec()].concat(),
        b"not an archive at all".to_vec(),
        file("cut", false, 1_000_000_000, &[0; 4096])[..1000].to_vec(),
        Vec::new(),
    ];
    for (index, bytes) in hostile.into_iter().enumerate() {
        let refused = upload(&api, &owner, "shop", bytes).await;
        assert_eq!(
            refused.status.as_u16(),
            422,
            "archive {index}: {}",
            refused.body
        );
        assert_eq!(refused.body["code"], "archive_refused", "archive {index}");
    }
}
