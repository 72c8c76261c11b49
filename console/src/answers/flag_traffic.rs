//! The traffic of flags by minute.

use serde::Deserialize;

use crate::chart;

/// The traffic of flags in the last hour.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct FlagTraffic {
    pub(crate) flags: Vec<FlagMinutes>,
}

/// The traffic of one flag, by minute, the oldest first.
#[derive(Debug, Deserialize)]
pub(crate) struct FlagMinutes {
    pub(crate) flag: String,
    pub(crate) requests: Vec<u64>,
    pub(crate) errors: Vec<u64>,
    /// The arms of its plan; only where one flag was requested.
    #[serde(default)]
    pub(crate) arms: Vec<ArmMinutes>,
}

/// The traffic of one arm, by minute.
#[derive(Debug, Deserialize)]
pub(crate) struct ArmMinutes {
    /// `treatment`, `control`, `opted_in` or `excluded`.
    pub(crate) arm: String,
    pub(crate) requests: Vec<u64>,
    pub(crate) errors: Vec<u64>,
}

impl FlagTraffic {
    /// Returns the traffic of a flag.
    pub(crate) fn of(&self, flag: &str) -> Option<&FlagMinutes> {
        self.flags.iter().find(|minutes| minutes.flag == flag)
    }
}

impl FlagMinutes {
    /// Returns the sums of the hour in words.
    pub(crate) fn words(&self) -> String {
        chart::sums(&self.requests, &self.errors)
    }

    /// Returns the number of requests of the hour.
    pub(crate) fn sum(&self) -> u64 {
        self.requests.iter().sum()
    }
}

impl ArmMinutes {
    /// Returns the number of requests of the hour.
    pub(crate) fn sum(&self) -> u64 {
        self.requests.iter().sum()
    }

    /// Returns the number of errors of the hour.
    pub(crate) fn error_sum(&self) -> u64 {
        self.errors.iter().sum()
    }
}
