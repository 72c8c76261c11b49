//! The form of the windows of a rollout plan: days, hours and a time zone.

use crate::form::{List, Placed, object, parsed, union};
use crate::rollout_plan::{DayTime, Days, MAX_WINDOWS, Window, Zone};
use crate::suggest::closest;
use crate::validate::InvalidValue;

/// The windows of a plan or a stage.
pub(crate) type Windows = List<WindowForm, 0, MAX_WINDOWS>;

object! {
    /// Days and hours in which a rollout plan advances.
    WindowForm("a window"): Window {
        /// Days: one (`mon`), a range (`mon-thu`), or a list of these. Default: every day.
        days: optional DaysForm,
        /// First minute. Default: 00:00.
        from: strict Placed<Time> = Placed { value: DayTime::MIDNIGHT, span: crate::node::Span::default() },
        /// First minute after the window. Default: 24:00.
        until: strict Placed<Time> = Placed { value: DayTime::END, span: crate::node::Span::default() },
        /// Time zone of the IANA database, such as `Europe/Berlin`.
        zone: required ZoneName,
    } with validator => {
        if until.value <= from.value {
            let title = format!("the window ends at {}, not after {}", until.value, from.value);
            let place = if until.span.len == 0 { from.span } else { until.span };
            validator.error("invalid-time", title, place, "write a window over midnight as two: up to `24:00`, and from `00:00`");
        }
        Window { days: days.unwrap_or(Days::ALL), from: from.value, until: until.value, zone }
    }
}

union! {
    DaysForm("days such as `mon-thu`, or a list of them"): Days {
        scalar DayRange => |days| days,
        list List<DayRange, 1, 7> => |days| days.into_iter().reduce(Days::union).unwrap_or(Days::ALL),
    }
}

parsed! {
    DayRange("days such as `mon-thu` or `sat`", "unknown-value"): Days = |text| {
        let help = "write `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`, or a range such as `mon-thu`";
        Days::parse(text).ok_or_else(|| InvalidValue::new(format!("`{text}` are no days of the week"), help))
    };
    Time("a time of the day such as `09:00`", "invalid-time"): DayTime = |text| {
        let help = "write hours and minutes, from `00:00` to `24:00`";
        DayTime::parse(text).ok_or_else(|| InvalidValue::new(format!("`{text}` is no time of the day"), help))
    };
    ZoneName("a time zone such as `Europe/Berlin`", "unknown-value"): Zone = |name| {
        Zone::find(name).ok_or_else(|| {
            let known: Vec<String> = Zone::names().collect();
            let meant = closest(name, known.iter().map(String::as_str));
            let help = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "write the name of a zone of the IANA database, such as `Europe/Berlin` or `UTC`".to_owned(),
            };
            InvalidValue::new(format!("there is no time zone `{name}`"), help)
        })
    };
}
