//! Assembly of a server: store, listeners, TLS, services, health, reload and shutdown.
//!
//! [`run`] starts everything that a configuration describes; [`serve`] serves an engine over listeners that already
//! exist; [`local_server`] serves on a loopback port for a command that needs a server of its own.

mod accept;
pub mod access_setup;
mod certificate;
mod connection;
mod descriptors;
mod disk_alarm;
mod dispatch;
mod expected;
pub mod figures;
mod limits_of;
pub mod local_server;
mod observed_store;
mod operations_listener;
mod plaintext;
mod readiness;
mod reload;
pub mod run;
pub mod serve;
mod serve_connection;
mod service_manager;
mod services;
pub mod signals;
pub mod store_location;
pub mod store_location_error;
pub mod tls;
mod write_buffer;
pub mod year_move;
