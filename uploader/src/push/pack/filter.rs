//! Selects the part of a folder that is packed, by globs and version control like the original. Globs are
//! matched against whole names relative to the folder.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::git::Tracked;
use super::options::Options;
use crate::base::error::Cause;

/// A selection of names; the default selects everything.
#[derive(Debug, Default)]
pub(super) struct Filter {
    include: Option<GlobSet>,
    exclude: GlobSet,
    tracked: Option<Tracked>,
}

impl Filter {
    /// Creates the filter of one folder; runs git when the options require it.
    pub(super) fn of(folder: &Path, options: &Options) -> Result<Self, Cause> {
        let globs = Self::globs(options)?;
        let asked = options
            .vcs
            .then(|| Tracked::of(folder, &|name| globs.reaches(name)));
        let tracked = asked.transpose()?;
        Ok(Self { tracked, ..globs })
    }

    /// Creates a filter of the globs alone, which suffices to check that they are well-formed.
    pub(super) fn globs(options: &Options) -> Result<Self, Cause> {
        let include = (!options.include.is_empty()).then(|| set("include", &options.include));
        Ok(Self {
            include: include.transpose()?,
            exclude: set("exclude", &options.exclude)?,
            tracked: None,
        })
    }

    /// Returns whether a name is neither excluded nor untracked, so that the walk goes on below it. `include`
    /// does not matter here, since it may match far below.
    pub(super) fn enters(&self, name: &Path) -> bool {
        let tracked = self.tracked.as_ref();
        tracked.is_none_or(|tracked| tracked.contains(name)) && !self.exclude.is_match(name)
    }

    /// Returns whether `include` matches a name that the walk has reached. The folders above the name are packed
    /// too.
    pub(super) fn includes(&self, name: &Path) -> bool {
        let include = self.include.as_ref();
        include.is_none_or(|include| include.is_match(name))
    }

    /// Returns whether a name is packed, for names that the walk did not enter.
    pub(super) fn takes(&self, name: &Path) -> bool {
        self.includes(name) && self.reaches(name)
    }

    /// Returns whether the walk reaches a name.
    fn reaches(&self, name: &Path) -> bool {
        let mut above = name.ancestors();
        above.all(|above| above == Path::new("") || self.enters(above))
    }

    /// Fails when a selection is empty: a mistyped glob must not make an empty version. The original packed
    /// everything in this case.
    pub(super) fn satisfied(&self, nothing: bool) -> Result<(), Cause> {
        if nothing && (self.include.is_some() || self.tracked.is_some()) {
            let reason = "no file in the folder is selected by include, exclude and vcs";
            return Err(Cause::Unpackable(reason.to_owned()));
        }
        Ok(())
    }
}

fn set(option: &str, globs: &[String]) -> Result<GlobSet, Cause> {
    let wrong = |error: globset::Error| Cause::Usage(format!("{option}: {error}"));
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let clean = glob
            .strip_prefix("./")
            .unwrap_or(glob)
            .trim_end_matches('/');
        let mut glob = GlobBuilder::new(clean);
        glob.literal_separator(true).backslash_escape(true);
        set.add(glob.build().map_err(wrong)?);
    }
    set.build().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, name: &str) -> bool {
        let options = Options {
            exclude: vec![glob.to_owned()],
            ..Options::default()
        };
        !Filter::globs(&options).unwrap().enters(Path::new(name))
    }

    #[test]
    fn globs_mean_what_they_meant_in_go() {
        for (glob, name, expected) in [
            ("*.log", "a.log", true),
            ("*.log", "sub/a.log", false),
            ("sub/*", "sub/a", true),
            ("sub/*", "sub/a/b", false),
            ("*", ".hidden", true),
            ("?", "a", true),
            ("a?b", "a/b", false),
            ("[ab]", "b", true),
            ("[^ab]", "b", false),
            ("[^ab]", "c", true),
            ("[a-c]x", "bx", true),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("A", "a", false),
            ("sub", "sub/a", false),
            ("sub/", "sub", true),
            ("./sub", "sub", true),
            ("**/*.log", "a/b/c.log", true),
        ] {
            assert_eq!(matches(glob, name), expected, "{glob} {name}");
        }
    }

    #[test]
    fn a_glob_that_is_none_is_named() {
        let options = Options {
            include: vec!["[a".to_owned()],
            ..Options::default()
        };
        let refused = Filter::globs(&options).unwrap_err().to_string();
        assert!(
            refused.starts_with("include: error parsing glob '[a'"),
            "{refused}"
        );
    }
}
