//! The URL of a database: where it is, and how connections to it are protected.

use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, Error};

use super::super::OpenError;
use super::tls::Tls;

/// The longest wait for a connection to one address, unless the URL has another.
const CONNECTING: Duration = Duration::from_secs(5);

/// A connection is lost when the other side has been silent for so long, although it was asked.
const SILENCE: Duration = Duration::from_secs(20);

/// The time after which an idle connection is probed, and the time between two probes.
const IDLE: Duration = Duration::from_secs(15);
const PROBING: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;

/// The place of a database.
#[derive(Clone)]
pub(super) struct Location {
    config: Config,
    tls: Tls,
}

/// Shows no password.
impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Location").field(&self.shown()).finish()
    }
}

impl Location {
    /// Reads a URL such as `postgres://user:password@host/name?sslmode=verify-full`.
    ///
    /// # Errors
    /// [`OpenError::Url`], which repeats nothing of the URL but the names of options.
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        let refused = |reason: &str| OpenError::Url(reason.to_owned());
        let rest = ["postgres://", "postgresql://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| refused("it does not begin with postgres://"))?;
        let authority = rest.rsplit_once('@').map_or("", |(before, _)| before);
        if authority.contains('@') {
            return Err(refused(
                "an @ in a user or a password must be written as %40",
            ));
        }
        let (url, own) = own_options(url)?;
        let mut config: Config = url.parse().map_err(|error: Error| {
            let cause = error.source().map(ToString::to_string);
            OpenError::Url(cause.unwrap_or_else(|| error.to_string()))
        })?;
        if config.get_hosts().is_empty() {
            return Err(refused("it names no host"));
        }
        let tls = own.tls(&config)?;
        config.ssl_mode(match tls.is_on() {
            true => SslMode::Require,
            false => SslMode::Disable,
        });
        bound(&mut config);
        Ok(Self { config, tls })
    }

    /// Connects, and drives the connection in a task of its own until it is dropped or lost.
    pub(super) async fn connect(&self) -> Result<Client, Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        // Whoever uses the connection hears of its end.
        tokio::spawn(async move { connection.await.ok() });
        Ok(client)
    }

    pub(super) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Returns the URL without its password and its options.
    pub(super) fn shown(&self) -> String {
        let user = self.config.get_user();
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(folder) => folder.display().to_string(),
        });
        let hosts: Vec<String> = hosts.collect();
        let name = self.config.get_dbname().unwrap_or_default();
        format!("postgres://{user}{}/{name}", hosts.join(","))
    }
}

/// Bounds all waits for the network that the URL leaves open.
fn bound(config: &mut Config) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECTING);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    config
        .keepalives_idle(IDLE)
        .keepalives_interval(PROBING)
        .keepalives_retries(PROBES);
    if config.get_application_name().is_none() {
        config.application_name("mock-atlas");
    }
    // Of several servers, the one that takes changes is meant.
    if config.get_hosts().len() > 1 && config.get_target_session_attrs() == TargetSessionAttrs::Any
    {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
}

/// The options of a URL that the library does not know, or understands in another way.
#[derive(Debug, Default)]
struct OwnOptions {
    sslmode: Option<String>,
    sslrootcert: Option<PathBuf>,
}

/// Takes these options out of a URL.
fn own_options(url: &str) -> Result<(String, OwnOptions), OpenError> {
    let Some((place, query)) = url.split_once('?') else {
        return Ok((url.to_owned(), OwnOptions::default()));
    };
    let (mut own, mut others) = (OwnOptions::default(), Vec::new());
    for option in query.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let decoded = || {
            let pairs = form_urlencoded::parse(option.as_bytes());
            pairs
                .map(|(_, value)| value.into_owned())
                .collect::<String>()
        };
        match name {
            "sslmode" => own.sslmode = Some(value.to_owned()),
            "sslrootcert" => own.sslrootcert = Some(decoded().into()),
            _ => others.push(option),
        }
    }
    Ok((format!("{place}?{}", others.join("&")), own))
}

impl OwnOptions {
    /// Returns the TLS that the options ask for. There is none without verification: whoever can stand in
    /// between can also speak TLS, or say that the server does not.
    fn tls(&self, config: &Config) -> Result<Tls, OpenError> {
        let roots = self.sslrootcert.as_deref();
        let on = || Tls::new(roots).map_err(OpenError::Url);
        match self.sslmode.as_deref() {
            Some("disable") => Ok(Tls::OFF),
            Some("require" | "verify-ca" | "verify-full") => on(),
            Some(_) => Err(OpenError::Url(
                "its sslmode must be verify-full, which require and verify-ca also stand for here, or \
                 disable where the network can be trusted"
                    .to_owned(),
            )),
            None if roots.is_none() && config.get_hosts().iter().all(is_local) => Ok(Tls::OFF),
            None => on(),
        }
    }
}

/// Returns whether the way to a host does not leave this machine.
fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            let is_loopback = name
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback());
            name == "localhost" || is_loopback
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        Location::parse(url).unwrap_err().to_string()
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        let url = "postgres://amy:can%40ary@127.0.0.1:5433/atlas?connect_timeout=3";
        let location = Location::parse(url).unwrap();
        assert_eq!(location.shown(), "postgres://amy@127.0.0.1/atlas");
        assert!(!format!("{location:?}").contains("ary"));
        assert_eq!(location.config.get_password(), Some(&b"can@ary"[..]));
        for wrong in [
            "postgres://amy:can@ary@localhost/atlas",
            "postgres://amy:canary@localhost/atlas?sslmode=prefer",
            "postgres://amy:canary@localhost/atlas?port=canary",
            "postgres://amy:canary@/atlas",
            "amy:canary@localhost",
        ] {
            let reason = refused(wrong);
            assert!(
                !reason.contains("can") || !reason.contains("ary"),
                "{reason}"
            );
        }
    }

    #[test]
    fn the_way_out_of_the_machine_is_encrypted_unless_the_url_says_otherwise() {
        for (url, is_on) in [
            ("postgres://localhost/atlas", false),
            ("postgres://[::1]/atlas", false),
            ("postgres://%2Ftmp/atlas", false),
            ("postgres://db.example.com/atlas?sslmode=disable", false),
            ("postgres://localhost/atlas?sslmode=require", true),
            ("postgres://db.example.com/atlas", true),
            ("postgres://localhost,db.example.com/atlas", true),
        ] {
            let (url_of_rest, own) = own_options(url).unwrap();
            let config: Config = url_of_rest.parse().unwrap();
            // Without certificates of the system, TLS cannot be set up, and is not left out either.
            let is_plain = own.tls(&config).is_ok_and(|tls| !tls.is_on());
            assert_eq!(!is_plain, is_on, "{url}");
        }
        for weak in ["allow", "prefer", "none", ""] {
            let reason = refused(&format!("postgres://localhost/atlas?sslmode={weak}"));
            assert!(reason.contains("verify-full"), "{reason}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let reason = refused("postgres://localhost/atlas?sslrootcert=%2Fno%2Fsuch");
        assert!(reason.contains("/no/such"), "{reason}");
    }
}
