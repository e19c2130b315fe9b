//! A server over raw sockets delays its replies, or never ends them.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// A whole reply of this status and this body, in which `{url}` is the server's address.
    Whole(u16, &'static str),
    /// Nothing at all.
    Silence,
    /// The head and the beginning of a body; then nothing.
    Stall(u16),
    /// The head, and then a byte of the body now and then, without end.
    Trickle(u16),
    /// The head, and then a body without end.
    Endless(u16),
}

/// The address of a server that answers each request by its first line. It ends with the runtime of the test.
pub(crate) async fn server(answer: fn(&str) -> Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answer));
        }
    });
    url
}

/// One request, whose body is not read, and the end of the connection. A client that goes away ends it, too.
async fn serve(mut stream: TcpStream, answer: fn(&str) -> Answer) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let answer = answer(head.lines().next().unwrap_or_default());
    match answer {
        Answer::Whole(status, body) => {
            let body = body.replace("{url}", &format!("http://{}", stream.local_addr()?));
            let reply = format!(
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(reply.as_bytes()).await
        }
        Answer::Silence => gone(&mut stream).await,
        Answer::Stall(status) => {
            begin(&mut stream, status).await?;
            stream.write_all(b"1\r\n{\r\n").await?;
            gone(&mut stream).await
        }
        Answer::Trickle(status) => {
            begin(&mut stream, status).await?;
            loop {
                stream.write_all(b"1\r\n \r\n").await?;
                sleep(Duration::from_millis(200)).await;
            }
        }
        Answer::Endless(status) => {
            begin(&mut stream, status).await?;
            let chunk = [&b"10000\r\n"[..], &[b' '; 0x10000], b"\r\n"].concat();
            loop {
                stream.write_all(&chunk).await?;
            }
        }
    }
}

async fn begin(stream: &mut TcpStream, status: u16) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await
}

/// Waits for the client to go away.
async fn gone(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}
