use super::value_context::{is_instant, takes_address};
use super::*;
use crate::form::Form as _;
use crate::shape::admin::{Admin, ExpiryTime, StaticToken, TokensDocument};
use crate::shape::answer::Location;
use crate::shape::issuer::{KeySource, KeysUrl};
use crate::shape::route::HostPattern;
use crate::shape::text::SocketAddress;
use crate::shape::upstream::{CertifiedName, EndpointAddress, ProbeHost, Upstream};

#[test]
fn forms_are_recognised_by_their_nouns_and_fields() {
    for shape in [
        SocketAddress::SHAPE,
        EndpointAddress::SHAPE,
        Upstream::SHAPE,
        ProbeHost::SHAPE,
        CertifiedName::SHAPE,
        KeysUrl::SHAPE,
        Location::SHAPE,
        HostPattern::SHAPE,
    ] {
        assert!(names_host(shape), "{shape:?}");
    }
    assert!(is_instant(ExpiryTime::SHAPE));
    assert!(matches!(Admin::SHAPE, Shape::Union(admin) if takes_address(admin())));
}

#[test]
fn listed_fields_of_secrets_exist() {
    assert!(StaticToken::SHAPE.has_field("hash"));
    assert!(TokensDocument::SHAPE.has_field("tokens"));
    assert!(matches!(KeySource::SHAPE, Shape::Union(keys) if keys().has_secrets()));
    for key in ["secret", "secret_file"] {
        assert!(matches!(KeySource::SHAPE, Shape::Union(keys) if keys().position_of(key).is_some()));
    }
}
