//! Recognises the usage of HashiCorp's old program of the same name, which uploaded the source of an
//! application. Its usage was `atlas-upload [options] user/app path`: flags have one dash, and there are
//! no subcommands.

use atlas_uploader::base::shell::for_shell;
use atlas_uploader::base::slug::ArtifactName;

/// The old program's flags with a value, and the flags of this program that replace them. No flag
/// replaces the token's, since others can see flags.
const WITH_VALUE: [(&str, Option<&str>); 5] = [
    ("address", Some("--atlas-url")),
    ("exclude", Some("--exclude")),
    ("include", Some("--include")),
    ("metadata", Some("-m")),
    ("token", None),
];
/// The old program's flags without a value, and their replacements.
const SWITCHES: [(&str, &str); 2] = [("debug", "--verbose"), ("vcs", "--vcs")];

/// Returns the command to use instead, if the arguments are those of the old program.
pub(in crate::cli) fn hint(arguments: &[String]) -> Option<String> {
    let mut flags = Vec::new();
    let mut rest = Vec::new();
    let mut left = arguments.iter();
    while let Some(argument) = left.next() {
        let Some(flag) = argument.strip_prefix('-') else {
            rest.push(argument);
            continue;
        };
        // Go's flags may also have two dashes.
        let flag = flag.strip_prefix('-').unwrap_or(flag);
        if let Some((_, ours)) = SWITCHES.iter().find(|(name, _)| *name == flag) {
            flags.push((*ours).to_owned());
            continue;
        }
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (flag, left.next()?.clone()),
        };
        let (_, ours) = WITH_VALUE.iter().find(|(known, _)| *known == name)?;
        let value = match name {
            "address" => without_credentials(&value),
            _ => value,
        };
        flags.extend(ours.map(|ours| format!("{ours} {}", for_shell(&value))));
    }
    let [slug, path] = rest[..] else {
        return None;
    };
    let slug: ArtifactName = slug.parse().ok()?;
    let words = ["atlas-upload push", &slug.to_string(), "--type TYPE"].map(str::to_owned);
    let words = [&words[..], &flags, &[for_shell(path).into_owned()]]
        .concat()
        .join(" ");
    Some(format!(
        "that is the usage of HashiCorp's old atlas-upload, which uploaded the source of an application; this is another program, which pushes artifacts. To push the same files as an artifact of a type such as application.archive: {words}"
    ))
}

/// Returns an address without user and password, which this program refuses and the hint must not
/// repeat.
fn without_credentials(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    // An unescaped password may contain any delimiter of an address, so the last `@` counts.
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    scheme + host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(arguments: &str) -> Option<String> {
        let arguments: Vec<_> = arguments.split(' ').map(str::to_owned).collect();
        let hint = hint(&arguments)?;
        let (_, words) = hint.split_once("application.archive: ")?;
        Some(words.to_owned())
    }

    #[test]
    fn the_old_programs_usage_becomes_what_to_type() {
        for (old, new) in [
            (
                "-vcs -metadata=k=v user/app path",
                "push user/app --type TYPE --vcs -m k=v path",
            ),
            (
                "-exclude *.log --address http://x -token=T0ken -debug user/app .",
                "push user/app --type TYPE --exclude '*.log' --atlas-url http://x --verbose .",
            ),
            (
                "-address=http://me:hunter2@x:1 -vcs user/app .",
                "push user/app --type TYPE --atlas-url http://x:1 --vcs .",
            ),
            (
                "-address me:hun/@ter2@x user/app .",
                "push user/app --type TYPE --atlas-url x .",
            ),
            ("user/app it's", r"push user/app --type TYPE 'it'\''s'"),
        ] {
            assert_eq!(advice(old), Some(format!("atlas-upload {new}")), "{old}");
        }
    }

    #[test]
    fn what_is_not_its_usage_has_no_such_hint() {
        for other in [
            "push user/app path",
            "user/app",
            "-vcs",
            "-x user/app path",
            "serach user/app",
            "-metadata",
            "",
        ] {
            assert_eq!(advice(other), None, "{other}");
        }
    }
}
