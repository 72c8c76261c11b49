//! `limits`: how much the whole process takes.

use super::gateway::Gateway;
use crate::form::Field;
use crate::settings::ProcessLimits;
use crate::shape::limits::ProcessLimitsFields;

/// The least memory that can be asked for, in bytes: less than that holds no ten requests.
const MIN_BUFFERED: u64 = 4 * 1024 * 1024;

impl<'s> Gateway<'_, 's> {
    /// Returns the limits of the process. Reports a limit for one client that is larger than the one for all.
    pub(crate) fn process_limits(&mut self, limits: &ProcessLimitsFields<'s>) -> Option<ProcessLimits> {
        for buffered in [&limits.max_buffered, &limits.max_buffered_per_client] {
            if let Field::Written(key, bytes) = buffered
                && bytes.value < MIN_BUFFERED
            {
                let title = format!("`{}` of {} bytes holds no requests", key.name, bytes.value);
                self.error("out-of-range", title, bytes.span, "write at least `4MiB`");
            }
        }
        self.check_share(&limits.max_in_flight, &limits.max_in_flight_per_client);
        self.check_share(&limits.max_tunnels, &limits.max_tunnels_per_client);
        self.check_share(&limits.max_buffered, &limits.max_buffered_per_client);
        Some(ProcessLimits {
            max_in_flight: limits.max_in_flight.optional()?,
            max_in_flight_per_client: limits.max_in_flight_per_client.optional()?,
            max_tunnels: limits.max_tunnels.optional()?,
            max_tunnels_per_client: limits.max_tunnels_per_client.optional()?,
            max_buffered: limits.max_buffered.optional()?,
            max_buffered_per_client: limits.max_buffered_per_client.optional()?,
        })
    }

    fn check_share<T: Ord>(&mut self, all: &Field<T>, client: &Field<T>) {
        if let (Field::Written(all, most), Field::Written(client, share)) = (all, client)
            && share.value > most.value
        {
            let title = format!("`{}` is larger than `{}`", client.name, all.name);
            let help = format!("write at most what `{}` says", all.name);
            self.error("out-of-range", title, share.span, help);
        }
    }
}
