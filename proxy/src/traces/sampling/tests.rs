use wire::Fields;

use super::Sampling;
use crate::forwarding::PeerTrust;
use crate::request_id::RequestIdSource;

/// A trace id whose last bytes are the greatest: only a share of 1 includes it.
const GREATEST: &str = "0af7651916cd43ddffffffffffffffff";
/// A trace id that each share above 0 includes.
const LEAST: &str = "0af7651916cd43dd0000000000000000";

fn fields(trace: &str, flags: &str) -> Fields {
    let mut fields = Fields::default();
    fields.push(
        "traceparent",
        format!("00-{trace}-b7ad6b7169203331-{flags}").as_bytes(),
    );
    fields
}

#[track_caller]
fn check((millionths, follows): (u32, bool), fields: &Fields, peer: PeerTrust, expected: bool) {
    let id = RequestIdSource::new().next();
    let trace = Sampling::new(millionths, follows).begin(fields, &id, peer);
    assert_eq!(
        trace.is_some(),
        expected,
        "{millionths} {follows} {fields:?} {peer:?}"
    );
}

#[test]
fn the_flag_of_a_trusted_proxy_is_followed() {
    check((0, true), &fields(GREATEST, "01"), PeerTrust::Trusted, true);
    check((0, true), &fields(GREATEST, "03"), PeerTrust::Trusted, true);
    check((0, true), &fields(GREATEST, "02"), PeerTrust::Trusted, false);
    check((0, true), &fields(GREATEST, "00"), PeerTrust::Trusted, false);
    check((0, false), &fields(GREATEST, "01"), PeerTrust::Trusted, false);
}

#[test]
fn a_client_cannot_choose_to_be_sampled() {
    check((0, true), &fields(GREATEST, "01"), PeerTrust::Untrusted, false);
    check((0, false), &fields(LEAST, "01"), PeerTrust::Untrusted, false);
    // Its chance is that of the share, whatever id it sends.
    let (ids, sampling) = (RequestIdSource::new(), Sampling::new(100_000, true));
    let fields = fields(LEAST, "01");
    let sampled = (0..20_000)
        .filter(|_| {
            sampling
                .begin(&fields, &ids.next(), PeerTrust::Untrusted)
                .is_some()
        })
        .count();
    assert!((1_700..2_300).contains(&sampled), "{sampled} of 20000");
}

#[test]
fn the_trace_id_of_a_trusted_proxy_decides_by_the_share() {
    check((1, true), &fields(LEAST, "00"), PeerTrust::Trusted, true);
    check(
        (999_999, true),
        &fields(GREATEST, "00"),
        PeerTrust::Trusted,
        false,
    );
    check(
        (1_000_000, true),
        &fields(GREATEST, "00"),
        PeerTrust::Trusted,
        true,
    );
    check((0, true), &fields(LEAST, "00"), PeerTrust::Trusted, false);
}

#[test]
fn new_traces_are_sampled_by_their_share() {
    let (ids, none) = (RequestIdSource::new(), Fields::default());
    for (millionths, expected) in [
        (0, 0..1),
        (10_000, 700..1_300),
        (250_000, 24_200..25_800),
        (1_000_000, 100_000..100_001),
    ] {
        let sampling = Sampling::new(millionths, true);
        let sampled = (0..100_000)
            .filter(|_| sampling.begin(&none, &ids.next(), PeerTrust::Untrusted).is_some())
            .count();
        // More than 9 standard deviations.
        assert!(expected.contains(&sampled), "{millionths}: {sampled} of 100000");
    }
}
