//! Lists the pages for people, and what their forms send.

use super::Method;

listed! {
    /// The pages, and what their forms send. Faults do not apply to them, the journal does not record them, and the
    /// description for programs leaves them out.
    Page {
        Home,
        Owner,
        Artifact,
        Download,
        ShowSignIn,
        SignIn,
        SignOut,
        ChangeBox,
        ChangeChannel,
        Asset,
        Api,
        Requests,
        Request,
        Live,
        Faults,
        ChangeFaults,
        Data,
        ChangeData,
        Restore,
        Access,
        ChangeAccess,
        Webhooks,
        ChangeWebhooks,
        Audit,
        Metrics,
    }
}

impl Page {
    const fn route(self) -> (Method, &'static str) {
        use Method::{Get, Post};
        match self {
            Self::Home => (Get, "/"),
            Self::Owner => (Get, "/{username}"),
            Self::Artifact => (Get, "/{username}/{name}"),
            Self::Download => (Get, "/_mock/pages/files/{username}/{name}/{type}/{version}"),
            Self::ShowSignIn => (Get, "/_mock/pages/sign-in"),
            Self::SignIn => (Post, "/_mock/pages/sign-in"),
            Self::SignOut => (Post, "/_mock/pages/sign-out"),
            Self::ChangeBox => (Post, "/_mock/pages/boxes/{username}/{name}"),
            Self::ChangeChannel => (Post, "/_mock/pages/channels/{username}/{name}"),
            Self::Asset => (Get, "/_mock/pages/assets/{file}"),
            Self::Api => (Get, "/_mock/pages/api"),
            Self::Requests => (Get, "/_mock/"),
            Self::Request => (Get, "/_mock/control/requests/{number}"),
            Self::Live => (Get, "/_mock/control/live"),
            Self::Faults => (Get, "/_mock/control/faults"),
            Self::ChangeFaults => (Post, "/_mock/control/faults"),
            Self::Data => (Get, "/_mock/control/data"),
            Self::ChangeData => (Post, "/_mock/control/data"),
            Self::Restore => (Post, "/_mock/control/restore"),
            Self::Access => (Get, "/_mock/control/access"),
            Self::ChangeAccess => (Post, "/_mock/control/access"),
            Self::Webhooks => (Get, "/_mock/control/webhooks"),
            Self::ChangeWebhooks => (Post, "/_mock/control/webhooks"),
            Self::Audit => (Get, "/_mock/control/audit"),
            Self::Metrics => (Get, "/_mock/control/metrics"),
        }
    }

    pub(crate) const fn method(self) -> Method {
        self.route().0
    }

    pub(crate) const fn path(self) -> &'static str {
        self.route().1
    }

    /// Returns whether the page shares its path with what programs read, and is only for those who prefer HTML.
    pub(crate) const fn is_negotiated(self) -> bool {
        matches!(self, Self::Home | Self::Owner | Self::Artifact)
    }
}
