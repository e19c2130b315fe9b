//! An upload that a kill ends leaves nothing in the bucket.

use rustix::process::Signal;

use super::{Home, first_file};
use crate::real_clients::link::{Link, Target};
use crate::real_clients::until;

/// The size of the parts in which large files are sent, of which two are sent at a time.
const PART: u64 = 8 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_amid_an_upload_in_parts_leaves_nothing_in_the_bucket() {
    let home = Home::new();
    // Each connection takes one part, so that the upload stalls in the next ones.
    let store = Target::Tcp(home.store.address());
    let link = Link::stalling(store, PART + PART / 2).await;
    let server = home.start_over(link.address, &[]).await;
    let before = home.stored(|_| true);
    let to = server.new_upload().await;
    let upload = server.http.put(to).body(vec![7; 5 * PART as usize]).send();
    let upload = tokio::spawn(upload);
    let is_part = |name: &str| name.starts_with(".upload_id-");
    until("no two parts come", async || {
        home.stored(is_part).len() >= 2
    })
    .await;
    server.program.stop(Signal::KILL).await;
    drop(link);
    assert!(upload.await.unwrap().is_err());

    let server = home.start(&[]).await;
    assert_eq!(server.get(&first_file()).await.status(), 404);
    assert_eq!(server.program.stop(Signal::TERM).await, Some(0));
    assert!(home.stored(is_part).len() >= 2);
    // A quarter of an hour later:
    let database = home.data().join("atlas.sqlite3");
    let database = rusqlite::Connection::open(database).unwrap();
    database.execute_batch("UPDATE file SET seen = 0").unwrap();
    drop(database);
    let (code, stderr) = home.run(&["gc", "--grace", "0"]).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(home.stored(|_| true), before);
}
