//! The form of `limits`: how much the whole process takes, over all listeners.

use crate::form::{Field, Size, Whole, object};
use crate::settings::ProcessLimits as Limits;
use crate::validate::Validator;

/// The least memory that can be asked for, in bytes: less than that holds no ten requests.
const MIN_BUFFERED: u64 = 4 * 1024 * 1024;

/// A number of requests or tunnels.
type Count<const MIN: i64> = Whole<usize, MIN, 10_000_000>;

object! {
    /// How much the process takes over all listeners, and how much of that one client address gets.
    ProcessLimits("the limits of the process"): Limits {
        /// The most requests that upstreams are asked at once; left out: half of the file descriptors after the reserve.
        max_in_flight: field Count<1>,
        /// The same for one client address (IPv6: one /64); left out: a quarter of `max_in_flight`, 100 to 1000.
        max_in_flight_per_client: field Count<1>,
        /// The most WebSocket tunnels; left out: a quarter of the file descriptors after the reserve.
        max_tunnels: field Count<0>,
        /// The same for one client address; left out: a quarter of `max_tunnels`, 100 to 1000.
        max_tunnels_per_client: field Count<0>,
        /// The most memory for requests, with their buffers; left out: half of the memory of the machine or container.
        max_buffered: field Size,
        /// The same for one client address; left out: half of `max_buffered`, 16MiB to 1GiB.
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
        let help = format!("write at most what `{}` says", all.name);
        validator.error("out-of-range", title, share.span, help);
    }
}

fn check_buffered(buffered: &Field<u64>, validator: &mut Validator<'_>) {
    if let Field::Written(key, bytes) = buffered
        && bytes.value < MIN_BUFFERED
    {
        let title = format!("`{}` of {} bytes holds no requests", key.name, bytes.value);
        validator.error("out-of-range", title, bytes.span, "write at least `4MiB`");
    }
}
