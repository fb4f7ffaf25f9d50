//! Signing what is sent to a customer's endpoint: Standard Webhooks, symmetric signatures.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Error, WallTime};

/// A signing secret: 24 to 64 bytes, written `whsec_` and base64.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// Reads a secret, with or without its prefix `whsec_`.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] of the field `secret` where it is not base64, or not of 24 to 64
    /// bytes.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let malformed = Error::Malformed { field: "secret", offset: 0 };
        let bytes = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text));
        match bytes {
            Ok(bytes) if (24..=64).contains(&bytes.len()) => Ok(Self(bytes)),
            _ => Err(malformed),
        }
    }

    fn mac(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(mac)
    }

    /// The value of the header `webhook-signature` for a message sent at `now`, whose header
    /// `webhook-timestamp` is `now` in whole seconds.
    pub fn sign(&self, id: &str, now: WallTime, body: &[u8]) -> String {
        let timestamp = now.unix_millis().div_euclid(1000);
        // HMAC takes keys of any length.
        let mac = self.mac(id, timestamp, body).map(|mac| mac.finalize().into_bytes());
        format!("v1,{}", STANDARD.encode(mac.unwrap_or_default()))
    }

    /// Whether one of the signatures in a header `webhook-signature` is this secret's, compared
    /// in constant time. The age of the message is for the caller to judge.
    pub fn verify(&self, id: &str, timestamp: i64, body: &[u8], header: &str) -> bool {
        let signatures = header.split(' ').filter_map(|part| part.strip_prefix("v1,"));
        signatures.filter_map(|text| STANDARD.decode(text).ok()).any(|signature| {
            self.mac(id, timestamp, body).is_some_and(|mac| mac.verify_slice(&signature).is_ok())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks reference libraries.
    #[test]
    fn signs_as_the_reference_does() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = br#"{"test": 2432232314}"#;
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let now = WallTime::from_unix_seconds(1_614_265_330);
        assert_eq!(secret.sign(id, now, body), signature);
        let header = format!("v1a,xyz v1,AAAA {signature}");
        assert!(secret.verify(id, 1_614_265_330, body, &header));
        assert!(!secret.verify(id, 1_614_265_331, body, &header));
        assert!(!secret.verify(id, 1_614_265_330, b"{}", &header));
    }

    #[test]
    fn short_secrets_are_refused() {
        assert!(Secret::parse("whsec_AAAA").is_err());
        assert!(Secret::parse("whsec_!").is_err());
    }
}
