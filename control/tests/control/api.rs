//! The admin API over a real socket: who may do what, what is answered, and what is never changed.

mod bodies;
mod changes;
mod contract;
mod effects;
mod generated;
mod limits;
mod log;
mod looks;
mod roles;
mod server;
mod sign_in;
mod urgent;
