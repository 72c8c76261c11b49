//! The console: server-rendered pages on the admin listener, by which people operate flags.
//!
//! ```text
//! browser -> Console (session, visitor, form token) -> AdminApi (the admin API of this process, without a socket) -> page
//! ```
//!
//! - The console is a client of the admin API (`admin_api`): every page has its policy, roles, limits, audit log and
//!   problem codes. It has no other way to the state, and knows no store.
//! - Each change has two steps (`change`): a preview, then a confirmation with the revision that was previewed.
//! - Pages work without scripts. Scripts update parts of them, which the server renders.
//! - All texts are in one file, `texts/en.ftl`.

mod admin_api;
mod answers;
mod assets;
mod attribute_lines;
mod change;
mod chart;
mod console;
mod difference;
#[allow(unreachable_pub, reason = "the macro of filters writes public items")]
mod filters;
mod form;
mod form_body;
mod form_token;
mod interval;
mod live;
mod oidc;
mod org_names;
mod org_words;
mod origin;
mod page;
mod page_path;
mod pager;
mod pages;
mod problem;
mod reason_help;
mod receipt;
mod security_headers;
mod sentence;
mod session_cookie;
mod sessions;
mod sign_in;
mod texts;
mod unavailable;
mod visitor;

pub use console::{Audience, Console, ConsoleParts, router};
pub use origin::Origins;
pub use sessions::Sessions;
pub use unavailable::unavailable;
