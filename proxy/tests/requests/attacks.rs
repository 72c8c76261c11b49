//! Attacks on the proxy, one suite for each kind.

mod bypass;
mod faults;
mod hosts;
mod smuggling;
mod spoofing;
mod tokens;
