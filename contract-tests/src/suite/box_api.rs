//! The APIs for Vagrant boxes, which a server may lack: an Atlas before 2014 has none, and an Atlas of the artifacts' time
//! only version 1.

use std::fmt;

use crate::http::{Base, Http};

/// The statuses by which a server says that it does not know a path.
const UNKNOWN: [u16; 4] = [404, 405, 410, 501];

/// A version of the API for boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoxApi {
    /// `/api/v1`, as Vagrant before 2.4 calls it.
    V1,
    /// `/api/v2`, as Vagrant from 2.4 calls it.
    V2,
}

/// The APIs for boxes that a clause is about. A server that lacks them is not judged by the clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boxes {
    /// Version 2, or version 1 where the server has no other.
    Any,
    /// Version 1.
    V1,
    /// Version 2.
    V2,
    /// Both versions.
    Both,
}

impl BoxApi {
    /// Returns both versions, the older first.
    pub const ALL: [Self; 2] = [Self::V1, Self::V2];

    /// Returns the base of the paths.
    pub fn base(self) -> Base {
        match self {
            Self::V1 => Base::V1,
            Self::V2 => Base::V2,
        }
    }

    /// Tells whether the server has this version: it does not answer both a search and a user as unknown paths.
    ///
    /// A request without a reply counts as one of a server that has the version, so that the clauses judge it.
    pub(crate) async fn is_offered(self, http: &Http, user: &str) -> bool {
        for path in ["/search?limit=1".to_owned(), format!("/user/{user}")] {
            let call = http.call(
                reqwest::Method::GET,
                self.base(),
                path,
                serde_json::Value::Null,
                None,
            );
            match call.send().await {
                Ok(reply) if UNKNOWN.contains(&reply.status) => {}
                _ => return true,
            }
        }
        false
    }
}

impl fmt::Display for BoxApi {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::V1 => "/api/v1",
            Self::V2 => "/api/v2",
        })
    }
}

impl Boxes {
    /// Returns what a server lacks that has these versions, or `None` if it lacks nothing.
    pub(crate) fn missing(self, offered: &[BoxApi]) -> Option<String> {
        let lacks = |api: BoxApi| !offered.contains(&api);
        let missing = match self {
            Self::Any if offered.is_empty() => "/api/v1 and /api/v2",
            Self::V1 | Self::Both if lacks(BoxApi::V1) => "/api/v1",
            Self::V2 | Self::Both if lacks(BoxApi::V2) => "/api/v2",
            _ => return None,
        };
        Some(format!(
            "not applicable: the server has no boxes under {missing}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_lacks_an_api_is_not_judged_by_its_clauses() {
        let missing = |boxes: Boxes, offered: &[BoxApi]| boxes.missing(offered).is_some();
        let (v1, both) = ([BoxApi::V1], BoxApi::ALL);
        for boxes in [Boxes::Any, Boxes::V1, Boxes::V2, Boxes::Both] {
            assert!(missing(boxes, &[]) && !missing(boxes, &both), "{boxes:?}");
        }
        assert!(!missing(Boxes::Any, &v1) && !missing(Boxes::V1, &v1));
        assert!(missing(Boxes::V2, &v1) && missing(Boxes::Both, &v1));
    }
}
