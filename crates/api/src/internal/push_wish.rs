//! What a push asks for.
//!
//! Invariants: exactly one ref, a head or a tag; only the app's branch is deployed unless an environment is named or
//! branches have their own (previews), and only a branch with a preview is removed by a push, with it. Must not: look
//! anything up.

use segue_model::name::{EnvironmentName, GitRef};

use crate::git::hook::Update;
use crate::problem::{Problem, ProblemCode};

/// What a push asks for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub name: GitRef,
    /// `None`: the branch is removed.
    pub commit: Option<String>,
    pub environment: Option<EnvironmentName>,
    /// The branch whose own environment it goes to.
    pub preview: Option<String>,
    pub detach: bool,
}

/// What is said to somebody whose push is not taken.
pub(super) fn refuse(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::Invalid, detail)
}

/// Checks what git says was pushed. `previews`: other branches have environments of their own.
pub(super) fn wish(update: &Update, branch: Option<&str>, previews: bool) -> Result<Wish, Problem> {
    let [(_, new, name)] = update.refs.as_slice() else {
        return Err(refuse("one branch or tag is deployed per push").hint("git push segue main"));
    };
    let name = GitRef::new(name.clone()).map_err(|_| {
        refuse(format!(
            "{} is neither a branch nor a tag that can be deployed",
            shown(name)
        ))
        .hint("git push segue main")
    })?;
    let hexadecimal =
        matches!(new.len(), 40 | 64) && new.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !hexadecimal {
        return Err(refuse("git named no commit"));
    }
    let (mut environment, mut detach) = (None, false);
    for option in &update.options {
        match option.split_once('=') {
            Some(("env", value)) => {
                let name =
                    EnvironmentName::new(value).map_err(|error| refuse(error.to_string()))?;
                environment = Some(name);
            }
            None if option == "detach" => detach = true,
            _ => {
                return Err(refuse(format!("unknown push option {}", shown(option)))
                    .hint("known are -o env=NAME and -o detach"));
            }
        }
    }
    let deployed = match branch {
        Some(branch) => name.as_str() == format!("refs/heads/{branch}"),
        None => matches!(name.as_str(), "refs/heads/main" | "refs/heads/master"),
    };
    let other = name.as_str().strip_prefix("refs/heads/");
    let preview = other.filter(|_| previews && !deployed && environment.is_none());
    if new.bytes().all(|b| b == b'0') {
        let removed = preview.ok_or_else(|| {
            refuse("only a branch with a preview is removed by a push")
                .hint("remove an environment: segue envs destroy")
        })?;
        return Ok(Wish {
            preview: Some(removed.to_owned()),
            name,
            commit: None,
            environment: None,
            detach: true,
        });
    }
    if !deployed && environment.is_none() && preview.is_none() {
        let branch = branch.unwrap_or("main");
        return Err(refuse(format!("only `{branch}` is deployed, and {name} is not it")).hint(format!(
            "git push segue HEAD:{branch}, or name an environment: git push -o env=staging segue …, or let branches have their own: the app's `previews`"
        )));
    }
    let preview = preview.map(str::to_owned);
    Ok(Wish {
        name,
        commit: Some(new.clone()),
        environment,
        preview,
        detach,
    })
}

fn shown(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
    format!("`{clean}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "1111111111111111111111111111111111111111";

    fn update(name: &str, new: &str, options: &[&str]) -> Update {
        Update {
            refs: vec![("0".repeat(40), new.to_owned(), name.to_owned())],
            options: options.iter().map(|option| (*option).to_owned()).collect(),
        }
    }

    #[test]
    fn only_the_branch_or_a_named_environment_is_deployed() {
        for name in ["refs/heads/main", "refs/heads/master"] {
            assert!(wish(&update(name, NEW, &[]), None, false).is_ok());
        }
        assert!(wish(&update("refs/heads/main", NEW, &[]), Some("release"), false).is_err());
        assert!(
            wish(
                &update("refs/heads/release", NEW, &[]),
                Some("release"),
                false
            )
            .is_ok()
        );
        assert!(wish(&update("refs/tags/v1", NEW, &[]), None, false).is_err());
        let named = wish(
            &update("refs/tags/v1", NEW, &["env=staging", "detach"]),
            None,
            false,
        )
        .unwrap();
        assert_eq!(named.environment.unwrap().as_str(), "staging");
        assert!(named.detach);
    }

    #[test]
    fn other_branches_go_to_their_previews_and_take_them_along() {
        let ask =
            |name: &str, new: &str, options: &[&str]| wish(&update(name, new, options), None, true);
        let pushed = ask("refs/heads/login", NEW, &[]).unwrap();
        assert_eq!(pushed.preview.as_deref(), Some("login"));
        assert!(ask("refs/heads/main", NEW, &[]).unwrap().preview.is_none());
        let named = ask("refs/heads/login", NEW, &["env=staging"]).unwrap();
        assert!(named.preview.is_none());
        let zeros = "0".repeat(40);
        let gone = ask("refs/heads/login", &zeros, &[]).unwrap();
        assert_eq!(
            (gone.commit, gone.preview.as_deref()),
            (None, Some("login"))
        );
        // Neither the branch that is deployed, nor a tag, nor anything without previews.
        assert!(ask("refs/heads/main", &zeros, &[]).is_err());
        assert!(ask("refs/tags/v1", &zeros, &[]).is_err());
        assert!(ask("refs/tags/v1", NEW, &[]).is_err());
        assert!(wish(&update("refs/heads/login", &zeros, &[]), None, false).is_err());
    }

    #[test]
    fn what_is_not_a_single_new_commit_is_refused_with_a_sentence() {
        let two = Update {
            refs: [
                update("refs/heads/main", NEW, &[]).refs,
                update("refs/heads/b", NEW, &[]).refs,
            ]
            .concat(),
            options: Vec::new(),
        };
        let none = Update {
            refs: Vec::new(),
            options: Vec::new(),
        };
        let bad = [
            two,
            none,
            update("refs/heads/main", &"0".repeat(40), &[]),
            update("refs/heads/main", "abc", &[]),
            update("refs/notes/x", NEW, &[]),
            update("refs/heads/../x", NEW, &[]),
            update("HEAD", NEW, &[]),
            update("refs/heads/main", NEW, &["env=Not Valid"]),
            update("refs/heads/main", NEW, &["force"]),
        ];
        for update in bad {
            let problem = wish(&update, None, false).unwrap_err();
            assert!(!problem.detail.is_empty(), "{update:?}");
        }
    }
}
