//! An archive in a real S3 server (`s3rver`, which `cargo xtask install` brings), with everything
//! between the two that goes wrong with networks, and the server killed and started again.

mod s3 {
    #[path = "../origin/camera.rs"]
    mod camera;
    #[path = "../archive/judge.rs"]
    mod judge;
    #[path = "../archive/shelf.rs"]
    #[allow(dead_code, reason = "it has no moods here: the network has")]
    mod shelf;

    #[path = "../port/mod.rs"]
    mod port;
    mod proxy;
    mod server;
    mod through;
}
