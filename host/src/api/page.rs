//! Lists: a page of items and where the next one begins. Cursors are opaque to clients.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::problem::Problem;

/// Most items of a page.
pub const MAX: u32 = 100;

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// What to give as `after` for the following page; null at the end.
    #[schema(required)]
    pub next: Option<String>,
}

/// Which page.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// At most 100.
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

impl Paging {
    pub fn limit(&self, default: u32) -> u32 {
        self.limit.unwrap_or(default).clamp(1, MAX)
    }

    /// # Errors
    /// `invalid` for what is no cursor of this list.
    pub fn after<C: DeserializeOwned>(&self) -> Result<Option<C>, Problem> {
        self.after.as_deref().map(read_cursor).transpose()
    }
}

impl<T> Page<T> {
    /// A list that is given whole.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// A page of `limit` cut from a list that was read one longer; `place` says where an item stands.
    pub fn cut<S, C: Serialize>(
        mut rows: Vec<S>,
        limit: u32,
        place: impl FnOnce(&S) -> C,
        write: impl FnMut(S) -> T,
    ) -> Self {
        let limit = limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| cursor(&place(row)));
        Self {
            items: rows.into_iter().map(write).collect(),
            next,
        }
    }
}

/// A place in a list, as clients carry it.
pub fn cursor(place: &impl Serialize) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

fn read_cursor<C: DeserializeOwned>(text: &str) -> Result<C, Problem> {
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| Problem::field("after", "is no cursor of this list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_where_the_next_begins_only_if_there_is_one() {
        let page = Page::cut(vec![1, 2, 3], 2, |n| *n, |n| n);
        assert_eq!(page.items, [1, 2]);
        let paging = Paging {
            limit: None,
            after: page.next,
        };
        assert_eq!(paging.after::<i32>().unwrap(), Some(2));
        assert_eq!(Page::cut(vec![1, 2], 2, |n| *n, |n| n).next, None);
    }

    #[test]
    fn a_foreign_cursor_is_invalid_and_limits_have_bounds() {
        let paging = Paging {
            limit: Some(0),
            after: Some("nonsense!".into()),
        };
        assert_eq!(paging.after::<i32>().unwrap_err().code, "invalid");
        assert_eq!(paging.limit(50), 1);
        assert_eq!(
            Paging {
                limit: Some(9999),
                after: None
            }
            .limit(50),
            MAX
        );
    }
}
