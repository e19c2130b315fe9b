//! Lists the paths of the real Atlas that the emulator does not serve.

listed! {
    /// The parts of Atlas that the emulator does not serve.
    Unserved {
        TerraformState,
        Configurations,
        VagrantApplications,
        Environments,
        Boxes,
        BoxFiles,
        SecondFactor,
        ApiV2,
    }
}

/// Returns a list of the paths, each followed by a pattern for all paths below it.
macro_rules! with_below {
    ($($path:literal),+ $(,)?) => { &[$($path, concat!($path, "/{*path}")),+] };
}

impl Unserved {
    /// Returns the templates of all paths of this part.
    // Contract: silent.not-served
    pub(crate) const fn paths(self) -> &'static [&'static str] {
        match self {
            Self::TerraformState => with_below!["/api/v1/terraform/state"],
            Self::Configurations => with_below![
                "/api/v1/terraform/configurations",
                "/api/v1/packer/build-configurations",
            ],
            Self::VagrantApplications => with_below!["/api/v1/vagrant/applications"],
            Self::Environments => with_below!["/api/v1/environments"],
            Self::Boxes => with_below![
                "/api/v1/box",
                "/api/v1/boxes",
                "/api/v1/user",
                "/api/v1/search",
            ],
            Self::BoxFiles => &["/{username}/boxes/{*path}"],
            Self::SecondFactor => with_below!["/api/v1/two-factor"],
            Self::ApiV2 => with_below![
                "/api/v2/authenticate",
                "/api/v2/box",
                "/api/v2/boxes",
                "/api/v2/user",
                "/api/v2/search",
                "/api/v2/vagrant",
            ],
        }
    }

    /// Returns the part of Atlas that a path belongs to. It ignores templates with a parameter
    /// before their end.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let is_at = |template: &&str| match template.strip_suffix("{*path}") {
            Some(start) => path.starts_with(start),
            None => path == *template,
        };
        let mut all = Self::ALL.iter().copied();
        all.find(|part| part.paths().iter().any(is_at))
    }

    /// Returns the description of this part for the error message.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::TerraformState => "the state of Terraform",
            Self::Configurations => "configurations that are pushed to be built or run",
            Self::VagrantApplications => "applications of Vagrant",
            Self::Environments => "environments and their variables",
            Self::Boxes | Self::BoxFiles => "boxes of Vagrant",
            Self::SecondFactor => "a second factor of a login",
            Self::ApiV2 => "the second version of the API, for boxes of Vagrant",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_an_unserved_path_is_unserved() {
        for (path, part) in [
            ("/api/v1/box", Some(Unserved::Boxes)),
            ("/api/v1/box/acme/web", Some(Unserved::Boxes)),
            ("/api/v1/boxer", None),
            ("/api/v2/search", Some(Unserved::ApiV2)),
            ("/acme/boxes/web", None),
        ] {
            assert_eq!(Unserved::at(path), part, "{path}");
        }
    }
}
