//! The other clients: what they notice of an attack.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Client, Request};

/// How many clients ask at the same time.
const CLIENTS: usize = 4;
/// Where they come from: no attacker does.
const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 99));
/// How many requests each of them sends in one round.
const REQUESTS: usize = 250;
/// How many rounds there are; the quietest counts, because what else the machine does is not the attacker's doing.
const ROUNDS: usize = 6;
/// How often an attack is made until it is taken to do harm.
const ATTEMPTS: u32 = 3;
/// What a 99th percentile is allowed to be however quiet it was before: attackers, victims, an upstream and an
/// unoptimised proxy share the machine, where a few slices of the scheduler are no harm done.
const FLOOR: Duration = Duration::from_millis(10);

/// The 99th percentile of the time that an answer takes, in the quietest of several rounds.
pub(crate) fn p99(address: SocketAddr) -> Duration {
    (0..ROUNDS).map(|_| round(address)).min().unwrap()
}

fn round(address: SocketAddr) -> Duration {
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| client(address))).collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

fn client(address: SocketAddr) -> Vec<Duration> {
    let mut client = Client::try_connect_from(address, SOURCE).expect("the others are let in");
    let ask = |_| {
        let started = Instant::now();
        assert_eq!(client.ask(&Request::get("/")).status, 200);
        started.elapsed()
    };
    (0..REQUESTS).map(ask).collect()
}

/// What others noticed: when, their quiet 99th percentile, and the one then.
pub(crate) type Noticed = (&'static str, Duration, Duration);

/// Checks that others are served about as fast as without the attack, which is made again where they are not: one that
/// does harm does it each time, and what else the machine does seldom comes three times.
#[track_caller]
pub(crate) fn assert_unharmed<const N: usize>(attack: impl Fn() -> [Noticed; N]) {
    for attempt in 1..=ATTEMPTS {
        let mut harmed = attack().into_iter().filter(|(when, quiet, then)| {
            eprintln!("{when}: 99 % of answers within {then:?}, {quiet:?} when quiet");
            *then > *quiet * 2 && *then > FLOOR
        });
        let Some((when, quiet, then)) = harmed.next() else {
            return;
        };
        assert!(
            attempt < ATTEMPTS,
            "{when}: {then:?} is more than twice {quiet:?}"
        );
    }
}
