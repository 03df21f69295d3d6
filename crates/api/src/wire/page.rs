//! Lists: keyset pages with an opaque cursor. No totals, no offsets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use segue_store::{Page, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::problem::{Problem, ProblemCode};

/// Items of a page if the request does not say.
pub(crate) const DEFAULT_LIMIT: u32 = 50;

/// Items of a page at most.
pub(crate) const MAX_LIMIT: u32 = 100;

/// Parameters of every list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// Items wanted, 1 to 100; 50 if not given.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(max_length = 512)]
    pub cursor: Option<String>,
}

impl PageQuery {
    /// Reads the page that is asked for, and where the next one begins. `read` is asked for one item more than the
    /// page holds, so that a full last page is known to be the last; `key` says where an item stands in the list.
    pub(crate) async fn read<T, K, R>(
        &self,
        read: impl FnOnce(Page<K>) -> R,
        key: impl Fn(&T) -> K,
    ) -> Result<(Vec<T>, Option<String>), Problem>
    where
        K: Serialize + DeserializeOwned,
        R: Future<Output = Result<Vec<T>, StoreError>>,
    {
        let limit = limit(self.limit)?;
        let page = Page {
            after: self.cursor.as_deref().map(decode).transpose()?,
            limit: limit + 1,
        };
        Ok(cut(read(page).await?, limit, key))
    }

    /// A page of a list that is small and at hand as a whole, in the order of `key`.
    pub(crate) fn of_all<T, K>(
        &self,
        mut all: Vec<T>,
        key: impl Fn(&T) -> K,
    ) -> Result<(Vec<T>, Option<String>), Problem>
    where
        K: Ord + Serialize + DeserializeOwned,
    {
        let limit = limit(self.limit)?;
        let after: Option<K> = self.cursor.as_deref().map(decode).transpose()?;
        all.sort_by_cached_key(&key);
        if let Some(after) = after {
            all.retain(|item| key(item) > after);
        }
        Ok(cut(all, limit, key))
    }
}

/// Checks a number of items.
pub(crate) fn limit(wanted: Option<u32>) -> Result<u32, Problem> {
    match wanted.unwrap_or(DEFAULT_LIMIT) {
        limit if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        _ => Err(
            Problem::new(ProblemCode::InvalidRequest, "`limit` must be 1 to 100")
                .at("limit", "must be 1 to 100"),
        ),
    }
}

/// Makes a cursor from the key of a page's last item.
fn encode<K: Serialize>(key: &K) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// Reads a cursor.
fn decode<K: DeserializeOwned>(cursor: &str) -> Result<K, Problem> {
    let wrong = || {
        Problem::new(
            ProblemCode::InvalidRequest,
            "`cursor` is not one that this list gave",
        )
        .at("cursor", "not a cursor of this list")
    };
    if cursor.len() > 512 {
        return Err(wrong());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
    serde_json::from_slice(&bytes).map_err(|_| wrong())
}

/// Cuts a list that was read with one item more than the page holds, and makes the cursor.
fn cut<T, K: Serialize>(
    mut items: Vec<T>,
    limit: u32,
    key: impl Fn(&T) -> K,
) -> (Vec<T>, Option<String>) {
    let limit = limit as usize;
    if items.len() <= limit {
        return (items, None);
    }
    items.truncate(limit);
    let cursor = items.last().map(|item| encode(&key(item)));
    (items, cursor)
}

/// Declares a named page type: generators cannot name a generic one.
macro_rules! page {
    ($(#[$doc:meta])* $name:ident of $item:ty) => {
        $(#[$doc])*
        #[derive(Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub struct $name {
            /// This page's items.
            pub items: Vec<$item>,
            /// Send it as `cursor` to get the next page; missing on the last one.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(nullable = false)]
            pub next_cursor: Option<String>,
        }
    };
}
pub(crate) use page;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_foreign_text_is_refused() {
        let cursor = encode(&("web", 7));
        assert_eq!(
            decode::<(String, i64)>(&cursor).unwrap(),
            ("web".to_owned(), 7)
        );
        for bad in ["", "!!!", "bm90IGpzb24", &"A".repeat(600)] {
            assert!(decode::<(String, i64)>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_at_hand_is_read_to_its_end_without_a_gap() {
        let all = vec!["d", "a", "c", "e", "b"];
        let mut query = PageQuery {
            limit: Some(2),
            cursor: None,
        };
        let mut read = Vec::new();
        loop {
            let (items, next) = query
                .of_all(all.clone(), |item| (*item).to_owned())
                .unwrap();
            assert!(items.len() <= 2);
            read.extend(items);
            let Some(next) = next else { break };
            query.cursor = Some(next);
        }
        assert_eq!(read, ["a", "b", "c", "d", "e"]);
        query.cursor = Some("!".to_owned());
        assert!(query.of_all(all, |item| (*item).to_owned()).is_err());
    }

    #[test]
    fn pages_end() {
        let (items, next) = cut(vec![1, 2, 3], 2, |n| *n);
        assert_eq!(
            (items, next.as_deref().map(decode::<i32>).unwrap().unwrap()),
            (vec![1, 2], 2)
        );
        assert_eq!(cut(vec![1, 2], 2, |n| *n).1, None);
        assert!(limit(Some(0)).is_err() && limit(Some(101)).is_err() && limit(None).is_ok());
    }
}
