//! Lists the paths of the real Atlas that the emulator does not serve.

listed! {
    /// The parts of Atlas that the emulator does not serve.
    Unserved {
        TerraformState,
        Configurations,
        VagrantApplications,
        Environments,
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
        }
    }

    /// Returns the part of Atlas that a path belongs to.
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_an_unserved_path_is_unserved() {
        for (path, part) in [
            ("/api/v1/environments", Some(Unserved::Environments)),
            (
                "/api/v1/environments/acme/web",
                Some(Unserved::Environments),
            ),
            ("/api/v1/environmentss", None),
            ("/acme/environments", None),
        ] {
            assert_eq!(Unserved::at(path), part, "{path}");
        }
    }
}
