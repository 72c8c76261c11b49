//! Sends every spelling of the gated path to a proxy that must deny it, and counts those that a server behind
//! it takes for the gated resource. Usage: `bypass ORIGIN PROXY` beside a proxy that forwards to ORIGIN, or
//! `bypass sluice`. `scripts/peers/bypass` runs it. With `SHOW=1` it prints up to a hundred spellings of each
//! kind.
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
    Origin, Proxy, Recorded, Upstream, eventually, is_gated_by_rfc_3986, reply, response, served_by,
    spelling_of, spellings, volley,
};

/// The most spellings that are printed for one server.
const MOST_SHOWN: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (upstream, answers) = match arguments.as_slice() {
        [name] if name == "sluice" => through_sluice(),
        [origin, proxy] => through(origin.parse().unwrap(), proxy.parse().unwrap()),
        _ => panic!("bypass ORIGIN PROXY, or bypass sluice"),
    };
    let spellings = spellings();
    let requests = upstream.requests();
    let plain = [Origin::plain()];
    let reading: Vec<Origin> = Origin::all()
        .into_iter()
        .map(|origin| Origin {
            obeys_headers: false,
            ..origin
        })
        .collect();
    let obeying = Origin::all();
    let show = std::env::var_os("SHOW").is_some();
    let count = |judge: &str, serves: &dyn Fn(&Recorded) -> bool| {
        let served: Vec<&Recorded> = requests.iter().filter(|recorded| serves(recorded)).collect();
        for recorded in served.iter().take(if show { MOST_SHOWN } else { 0 }) {
            let spelling = &spellings[spelling_of(recorded)];
            println!(
                "  {judge}: {}: {:?} came as {:?} to {:?}",
                spelling.family,
                spelling.target,
                recorded.target(),
                recorded.header("Host").unwrap_or_default()
            );
        }
        served.len()
    };
    let served = |origins: &[Origin], recorded: &Recorded| served_by(origins, recorded).is_some();
    println!(
        "{} spellings, {} answered by the origin; served as gated: {} by RFC 3986, {} by a plain server, {} by a reading, \
         {} with header overrides",
        answers,
        requests.len(),
        count("by RFC 3986", &is_gated_by_rfc_3986),
        count("plain", &|recorded| served(&plain, recorded)),
        count("reading", &|recorded| served(&reading, recorded)),
        count("overrides", &|recorded| served(&obeying, recorded)),
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
