//! Runs `atlas-upload config`, which prints every setting with its origin.

use std::fmt::Display;
use std::path::PathBuf;

use atlas_uploader::Error;
use atlas_uploader::api::{PROXY_VARIABLES, shown_proxy};
use atlas_uploader::base::secret::REDACTED;
use atlas_uploader::config::{Config, Ids, Origin, Setting};
use serde::Serialize;

use crate::cli::app::{configuration, json};
use crate::cli::args::{GlobalArgs, OutputFormat};
use crate::cli::output::console::Console;
use crate::cli::output::table::table;

/// A setting as it is printed.
#[derive(Debug, Serialize)]
struct Row {
    setting: &'static str,
    value: Option<String>,
    /// The kind of origin: `flag`, `variable`, `template` or `default`.
    from: &'static str,
    /// The name of the flag or variable.
    name: Option<&'static str>,
}

/// Prints every setting that several subcommands share, or that has an environment variable.
pub(in crate::cli) fn show(
    config: &Config,
    args: &GlobalArgs,
    console: &Console,
) -> Result<(), Error> {
    let ids = Ids::resolve(None, None, |name| std::env::var_os(name))
        .map_err(|error| configuration(&error))?;
    let mut rows = settings(config, &ids);
    rows.extend(of_the_command_line(args));
    rows.extend(PROXY_VARIABLES.iter().filter_map(|name| proxy(name)));
    match args.output {
        OutputFormat::Text => {
            let cells: Vec<_> = rows.iter().map(Row::cells).collect();
            console.out(&table(["SETTING", "VALUE", "FROM"], &cells))
        }
        OutputFormat::Json | OutputFormat::Tfvars => console.out(&json(&rows)?),
    }
}

fn settings(config: &Config, ids: &Ids) -> Vec<Row> {
    // The token is masked here already; the redactor is the second line of defence.
    let token = config.token.as_ref();
    let masked = token.map(|token| Setting {
        value: REDACTED,
        origin: token.origin,
    });
    vec![
        Row::of("atlas-url", &config.atlas_url),
        Row::maybe("token", masked.as_ref()),
        Row::path("ca-file", config.ca_file.as_ref()),
        Row::path("ca-path", config.ca_path.as_ref()),
        Row::path("client-cert", config.client_cert.as_ref()),
        Row::path("client-key", config.client_key.as_ref()),
        Row::of("insecure", &config.insecure),
        Row::of("allow-http-upload", &config.allow_http_upload),
        Row::of("build-id", &ids.build),
        Row::of("compile-id", &ids.compile),
    ]
}

fn of_the_command_line(args: &GlobalArgs) -> [Row; 7] {
    let row = |setting, flag, value: String, default: &str| {
        Row::new(
            setting,
            Some(value.clone()),
            if value == default {
                Origin::Default
            } else {
                Origin::Flag(flag)
            },
        )
    };
    [
        row("retries", "--retries", args.retries.to_string(), "5"),
        row(
            "retry-time",
            "--retry-time",
            args.retry_time.to_string(),
            "300",
        ),
        row("timeout", "--timeout", args.timeout.to_string(), "60"),
        row("output", "--output", args.output.to_string(), "text"),
        row("progress", "--progress", args.progress.to_string(), "auto"),
        row("quiet", "--quiet", args.quiet.to_string(), "false"),
        row("verbose", "--verbose", args.verbose.to_string(), "0"),
    ]
}

fn proxy(name: &'static str) -> Option<Row> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    let value = shown_proxy(name, &value);
    Some(Row::new("proxy", Some(value), Origin::Variable(name)))
}

impl Row {
    fn new(setting: &'static str, value: Option<String>, origin: Origin) -> Self {
        let (from, name) = match origin {
            Origin::Flag(name) => ("flag", Some(name)),
            Origin::Variable(name) => ("variable", Some(name)),
            Origin::Template(name) => ("template", Some(name)),
            Origin::Provider(name) => ("provider", Some(name)),
            Origin::Default => ("default", None),
        };
        Self {
            setting,
            value,
            from,
            name,
        }
    }

    fn of<T: Display>(name: &'static str, setting: &Setting<T>) -> Self {
        Self::new(name, Some(setting.value.to_string()), setting.origin)
    }

    fn maybe<T: Display>(name: &'static str, setting: Option<&Setting<T>>) -> Self {
        match setting {
            Some(setting) => Self::of(name, setting),
            None => Self::new(name, None, Origin::Default),
        }
    }

    fn path(name: &'static str, setting: Option<&Setting<PathBuf>>) -> Self {
        let shown = setting.map(|path| Setting {
            value: path.value.display(),
            origin: path.origin,
        });
        Self::maybe(name, shown.as_ref())
    }

    fn cells(&self) -> [String; 3] {
        let from = match self.name {
            Some(name) => format!("{} {name}", self.from),
            None => self.from.to_owned(),
        };
        let value = self.value.clone().unwrap_or_else(|| "-".to_owned());
        [self.setting.to_owned(), value, from]
    }
}
