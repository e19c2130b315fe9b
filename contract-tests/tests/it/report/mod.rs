//! The tests write a report in each format, and compare two reports.

mod diff;
mod formats;
