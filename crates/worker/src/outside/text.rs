//! What people are told: where, what, why it was done, and where to look.
//!
//! Invariant: it says nothing that the delivery does not hold. Must not: know how a chat room or a mail is written.

use segue_model::failure::FailureCode;
use serde_json::Value;

/// What people are told of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    /// App and environment, or the team.
    pub place: String,
    /// What happened, one line.
    pub what: String,
    /// Who wanted it and why, one line.
    pub cause: Option<String>,
    /// The page that shows it.
    pub link: Option<String>,
}

/// Reads a delivery's payload. `public_url`: where people reach this server.
pub(super) fn text(payload: &Value, public_url: Option<&str>) -> Text {
    let word = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str);
    let (team, app, environment) = (
        word("/data/team").unwrap_or_default(),
        word("/data/app"),
        word("/data/environment"),
    );
    let place = match (app, environment) {
        (None, _) => team.to_owned(),
        (Some(app), None) => app.to_owned(),
        (Some(app), Some(environment)) => format!("{app}/{environment}"),
    };
    let number = payload.pointer("/data/deployment/number");
    let number = number.and_then(Value::as_i64);
    let at = app.zip(environment).zip(number).zip(public_url);
    Text {
        place,
        what: what(payload, number),
        cause: number.map(|_| cause(payload)),
        link: at.map(|(((app, environment), number), url)| {
            format!("{url}/apps/{app}/{environment}/deployments/{number}?team={team}")
        }),
    }
}

fn what(payload: &Value, number: Option<i64>) -> String {
    let word = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str);
    let became = match word("/data/deployment/state") {
        Some("live") => Some("is live"),
        Some("failed") => Some("has failed"),
        Some("rolled_back") => Some("was rolled back"),
        Some("cancelled") => Some("was cancelled"),
        _ => None,
    };
    let evidence = word("/data/failure/evidence");
    let is_change = word("/type") == Some("deployment.changed");
    if let (true, Some(became), Some(number)) = (is_change, became, number) {
        let mut what = format!("deployment #{number} {became}");
        let code: Option<FailureCode> =
            word("/data/failure/code").and_then(|code| code.parse().ok());
        if let (Some(code), Some(evidence)) = (code, evidence) {
            what.push_str(&format!(": {} ({evidence})", code.sentence()));
        }
        return what;
    }
    let mut what = word("/data/message").unwrap_or_default().to_owned();
    if let Some(evidence) = evidence.filter(|evidence| !what.contains(evidence)) {
        what.push_str(": ");
        what.push_str(evidence);
    }
    what
}

/// `rollback by Ada: the big sale`.
fn cause(payload: &Value) -> String {
    let word = |name: &str| {
        let value = payload.pointer("/data/deployment")?.get(name)?.as_str();
        value.filter(|text| !text.is_empty())
    };
    let mut cause = word("kind").unwrap_or("deploy").to_owned();
    if let Some(by) = word("by") {
        cause.push_str(" by ");
        cause.push_str(by);
    }
    if let Some(message) = word("message") {
        cause.push_str(": ");
        cause.push_str(message);
    }
    cause
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(state: &str, failure: &Value) -> Value {
        json!({"type": "deployment.changed", "data": {
            "team": "acme", "app": "shop", "environment": "production", "message": "deployment #4 is so",
            "failure": failure, "deployment": {
                "number": 4, "state": state, "kind": "deploy", "message": "push of 0123456789 to main", "by": "Ada",
            },
        }})
    }

    #[test]
    fn a_text_names_place_deployment_reason_cause_and_page() {
        let failure = json!({"code": "build_failed", "evidence": "step 3 of 4"});
        let told = text(
            &deployment("failed", &failure),
            Some("https://segue.example"),
        );
        assert_eq!(
            told,
            Text {
                place: "shop/production".to_owned(),
                what: "deployment #4 has failed: a build step failed (step 3 of 4)".to_owned(),
                cause: Some("deploy by Ada: push of 0123456789 to main".to_owned()),
                link: Some(
                    "https://segue.example/apps/shop/production/deployments/4?team=acme".to_owned()
                ),
            }
        );
        for (state, words) in [
            ("live", "deployment #4 is live"),
            ("rolled_back", "deployment #4 was rolled back"),
            ("cancelled", "deployment #4 was cancelled"),
            ("starting", "deployment #4 is so"),
        ] {
            assert_eq!(text(&deployment(state, &Value::Null), None).what, words);
        }
    }

    #[test]
    fn what_is_no_deployment_says_its_message() {
        let payload = json!({"type": "build.failed", "data": {
            "team": "acme", "app": "shop", "environment": null, "message": "the build failed",
            "failure": {"code": "build_failed", "evidence": "step 3 of 4"},
        }});
        let told = text(&payload, Some("https://segue.example"));
        assert_eq!(told.place, "shop");
        assert_eq!(told.what, "the build failed: step 3 of 4");
        assert_eq!((told.cause, told.link), (None, None));
        let payload = json!({"data": {"team": "acme", "app": null, "message": "x: y", "failure": {"evidence": "y"}}});
        let told = text(&payload, None);
        assert_eq!((told.place.as_str(), told.what.as_str()), ("acme", "x: y"));
        assert_eq!(text(&json!({}), None).what, "");
    }
}
