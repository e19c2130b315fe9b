//! A bucket that is wrong, damaged or silent.

use std::fs::File;

use atlas_common::servers::s3::BUCKET;
use reqwest::Method;

use super::{Home, TOKEN, first_file};
use crate::real_clients::link::{Link, Target};

#[tokio::test]
async fn a_wrong_bucket_or_key_is_named_at_the_start() {
    let home = Home::new();
    let start = ["--listen", "127.0.0.1:0", "--token", TOKEN];
    for (variable, value, reason) in [
        ("MOCK_ATLAS_BLOBS", "s3://missing/files", "NoSuchBucket"),
        (
            "AWS_SECRET_ACCESS_KEY",
            "another-key",
            "SignatureDoesNotMatch",
        ),
        ("AWS_ACCESS_KEY_ID", "nobody", "NotSignedUp"),
    ] {
        let mut command = home.command(home.store.address(), &start);
        let output = command.env(variable, value).output().await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        let bucket = match variable {
            "MOCK_ATLAS_BLOBS" => value,
            _ => &format!("s3://{BUCKET}/files"),
        };
        let place = format!("the bucket {bucket} at http://{}", home.store.address());
        for told in [reason, &place] {
            assert!(stderr.contains(told), "{variable}: {stderr}");
        }
        assert!(!stderr.contains("another-key"), "{stderr}");
    }
}

#[tokio::test]
async fn an_object_that_is_shorter_or_gone_is_an_error_and_never_a_file() {
    let home = Home::new();
    let server = home.start(&[]).await;
    server.push("0123456789").await;
    let object = home.object();
    File::options()
        .write(true)
        .open(&object)
        .unwrap()
        .set_len(9)
        .unwrap();
    for problem in ["9 bytes in place of 10", "not there"] {
        for range in [None, Some("bytes=2-5"), Some("bytes=0-9")] {
            let mut get = server.request(Method::GET, &first_file());
            if let Some(range) = range {
                get = get.header("Range", range);
            }
            let reply = get.send().await.unwrap();
            assert_eq!(reply.status(), 500, "{range:?}");
            let told = reply.text().await.unwrap();
            assert!(told.contains(problem), "{told}");
        }
        let _ = std::fs::remove_file(&object);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_bucket_is_503_after_a_while_and_heals() {
    let home = Home::new();
    let link = Link::to(Target::Tcp(home.store.address())).await;
    let server = home.start_over(link.address, &[]).await;
    server.push("0123456789").await;
    let to = server.new_upload().await;
    link.cut();
    let file = first_file();
    let download = server.get(&file);
    let upload = server.http.put(&to).body("a file").send();
    let (download, upload) = tokio::join!(download, upload);
    for reply in [download, upload.unwrap()] {
        assert_eq!(reply.status(), 503);
        assert!(reply.headers().contains_key("retry-after"));
        let told = reply.text().await.unwrap();
        assert!(told.contains("no answer within 30 seconds"), "{told}");
    }
    link.mend();
    let reply = server.get(&file).await;
    assert_eq!(reply.text().await.unwrap(), "0123456789");
    let upload = server.http.put(to).body("a file").send().await;
    assert_eq!(upload.unwrap().status(), 200);
}
