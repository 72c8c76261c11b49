//! The admin API over a real socket: permissions, answers, and requests that change nothing.

mod bodies;
mod changes;
mod contract;
mod decision_table;
mod effects;
mod flag_list;
mod flag_orgs;
mod flag_traffic;
mod generated;
mod limits;
mod log;
mod measured;
mod measured_rollouts;
mod node;
mod promotion;
mod reads;
mod reports;
mod roles;
mod rollouts;
mod server;
mod sign_in;
mod tenant_counts;
mod traffic;
mod urgent;
