//! `onestop health`: whether a server accepts calls, for probes of containers.

use serde_json::json;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Method, Request, Uri};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::cli::error::client::ClientError;
use crate::cli::exit::{CommandError, CommandResult};
use crate::say;

use super::address::ServerOptions;
use super::traced_channel::TracedChannel;

/// The longest reason that is read.
const MAX_REASON_BYTES: usize = 4 << 10;

/// Which health is asked for.
#[derive(clap::Args, Debug)]
pub(crate) struct HealthOptions {
    /// A service, such as onestop.settlement.v1.SettlementService [default: the server as a whole]
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    service: String,
}

/// Asks a server, or its listener for health and metrics, whether it serves.
///
/// # Errors
/// If it does not serve, or cannot be reached.
pub(super) async fn run(server: &ServerOptions, options: HealthOptions, json: bool) -> CommandResult {
    let mut channel = server.tls.connect(&server.server).await?;
    let request = HealthCheckRequest { service: options.service };
    let checked = HealthClient::new(channel.clone()).check(request).await.map_err(ClientError::from)?;
    let status = checked.into_inner().status();
    let is_serving = status == ServingStatus::Serving;
    let reason = if is_serving { None } else { reason(&mut channel).await };
    let word = status.as_str_name();
    match (json, &reason) {
        (true, reason) => say!("{}", json!({ "status": word, "reason": reason })),
        (false, Some(reason)) => say!("{word}: {reason}"),
        (false, None) => say!("{word}"),
    }
    if is_serving { Ok(()) } else { Err(CommandError::NotServing) }
}

/// Why the server is not ready, if this is its listener for health and metrics.
async fn reason(channel: &mut TracedChannel) -> Option<String> {
    let request = Request::builder().method(Method::GET).uri(Uri::from_static("/health/ready"));
    let request = request.body(Body::empty()).ok()?;
    std::future::poll_fn(|context| channel.poll_ready(context)).await.ok()?;
    let mut body = channel.call(request).await.ok()?.into_body();
    let mut text = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|context| http_body::Body::poll_frame(std::pin::Pin::new(&mut body), context)).await
    {
        text.extend_from_slice(frame.ok()?.data_ref().map_or(&[][..], |data| &data[..]));
        if text.len() > MAX_REASON_BYTES {
            return None;
        }
    }
    let text = String::from_utf8(text).ok()?;
    Some(text.trim().strip_prefix("not ready: ")?.to_owned())
}
