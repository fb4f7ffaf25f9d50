//! Clients that come back: pushes and pulls over a network that exists in the test only, on tokio's
//! virtual time; and one late player over a real socket.

mod rtmp {
    mod network;
    mod tags;

    mod late_join;
    mod pull;
    mod push;
}
