//! A real S3 server in this process, on a port of its own, over a folder.

use std::path::Path;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

pub(crate) const BUCKET: &str = "images";

/// Starts the server; returns the variables that lead to it.
pub(crate) async fn serve(folder: &Path) -> Vec<(String, String)> {
    std::fs::create_dir(folder.join(BUCKET)).unwrap();
    let mut builder = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
    builder.set_auth(SimpleAuth::from_single("test", "secret"));
    let service = builder.build();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                // a client that goes away is no failure of the server
                let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        pair("AWS_ENDPOINT_URL", &format!("http://{address}")),
        pair("AWS_ACCESS_KEY_ID", "test"),
        pair("AWS_SECRET_ACCESS_KEY", "secret"),
        pair("AWS_REGION", "us-east-1"),
    ]
}
