//! The beginnings of secrets by issuer, and the separators between a secret and its name.

use super::SecretShape::{self, Basic, Bearer, Field, Jwt, Named, Prefixed, PrivateKey, UserInfo};
use super::TOKEN_PREFIX;
use super::Tail::{Alphanumeric, Capitals, Dashed, WithCapital};

/// The anchors of secrets.
pub(crate) const ANCHORS: [(&str, SecretShape); 36] = [
    ("eyJ", Jwt),
    ("bearer", Bearer),
    ("basic", Basic),
    ("-----BEGIN ", PrivateKey),
    ("://", UserInfo),
    (TOKEN_PREFIX, Prefixed(WithCapital, 16)),
    // AWS
    ("AKIA", Prefixed(Capitals, 16)),
    ("ASIA", Prefixed(Capitals, 16)),
    // Google
    ("AIza", Prefixed(Dashed, 30)),
    ("ya29.", Prefixed(Dashed, 20)),
    // GitHub, GitLab
    ("ghp_", Prefixed(Alphanumeric, 20)),
    ("gho_", Prefixed(Alphanumeric, 20)),
    ("ghu_", Prefixed(Alphanumeric, 20)),
    ("ghs_", Prefixed(Alphanumeric, 20)),
    ("ghr_", Prefixed(Alphanumeric, 20)),
    ("github_pat_", Prefixed(WithCapital, 20)),
    ("glpat-", Prefixed(Dashed, 16)),
    // Slack
    ("xoxa-", Prefixed(Dashed, 10)),
    ("xoxb-", Prefixed(Dashed, 10)),
    ("xoxp-", Prefixed(Dashed, 10)),
    ("xoxr-", Prefixed(Dashed, 10)),
    ("xoxs-", Prefixed(Dashed, 10)),
    // Stripe
    ("sk_live_", Prefixed(Alphanumeric, 16)),
    ("sk_test_", Prefixed(Alphanumeric, 16)),
    ("rk_live_", Prefixed(Alphanumeric, 16)),
    ("rk_test_", Prefixed(Alphanumeric, 16)),
    ("whsec_", Prefixed(Alphanumeric, 16)),
    // npm, Vault, Anthropic, age
    ("npm_", Prefixed(Alphanumeric, 30)),
    ("hvs.", Prefixed(Dashed, 20)),
    ("sk-ant-", Prefixed(Dashed, 20)),
    ("AGE-SECRET-KEY-", Prefixed(Capitals, 20)),
    // By name; another list has the names
    ("authorization", Field),
    ("\"cookie\"", Field),
    ("set-cookie", Field),
    ("=", Named),
    (":", Named),
];
