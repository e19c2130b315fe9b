//! Lists the endpoints for tokens.

use super::{Body, BodyFields, FieldsOf, Method, Reply, Secret};

listed! {
    /// The calls for tokens and their owners.
    AccountCall {
        ShowCaller,
        LogIn,
        LogOut,
        RequestCode,
        ShowTokenOwner,
    }
}

impl AccountCall {
    // Contract: auth.base-path
    const fn route(self) -> (Method, &'static [&'static str]) {
        use Method::{Delete, Get, Post};
        match self {
            Self::ShowCaller => (Get, &["/api/v1/authenticate", "/api/v2/authenticate"]),
            Self::LogIn => (Post, &["/api/v1/authenticate", "/api/v2/authenticate"]),
            Self::LogOut => (Delete, &["/api/v1/authenticate", "/api/v2/authenticate"]),
            Self::RequestCode => (
                Post,
                &[
                    "/api/v1/two-factor/request-code",
                    "/api/v2/two-factor/request-code",
                ],
            ),
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
            Self::ShowCaller
            | Self::LogIn
            | Self::LogOut
            | Self::RequestCode
            | Self::ShowTokenOwner => "authenticate",
        }
    }

    pub(super) const fn body(self) -> Body {
        match self {
            Self::LogIn => Body::Fields(BodyFields {
                objects: &[
                    FieldsOf {
                        object: "user",
                        names: &["login", "password", "description"],
                        maps: &[],
                    },
                    FieldsOf {
                        object: "token",
                        names: &["description"],
                        maps: &[],
                    },
                    FieldsOf {
                        object: "two_factor",
                        names: &["code"],
                        maps: &[],
                    },
                ],
                outside: &[],
            }),
            Self::RequestCode => Body::Fields(BodyFields {
                objects: &[
                    FieldsOf {
                        object: "user",
                        names: &["login", "password"],
                        maps: &[],
                    },
                    FieldsOf {
                        object: "two_factor",
                        names: &["delivery_method"],
                        maps: &[],
                    },
                ],
                outside: &[],
            }),
            Self::ShowCaller | Self::LogOut | Self::ShowTokenOwner => Body::Nothing,
        }
    }

    pub(super) const fn reply(self) -> Reply {
        match self {
            Self::LogOut => Reply::Nothing,
            Self::ShowCaller | Self::LogIn | Self::RequestCode | Self::ShowTokenOwner => {
                Reply::Json
            }
        }
    }

    pub(super) const fn secret(self) -> Option<Secret> {
        match self {
            Self::LogIn | Self::RequestCode => Some(Secret::Body),
            Self::ShowCaller | Self::LogOut | Self::ShowTokenOwner => None,
        }
    }
}
