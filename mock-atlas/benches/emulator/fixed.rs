//! Runs a bare axum that gives one fixed reply to every request, on one thread and in a process of its own. It
//! shows the part of a request's time that is not the emulator's.

use std::net::Ipv4Addr;

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::Result;

/// The flag that makes this program such a server. The next argument is the reply.
pub(crate) const FLAG: &str = "--fixed-reply";

pub(crate) fn serve(reply: &str) -> Result<()> {
    let reply = Bytes::copy_from_slice(reply.as_bytes());
    let answer = async move || ([(header::CONTENT_TYPE, "application/json")], reply);
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let address = format!("http://{}", listener.local_addr()?);
            println!("{}", json!({ "address": address }));
            Ok(axum::serve(listener, Router::new().fallback(answer)).await?)
        })
}
