//! The form of `limits`: limits of the whole process, for all listeners together.

use crate::form::{Field, Size, Whole, object};
use crate::settings::ProcessLimits as Limits;
use crate::validate::Validator;

/// The minimum of `max_buffered`, in bytes: less memory does not hold ten requests.
const MIN_BUFFERED: u64 = 4 * 1024 * 1024;

/// A number of requests or tunnels.
type Count<const MIN: i64> = Whole<usize, MIN, 10_000_000>;

object! {
    /// Limits for all listeners together, and for one client address.
    ProcessLimits("the limits of the process"): Limits {
        /// Maximum number of requests sent to upstreams at once. Default: half of the file descriptors after the
        /// reserve.
        max_in_flight: field Count<1>,
        /// The same for one client address (IPv6: one /64). Default: a quarter of `max_in_flight`, from 100 to 1000.
        max_in_flight_per_client: field Count<1>,
        /// Maximum number of WebSocket connections. Default: a quarter of the file descriptors after the reserve.
        max_tunnels: field Count<0>,
        /// The same for one client address. Default: a quarter of `max_tunnels`, from 100 to 1000.
        max_tunnels_per_client: field Count<0>,
        /// Maximum memory for requests with their buffers. Default: half of the memory of the machine or container.
        max_buffered: field Size,
        /// The same for one client address. Default: half of `max_buffered`, from 16MiB to 1GiB.
        max_buffered_per_client: field Size,
    } with validator => {
        check_buffered(&max_buffered, validator);
        check_buffered(&max_buffered_per_client, validator);
        check_share(&max_in_flight, &max_in_flight_per_client, validator);
        check_share(&max_tunnels, &max_tunnels_per_client, validator);
        check_share(&max_buffered, &max_buffered_per_client, validator);
        Limits {
            max_in_flight: max_in_flight.optional()?,
            max_in_flight_per_client: max_in_flight_per_client.optional()?,
            max_tunnels: max_tunnels.optional()?,
            max_tunnels_per_client: max_tunnels_per_client.optional()?,
            max_buffered: max_buffered.optional()?,
            max_buffered_per_client: max_buffered_per_client.optional()?,
        }
    }
}

fn check_share<T: Ord>(all: &Field<T>, client: &Field<T>, validator: &mut Validator<'_>) {
    if let (Field::Written(all, most), Field::Written(client, share)) = (all, client)
        && share.value > most.value
    {
        let title = format!("`{}` is larger than `{}`", client.name, all.name);
        let help = format!("write at most the value of `{}`", all.name);
        validator.error("out-of-range", title, share.span, help);
    }
}

fn check_buffered(buffered: &Field<u64>, validator: &mut Validator<'_>) {
    if let Field::Written(key, bytes) = buffered
        && bytes.value < MIN_BUFFERED
    {
        let title = format!(
            "`{}` of {} bytes is too small to hold requests",
            key.name, bytes.value
        );
        validator.error("out-of-range", title, bytes.span, "write at least `4MiB`");
    }
}
