use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use airloom::archive::Client;
use airloom::archive::object_store::aws::AmazonS3Builder;
use airloom::archive::object_store::{ObjectStore, RetryConfig};

use crate::port;

const PROGRAM: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../e2e/s3/node_modules/s3rver/bin/s3rver.js");
const BUCKET: &str = "streams";

/// A running S3 server whose bucket is a directory. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Server {
    process: Child,
    pub(super) port: u16,
}

impl Server {
    /// On a port that is free, or was this server's before.
    pub(super) async fn start(directory: &Path, port: Option<u16>) -> Self {
        Self::with(directory, port, &[]).await
    }

    /// With these flags besides.
    pub(super) async fn with(directory: &Path, port: Option<u16>, flags: &[&str]) -> Self {
        let port = port.unwrap_or_else(port::free);
        let process = Command::new("node")
            .arg(PROGRAM)
            .args(["--silent", "--address", "127.0.0.1", "--port", &port.to_string()])
            .args(["--configure-bucket", BUCKET, "--directory"])
            .arg(directory)
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("node: `cargo xtask install` brings it");
        let server = Self { process, port };
        let deadline = Instant::now() + Duration::from_mins(2);
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < deadline, "s3rver does not listen; `cargo xtask install`?");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The bucket, by way of a port.
pub(super) fn bucket(port: u16) -> Arc<dyn ObjectStore> {
    bucket_at(format!("http://127.0.0.1:{port}"), Client::default())
}

pub(super) fn bucket_at(endpoint: String, client: Client) -> Arc<dyn ObjectStore> {
    let store = AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_bucket_name(BUCKET)
        .with_region("us-east-1")
        .with_access_key_id("S3RVER")
        .with_secret_access_key("S3RVER")
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .with_http_connector(client)
        .build();
    Arc::new(store.unwrap())
}
