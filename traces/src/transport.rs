//! The connection to a collector: OTLP as protobuf over HTTP, or over gRPC. It reads no environment variable: neither
//! `OTEL_*` nor those of proxies.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use redact::error_chain;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use tonic::Request;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::destination::{Destination, Protocol};
use crate::export_failure::ExportFailure;

/// The name in requests to the collector.
const USER_AGENT: &str = concat!("sluice/", env!("CARGO_PKG_VERSION"));
/// Maximum length of a response that is read, in bytes.
const MAX_RESPONSE: usize = 64 * 1024;
/// Time that an idle connection is kept.
const IDLE: Duration = Duration::from_secs(60);

/// A connection that is opened on first use, and again after a failure.
#[derive(Debug)]
pub(crate) enum Transport {
    Http {
        client: reqwest::Client,
        traces: String,
        logs: String,
    },
    Grpc {
        traces: TraceServiceClient<Channel>,
        logs: LogsServiceClient<Channel>,
        metadata: MetadataMap,
    },
}

impl Transport {
    /// Creates the client. Must be called within a runtime.
    pub(crate) fn new(destination: &Destination) -> Result<Self, ExportFailure> {
        // An error only means that a provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match destination.protocol {
            Protocol::Http => Self::http(destination),
            Protocol::Grpc => Self::grpc(destination),
        }
    }

    /// Sends spans. Returns the number of those that the collector rejected.
    pub(crate) async fn send_spans(
        &mut self,
        message: ExportTraceServiceRequest,
    ) -> Result<usize, ExportFailure> {
        let response = match self {
            Self::Http { client, traces, .. } => {
                let body = post(client, traces, message.encode_to_vec()).await?;
                ExportTraceServiceResponse::decode(&*body).unwrap_or_default()
            }
            Self::Grpc { traces, metadata, .. } => {
                traces.export(request(message, metadata)).await?.into_inner()
            }
        };
        let rejected = response
            .partial_success
            .map_or(0, |partial| partial.rejected_spans);
        Ok(usize::try_from(rejected).unwrap_or(0))
    }

    /// Sends log records. Returns the number of those that the collector rejected.
    pub(crate) async fn send_logs(
        &mut self,
        message: ExportLogsServiceRequest,
    ) -> Result<usize, ExportFailure> {
        let response = match self {
            Self::Http { client, logs, .. } => {
                let body = post(client, logs, message.encode_to_vec()).await?;
                ExportLogsServiceResponse::decode(&*body).unwrap_or_default()
            }
            Self::Grpc { logs, metadata, .. } => logs.export(request(message, metadata)).await?.into_inner(),
        };
        let rejected = response
            .partial_success
            .map_or(0, |partial| partial.rejected_log_records);
        Ok(usize::try_from(rejected).unwrap_or(0))
    }

    fn http(destination: &Destination) -> Result<Self, ExportFailure> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        for (name, value) in &destination.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(invalid)?;
            let mut value = HeaderValue::from_str(value).map_err(invalid)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE);
        let is_encrypted = destination.url.starts_with("https://");
        // The system's certificates are loaded for https only: a machine may have none.
        let roots = match (&destination.roots, is_encrypted) {
            (Some(roots), _) => Some(&roots[..]),
            (None, true) => None,
            (None, false) => Some(&[][..]),
        };
        let builder = match roots {
            Some(roots) => {
                let roots = roots.iter().map(|root| reqwest::Certificate::from_der(root));
                builder.tls_certs_only(roots.collect::<Result<Vec<_>, _>>()?)
            }
            None => builder,
        };
        Ok(Self::Http {
            client: builder.build()?,
            traces: format!("{}/v1/traces", destination.url),
            logs: format!("{}/v1/logs", destination.url),
        })
    }

    fn grpc(destination: &Destination) -> Result<Self, ExportFailure> {
        let endpoint = Endpoint::from_shared(destination.url.to_string()).map_err(invalid)?;
        let endpoint = endpoint
            .connect_timeout(destination.timeout)
            .user_agent(USER_AGENT)
            .map_err(invalid)?;
        let endpoint = if destination.url.starts_with("https://") {
            let tls = match &destination.roots {
                Some(roots) => ClientTlsConfig::new().ca_certificates(roots.iter().map(|root| {
                    let pem = pem::Pem::new("CERTIFICATE", root.clone());
                    Certificate::from_pem(pem::encode(&pem))
                })),
                None => ClientTlsConfig::new().with_native_roots(),
            };
            endpoint.tls_config(tls).map_err(invalid)?
        } else {
            endpoint
        };
        let mut metadata = MetadataMap::new();
        for (name, value) in &destination.headers {
            let name = AsciiMetadataKey::from_bytes(name.as_bytes()).map_err(invalid)?;
            let mut value: AsciiMetadataValue = value.parse().map_err(invalid)?;
            value.set_sensitive(true);
            metadata.insert(name, value);
        }
        let channel = endpoint.connect_lazy();
        Ok(Self::Grpc {
            traces: TraceServiceClient::new(channel.clone()),
            logs: LogsServiceClient::new(channel),
            metadata,
        })
    }
}

async fn post(client: &reqwest::Client, url: &str, body: Vec<u8>) -> Result<Vec<u8>, ExportFailure> {
    let mut response = client.post(url).body(body).send().await?;
    let status = response.status();
    if !status.is_success() {
        return Err(ExportFailure::Status {
            status: status.as_u16(),
        });
    }
    let mut read = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        // The spans are accepted; a longer answer has nothing that is needed.
        if read.len() + chunk.len() > MAX_RESPONSE {
            return Ok(Vec::new());
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}

fn request<M>(message: M, metadata: &MetadataMap) -> Request<M> {
    let mut request = Request::new(message);
    *request.metadata_mut() = metadata.clone();
    request
}

fn invalid(error: impl std::error::Error + 'static) -> ExportFailure {
    ExportFailure::Invalid {
        detail: error_chain(&error),
    }
}
