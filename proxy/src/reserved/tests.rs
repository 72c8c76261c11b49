use super::Reserved;
use crate::forwarding::PeerTrust;

#[track_caller]
fn check_from(peer: PeerTrust, name: &str, removed: bool) {
    let reserved = Reserved::new(
        ["x-tenant-id", "x-feature-flags"],
        ["x-feature-"],
        ["X-Token", "cf-ipcountry", "Fly-Client-IP"],
        &["x-real-ip", "true-client-ip"],
    );
    for name in [name.to_owned(), name.to_uppercase()] {
        let found = reserved.is_removed(name.as_bytes(), peer);
        assert_eq!(found, removed, "{name} from {peer:?}");
    }
}

#[track_caller]
fn check(name: &str, removed: bool) {
    check_from(PeerTrust::Untrusted, name, removed);
    check_from(PeerTrust::Trusted, name, removed);
}

#[test]
fn an_injected_name_and_all_its_aliases_are_removed() {
    for name in [
        "x-tenant-id",
        "x_tenant_id",
        "x.tenant.id",
        "x-tenant_id",
        "x!tenant|id",
        "x-feature-flags",
    ] {
        check(name, true);
    }
}

#[test]
fn name_with_another_folding_is_forwarded() {
    for name in [
        "x-tenant",
        "x-tenant-ids",
        "xtenantid",
        "x-tenant-ie",
        "tenant-id",
        "accept",
        "host",
        "te",
    ] {
        check(name, false);
    }
}

#[test]
fn every_name_under_a_reserved_prefix_is_removed() {
    for name in [
        "x-feature-dispatch-v2board",
        "x_feature_x",
        "x-feature-",
        "x-forwarded-for",
        "x_forwarded_proto",
    ] {
        check(name, true);
    }
    check("x-features", false);
    check("x-forwarder", false);
}

#[test]
fn overrides_of_method_and_target_are_removed() {
    for name in [
        "x-http-method-override",
        "x_http_method",
        "x-original-url",
        "x.rewrite.url",
        "x-override-url",
        "x-envoy-original-path",
        "x_http_verb",
        "x-forwarded",
        "x-http-path-override",
        "x_original_method",
        "method-override",
        "_method",
        "-method",
        "x-proxy-url",
        "disguised_host",
        "x-waws-unencoded-url",
        "x-http-host-override",
        "proxy",
        "forwarded",
    ] {
        check(name, true);
    }
}

#[test]
fn aliases_of_framing_names_are_removed_not_the_names() {
    for name in [
        "transfer_encoding",
        "content.length",
        "keep_alive",
        "content_type",
    ] {
        check(name, true);
    }
    for name in ["transfer-encoding", "content-length", "content-type"] {
        check(name, false);
    }
}

#[test]
fn aliases_of_read_names_are_removed_not_the_names() {
    for name in ["x_token", "x.token", "cf_ipcountry"] {
        check(name, true);
    }
    for name in ["x-token", "cf-ipcountry"] {
        check(name, false);
    }
}

#[test]
fn client_address_headers_need_a_proxy_that_overwrites_them() {
    for name in ["x-real-ip", "true-client-ip"] {
        check_from(PeerTrust::Untrusted, name, true);
        check_from(PeerTrust::Trusted, name, false);
    }
    for name in [
        "cf-connecting-ip",
        "x-client-ip",
        "x_real_ip",
        "x.client.ip",
        "true_client_ip",
    ] {
        check(name, true);
    }
    check("fly-client-ip", false);
    check("fly_client_ip", true);
}
