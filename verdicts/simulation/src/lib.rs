//! Simulates rollouts, healthy and harmful, and measures false alarms and detection times of
//! [`verdicts`], beside the rules of Flagger and Argo Rollouts on the same traffic.

pub mod baseline;
pub mod draw;
pub mod harmful;
pub mod healthy;
pub mod peer;
pub mod plot;
pub mod report;
pub mod world;
