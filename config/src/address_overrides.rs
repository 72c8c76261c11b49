//! Addresses in the environment, which replace those of `sluice.yaml` before its form is read, so that every check of an
//! address applies to them.

use std::borrow::Cow;
use std::net::SocketAddr;

use crate::node::{MappingEntry, Node, NodeKind, Span};
use crate::problem::{At, Problem};
use crate::shape::all_of;
use crate::variables::Variables;

/// The variable with addresses of listeners: `ADDRESS` if there is one listener, or `NAME=ADDRESS` separated by commas.
pub const ADDRESS_VARIABLE: &str = "SLUICE_ADDRESS";
/// The variable with the address of the admin listener.
pub const ADMIN_ADDRESS_VARIABLE: &str = "SLUICE_ADMIN_ADDRESS";
/// The variable with the address of the health listener.
pub const HEALTH_ADDRESS_VARIABLE: &str = "SLUICE_HEALTH_ADDRESS";

const LISTENERS: &str = "listeners";
const ADMIN: &str = "admin";
const HEALTH: &str = "health";
const NAME: &str = "name";
const ADDRESS: &str = "address";

/// Replaces the addresses in a gateway document by those of the environment.
pub(crate) fn override_addresses(root: &mut Node<'_>, variables: Variables<'_>, problems: &mut Vec<Problem>) {
    let set = |name: &str| variables(name).filter(|value| !value.is_empty());
    let NodeKind::Mapping(sections) = &mut root.kind else {
        return;
    };
    if let Some(written) = set(ADDRESS_VARIABLE) {
        let listeners = sections.iter_mut().find(|section| section.key == LISTENERS);
        if let Some(NodeKind::List(listeners)) = listeners.map(|section| &mut section.value.kind) {
            for one in written.split(',').map(str::trim).filter(|one| !one.is_empty()) {
                if let Err(invalid) = override_listener(listeners, one) {
                    problems.push(invalid.problem());
                }
            }
        }
    }
    for (variable, section) in [(ADMIN_ADDRESS_VARIABLE, ADMIN), (HEALTH_ADDRESS_VARIABLE, HEALTH)] {
        if let Some(written) = set(variable) {
            match checked(variable, &written) {
                Ok(address) => override_section(sections, section, root.span, address),
                Err(invalid) => problems.push(invalid.problem()),
            }
        }
    }
}

fn override_listener(listeners: &mut [Node<'_>], written: &str) -> Result<(), InvalidOverride> {
    let (name, address) = match written.split_once('=') {
        Some((name, address)) => (Some(name.trim()), address.trim()),
        None => (None, written),
    };
    let address = checked(ADDRESS_VARIABLE, address)?;
    let name_of = |listener: &Node<'_>| Some(listener.field(NAME)?.raw()?.to_string());
    let names: Vec<String> = listeners.iter().filter_map(name_of).collect();
    let found = match (name, listeners) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(name), listeners) => listeners
            .iter_mut()
            .find(|listener| name_of(listener).as_deref() == Some(name)),
    };
    let Some(Node {
        span,
        kind: NodeKind::Mapping(fields),
    }) = found
    else {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        return Err(InvalidOverride {
            variable: ADDRESS_VARIABLE,
            title: match name {
                Some(name) => format!("no listener has the name `{name}`, which `{ADDRESS_VARIABLE}` names"),
                None => format!("`{ADDRESS_VARIABLE}` does not name the listener, and there are several"),
            },
            help: format!("write NAME=ADDRESS; the listeners are {}", all_of(&names)),
        });
    };
    set_field(fields, *span, ADDRESS, text(*span, address));
    Ok(())
}

/// Sets the address of a section that has one, and adds the section if there is none.
fn override_section(sections: &mut Vec<MappingEntry<'_>>, name: &'static str, root: Span, address: String) {
    let written = sections.iter_mut().find(|section| section.key == name);
    if let Some(MappingEntry {
        key_span,
        value: Node {
            kind: NodeKind::Mapping(fields),
            ..
        },
        ..
    }) = written
    {
        return set_field(fields, *key_span, ADDRESS, text(*key_span, address));
    }
    let mut fields = Vec::new();
    set_field(&mut fields, root, ADDRESS, text(root, address));
    let value = Node {
        span: root,
        kind: NodeKind::Mapping(fields),
    };
    set_field(sections, root, name, value);
}

/// Sets a field of a mapping. A problem of its value is at the place of the former value, or else at `span`.
fn set_field<'s>(fields: &mut Vec<MappingEntry<'s>>, span: Span, name: &'static str, mut value: Node<'s>) {
    match fields.iter_mut().find(|field| field.key == name) {
        Some(field) => {
            value.span = field.value.span;
            field.value = value;
        }
        None => fields.push(MappingEntry {
            key: Cow::Borrowed(name),
            key_span: span,
            value,
        }),
    }
}

fn text<'s>(span: Span, text: String) -> Node<'s> {
    Node {
        span,
        kind: NodeKind::Quoted(Cow::Owned(text)),
    }
}

fn checked(variable: &'static str, address: &str) -> Result<String, InvalidOverride> {
    match address.parse::<SocketAddr>() {
        Ok(_) => Ok(address.to_owned()),
        Err(_) => Err(InvalidOverride {
            variable,
            title: format!("`{address}` in `{variable}` is not an address"),
            help: "write an IP address and a port, such as `0.0.0.0:8080`".to_owned(),
        }),
    }
}

/// An address in the environment that can't be used.
struct InvalidOverride {
    variable: &'static str,
    title: String,
    help: String,
}

impl InvalidOverride {
    fn problem(self) -> Problem {
        let at = At::File(format!("${}", self.variable).into());
        Problem::at("invalid-address", self.title, at).help(self.help)
    }
}
