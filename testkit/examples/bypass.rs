//! Sends every spelling of the gated path to a proxy that is to deny it, and prints how many come out behind it as
//! the gated resource to one server or another: `bypass ORIGIN PROXY` beside a proxy that forwards to ORIGIN, or
//! `bypass sluice`. `scripts/peers/bypass` runs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a tool for people, that ends when something is wrong"
)]

use std::net::{SocketAddr, TcpListener};

use testkit::{
    Origin, Proxy, Recorded, Upstream, eventually, reply, response, served_by, spelling_of, spellings, volley,
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (upstream, answers) = match arguments.as_slice() {
        [name] if name == "sluice" => through_sluice(),
        [origin, proxy] => through(origin.parse().unwrap(), proxy.parse().unwrap()),
        _ => panic!("bypass ORIGIN PROXY, or bypass sluice"),
    };
    let spellings = spellings();
    let requests = upstream.requests();
    let exact = Origin::exact();
    let reading: Vec<Origin> = Origin::all()
        .into_iter()
        .map(|origin| Origin {
            obeys_headers: false,
            ..origin
        })
        .collect();
    let obeying = Origin::all();
    let count = |origins: &[Origin]| {
        let served: Vec<&Recorded> = requests
            .iter()
            .filter(|recorded| served_by(origins, recorded).is_some())
            .collect();
        if std::env::var_os("SHOW").is_some() {
            for recorded in served.iter().take(40) {
                let spelling = &spellings[spelling_of(recorded)];
                println!(
                    "  {} {:?} came as {}",
                    spelling.family,
                    spelling.target,
                    recorded.target()
                );
            }
        }
        served.len()
    };
    println!(
        "{} spellings, {} answered by the origin; served as gated: {} by RFC 3986, {} by a reading, {} with header overrides",
        answers,
        requests.len(),
        count(&[exact]),
        count(&reading),
        count(&obeying),
    );
}

fn echo(listener: TcpListener) -> Upstream {
    Upstream::on(listener, |request, stream| {
        reply(stream, &response(200, "OK", request.target()))
    })
}

fn through(origin: SocketAddr, proxy: SocketAddr) -> (Upstream, usize) {
    let upstream = echo(TcpListener::bind(origin).unwrap());
    eventually("the proxy to listen", || std::net::TcpStream::connect(proxy).ok());
    let answers = volley(proxy, &spellings(), &[]);
    (upstream, answers.len())
}

fn through_sluice() -> (Upstream, usize) {
    let upstream = echo(TcpListener::bind("127.0.0.1:0").unwrap());
    let proxy = Proxy::builder()
        .upstream("legacy", &upstream)
        .route("{ name: all, match: /**, upstream: legacy }")
        .route(
            "{ name: admin, match: { host: app.test, path: /admin/users }, gate: board, upstream: legacy }",
        )
        .start();
    let token = format!("Bearer {}", proxy.token("globex"));
    let answers = volley(proxy.address(), &spellings(), &[("Authorization", &token)]);
    (upstream, answers.len())
}
