//! Scopes of API tokens: which one each address needs. Owns their names; what a user may do at all is asked elsewhere.

use axum::http::Method;

use super::BASE;

/// First segment of an address, and the group of scopes that opens it. What is not here opens to no token.
const GROUPS: [(&str, &str); 16] = [
    ("actions", "plugins"),
    ("channels", "channels"),
    ("contacts", "contacts"),
    ("conversations", "conversations"),
    ("files", "conversations"),
    ("hours", "teams"),
    ("me", "account"),
    ("messages", "conversations"),
    ("parked", "channels"),
    ("plugins", "plugins"),
    ("realtime", "conversations"),
    ("session", "account"),
    ("teams", "teams"),
    ("tokens", "tokens"),
    ("users", "users"),
    ("views", "plugins"),
];

/// The scope that a request needs, by its method and its route as the router knows it.
pub fn needed(method: &Method, route: &str) -> Option<String> {
    let path = route.strip_prefix(BASE).unwrap_or(route);
    let segment = path.trim_start_matches('/').split('/').next()?;
    let (_, group) = GROUPS.iter().find(|(name, _)| *name == segment)?;
    let verb = if method.is_safe() { "read" } else { "write" };
    Some(format!("{group}:{verb}"))
}

/// Whether there is such a scope to give.
pub fn exists(scope: &str) -> bool {
    let verb = |verb: &str| matches!(verb, "read" | "write");
    match scope.split_once(':') {
        None => scope == "*" || verb(scope),
        Some((group, of)) => verb(of) && GROUPS.iter().any(|(_, it)| *it == group),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_the_scope_of_its_group_and_method() {
        let of = |method, route| needed(&method, route);
        assert_eq!(
            of(Method::GET, "/api/v1/conversations/{id}/timeline").as_deref(),
            Some("conversations:read")
        );
        assert_eq!(
            of(Method::POST, "/api/v1/messages/{id}/retry").as_deref(),
            Some("conversations:write")
        );
        assert_eq!(of(Method::GET, "/api/v1/new-thing"), None);
    }

    #[test]
    fn only_scopes_that_open_something_exist() {
        for scope in ["*", "read", "write", "users:read", "account:write"] {
            assert!(exists(scope), "{scope}");
        }
        for scope in ["", "all", "users", "users:*", "nobody:read", "users:read:x"] {
            assert!(!exists(scope), "{scope}");
        }
    }
}
