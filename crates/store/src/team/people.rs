//! Who did something, by the names that people know: a person's, or a token's with the word before it.
//!
//! Rows keep the id, which never changes; the name is looked up when it is shown. Whoever is not known any more, and
//! parts of Segue itself, stay as they are kept.

use std::collections::BTreeMap;

use segue_model::id::{TokenId, UserId};

use super::intent::Intent;
use crate::error::StoreError;

impl Intent<'_> {
    /// Puts names in the place of ids.
    pub(super) async fn name_all<'s>(
        &mut self,
        actors: impl Iterator<Item = &'s mut String>,
    ) -> Result<(), StoreError> {
        let mut actors: Vec<&mut String> = actors.collect();
        let ids = |of: &dyn Fn(&str) -> Option<uuid::Uuid>| {
            let mut ids: Vec<_> = actors.iter().filter_map(|actor| of(actor)).collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let users = ids(&|actor| actor.parse().ok().map(UserId::as_uuid));
        let tokens = ids(&|actor| actor.parse().ok().map(TokenId::as_uuid));
        if users.is_empty() && tokens.is_empty() {
            return Ok(());
        }
        let names: BTreeMap<String, String> = sqlx::query!(
            r#"
            select id as "id!", name as "name!", false as "token!"
            from users
            where id = any($2)
            union all
            select id, name, true
            from tokens
            where team_id = $1 and id = any($3)
            "#,
            self.team(),
            &users,
            &tokens,
        )
        .fetch_all(&mut *self.tx)
        .await?
        .into_iter()
        .map(|row| {
            if row.token {
                let id = TokenId::from_uuid(row.id).to_string();
                (id, format!("token {}", row.name))
            } else {
                (UserId::from_uuid(row.id).to_string(), row.name)
            }
        })
        .collect();
        for actor in &mut actors {
            if let Some(name) = names.get(actor.as_str()) {
                (*actor).clone_from(name);
            }
        }
        Ok(())
    }

    /// The name of one.
    pub(super) async fn name_of(&mut self, mut actor: String) -> Result<String, StoreError> {
        self.name_all(std::iter::once(&mut actor)).await?;
        Ok(actor)
    }
}
