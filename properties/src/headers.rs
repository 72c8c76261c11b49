//! Headers for upstreams: valid names that are no aliases of each other, and a flags list that is a
//! structured field within its budget.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use arbitrary::{Result, Unstructured};
use config::{Files, load_from};
use rules::{FlagsHeader, HeaderPlan, Include, Reason, Snapshot, Timestamp, decide};
use serde_json::{Map, Value, json};

const NOON: Timestamp = Timestamp(1_795_000_000_000);
const LETTERS: [&str; 7] = ["a", "B", "-", "_", ".", "x", "0"];
/// Characters that a name must not hold, or that would end one.
const ODD: [&str; 8] = [":", "~", "é", " ", "\r\n", "\"", ";v=", "\0"];
const NAMES: [&str; 12] = [
    "X-Tenant-Id",
    "X-Feature-",
    "x_tenant.id",
    "Host",
    "Transfer_Encoding",
    "off",
    "X-User-Id",
    "X-A",
    "x-feature-a",
    "content-length",
    "X-Feature-Flags",
    "Connection",
];

/// Checks the headers of a random plan. The bytes choose flags, variants, header names and a budget.
pub fn headers(data: &[u8]) {
    // `Unstructured` yields the first choice once its bytes run out, so an error can't occur here.
    let _ = checked(&mut Unstructured::new(data));
}

fn checked(bytes: &mut Unstructured<'_>) -> Result<()> {
    let mut flags = Map::new();
    let mut keys = Vec::new();
    for _ in 0..bytes.int_in_range(0..=6)? {
        let key = text(bytes)?;
        keys.push(Value::String(key.clone()));
        flags.insert(key, flag(bytes)?);
    }
    let mut plan = Map::new();
    for field in ["tenant", "user", "revision", "request_id"] {
        if bytes.arbitrary()? {
            plan.insert(field.to_owned(), name(bytes)?.into());
        }
    }
    let include = match bytes.int_in_range(0..=2)? {
        0 => json!("all"),
        1 => json!("route"),
        _ => Value::Array(keys.clone()),
    };
    let budget: u16 = bytes.int_in_range(0..=200)?;
    plan.insert(
        "flags".into(),
        json!({ "name": name(bytes)?, "include": include, "budget": budget }),
    );
    if bytes.arbitrary()? {
        plan.insert(
            "per_flag".into(),
            json!({ "prefix": name(bytes)?, "flags": keys }),
        );
    }
    check(&flags, &plan);
    Ok(())
}

fn flag(bytes: &mut Unstructured<'_>) -> Result<Value> {
    if bytes.arbitrary()? {
        return Ok(json!({ "kind": "ops", "default": if bytes.arbitrary()? { "on" } else { "off" } }));
    }
    let (first, second) = (text(bytes)?, text(bytes)?);
    let mut variants = Map::from_iter([("off".to_owned(), Value::Null)]);
    variants.insert(first.clone(), 1.into());
    variants.insert(second, 2.into());
    Ok(json!({ "kind": "ops", "variants": variants, "default": first }))
}

/// Generates a name. One in sixteen has a character that is not allowed.
fn text(bytes: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::from("k");
    for _ in 0..bytes.int_in_range(0..=12)? {
        text.push_str(bytes.choose(&LETTERS)?);
    }
    if bytes.int_in_range(0..=15)? == 15 {
        text.push_str(bytes.choose(&ODD)?);
    }
    Ok(text)
}

fn name(bytes: &mut Unstructured<'_>) -> Result<String> {
    match bytes.int_in_range(0..=3)? {
        0 => Ok((*bytes.choose(&NAMES)?).to_owned()),
        _ => text(bytes),
    }
}

/// Returns the documents with these flags and this plan.
fn documents(flags: &Map<String, Value>, plan: &Map<String, Value>) -> BTreeMap<PathBuf, Vec<u8>> {
    let sluice = json!({
        "version": 1,
        "listeners": [{ "name": "a", "address": "127.0.0.1:0" }],
        "admin": "off",
        "flags": { "file": "flags.yaml" },
        "upstreams": { "u": "127.0.0.1:1" },
        "unmatched": { "upstream": "u" },
        "headers": plan,
    });
    [
        (PathBuf::from("sluice.yaml"), sluice.to_string().into_bytes()),
        (
            PathBuf::from("flags.yaml"),
            json!({ "version": 1, "flags": flags }).to_string().into_bytes(),
        ),
    ]
    .into()
}

fn check(flags: &Map<String, Value>, plan: &Map<String, Value>) {
    let files = documents(flags, plan);
    let loaded = load_from(Files::Memory(files), Path::new("sluice.yaml"), &|_| None);
    let Ok(loaded) = loaded else { return };
    check_names(&loaded.snapshot.headers);
    if let Some(header) = &loaded.snapshot.headers.flags {
        check_list(header, &loaded.snapshot);
    }
    for (id, _) in &loaded.snapshot.headers.per_flag {
        let flag = loaded.snapshot.flags.flag(*id).expect("a flag that there is");
        let subject = loaded.snapshot.subject(None);
        let served = flag.variant(decide(&loaded.snapshot.flags, *id, &subject, NOON).variant);
        let served = &served.expect("a variant that there is").name;
        assert!(served.bytes().all(|byte| byte.is_ascii_graphic()), "{served:?}");
    }
}

fn check_names(plan: &HeaderPlan) {
    let single = [&plan.tenant, &plan.user, &plan.revision, &plan.request_id];
    let names: Vec<&str> = single
        .into_iter()
        .flatten()
        .map(|name| &**name)
        .chain(plan.flags.as_ref().map(|flags| &*flags.name))
        .chain(plan.per_flag.iter().map(|(_, name)| &**name))
        .collect();
    let mut folded = HashSet::new();
    for name in names {
        let of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert!(!name.is_empty() && name.bytes().all(of_token), "{name:?}");
        assert!(!name.bytes().any(|byte| byte.is_ascii_uppercase()), "{name:?}");
        let fold = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let alias: String = name.chars().map(fold).collect();
        let framing = ["host", "connection", "content_length", "transfer_encoding"];
        assert!(!framing.contains(&&*alias), "{name} means something else");
        assert!(folded.insert(alias), "{name} is an alias of another");
    }
}

/// Checks that the list holds the flags that are on, in key order, and is cut only if the budget is too
/// small.
fn check_list(header: &FlagsHeader, snapshot: &Snapshot) {
    let subject = snapshot.subject(None);
    let gated: Vec<_> = snapshot.flags.iter().map(|(id, _)| id).collect();
    let list = header.list(&snapshot.flags, &gated, &subject, NOON);
    let mut on = Vec::new();
    for (id, flag) in snapshot.flags.iter() {
        let listed = match &header.include {
            Include::All | Include::Route => true,
            Include::List(ids) => ids.contains(&id),
        };
        let decision = decide(&snapshot.flags, id, &subject, NOON);
        let variant = flag.variant(decision.variant).expect("a variant that there is");
        if listed && decision.reason != Reason::Error && decision.variant != flag.off() {
            let v = (&*variant.name != "on").then(|| variant.name.to_string());
            on.push((flag.key().as_str().to_owned(), v));
        }
    }
    on.sort();
    let Some(value) = list.value else {
        assert!(on.is_empty() && !list.truncated);
        return;
    };
    assert!(
        value.len() <= header.budget.max("*;truncated".len()),
        "{value} in {}",
        header.budget
    );
    let (items, truncated) = parse(&value);
    assert_eq!(truncated, list.truncated, "{value}");
    assert_eq!(items, on[..items.len()], "{value}");
    assert_eq!(items.len() < on.len(), truncated, "{value}");
    assert!(
        !truncated || !matches!(header.include, Include::List(_)),
        "{value}: a list that may not fit is refused when it is loaded"
    );
}

/// Parses a structured field (RFC 9651 section 4.2.1) that is a list of tokens, and the mark of a cut list.
/// `*` alone stands for an empty list.
fn parse(value: &str) -> (Vec<(String, Option<String>)>, bool) {
    let is_token = |token: &str| {
        token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '*')
            && token
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte))
    };
    let mut items = Vec::new();
    let mut truncated = false;
    for item in value.split(", ") {
        assert!(!truncated, "an item after the mark: {value}");
        let mut parts = item.split(';');
        let key = parts.next().unwrap_or_default();
        assert!(is_token(key), "{key:?} in {value}");
        let mut variant = None;
        for parameter in parts {
            match parameter.strip_prefix("v=") {
                Some(name) => {
                    assert!(is_token(name) && variant.is_none(), "{name:?} in {value}");
                    variant = Some(name.to_owned());
                }
                None => {
                    assert_eq!(parameter, "truncated", "{value}");
                    truncated = true;
                }
            }
        }
        if key != "*" {
            items.push((key.to_owned(), variant));
        }
    }
    (items, truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_header_plans_load() {
        let files = |prefix: &str| {
            let plan = json!({ "tenant": "X-A", "per_flag": { "prefix": prefix, "flags": ["k"] } });
            let flags = json!({ "k": { "kind": "ops", "default": "on" } });
            documents(flags.as_object().unwrap(), plan.as_object().unwrap())
        };
        let load = |files| load_from(Files::Memory(files), Path::new("sluice.yaml"), &|_| None);
        load(files("X-F-")).unwrap_or_else(|report| panic!("{report}"));
        load(files("X F")).expect_err("no header has such a name");
    }
}
