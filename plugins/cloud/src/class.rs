//! What a request is for, read from its method and its query: what a provider charges for, and what may be sent twice.

/// Classes as the bills of the services have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// A whole object.
    Put,
    /// Begins an upload in parts.
    Create,
    Part,
    /// Ends an upload in parts: the object becomes visible.
    Complete,
    /// Gives an upload in parts up.
    Abort,
    Get,
    Head,
    List,
    Delete,
    Other,
}

impl Class {
    pub(crate) const ALL: [Self; 10] = [
        Self::Put,
        Self::Create,
        Self::Part,
        Self::Complete,
        Self::Abort,
        Self::Get,
        Self::Head,
        Self::List,
        Self::Delete,
        Self::Other,
    ];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Create => "create_upload",
            Self::Part => "part",
            Self::Complete => "complete_upload",
            Self::Abort => "abort_upload",
            Self::Get => "get",
            Self::Head => "head",
            Self::List => "list",
            Self::Delete => "delete",
            Self::Other => "other",
        }
    }

    /// Of a request; `query` is without its `?`.
    pub(crate) fn of(method: &str, query: &str) -> Self {
        let has = |name: &str| query.split('&').any(|p| p == name || p.split('=').next() == Some(name));
        let is = |pair: &str| query.split('&').any(|p| p == pair);
        match method {
            "PUT" if has("partNumber") || is("comp=block") => Self::Part,
            "PUT" if is("comp=blocklist") => Self::Complete,
            "POST" if has("uploads") => Self::Create,
            "POST" if has("uploadId") => Self::Complete,
            "DELETE" if has("uploadId") => Self::Abort,
            "GET" if has("list-type") || is("comp=list") || has("uploads") || has("prefix") => Self::List,
            "PUT" => Self::Put,
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "PROPFIND" => Self::List,
            "DELETE" => Self::Delete,
            "POST" if has("delete") => Self::Delete,
            _ => Self::Other,
        }
    }

    /// Whether the same request may be sent again although the first may have had its effect.
    pub(crate) const fn repeatable(self, conditional: bool) -> bool {
        match self {
            // Its reply says whether the object is ours: lost, somebody must look.
            Self::Complete | Self::Other => false,
            Self::Put => !conditional,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        for (method, query, class) in [
            ("PUT", "", Class::Put),
            ("POST", "uploads", Class::Create),
            ("PUT", "partNumber=3&uploadId=x", Class::Part),
            ("POST", "uploadId=x", Class::Complete),
            ("DELETE", "uploadId=x", Class::Abort),
            ("PUT", "comp=block&blockid=x", Class::Part),
            ("PUT", "comp=blocklist", Class::Complete),
            ("GET", "list-type=2&prefix=a", Class::List),
            ("GET", "uploads&prefix=a", Class::List),
            ("GET", "", Class::Get),
            ("HEAD", "", Class::Head),
            ("POST", "delete", Class::Delete),
            ("MOVE", "", Class::Other),
        ] {
            assert_eq!(Class::of(method, query), class, "{method} {query}");
        }
    }

    #[test]
    fn what_makes_visible_is_not_sent_twice_blindly() {
        assert!(!Class::Complete.repeatable(false) && !Class::Put.repeatable(true));
        assert!(Class::Put.repeatable(false) && Class::Part.repeatable(true));
    }
}
