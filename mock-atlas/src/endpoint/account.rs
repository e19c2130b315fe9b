//! Lists the endpoints for tokens.

use super::{Body, BodyFields, FieldsOf, Method, Reply, Secret};

listed! {
    /// The calls for tokens and their owners.
    AccountCall {
        ShowCaller,
        LogIn,
        ShowTokenOwner,
    }
}

impl AccountCall {
    // Contract: auth.base-path
    const fn route(self) -> (Method, &'static [&'static str]) {
        use Method::{Get, Post};
        match self {
            Self::ShowCaller => (Get, &["/api/v1/authenticate"]),
            Self::LogIn => (Post, &["/api/v1/authenticate"]),
            Self::ShowTokenOwner => (Get, &["/api/v1/token"]),
        }
    }

    pub(super) const fn method(self) -> Method {
        self.route().0
    }

    pub(crate) const fn paths(self) -> &'static [&'static str] {
        self.route().1
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ShowCaller | Self::LogIn | Self::ShowTokenOwner => "authenticate",
        }
    }

    pub(super) const fn body(self) -> Body {
        match self {
            Self::LogIn => Body::Fields(BodyFields {
                objects: &[FieldsOf {
                    object: "user",
                    names: &["login", "password", "description"],
                    maps: &[],
                }],
                may_be_flat: false,
            }),
            Self::ShowCaller | Self::ShowTokenOwner => Body::Nothing,
        }
    }

    pub(super) const fn reply(self) -> Reply {
        match self {
            Self::ShowCaller | Self::LogIn | Self::ShowTokenOwner => Reply::Json,
        }
    }

    pub(super) const fn secret(self) -> Option<Secret> {
        match self {
            Self::LogIn => Some(Secret::Body),
            Self::ShowCaller | Self::ShowTokenOwner => None,
        }
    }
}
