//! TLS to an upstream: names and certificates, proven to be usable.

use rules::{UpstreamClientCertificate, UpstreamTls};
use rustls::pki_types::{PrivateKeyDer, ServerName};

use crate::lower::gateway::Gateway;
use crate::node::Node;

impl<'s> Gateway<'_, 's> {
    /// How connections to an upstream are encrypted. The outer option says whether that is known.
    pub(super) fn upstream_tls(&mut self, upstream: &Node<'s>) -> Option<Option<UpstreamTls>> {
        let Some(node) = upstream.field("tls") else {
            return Some(None);
        };
        let sni = node.field("sni");
        let roots = node.field("ca").map(|node| self.root_certificates(node));
        let client = node
            .field("client_certificate")
            .map(|node| self.client_certificate(node));
        // One that is missing was reported.
        let (sni_node, sni) = (sni?, sni?.text()?);
        if ServerName::try_from(&**sni).is_err() {
            let title = format!("`{sni}` is not a name that a certificate can have");
            let help = "write the host name in the upstream's certificate, such as `orders.internal`";
            self.error("invalid-host", title, sni_node.span, help);
            return None;
        }
        let ders = |certificates: Vec<rustls::pki_types::CertificateDer<'_>>| {
            certificates
                .iter()
                .map(|certificate| Box::from(&**certificate))
                .collect()
        };
        Some(Some(UpstreamTls {
            sni: (**sni).into(),
            roots: match roots {
                Some(roots) => Some(ders(roots?)),
                None => None,
            },
            client: match client {
                Some(client) => Some(client?),
                None => None,
            },
        }))
    }

    fn client_certificate(&mut self, node: &Node<'s>) -> Option<UpstreamClientCertificate> {
        let pair = self.certificate(node)?;
        let key_node = node.field("key")?;
        let key = self.private_key(key_node)?;
        let der: Box<[u8]> = key.secret_der().into();
        // The proxy's TLS tells the kind of a key by its bytes.
        if PrivateKeyDer::try_from(&*der).is_err() {
            let title = format!("`{}` holds a key of a kind that can't be told", key_node.text()?);
            self.error("invalid-certificate", title, key_node.span, "write it as PKCS #8");
            return None;
        }
        let chain = pair.key.cert.iter();
        let chain = chain.map(|certificate| Box::from(&**certificate)).collect();
        Some(UpstreamClientCertificate { chain, key: der })
    }
}
