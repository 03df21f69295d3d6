//! What a plan says, and which replica figures an edit sets.

use segue_model::manifest::ManifestFile;
use segue_model::name::EnvironmentName;

use super::super::compose::Values;
use super::*;

fn manifest(text: &str) -> Manifest {
    let file = ManifestFile::from_toml(text).unwrap();
    file.for_environment(&EnvironmentName::new("production").unwrap())
        .clone()
}

fn release(text: &str) -> ReleaseSpec {
    let nil = segue_model::id::BuildId::from_uuid(uuid::Uuid::nil());
    let app = AppImage {
        source: ImageSource::Build(nil),
        generated: false,
    };
    compose::release(
        &manifest(text),
        &Values::default(),
        Some(&app),
        None,
        &Resolves::new(),
    )
    .unwrap()
}

fn actions(changes: &[PlannedChange]) -> Vec<(&str, PlannedAction, bool)> {
    changes
        .iter()
        .map(|change| (change.service.as_str(), change.action, change.downtime))
        .collect()
}

const BASE: &str = "app = \"a\"\n[services.web]\nkind = \"web\"\nreplicas = 2\n[services.old]\nkind = \"worker\"\n[services.same]\nkind = \"worker\"\n";
const NEXT: &str = "app = \"a\"\n[services.web]\nkind = \"web\"\nreplicas = 2\nport = 3000\n[services.new]\nkind = \"worker\"\n[services.same]\nkind = \"worker\"\nreplicas = 3\n";

#[test]
fn a_plan_names_what_happens_to_each_service() {
    let none = BTreeMap::new();
    let edited = edited_replicas(Some(&manifest(BASE)), &manifest(NEXT));
    assert_eq!(edited, [(ServiceName::new("same").unwrap(), 3)].into());
    let changes = compare(Some(&release(BASE)), &release(NEXT), &none, &edited);
    assert_eq!(
        actions(&changes),
        [
            ("new", PlannedAction::Create, false),
            ("old", PlannedAction::Remove, true),
            ("same", PlannedAction::Scale, false),
            ("web", PlannedAction::Replace, false),
        ]
    );
    let recreate = format!("{NEXT}[deploy]\nstrategy = \"recreate\"\n");
    let changes = compare(Some(&release(BASE)), &release(&recreate), &none, &none);
    assert!(
        changes
            .iter()
            .any(|change| change.service == "web" && change.downtime)
    );
}

#[test]
fn a_persons_scale_stays_unless_the_figure_was_edited() {
    let web = ServiceName::new("web").unwrap();
    let targets = BTreeMap::from([(web, 7)]);
    let changes = compare(
        Some(&release(BASE)),
        &release(BASE),
        &targets,
        &BTreeMap::new(),
    );
    let web = changes
        .iter()
        .find(|change| change.service == "web")
        .unwrap();
    assert_eq!(
        (web.action, web.replicas_before, web.replicas_after),
        (PlannedAction::Keep, 7, 7)
    );
    assert_eq!(edited_replicas(None, &manifest(NEXT)), BTreeMap::new());
}
