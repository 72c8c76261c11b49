//! The contest: every contestant with its own form of the flag and of the askers, made once and outside of
//! whatever a ring measures.

use crate::{Asker, floor::Floor, launchdarkly::LaunchDarkly, sluice::Sluice, yggdrasil::Yggdrasil};

/// The key of the flag in every form.
pub(crate) const FLAG: &str = "dispatch.v2Board";

/// What is done with a contestant: checked, or measured. Generic, so that each call is a direct one.
pub trait Ring {
    /// Shows the contestant called `name`, its form of the askers, in order, and its answer to "is it on?".
    fn enter<S>(&mut self, name: &'static str, subjects: &[S], is_on: impl Fn(&S) -> bool);
}

/// Sends every contestant into the `ring`, with the same askers.
pub fn contest(askers: &[Asker], ring: &mut impl Ring) {
    let floor = Floor::new();
    ring.enter("floor", &floor.subjects(askers), |subject| floor.is_on(subject));

    let sluice = Sluice::with_records(askers);
    let attributes = sluice.attributes(askers);
    let subjects = sluice.known_subjects(askers, &attributes);
    ring.enter("sluice", &subjects, |subject| sluice.is_on(subject));

    let sluice = Sluice::without_records();
    let attributes = sluice.attributes(askers);
    let subjects = sluice.unknown_subjects(askers, &attributes);
    ring.enter("sluice, attributes in the request", &subjects, |subject| {
        sluice.is_on(subject)
    });

    let yggdrasil = Yggdrasil::new();
    let contexts = Yggdrasil::contexts(askers);
    let subjects = Yggdrasil::subjects(&contexts);
    ring.enter("yggdrasil", &subjects, |subject| yggdrasil.is_on(subject));

    let launchdarkly = LaunchDarkly::new();
    let subjects = LaunchDarkly::subjects(askers);
    ring.enter("launchdarkly", &subjects, |subject| launchdarkly.is_on(subject));
}
