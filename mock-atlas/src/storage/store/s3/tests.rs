//! Tests of a bucket of moto, and of a server that never answers.

use std::net::TcpListener;

use reqwest::Client;
use tokio::time::Instant;

use super::*;
use crate::storage::conformance::moto;

#[tokio::test]
async fn a_signed_url_is_the_object_for_whoever_has_it() {
    let s3 = moto::bucket("files").await;
    let key = FileKey::random();
    let bytes = Bytes::from_static(b"0123456789");
    s3.put(key.as_str(), bytes.clone()).await.unwrap();
    let url = s3.object(&key).signed_url().await.unwrap();
    let http = Client::builder().no_proxy().build().unwrap();
    let whole = http.get(&url).send().await.unwrap();
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    let part = http.get(&url).header("Range", "bytes=2-4").send().await;
    assert_eq!(part.unwrap().text().await.unwrap(), "234");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let bucket = Bucket {
        name: "not-there".to_owned(),
        prefix: String::new(),
    };
    let error = S3::connect(&bucket, moto::settings()).await.unwrap_err();
    let told = error.to_string();
    assert!(
        told.starts_with("the bucket s3://not-there at http://"),
        "{told}"
    );
    assert!(told.contains("NoSuchBucket"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_waited_for_only_so_long() {
    // The system takes connections for it, and nobody reads them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let bucket = Bucket {
        name: "images".to_owned(),
        prefix: String::new(),
    };
    let begun = Instant::now();
    let settings = moto::credentials().with_endpoint(endpoint);
    let error = S3::connect(&bucket, settings).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    // This is the time of the paused clock.
    assert!(begun.elapsed() <= PATIENCE + CONNECT);
}
