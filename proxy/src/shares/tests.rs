use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::request::BULK_BYTES;
use super::resource::{REQUEST_BYTES, Resource};
use super::stream::STREAM_BYTES;
use super::{ConnectionShare, Direction, EndSignal, RequestShare, ShareDenied, ShareRequest, Shares};
use crate::capacity::{Capacity, ResourceLimit};

const MIB: u64 = 1024 * 1024;

fn shares(change: impl FnOnce(&mut Capacity)) -> Arc<Shares> {
    let mut capacity = Capacity {
        descriptors: 1_000_000,
        reserve: 1,
        pooled: 1,
        in_flight: ResourceLimit {
            all: 100_000,
            client: 100_000,
        },
        tunnels: ResourceLimit {
            all: 100,
            client: 100,
        },
        buffered: ResourceLimit {
            all: 1_000_000 * MIB,
            client: 1_000_000 * MIB,
        },
    };
    change(&mut capacity);
    Shares::new(capacity)
}

fn address(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

fn connect(shares: &Arc<Shares>, client: Option<u8>) -> Option<Arc<ConnectionShare>> {
    let mut share = shares.take_connection_share()?;
    share.charge(client.map(address)).then(|| Arc::new(share))
}

fn take_request_share(shares: &Arc<Shares>, client: Option<u8>) -> Result<Arc<RequestShare>, ShareDenied> {
    let need = ShareRequest {
        client: client.map(address),
        is_tunnel: false,
    };
    shares.take_request_share(None, Arc::default(), need)
}

fn tunnel(shares: &Arc<Shares>, client: u8) -> Result<Arc<RequestShare>, ShareDenied> {
    let need = ShareRequest {
        client: Some(address(client)),
        is_tunnel: true,
    };
    shares.take_request_share(None, Arc::default(), need)
}

/// Returns the number of ended connections.
fn shed(shares: &Shares, resource: Resource) -> usize {
    shares.shed(resource);
    shares.take_ended(resource)
}

/// Asserts that all counts are zero.
#[track_caller]
fn assert_empty(shares: &Shares) {
    let used = &shares.used;
    assert_eq!(
        (used.descriptors(), used.buffered.load(Ordering::Relaxed)),
        (0, 0)
    );
    let held = |holdings: &super::Holdings| {
        holdings.descriptors() as u64 + holdings.buffered.load(Ordering::Relaxed)
    };
    assert_eq!(shares.clients.greediest(&[], 0, held), None);
    assert!(shares.register.filter(|_| true).is_empty());
}

#[test]
fn client_at_its_request_limit_does_not_affect_others() {
    let shares = shares(|capacity| capacity.in_flight.client = 3);
    let held: Vec<_> = (0..3)
        .map(|_| take_request_share(&shares, Some(1)).unwrap())
        .collect();
    assert_eq!(
        take_request_share(&shares, Some(1)).unwrap_err(),
        ShareDenied::Client
    );
    assert!(take_request_share(&shares, Some(2)).is_ok());
    // A request of a trusted proxy that names no client is charged to no client.
    assert!((0..9).all(|_| take_request_share(&shares, None).is_ok()));
    drop(held);
    assert!(take_request_share(&shares, Some(1)).is_ok());
    assert_empty(&shares);
}

#[test]
fn all_clients_together_stay_within_the_request_limit() {
    let shares = shares(|capacity| capacity.in_flight.all = 4);
    let held: Vec<_> = (0..4)
        .map(|client| take_request_share(&shares, Some(client)).unwrap())
        .collect();
    assert_eq!(
        take_request_share(&shares, Some(9)).unwrap_err(),
        ShareDenied::All
    );
    drop(held);
    assert_empty(&shares);
}

#[test]
fn tunnels_have_their_own_limit() {
    let shares = shares(|capacity| {
        capacity.tunnels = ResourceLimit { all: 3, client: 2 };
        capacity.in_flight = ResourceLimit { all: 2, client: 2 };
    });
    let tunnels = [tunnel(&shares, 1).unwrap(), tunnel(&shares, 1).unwrap()];
    assert_eq!(tunnel(&shares, 1).unwrap_err(), ShareDenied::Client);
    let requests = [
        take_request_share(&shares, Some(1)).unwrap(),
        take_request_share(&shares, Some(1)).unwrap(),
    ];
    let third = tunnel(&shares, 2).unwrap();
    assert_eq!(tunnel(&shares, 3).unwrap_err(), ShareDenied::All);
    drop((tunnels, requests, third));
    assert_empty(&shares);
}

#[test]
fn connections_and_upstream_requests_count_as_descriptors() {
    let shares = shares(|capacity| capacity.descriptors = 4);
    let connections = [
        connect(&shares, Some(1)).unwrap(),
        connect(&shares, Some(2)).unwrap(),
    ];
    let requests = [
        take_request_share(&shares, Some(1)).unwrap(),
        take_request_share(&shares, Some(2)).unwrap(),
    ];
    assert!(connect(&shares, Some(3)).is_none());
    assert_eq!(
        take_request_share(&shares, Some(3)).unwrap_err(),
        ShareDenied::All
    );
    drop(requests);
    assert!(connect(&shares, Some(3)).is_some());
    drop(connections);
    assert_empty(&shares);
}

#[test]
fn client_share_is_at_most_the_free_capacity() {
    let shares = shares(|capacity| {
        capacity.descriptors = 160;
        capacity.in_flight = ResourceLimit { all: 80, client: 80 };
    });
    let held: Vec<_> = std::iter::from_fn(|| connect(&shares, Some(1))).collect();
    assert_eq!(held.len(), 80);
    let second: Vec<_> = std::iter::from_fn(|| connect(&shares, Some(2))).collect();
    assert_eq!(second.len(), 40);
    assert_eq!(
        take_request_share(&shares, Some(1)).unwrap_err(),
        ShareDenied::Client
    );
    let requests: Vec<_> = std::iter::from_fn(|| take_request_share(&shares, Some(3)).ok()).collect();
    assert_eq!(requests.len(), 20);
    // Each client may hold a fair amount.
    let small: Vec<_> = (0..8).map(|_| connect(&shares, Some(4)).unwrap()).collect();
    drop((held, second, requests, small));
    assert_empty(&shares);
}

#[test]
fn failed_shed_of_tunnels_delays_none_of_descriptors() {
    let shares = shares(|capacity| capacity.descriptors = 160);
    let idle = connect(&shares, Some(1)).unwrap();
    assert!(!shares.make_room(Resource::Tunnels));
    assert!(shares.make_room(Resource::Descriptors));
    assert!(idle.end_signal().is_sent());
}

#[test]
fn idle_connections_of_the_greediest_client_end_first() {
    let shares = shares(|capacity| capacity.descriptors = 160);
    let others: Vec<_> = (0..10)
        .map(|client| connect(&shares, Some(client)).unwrap())
        .collect();
    let greedy: Vec<_> = (0..70).map(|_| connect(&shares, Some(77)).unwrap()).collect();
    let busy = greedy.first().unwrap();
    let need = ShareRequest {
        client: Some(address(77)),
        is_tunnel: false,
    };
    let request = shares
        .take_request_share(Some(Arc::clone(busy)), busy.end_signal(), need)
        .unwrap();
    assert_eq!(shed(&shares, Resource::Descriptors), 0);
    let proxies: Vec<_> = (0..39).map(|_| connect(&shares, None).unwrap()).collect();
    let more: Vec<_> = (10..31)
        .map(|client| connect(&shares, Some(client)).unwrap())
        .collect();
    // One over 140, and half of the last eighth.
    assert_eq!(shed(&shares, Resource::Descriptors), 11);
    // Signalled connections count as freed before they are gone.
    assert_eq!(shed(&shares, Resource::Descriptors), 0);
    let ended = |share: &&Arc<ConnectionShare>| share.end_signal().is_sent();
    assert_eq!(greedy.iter().filter(ended).count(), 11);
    assert!(!ended(&busy), "it has a request");
    assert_eq!(
        others.iter().chain(&proxies).chain(&more).filter(ended).count(),
        0
    );
    drop((others, proxies, more, request, greedy));
    assert_empty(&shares);
}

#[test]
fn the_longest_idle_connections_end_when_many_clients_have_few() {
    let shares = shares(|capacity| {
        capacity.descriptors = 160;
        capacity.reserve = 400;
    });
    let held: Vec<_> = (0..160)
        .map(|number| connect(&shares, Some(number / 8)).unwrap())
        .collect();
    for (since_ms, connection) in (0..).zip(&held) {
        connection.set_since_ms(since_ms % 100);
    }
    let newcomer = connect(&shares, Some(99)).unwrap();
    let ended: Vec<_> = (0..160)
        .filter(|&index| held[index].end_signal().is_sent())
        .collect();
    // A few at a time: those idle since the first 8 milliseconds, two of each client.
    assert_eq!(ended.len(), 16);
    assert!(ended.iter().all(|index| index % 100 < 8), "{ended:?}");
    // Others keep taking freed slots, up to an eighth beyond the limit.
    let more: Vec<_> = std::iter::from_fn(|| connect(&shares, Some(98))).collect();
    assert!(more.len() <= 20, "{}", more.len());
    drop((held, newcomer, more));
    assert_empty(&shares);
}

#[test]
fn connections_leave_descriptors_for_requests_on_others() {
    let shares = shares(|capacity| {
        capacity.descriptors = 160;
        capacity.reserve = 400;
    });
    let held: Vec<_> = (0..=u8::MAX)
        .map_while(|number| connect(&shares, Some(number / 8)))
        .collect();
    assert_eq!(held.len(), 170);
    let requests: Vec<_> = (0..10)
        .map(|number| take_request_share(&shares, Some(number)).unwrap())
        .collect();
    assert_eq!(
        take_request_share(&shares, Some(10)).unwrap_err(),
        ShareDenied::All
    );
    drop((held, requests));
    assert_empty(&shares);
}

#[test]
fn eight_requests_on_eight_connections_are_never_shed() {
    let shares = shares(|capacity| capacity.descriptors = 160);
    let others: Vec<_> = (0..18)
        .flat_map(|client| std::iter::repeat_n(client, 8))
        .map(|client| connect(&shares, Some(client)).unwrap())
        .collect();
    let connections: Vec<_> = (0..8).map(|_| connect(&shares, Some(99)).unwrap()).collect();
    for connection in &others {
        connection.set_since_ms(0);
    }
    let need = ShareRequest {
        client: Some(address(99)),
        is_tunnel: false,
    };
    let requests: Vec<_> = connections
        .iter()
        .map(|connection| {
            shares
                .take_request_share(Some(Arc::clone(connection)), connection.end_signal(), need)
                .unwrap()
        })
        .collect();
    assert!(shed(&shares, Resource::Descriptors) > 20);
    assert!(
        connections
            .iter()
            .all(|connection| !connection.end_signal().is_sent())
    );
    drop((others, connections, requests));
    assert_empty(&shares);
}

#[tokio::test]
async fn a_new_request_waits_for_a_connection_that_is_ending() {
    let shares = shares(|capacity| {
        capacity.descriptors = 16;
        capacity.reserve = 8;
    });
    let mut held: Vec<_> = (0..17)
        .map(|number| connect(&shares, Some(number / 2)).unwrap())
        .collect();
    assert!(
        connect(&shares, Some(98)).is_none(),
        "what is beyond the limit is used up"
    );
    let waiting = tokio::spawn({
        let shares = Arc::clone(&shares);
        async move { shares.wait_for_descriptor().await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(12)).await;
    assert!(!waiting.is_finished());
    held.truncate(9);
    waiting.await.unwrap();
    assert!(connect(&shares, Some(98)).is_some());
    // The wait is bounded, because otherwise no request would be refused.
    let held: Vec<_> = (0..).map_while(|number| connect(&shares, Some(number))).collect();
    shares.wait_for_descriptor().await;
    assert!(connect(&shares, Some(98)).is_none());
    drop(held);
}

#[test]
fn trusted_proxies_without_clients_use_half_the_capacity() {
    let shares = shares(|capacity| capacity.in_flight = ResourceLimit { all: 100, client: 10 });
    let unnamed: Vec<_> = std::iter::from_fn(|| take_request_share(&shares, None).ok()).collect();
    assert_eq!(unnamed.len(), 50);
    assert_eq!(take_request_share(&shares, None).unwrap_err(), ShareDenied::All);
    assert!(take_request_share(&shares, Some(1)).is_ok());
    assert_eq!(shed(&shares, Resource::InFlight), 0);
}

#[test]
fn buffers_of_a_large_message_count_until_its_request_ends() {
    let shares = shares(|_| ());
    let used = |shares: &Shares| shares.used.buffered.load(Ordering::Relaxed);
    let connection = connect(&shares, Some(1)).unwrap();
    let before = used(&shares);
    let share = take_request_share(&shares, Some(1)).unwrap();
    share.set_bulk(Direction::Answer);
    share.set_bulk(Direction::Answer);
    assert_eq!(used(&shares), before + REQUEST_BYTES + BULK_BYTES);
    share.set_bulk(Direction::Body);
    assert_eq!(used(&shares), before + REQUEST_BYTES + 2 * BULK_BYTES);
    drop(share);
    assert_eq!(used(&shares), before);
    drop(connection);
    assert_empty(&shares);
}

#[test]
fn an_answered_request_frees_its_slot_and_keeps_its_memory() {
    let shares = shares(|capacity| capacity.in_flight = ResourceLimit { all: 1, client: 1 });
    let share = take_request_share(&shares, Some(1)).unwrap();
    let part = share.track(Direction::Answer, Bytes::from_static(b"the rest"));
    share.release_slot();
    share.release_slot();
    let next = take_request_share(&shares, Some(1)).unwrap();
    let buffered = shares.used.buffered.load(Ordering::Relaxed);
    assert_eq!(buffered, 2 * REQUEST_BYTES + 8);
    drop((share, part, next));
    assert_empty(&shares);
}

#[test]
fn unwritten_response_ends_with_its_connection() {
    let shares = shares(|capacity| capacity.in_flight = ResourceLimit { all: 64, client: 64 });
    let connection = connect(&shares, Some(1)).unwrap();
    let end = Arc::new(EndSignal::with_fallback(connection.fallback_end_signal()));
    let need = ShareRequest {
        client: Some(address(1)),
        is_tunnel: false,
    };
    let left: Vec<_> = (0..32)
        .map(|_| {
            let share = shares
                .take_request_share(Some(Arc::clone(&connection)), Arc::clone(&end), need)
                .unwrap();
            share.track(Direction::Answer, Bytes::from_static(b"the rest"))
        })
        .collect();
    end.set_task_ended();
    let others: Vec<_> = (16..)
        .take(25)
        .map(|number| take_request_share(&shares, Some(number / 8)).unwrap())
        .collect();
    assert_eq!(shed(&shares, Resource::InFlight), 1);
    assert!(connection.end_signal().is_sent());
    drop((left, others, connection));
    assert_empty(&shares);
}

#[test]
fn clients_with_few_requests_are_not_shed() {
    let shares = shares(|capacity| capacity.in_flight = ResourceLimit { all: 100, client: 64 });
    let held: Vec<_> = (0..100)
        .map(|number| take_request_share(&shares, Some(number / 8)).unwrap())
        .collect();
    assert_eq!(
        take_request_share(&shares, Some(200)).unwrap_err(),
        ShareDenied::All
    );
    assert_eq!(shed(&shares, Resource::InFlight), 0);
    assert!(!held.iter().any(|share| share.is_shed()));
}

#[test]
fn a_client_with_few_requests_gets_a_slot_that_is_being_shed() {
    let shares = shares(|capacity| capacity.in_flight = ResourceLimit { all: 64, client: 64 });
    let greedy: Vec<_> = std::iter::from_fn(|| take_request_share(&shares, Some(1)).ok()).collect();
    let others: Vec<_> = (16..)
        .take(64 - greedy.len())
        .map(|number| take_request_share(&shares, Some(number / 8)).unwrap())
        .collect();
    assert!(!greedy.iter().any(|share| share.is_shed()));
    let small: Vec<_> = (0..8)
        .map(|_| take_request_share(&shares, Some(99)).unwrap())
        .collect();
    assert!(greedy.iter().any(|share| share.is_shed()));
    // An amount that is being freed is not given away twice.
    assert_eq!(
        take_request_share(&shares, Some(98)).unwrap_err(),
        ShareDenied::All
    );
    drop((greedy, others, small));
    assert_empty(&shares);
}

#[test]
fn requests_of_the_greediest_client_end_by_last_progress() {
    let shares = shares(|capacity| capacity.in_flight = ResourceLimit { all: 64, client: 64 });
    let greedy: Vec<_> = (0..32)
        .map(|_| take_request_share(&shares, Some(1)).unwrap())
        .collect();
    let small: Vec<_> = (0..25)
        .map(|number| take_request_share(&shares, Some(2 + number / 8)).unwrap())
        .collect();
    for share in &greedy {
        share.set_since_ms(10);
    }
    for (share, since_ms) in greedy.iter().zip([9, 3, 8, 1, 7, 6, 4, 5]) {
        share.set_since_ms(since_ms);
    }
    assert_eq!(shed(&shares, Resource::InFlight), 5);
    let shed: Vec<_> = (0..32).filter(|&index| greedy[index].is_shed()).collect();
    assert_eq!(shed, [1, 3, 5, 6, 7]);
    assert!(!small.iter().any(|share| share.is_shed()));
}

#[test]
fn queued_response_parts_count_until_written() {
    let shares = shares(|_| ());
    let used = |shares: &Shares| shares.used.buffered.load(Ordering::Relaxed);
    let share = take_request_share(&shares, Some(1)).unwrap();
    assert_eq!(used(&shares), REQUEST_BYTES);
    let part = share.track(Direction::Answer, Bytes::from_static(&[7; 1_000]));
    assert_eq!(used(&shares), REQUEST_BYTES + 1_000);
    assert_eq!(&part[..], [7; 1_000]);
    let second = share.track(Direction::Answer, Bytes::from_static(&[7; 500]));
    assert_eq!(used(&shares), REQUEST_BYTES + 1_500);
    // Split and written in two pieces, as frames are.
    let mut rest = part.clone();
    drop(part);
    drop(rest.split_to(400));
    assert_eq!(used(&shares), REQUEST_BYTES + 1_500);
    drop(rest);
    assert_eq!(used(&shares), REQUEST_BYTES + 500);
    drop(second);
    assert_eq!(used(&shares), REQUEST_BYTES);
    // The last part of a response outlives its request.
    let last = share.track(Direction::Answer, Bytes::from_static(b"end"));
    drop(share);
    assert_eq!(used(&shares), REQUEST_BYTES + 3);
    drop(last);
    assert_empty(&shares);
}

#[test]
fn a_body_and_its_response_count_separately() {
    let shares = shares(|_| ());
    let used = |shares: &Shares| shares.used.buffered.load(Ordering::Relaxed);
    let share = take_request_share(&shares, Some(1)).unwrap();
    let body = share.track(Direction::Body, Bytes::from_static(&[7; 100]));
    let answer = share.track(Direction::Answer, Bytes::from_static(&[7; 10]));
    assert_eq!(used(&shares), REQUEST_BYTES + 110);
    drop(body);
    assert_eq!(used(&shares), REQUEST_BYTES + 10);
    drop((answer, share));
    assert_empty(&shares);
}

#[test]
fn client_that_does_not_read_is_shed_to_its_limit() {
    let shares = shares(|capacity| capacity.buffered.client = 8 * MIB);
    let held: Vec<_> = (0..16)
        .map(|_| take_request_share(&shares, Some(1)).unwrap())
        .collect();
    let other = take_request_share(&shares, Some(2)).unwrap();
    let other_part = other.track(Direction::Answer, Bytes::from_static(&[7; 64]));
    let parts: Vec<_> = held
        .iter()
        .map(|share| share.track(Direction::Answer, Bytes::from(vec![7; 820_000])))
        .collect();
    assert_eq!(
        take_request_share(&shares, Some(1)).unwrap_err(),
        ShareDenied::Client
    );
    assert!(held.last().unwrap().is_over_memory_limit());
    let ended = shed(&shares, Resource::ClientBuffered);
    assert!((6..10).contains(&ended), "{ended} of 16 were ended");
    assert!(!other.is_shed());
    drop((held, parts, other, other_part));
    assert_empty(&shares);
}

#[test]
fn memory_pressure_sheds_the_greediest_client() {
    let shares = shares(|capacity| {
        capacity.buffered = ResourceLimit {
            all: 20 * MIB,
            client: 32 * MIB,
        }
    });
    let small: Vec<_> = (0..4)
        .map(|client| take_request_share(&shares, Some(client)).unwrap())
        .collect();
    let held: Vec<_> = (0..32)
        .map(|_| take_request_share(&shares, Some(9)).unwrap())
        .collect();
    let parts: Vec<_> = held
        .iter()
        .map(|share| share.track(Direction::Answer, Bytes::from(vec![7; 500_000])))
        .collect();
    assert!(shed(&shares, Resource::Buffered) > 0);
    assert!(!small.iter().any(|share| share.is_shed()));
    drop((small, held, parts));
    assert_empty(&shares);
}

#[test]
fn connections_of_trusted_proxies_are_refused_at_full_capacity() {
    let shares = shares(|capacity| {
        capacity.descriptors = 160;
        capacity.in_flight = ResourceLimit { all: 80, client: 80 };
    });
    let proxies: Vec<_> = (0..100).map(|_| connect(&shares, None).unwrap()).collect();
    // Requests count for the clients that they name.
    let requests: Vec<_> = (0..50)
        .map(|client| take_request_share(&shares, Some(client)).unwrap())
        .collect();
    // The connections do not count against requests without a client either.
    let unnamed = take_request_share(&shares, None).unwrap();
    drop((proxies, requests, unnamed));
    assert_empty(&shares);
}

#[test]
fn a_trusted_proxys_stream_is_charged_to_the_named_client() {
    let shares = shares(|_| {});
    let proxy = connect(&shares, None).unwrap();
    let stream = shares.take_stream_share(&proxy).unwrap();
    let held = |client: Option<IpAddr>| {
        let client = client.map(|client| shares.clients.id(client));
        shares.clients.of(client).buffered.load(Ordering::Relaxed)
    };
    let of_connection = held(None) - STREAM_BYTES;
    stream.charge_to(Some(address(1)));
    assert_eq!(
        (held(None), held(Some(address(1)))),
        (of_connection, STREAM_BYTES)
    );
    // Charged once only, and never moved from a known client.
    stream.charge_to(Some(address(2)));
    stream.charge_to(None);
    assert_eq!(held(Some(address(1))), STREAM_BYTES);
    drop((stream, proxy));
    assert_empty(&shares);
}

#[test]
fn a_client_with_idle_connections_can_begin_a_request() {
    let shares = shares(|capacity| capacity.buffered.client = 64 * MIB);
    let held: Vec<_> = (0..420).map(|_| connect(&shares, Some(1)).unwrap()).collect();
    for (since_ms, connection) in (0..).zip(&held) {
        connection.set_since_ms(since_ms);
    }
    assert!(shed(&shares, Resource::ClientBuffered) > 10);
    assert!(held[0].end_signal().is_sent() && !held[419].end_signal().is_sent());
    drop(held);
    assert_empty(&shares);
}

#[test]
fn request_with_progress_is_not_shed_for_client_memory() {
    let shares = shares(|capacity| capacity.buffered.client = 8 * MIB);
    let held: Vec<_> = (0..60)
        .map(|_| take_request_share(&shares, Some(1)).unwrap())
        .collect();
    let part = |share: &Arc<RequestShare>| share.track(Direction::Answer, Bytes::from(vec![7; 300_000]));
    let parts: Vec<_> = held.iter().take(2).map(part).collect();
    // The client is over its limit, but each request just made progress.
    assert_eq!(
        take_request_share(&shares, Some(1)).unwrap_err(),
        ShareDenied::Client
    );
    assert_eq!(shed(&shares, Resource::ClientBuffered), 0);
    let more: Vec<_> = held.iter().skip(2).take(4).map(part).collect();
    assert!(shed(&shares, Resource::ClientBuffered) > 0);
    drop((held, parts, more));
    assert_empty(&shares);
}
