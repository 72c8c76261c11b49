//! What is taken out of a text before it is printed: secrets by their shape, and characters that move a cursor. Pure:
//! text in, text out; who prints is left to others.
//!
//! A mask has as many bytes as the secret, so that offsets into a text, and carets below it, still point at the same
//! place.

mod control;
mod credential;
mod host;
mod mask;
mod name;
mod scan;
mod shape;
mod text_format;

pub use control::escaped;
pub use credential::looks_random;
pub use host::{masked_hosts, user_info, user_infos};
pub use mask::{blank, mask_bytes, masked, masked_json};
pub use name::is_secret_name;
pub use shape::TOKEN_PREFIX;
pub use text_format::TextFormat;
