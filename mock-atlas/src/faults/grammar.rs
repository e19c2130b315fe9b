//! The text form of faults, `ROUTE:EFFECT[=VALUE][,SETTING=VALUE…]`: its parser and its formatter.

use std::fmt::{self, Display};
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use super::fault::{Effect, EndpointName, ErrorReply, Fault, Schedule};
use crate::endpoint::Api;

const ANY_ROUTE: &str = "*";

const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "PUT"];

const EFFECTS: &str = "latency=TIME, status=CODE, malformed, reset, no-reply, delay-reply=TIME, \
                       cut-after=BYTES, discard=CODE, expire or expire=TIME";

impl Fault {
    /// The effects that a fault may have, as an error lists them.
    pub(crate) const EFFECTS: &str = EFFECTS;
}

/// An error that names the text of a fault and the mistake in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the fault {fault:?}: {reason}")]
pub struct FaultError {
    fault: String,
    reason: String,
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        parse(text).map_err(|reason| FaultError {
            fault: text.to_owned(),
            reason,
        })
    }
}

impl TryFrom<String> for Fault {
    type Error = FaultError;

    fn try_from(text: String) -> Result<Self, FaultError> {
        text.parse()
    }
}

fn parse(text: &str) -> Result<Fault, String> {
    let (route, rest) = text
        .split_once(':')
        .ok_or("a fault must be like upload:reset or search:status=503,times=1")?;
    let mut parts = rest.split(',');
    let effect = parts.next().unwrap_or_default();
    let mut settings = Settings::new(parts)?;
    let fault = Fault {
        endpoint: parse_route(route)?,
        effect: parse_effect(effect, &mut settings)?,
        method: parse_method(settings.take("method"))?,
        schedule: parse_schedule(&mut settings)?,
    };
    settings.end(effect)?;
    let is_possible = |endpoint: Api| {
        let is_meant = fault.endpoint.is_none_or(|name| name.covers(endpoint));
        is_meant && fault.effect.is_possible_at(endpoint)
    };
    if Api::all().any(is_possible) {
        Ok(fault)
    } else {
        Err(format!("{effect:?} cannot happen on the route {route:?}"))
    }
}

fn parse_route(text: &str) -> Result<Option<EndpointName>, String> {
    if text == ANY_ROUTE {
        return Ok(None);
    }
    let mut names: Vec<&str> = Vec::new();
    for name in Api::all().map(Api::name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let known = names.iter().find(|name| **name == text);
    known.map(|name| Some(EndpointName(name))).ok_or_else(|| {
        let names = names.join(", ");
        format!("unknown route {text:?}: the routes are {names}, and * for any")
    })
}

fn parse_effect(text: &str, settings: &mut Settings<'_>) -> Result<Effect, String> {
    let (word, value) = match text.split_once('=') {
        Some((word, value)) => (word, Some(value)),
        None => (text, None),
    };
    match (word, value) {
        ("latency", Some(value)) => Ok(Effect::Latency(parse_time(word, value)?)),
        ("status", Some(value)) => Ok(Effect::Status(parse_error_reply(word, value, settings)?)),
        ("malformed", None) => Ok(Effect::Malformed),
        ("reset", None) => Ok(Effect::Reset),
        ("no-reply", None) => Ok(Effect::NoReply),
        ("delay-reply", Some(value)) => Ok(Effect::DelayReply(parse_time(word, value)?)),
        ("cut-after", Some(value)) => Ok(Effect::CutAfter(parse_number(word, value)?)),
        ("discard", Some(value)) => Ok(Effect::Discard(parse_error_reply(word, value, settings)?)),
        ("expire", None) => Ok(Effect::Expire(Duration::ZERO)),
        ("expire", Some(value)) => Ok(Effect::Expire(parse_time(word, value)?)),
        _ => Err(format!(
            "unknown effect {text:?}: the effects are {EFFECTS}"
        )),
    }
}

fn parse_error_reply(
    word: &str,
    value: &str,
    settings: &mut Settings<'_>,
) -> Result<ErrorReply, String> {
    let status: u16 = parse_number(word, value)?;
    if !(400..=599).contains(&status) {
        return Err(format!("{word} must be from 400 to 599, not {status}"));
    }
    let retry_after = settings.take("retry-after");
    Ok(ErrorReply {
        status,
        retry_after: retry_after
            .map(|seconds| parse_number("retry-after", seconds))
            .transpose()?,
    })
}

fn parse_method(text: Option<&str>) -> Result<Option<String>, String> {
    match text {
        Some(method) if !METHODS.contains(&method) => Err(format!(
            "unknown method {method:?}: the methods are {}",
            METHODS.join(", ")
        )),
        other => Ok(other.map(str::to_owned)),
    }
}

fn parse_schedule(settings: &mut Settings<'_>) -> Result<Schedule, String> {
    let mut number = |key| {
        let value = settings.take(key);
        value
            .map(|value| parse_number::<u64>(key, value))
            .transpose()
    };
    let at_least_1 = |key: &str, number: u64| {
        NonZeroU64::new(number).ok_or_else(|| format!("{key} must be at least 1"))
    };
    let after = number("after")?.unwrap_or(0);
    let every = at_least_1("every", number("every")?.unwrap_or(1))?;
    let times = number("times")?
        .map(|number| at_least_1("times", number))
        .transpose()?;
    let probability = match settings.take("probability") {
        Some(text) => parse_probability(text)?,
        None => 1.0,
    };
    Ok(Schedule {
        after,
        every,
        times,
        probability,
    })
}

fn parse_probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    number
        .filter(|number| *number > 0.0 && *number <= 1.0)
        .ok_or_else(|| format!("probability must be above 0 and at most 1, not {text:?}"))
}

fn parse_time(word: &str, text: &str) -> Result<Duration, String> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = text.strip_suffix(unit).and_then(|text| text.parse().ok());
    match (number, unit) {
        (Some(number), "ms") => Some(Duration::from_millis(number)),
        (Some(number), "s") => Some(Duration::from_secs(number)),
        (Some(number), "m") => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
    .ok_or_else(|| format!("{word} must be a time like 200ms, 5s or 2m, not {text:?}"))
}

fn parse_number<T: FromStr>(word: &str, text: &str) -> Result<T, String> {
    let number = text.parse();
    number.map_err(|_| format!("{word} must be a whole number that is not too large, not {text:?}"))
}

/// The settings that follow the effect.
struct Settings<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Settings<'a> {
    fn new(parts: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut all: Vec<(&str, &str)> = Vec::new();
        for part in parts {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| format!("the setting {part:?} must be like times=1"))?;
            if all.iter().any(|(known, _)| *known == key) {
                return Err(format!("{key:?} is set twice"));
            }
            all.push((key, value));
        }
        Ok(Self(all))
    }

    fn take(&mut self, key: &str) -> Option<&'a str> {
        let at = self.0.iter().position(|(known, _)| *known == key)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Fails for a setting that no part of the fault has taken.
    fn end(self, effect: &str) -> Result<(), String> {
        match self.0.first() {
            None => Ok(()),
            Some((key, _)) => Err(format!(
                "{effect:?} does not take the setting {key:?}: the settings are method, after, every, times, \
                 probability, and for status and discard retry-after"
            )),
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EndpointName(route) = self.endpoint.unwrap_or(EndpointName(ANY_ROUTE));
        write!(f, "{route}:{}", self.effect)?;
        if let Some(method) = &self.method {
            write!(f, ",method={method}")?;
        }
        write!(f, "{}", self.schedule)
    }
}

impl Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency(time) => write!(f, "latency={}", Time(*time)),
            Self::Status(reply) => write!(f, "status={reply}"),
            Self::Malformed => f.write_str("malformed"),
            Self::Reset => f.write_str("reset"),
            Self::NoReply => f.write_str("no-reply"),
            Self::DelayReply(time) => write!(f, "delay-reply={}", Time(*time)),
            Self::CutAfter(bytes) => write!(f, "cut-after={bytes}"),
            Self::Discard(reply) => write!(f, "discard={reply}"),
            Self::Expire(Duration::ZERO) => f.write_str("expire"),
            Self::Expire(time) => write!(f, "expire={}", Time(*time)),
        }
    }
}

impl Display for ErrorReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        match self.retry_after {
            Some(seconds) => write!(f, ",retry-after={seconds}"),
            None => Ok(()),
        }
    }
}

impl Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.after > 0 {
            write!(f, ",after={}", self.after)?;
        }
        if self.every.get() > 1 {
            write!(f, ",every={}", self.every)?;
        }
        if let Some(times) = self.times {
            write!(f, ",times={times}")?;
        }
        if self.probability < 1.0 {
            write!(f, ",probability={}", self.probability)?;
        }
        Ok(())
    }
}

/// A duration with its unit, as in the text of a fault.
struct Time(Duration);

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_millis() {
            0 => write!(f, "{}s", self.0.as_secs()),
            _ => write!(f, "{}ms", self.0.as_millis()),
        }
    }
}
