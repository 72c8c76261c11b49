use std::os::unix::fs::PermissionsExt as _;

use control::operators::{Known, StaticToken, TokenHash};

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Returns operators with one static token, the actor of it, and its credential.
fn operator(name: &str) -> (Operators, SignedIn, Credential) {
    let (token, hash) = TokenHash::issue().unwrap();
    let known = StaticToken {
        name: name.to_owned(),
        role: Role::Viewer,
        org: None,
        hash,
        expires: None,
    };
    let operators = Operators::of(Known {
        tokens: vec![known],
        ..Known::default()
    });
    let peer = ([127, 0, 0, 1], 1).into();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let found = runtime.block_on(operators.sign_in_with(&token, peer, NOW));
    let (signed_in, credential) = found.unwrap();
    (operators, signed_in, credential)
}

#[test]
fn a_restart_keeps_sessions_and_the_file_has_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.json");
    let (operators, signed_in, credential) = operator("ada");
    let sessions = Sessions::of_file(Some(path.clone()));
    let (id, _) = sessions.begin(&signed_in, credential, NOW).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&id.text()), "{text}");
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let next = Sessions::of_file(Some(path.clone()));
    let present = next.present(id.digest(), &operators, NOW).unwrap();
    assert_eq!(present.actor, signed_in.actor);
    next.end(id.digest());
    let last = Sessions::of_file(Some(path));
    assert_eq!(last.present(id.digest(), &operators, NOW), None);
}

#[test]
fn a_damaged_file_signs_everyone_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.json");
    for damaged in ["", "{", "{\"version\":2,\"sessions\":[]}"] {
        std::fs::write(&path, damaged).unwrap();
        assert_eq!(Sessions::of_file(Some(path.clone())).list(), []);
    }
}

#[test]
fn the_oldest_session_of_an_actor_ends_for_a_new_one() {
    let (operators, ada, credential) = operator("ada");
    let (_, bob, other) = operator("bob");
    let sessions = Sessions::of_file(None);
    sessions.begin(&bob, other, NOW).unwrap();
    let ids: Vec<_> = (0..=MAX_SESSIONS_OF_ACTOR)
        .map(|_| sessions.begin(&ada, credential.clone(), NOW).unwrap().0)
        .collect();
    assert_eq!(sessions.list().len(), MAX_SESSIONS_OF_ACTOR + 1);
    assert_eq!(sessions.present(ids[0].digest(), &operators, NOW), None);
    assert!(sessions.present(ids[1].digest(), &operators, NOW).is_some());
}

#[test]
fn the_number_of_sessions_is_limited() {
    let (_, mut signed_in, credential) = operator("ada");
    let sessions = Sessions::of_file(None);
    for number in 0..=MAX_SESSIONS {
        signed_in.actor.name = format!("ada-{number}");
        sessions.begin(&signed_in, credential.clone(), NOW).unwrap();
    }
    let list = sessions.list();
    assert_eq!(list.len(), MAX_SESSIONS);
    assert_eq!(list.last().unwrap().name, "ada-1");
}

#[test]
fn a_session_ends_after_eight_hours() {
    let (operators, signed_in, credential) = operator("ada");
    let sessions = Sessions::of_file(None);
    let (id, expires) = sessions.begin(&signed_in, credential, NOW).unwrap();
    assert_eq!(expires.0, NOW.0 + SESSION_MS);
    let last = Timestamp(expires.0 - 1);
    let present = sessions.present(id.digest(), &operators, last).unwrap();
    assert_eq!(present.expires, Some(expires));
    assert_eq!(sessions.present(id.digest(), &operators, expires), None);
}
