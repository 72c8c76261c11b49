//! Queries to Prometheus: the value of one series, and a clear reason for which there is none.

use std::thread;
use std::time::{Duration, Instant};

use config::PrometheusSource;
use control::{NoValue, Prometheus};
use testkit::{After, Upstream, reply, response};

/// Returns the result of a query to a server.
fn ask(upstream: &Upstream, token: Option<&str>) -> Result<f64, NoValue> {
    let folder = tempfile::tempdir().unwrap();
    let token_file = token.map(|token| {
        let file = folder.path().join("token");
        std::fs::write(&file, token).unwrap();
        file
    });
    let source = PrometheusSource {
        url: format!("http://{}/prefix", upstream.address()).into(),
        timeout_ms: 500,
        token_file,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { Prometheus::new(&source).unwrap().query("max(up == 1)").await })
}

/// Returns the result of a query that is answered with this status and body.
fn answered(status: u16, body: &str) -> Result<f64, NoValue> {
    let body = body.to_owned();
    ask(
        &Upstream::answering(move |_, stream| reply(stream, &response(status, "Any", &body))),
        None,
    )
}

fn vector(values: &[&str]) -> String {
    let series = values
        .iter()
        .map(|value| format!(r#"{{"metric":{{"a":"b"}},"value":[1764547200.1,"{value}"]}}"#));
    let series = series.collect::<Vec<_>>().join(",");
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#)
}

#[test]
fn a_query_is_sent_as_a_form_with_its_token() {
    let upstream = Upstream::answering(|_, stream| reply(stream, &response(200, "OK", &vector(&["0.95"]))));
    assert_eq!(ask(&upstream, Some("s3cret\n")), Ok(0.95));
    let asked = upstream.only();
    assert_eq!((asked.method(), asked.target()), ("POST", "/prefix/api/v1/query"));
    assert_eq!(asked.header("authorization"), Some("Bearer s3cret"));
    assert_eq!(asked.body, b"query=max%28up+%3D%3D+1%29");
    assert_eq!(ask(&upstream, None), Ok(0.95));
}

#[test]
fn one_series_or_a_scalar_has_a_value() {
    assert_eq!(answered(200, &vector(&["-1.5e3"])), Ok(-1500.0));
    assert_eq!(answered(200, &vector(&["+Inf"])), Ok(f64::INFINITY));
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]},"infos":[]}"#;
    assert_eq!(answered(200, scalar), Ok(2.0));
}

#[test]
fn a_result_without_one_number_has_no_value() {
    assert_eq!(answered(200, &vector(&[])), Err(NoValue::Empty));
    assert_eq!(answered(200, &vector(&["1", "2", "3"])), Err(NoValue::Several(3)));
    assert_eq!(answered(200, &vector(&["NaN"])), Err(NoValue::NotANumber));
    let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
    assert_eq!(answered(200, matrix), Err(NoValue::OtherType("matrix".into())));
    for body in ["[]", "{}", r#"{"data":{"resultType":"vector","result":7}}"#] {
        let found = answered(200, body);
        assert!(matches!(found, Err(NoValue::Invalid(_))), "{body}: {found:?}");
    }
}

#[test]
fn a_failure_of_prometheus_has_its_reason() {
    let error = r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error"}"#;
    assert_eq!(
        answered(400, error).unwrap_err().to_string(),
        "Prometheus answered HTTP 400: 1:5: parse error"
    );
    assert_eq!(answered(503, "down"), Err(NoValue::Rejected(503, String::new())));
    // A redirect could lead anywhere; it is not followed.
    let moved = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let upstream = Upstream::answering(move |_, stream| reply(stream, moved));
    assert_eq!(ask(&upstream, None), Err(NoValue::Redirected(302)));
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_hanging_or_endless_answer_ends() {
    let began = Instant::now();
    let upstream = Upstream::answering(|_, _| {
        thread::sleep(Duration::from_secs(2));
        After::Close
    });
    assert_eq!(
        ask(&upstream, None),
        Err(NoValue::TimedOut(Duration::from_millis(500)))
    );
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(answered(200, &"x".repeat(70_000)), Err(NoValue::TooLarge));
    let upstream = Upstream::answering(|_, _| After::Close);
    assert!(matches!(ask(&upstream, None), Err(NoValue::Unreachable(_))));
}

#[test]
fn a_failure_of_the_connection_is_in_plain_words() {
    let shown = |source: &PrometheusSource| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let found = runtime.block_on(async { Prometheus::new(source).unwrap().query("up").await });
        found.unwrap_err().to_string()
    };
    let at = |url: String| PrometheusSource {
        url: url.into(),
        timeout_ms: 500,
        token_file: None,
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = free.local_addr().unwrap();
    drop(free);
    assert_eq!(
        shown(&at(format!("http://{closed}"))),
        "no answer from Prometheus: connection refused"
    );
    let closing = Upstream::answering(|_, _| After::Close);
    assert_eq!(
        shown(&at(format!("http://{}", closing.address()))),
        "no answer from Prometheus: the connection was closed before the answer"
    );
    let hanging = Upstream::answering(|_, _| {
        thread::sleep(Duration::from_secs(1));
        After::Close
    });
    assert_eq!(
        shown(&at(format!("http://{}", hanging.address()))),
        "no answer from Prometheus: timed out after 0.5 s"
    );
    let unknown = shown(&at("http://prometheus.invalid:9090".to_owned()));
    assert!(
        unknown.starts_with("no answer from Prometheus: ") && !unknown.contains("error sending"),
        "{unknown}"
    );
    assert_eq!(
        answered(503, "down").unwrap_err().to_string(),
        "Prometheus answered HTTP 503"
    );
    for body in ["", "<html>"] {
        assert_eq!(answered(200, body), Err(NoValue::NotJson), "{body}");
    }
}

#[test]
fn no_failure_shows_the_url_or_the_token() {
    let address = Upstream::answering(|_, _| After::Close).address();
    let source = PrometheusSource {
        url: format!("http://{address}/hidden").into(),
        timeout_ms: 500,
        token_file: Some("/nowhere/token".into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let found = runtime.block_on(async { Prometheus::new(&source).unwrap().query("up").await });
    assert_eq!(
        found.unwrap_err().to_string(),
        "the file of the token for Prometheus can't be read: entity not found"
    );
}
