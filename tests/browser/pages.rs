//! Every page of the console over one company: its look in both schemes and on a phone, accessibility, requests, the
//! console of the browser, and what each role may do.

mod company;
mod goldens;
mod hostile;
mod pictures;
mod roles;
mod table;

/// Returns true if the long form of tests is asked for.
fn is_long() -> bool {
    std::env::var_os("SLUICE_SOAK").is_some()
}
