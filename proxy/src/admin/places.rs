//! Who may be connected to the admin listener: so many at a time, and so many of one client. There is always a
//! place for a newcomer: who is there has to show for it that an answer of his is being made, or leaves.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::code_counter::CodeCounter;
use crate::edge::network;
use crate::metrics::Metrics;

/// Most connections at once.
pub const MAX_ADMIN_CONNECTIONS: usize = 128;
/// Most of them of one client.
pub const MAX_ADMIN_CONNECTIONS_PER_CLIENT: usize = 32;

/// All places.
pub(super) struct Places {
    /// Most connections at once.
    most: usize,
    taken: Mutex<Vec<Arc<Place>>>,
    metrics: Arc<Metrics>,
}

/// The place of one connection.
struct Place {
    client: IpAddr,
    doing: Mutex<Doing>,
    displaced: Notify,
}

/// What a connection does.
#[derive(Clone, Copy)]
enum Doing {
    /// It has waited for the client since then: for a request, or that he takes his answer.
    Waits(Instant),
    /// An answer is being made.
    Works,
}

/// A place as its connection holds it. It is free when this is dropped.
pub(super) struct Taken {
    places: Arc<Places>,
    place: Arc<Place>,
}

/// Keeps a place as long as an answer is being made.
pub(super) struct Working(Arc<Place>);

impl Places {
    /// `most` connections at once, at most [`MAX_ADMIN_CONNECTIONS`].
    pub(super) fn new(metrics: Arc<Metrics>, most: usize) -> Arc<Self> {
        Arc::new(Self {
            most: most.clamp(1, MAX_ADMIN_CONNECTIONS),
            taken: Mutex::default(),
            metrics,
        })
    }

    /// What is counted of connections that were closed.
    pub(super) fn closed(&self) -> &CodeCounter {
        &self.metrics.admin_connections_closed
    }

    /// A place for a connection more. Where there is none, whoever has waited longest leaves: of the same client
    /// if it has its share, or else of the client that has most who wait.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Taken> {
        let client = network(peer);
        let mut taken = self.taken.lock();
        let of_client = taken.iter().filter(|place| place.client == client).count();
        let crowd = if of_client >= MAX_ADMIN_CONNECTIONS_PER_CLIENT.min(self.most) {
            Some(client)
        } else if taken.len() >= self.most {
            Some(crowd(&taken).unwrap_or(client))
        } else {
            None
        };
        if let Some(crowd) = crowd {
            let Some(index) = idlest(&taken, crowd) else {
                self.closed().count("full");
                return None;
            };
            taken.swap_remove(index).displaced.notify_one();
            self.closed().count("displaced");
        }
        let place = Arc::new(Place {
            client,
            doing: Mutex::new(Doing::Waits(Instant::now())),
            displaced: Notify::new(),
        });
        taken.push(Arc::clone(&place));
        Some(Taken {
            places: Arc::clone(self),
            place,
        })
    }
}

/// The client with most connections that wait.
fn crowd(taken: &[Arc<Place>]) -> Option<IpAddr> {
    let waiting = |client: IpAddr| {
        let waits = |place: &&Arc<Place>| place.client == client && place.waits_since().is_some();
        taken.iter().filter(waits).count()
    };
    let clients = taken.iter().map(|place| place.client);
    clients.max_by_key(|client| waiting(*client))
}

/// Where the one is that has waited longest, of a client.
fn idlest(taken: &[Arc<Place>], client: IpAddr) -> Option<usize> {
    let of_client = taken
        .iter()
        .enumerate()
        .filter(|(_, place)| place.client == client);
    let waits = of_client.filter_map(|(index, place)| Some((place.waits_since()?, index)));
    waits.min().map(|(_, index)| index)
}

impl Place {
    fn waits_since(&self) -> Option<Instant> {
        match *self.doing.lock() {
            Doing::Waits(since) => Some(since),
            Doing::Works => None,
        }
    }
}

impl Taken {
    /// An answer is being made, until what this gives is dropped.
    pub(super) fn work(&self) -> Working {
        *self.place.doing.lock() = Doing::Works;
        Working(Arc::clone(&self.place))
    }

    /// When somebody else got the place.
    pub(super) async fn displaced(&self) {
        self.place.displaced.notified().await;
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        *self.0.doing.lock() = Doing::Waits(Instant::now());
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.retain(|place| !Arc::ptr_eq(place, &self.place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn places() -> Arc<Places> {
        Places::new(Arc::new(Metrics::new()), MAX_ADMIN_CONNECTIONS)
    }

    fn take(places: &Arc<Places>, client: u8, count: usize) -> Vec<Taken> {
        (0..count)
            .map(|_| places.take(address(client)).unwrap())
            .collect()
    }

    fn is_displaced(taken: &Taken) -> bool {
        let places = taken.places.taken.lock();
        !places.iter().any(|place| Arc::ptr_eq(place, &taken.place))
    }

    #[test]
    fn a_client_with_its_share_displaces_its_own_that_has_waited_longest() {
        let places = places();
        let other = take(&places, 1, 1);
        let all = take(&places, 2, MAX_ADMIN_CONNECTIONS_PER_CLIENT);
        drop(all[0].work());
        let _next = take(&places, 2, 1);
        let displaced: Vec<bool> = all.iter().take(3).map(is_displaced).collect();
        assert_eq!(displaced, [false, true, false]);
        assert!(!is_displaced(&other[0]));
    }

    #[test]
    fn a_newcomer_takes_the_place_of_one_of_the_client_that_has_most() {
        let places = places();
        let mut all = take(&places, 0, 5);
        let big = take(&places, 1, MAX_ADMIN_CONNECTIONS_PER_CLIENT);
        let mut client = 2;
        while places.taken.lock().len() < MAX_ADMIN_CONNECTIONS {
            all.extend(take(&places, client, 1));
            client += 1;
        }
        let _newcomer = take(&places, client, 1);
        assert_eq!(places.taken.lock().len(), MAX_ADMIN_CONNECTIONS);
        assert!(is_displaced(&big[0]));
        assert!(!all.iter().any(is_displaced));
    }

    #[test]
    fn whose_answer_is_being_made_keeps_his_place() {
        let places = places();
        let all = take(&places, 1, MAX_ADMIN_CONNECTIONS_PER_CLIENT);
        let mut working: Vec<Working> = all.iter().map(Taken::work).collect();
        assert!(places.take(address(1)).is_none());
        assert!(places.take(address(2)).is_some());
        working.pop();
        assert!(places.take(address(1)).is_some());
        assert!(all.last().is_some_and(is_displaced));
    }

    #[test]
    fn a_place_is_free_when_its_connection_ends() {
        let places = places();
        drop(take(&places, 1, MAX_ADMIN_CONNECTIONS_PER_CLIENT));
        assert!(places.taken.lock().is_empty());
    }
}
