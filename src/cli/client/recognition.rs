//! Recognises an admin API of Sluice before anything is sent to it that is meant for one: a token, or a change. The
//! question goes over the connection that the token will go over, without credentials.

use std::time::Duration;

use bytes::Bytes;
use control::api::{SERVICE, VERSION};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use serde_json::Value;
use tokio::time::timeout;

use super::address::Server;
use super::error::ClientError;
use crate::cli::render::json;

/// Longest body of the answer, in bytes. An application's page is not read to its end.
const MAX_BODY_BYTES: usize = 4 * 1024;

/// Asks what answers at `server`, waiting for `patience` in all. Afterwards the connection is good for the request
/// itself.
///
/// # Errors
/// Something else answers, or nothing. Of the request itself nothing was sent.
pub(super) async fn recognise(
    sender: &mut SendRequest<Full<Bytes>>,
    question: Request<Full<Bytes>>,
    server: &Server,
    patience: Duration,
) -> Result<(), ClientError> {
    let asked = timeout(patience, ask(sender, question, server)).await;
    asked.map_err(|_| ClientError::Silent {
        server: server.to_string(),
        seconds: patience.as_secs(),
    })?
}

async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    question: Request<Full<Bytes>>,
    server: &Server,
) -> Result<(), ClientError> {
    let broken = |reason| ClientError::Speechless {
        server: server.to_string(),
        reason,
    };
    let response = sender.send_request(question).await.map_err(broken)?;
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    let stranger = || ClientError::Stranger {
        server: server.to_string(),
        status,
    };
    if status != 200 {
        return Err(stranger());
    }
    let body = whole(body).await.map_err(broken)?.ok_or_else(stranger)?;
    let identity: Value = serde_json::from_slice(&body).map_err(|_| stranger())?;
    if json::text(&identity, "service") != Some(SERVICE) {
        return Err(stranger());
    }
    match json::text(&identity, "api") {
        Some(VERSION) => {}
        Some(version) => {
            return Err(ClientError::OtherVersion {
                server: server.to_string(),
                version: version.chars().take(16).collect(),
            });
        }
        None => return Err(stranger()),
    }
    // Over another connection the token could get to something else.
    sender.ready().await.map_err(|_| ClientError::NotKept {
        server: server.to_string(),
    })
}

/// The body; none where it is too long.
async fn whole(mut body: Incoming) -> Result<Option<Vec<u8>>, hyper::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame?.into_data() else { continue };
        if bytes.len().saturating_add(piece.len()) > MAX_BODY_BYTES {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Some(bytes))
}
