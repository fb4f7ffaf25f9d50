//! HTTP callbacks, asked of real receivers on loopback.

mod callbacks {
    #[path = "../port/mod.rs"]
    mod port;
    mod receiver;

    mod failures;
    mod nginx;
    mod srs;
}
