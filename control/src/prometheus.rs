//! A client of the HTTP API of Prometheus, for instant queries. Errors are texts for people, without the URL, which may be
//! confidential.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

use config::PrometheusSource;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most bytes of an answer: the value of one series needs some hundred.
const MAX_ANSWER: usize = 64 * 1024;
/// The longest text of an error of Prometheus that is passed on, in characters.
const MAX_ERROR: usize = 200;

/// A Prometheus.
#[derive(Debug, Clone)]
pub struct Prometheus {
    client: Client,
    url: Url,
    timeout: Duration,
    token_file: Option<PathBuf>,
}

/// The reason for which a query has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoValue {
    /// There was no answer; the reason in plain words.
    #[error("no answer from Prometheus: {0}")]
    Unreachable(String),
    /// The answer took too long.
    #[error("no answer from Prometheus: timed out after {seconds} s", seconds = .0.as_secs_f64())]
    TimedOut(Duration),
    /// The answer is a redirect, which is not followed.
    #[error("Prometheus answered HTTP {0}, a redirect: set `control.prometheus.url` to its target")]
    Redirected(u16),
    /// Prometheus rejected the query.
    #[error("Prometheus answered HTTP {0}{1}")]
    Rejected(u16, String),
    /// The answer is too large.
    #[error("the answer of Prometheus is larger than 64 KiB: the query must have one series")]
    TooLarge,
    /// The answer is not JSON.
    #[error("the answer is not JSON: does another service answer at `control.prometheus.url`?")]
    NotJson,
    /// The answer is JSON of another form; the difference.
    #[error("the answer is not one of Prometheus: {0}")]
    Invalid(&'static str),
    /// The result has no series.
    #[error("the query has no series")]
    Empty,
    /// The result has several series.
    #[error("the query has {0} series: use `max(...)` or another aggregation")]
    Several(usize),
    /// The result is a range or a text.
    #[error("the query is of type {0}, not a scalar or an instant vector")]
    OtherType(String),
    /// The value is not a number.
    #[error("the value is not a number")]
    NotANumber,
    /// The file of the token cannot be read.
    #[error("the file of the token for Prometheus can't be read: {0}")]
    Token(String),
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Box<RawValue>,
}

#[derive(Deserialize)]
struct Series {
    value: Point,
}

/// A time, which is not needed, and a number as text.
#[derive(Deserialize)]
struct Point(serde::de::IgnoredAny, String);

impl Prometheus {
    /// Creates a client of the configured Prometheus.
    ///
    /// # Errors
    /// The URL is none, or the certificates of the system can't be used.
    pub fn new(source: &PrometheusSource) -> Result<Self, String> {
        // An error only means that a provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = Url::parse(&format!("{}/api/v1/query", source.url)).map_err(|error| error.to_string())?;
        let builder = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
            .pool_max_idle_per_host(4);
        // The certificates of the system are loaded for https only: a machine may have none.
        let builder = if url.scheme() == "https" {
            builder
        } else {
            builder.tls_certs_only([])
        };
        Ok(Self {
            client: builder.build().map_err(|error| innermost(&error).to_string())?,
            url,
            timeout: Duration::from_millis(source.timeout_ms),
            token_file: source.token_file.clone(),
        })
    }

    /// Returns the present value of a query: a scalar, or a vector with one series.
    ///
    /// # Errors
    /// The query has no value, or more than one, or there is no answer in time.
    pub async fn query(&self, query: &str) -> Result<f64, NoValue> {
        let answer = tokio::time::timeout(self.timeout, self.ask(query)).await;
        let (status, body) = answer.unwrap_or(Err(NoValue::TimedOut(self.timeout)))?;
        value_of(status, &body)
    }

    /// Sends a query by POST, whose length is not limited like that of a URL, and returns status and body of the answer.
    async fn ask(&self, query: &str) -> Result<(u16, Vec<u8>), NoValue> {
        let mut form = self.url.clone();
        form.query_pairs_mut().append_pair("query", query);
        let mut request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form.query().unwrap_or_default().to_owned());
        if let Some(file) = &self.token_file {
            // Read each time: it may be replaced. It is small, and this thread serves queries only.
            let token = std::fs::read_to_string(file);
            let token = token.map_err(|error| NoValue::Token(error.kind().to_string()))?;
            request = request.bearer_auth(token.trim());
        }
        let unreachable = |error: reqwest::Error| NoValue::Unreachable(no_answer(&error));
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
                return Err(NoValue::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }
}

/// Returns the value in an answer.
fn value_of(status: u16, body: &[u8]) -> Result<f64, NoValue> {
    if (300..400).contains(&status) {
        return Err(NoValue::Redirected(status));
    }
    let answer: Result<Answer, _> = serde_json::from_slice(body);
    if status != 200 {
        let error = answer.ok().and_then(|answer| answer.error);
        let error = error.map(|error| format!(": {}", error.chars().take(MAX_ERROR).collect::<String>()));
        return Err(NoValue::Rejected(status, error.unwrap_or_default()));
    }
    let invalid = |error: serde_json::Error| match error.is_data() {
        true => NoValue::Invalid("its fields have other types"),
        false => NoValue::NotJson,
    };
    let data = answer.map_err(invalid)?.data;
    let data = data.ok_or(NoValue::Invalid("it has no `data`"))?;
    let point: Point = match data.kind.as_str() {
        "scalar" => serde_json::from_str(data.result.get()).map_err(invalid)?,
        "vector" => {
            let mut series: Vec<Series> = serde_json::from_str(data.result.get()).map_err(invalid)?;
            match (series.pop(), series.len()) {
                (None, _) => return Err(NoValue::Empty),
                (Some(only), 0) => only.value,
                (Some(_), others) => return Err(NoValue::Several(others.saturating_add(1))),
            }
        }
        kind => return Err(NoValue::OtherType(kind.chars().take(20).collect())),
    };
    let value: f64 = point.1.parse().map_err(|_| NoValue::NotANumber)?;
    if value.is_nan() {
        return Err(NoValue::NotANumber);
    }
    Ok(value)
}

/// Returns the reason for which a request got no answer in plain words, without the URL. The texts of the HTTP library name
/// its own layers.
fn no_answer(error: &reqwest::Error) -> String {
    if let Some(error) = cause::<rustls::Error>(error) {
        return format!("the TLS handshake failed ({error})");
    }
    if let Some(kind) = cause::<io::Error>(error).map(io::Error::kind) {
        match kind {
            ErrorKind::ConnectionRefused => return "connection refused".to_owned(),
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                return "the connection was closed before the answer".to_owned();
            }
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                return "the host cannot be reached".to_owned();
            }
            ErrorKind::TimedOut => return "the connection timed out".to_owned(),
            _ => {}
        }
    }
    if error.is_connect() {
        return format!("no connection ({})", innermost(error));
    }
    "the connection was closed before the answer".to_owned()
}

/// Returns the first cause of this type.
fn cause<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    causes(error).find_map(|error| {
        // An error of the system may contain another one, which it does not return as its source.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let inner = inner.and_then(|inner| cause::<E>(inner as &(dyn Error + 'static)));
        inner.or_else(|| error.downcast_ref())
    })
}

/// Returns the cause of all others.
fn innermost<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    causes(error).last().unwrap_or(error)
}

/// Returns an error and its causes.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| {
        let error: &'e (dyn Error + 'static) = *error;
        error.source()
    })
}
