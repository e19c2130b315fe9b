//! Small plots over time: requests, errors, durations and bytes, as the journal has them.

use std::time::{Duration, SystemTime};

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use tokio::task::spawn_blocking;

use crate::domain::timestamp;
use crate::http::state::AppState;
use crate::http::web::page::{Frame, PageError, render};
use crate::http::web::shown::size;
use crate::http::web::visitor::RootVisitor;
use crate::observe::Request;

/// The number of points of a plot.
const POINTS: usize = 60;

/// The width and the height of a plot.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 80.0;

#[derive(Template)]
#[template(path = "control/metrics.html")]
struct MetricsPage {
    frame: Frame,
    since: String,
    until: String,
    plots: Vec<Plot>,
    requests: usize,
}

struct Plot {
    title: &'static str,
    highest: String,
    /// The points of the line, as SVG takes them.
    points: String,
}

/// A part of the time, with the requests in it.
#[derive(Clone, Debug, Default)]
struct Slot {
    requests: u64,
    errors: u64,
    received: u64,
    longest: Duration,
}

/// Handles `GET /_mock/control/metrics`.
pub(crate) async fn show(
    State(state): State<AppState>,
    RootVisitor(visitor): RootVisitor,
) -> Result<Response, PageError> {
    let frame = Frame::new("Metrics", &visitor);
    let now = state.clock().now();
    let page = spawn_blocking(move || {
        let requests = state.observer().journal().page().requests;
        page(frame, &requests, now)
    });
    Ok(render(&page.await.map_err(visitor.failed())?))
}

fn page(frame: Frame, requests: &[Request], now: SystemTime) -> MetricsPage {
    let since = requests.first().map_or(now, |first| first.time);
    let slots = slots(requests, since, now);
    let plot = |title, value: fn(&Slot) -> u64, text: fn(u64) -> String| {
        let values: Vec<u64> = slots.iter().map(value).collect();
        let highest = values.iter().copied().max().unwrap_or(0);
        Plot {
            title,
            highest: text(highest),
            points: points(&values, highest),
        }
    };
    MetricsPage {
        frame,
        since: timestamp(since),
        until: timestamp(now),
        requests: requests.len(),
        plots: vec![
            plot("Requests", |slot| slot.requests, |most| most.to_string()),
            plot(
                "Errors (4xx, 5xx, broken off)",
                |slot| slot.errors,
                |most| most.to_string(),
            ),
            plot(
                "Longest request",
                |slot| slot.longest.as_millis() as u64,
                |most| format!("{most} ms"),
            ),
            plot("Received", |slot| slot.received, size),
        ],
    }
}

/// Shares the requests out among the parts of the time.
fn slots(requests: &[Request], since: SystemTime, until: SystemTime) -> Vec<Slot> {
    let whole = until
        .duration_since(since)
        .unwrap_or_default()
        .as_secs_f64();
    let mut slots = vec![Slot::default(); POINTS];
    for request in requests {
        let after = request
            .time
            .duration_since(since)
            .unwrap_or_default()
            .as_secs_f64();
        let share = if whole > 0.0 { after / whole } else { 0.0 };
        let at = ((share * POINTS as f64) as usize).min(POINTS - 1);
        let slot = &mut slots[at];
        slot.requests += 1;
        slot.errors += u64::from(request.status.is_none_or(|status| status >= 400));
        slot.received += request.received;
        slot.longest = slot.longest.max(request.duration);
    }
    slots
}

/// Returns the points of a line that fills the plot.
fn points(values: &[u64], highest: u64) -> String {
    let step = WIDTH / (values.len().max(2) - 1) as f64;
    let heights = values
        .iter()
        .map(|value| *value as f64 / highest.max(1) as f64);
    let points = heights.enumerate().map(|(at, height)| {
        format!(
            "{:.1},{:.1}",
            at as f64 * step,
            HEIGHT - height * (HEIGHT - 4.0) - 2.0
        )
    });
    points.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_in_the_part_of_the_time_in_which_it_began() {
        let begin = SystemTime::UNIX_EPOCH;
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut last = Request::example(2, "GET", "/");
        (last.time, last.status) = (at(60), None);
        let slots = slots(&[Request::example(1, "GET", "/"), last], begin, at(60));
        assert_eq!((slots[0].requests, slots[0].errors), (1, 0));
        assert_eq!((slots[59].requests, slots[59].errors), (1, 1));
        assert_eq!(slots.iter().map(|slot| slot.requests).sum::<u64>(), 2);
    }

    #[test]
    fn a_line_ends_at_the_highest_point() {
        assert_eq!(points(&[0, 2], 2), "0.0,78.0 600.0,2.0");
        assert_eq!(points(&[0], 0), "0.0,78.0");
    }
}
