//! A server over raw sockets that delays its replies, or never ends them.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// The reaction of the server to a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// A complete reply with this status and this body, in which `{url}` stands for the server's address.
    Whole(u16, &'static str),
    /// No reply.
    Silence,
    /// The head and the beginning of a body, and then nothing more.
    Stall(u16),
    /// The head, and then a body that slowly continues without end.
    Trickle(u16),
    /// The head, and then a body that quickly continues without end.
    Endless(u16),
}

/// Starts a server that chooses its answer by the first line of a request, and returns its address. The server ends
/// with the runtime of the test.
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

/// Answers one request, whose body is not read, and closes the connection.
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
        Answer::Silence => wait_for_close(&mut stream).await,
        Answer::Stall(status) => {
            begin(&mut stream, status).await?;
            stream.write_all(b"1\r\n{\r\n").await?;
            wait_for_close(&mut stream).await
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

/// Waits until the client closes the connection.
async fn wait_for_close(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}
