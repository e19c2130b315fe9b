//! A bare axum that gives one reply to whatever is asked, on one thread, in a process of its own: what
//! of a request is not the emulator's.

use std::net::Ipv4Addr;

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::Result;

/// Makes this program such a server. The reply is what follows.
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
