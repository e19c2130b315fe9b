//! Helpers that start servers and clients, and run the program.

pub(crate) mod emulator;
pub(crate) mod hanging_server;
pub(crate) mod program;
pub(crate) mod sample_report;
pub(crate) mod uploader;

use atlas_contract_tests::{
    report::{ClauseReport, Status},
    run::{Options, Run, target::Target},
    self_test::proxy::{Interceptor, Proxy},
};

/// Starts a proxy in front of an emulator.
pub(crate) async fn proxy(wrong: impl Interceptor) -> Proxy {
    Proxy::start(wrong).await.unwrap()
}

/// Runs the clauses that the filters choose, and returns their reports.
pub(crate) async fn reports(proxy: &Proxy, filters: &[&str], strict: bool) -> Vec<ClauseReport> {
    let filters = filters.iter().map(|it| (*it).to_owned()).collect();
    let target = Target::new(proxy.settings()).unwrap();
    let options = Options {
        filters,
        strict,
        ..Options::default()
    };
    let run = Run::start(target, options).await.unwrap();
    let mut reports = run.judge_all(|_| {}).await;
    reports.retain(|it| it.status != Status::Skip);
    reports
}
