//! Server assembly: configuration, listeners, TLS, services, readiness, reload and shutdown.

pub mod accept;
pub mod access_setup;
pub mod configured_access;
pub mod connection;
pub mod local_server;
pub mod readiness;
pub mod serve;
pub mod services;
pub mod store_location;
pub mod tls;
