use jwt_compact::alg::{Ed25519, Es256, Hs256, Hs256Key, VerifyingKey};
use jwt_compact::{Algorithm, AlgorithmExt, Claims, Renamed, UntrustedToken, ValidationError};
use serde::Deserialize;
use serde_json::Value;

use crate::access::Denied;

/// Everything a token says beside its times, read once somebody vouches for it.
pub(super) type Others = serde_json::Map<String, Value>;
type Ed25519Key = <Ed25519 as Algorithm>::VerifyingKey;
type Es256Key = <Es256 as Algorithm>::VerifyingKey;

/// What a header may demand.
#[derive(Clone, Deserialize)]
pub(super) struct Critical {
    pub(super) crit: Option<serde::de::IgnoredAny>,
}

/// What vouches for tokens: a shared secret, or the public half of a pair.
///
/// Its debug form shows no secret.
#[derive(Debug, Clone)]
pub struct Key {
    id: Option<Box<str>>,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Hs256(Hs256Key),
    Ed25519(Ed25519Key),
    Es256(Box<Es256Key>),
}

impl Key {
    /// A secret that the issuer and this verifier share (HS256).
    ///
    /// # Errors
    /// [`KeyError::Short`] below 32 bytes (RFC 7518, 3.2).
    pub fn hs256(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < 32 {
            return Err(KeyError::Short);
        }
        Ok(Self::of(Form::Hs256(Hs256Key::new(secret))))
    }

    /// An Ed25519 public key of 32 bytes: `x` of a JSON Web Key, decoded.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`].
    pub fn ed25519(public: &[u8]) -> Result<Self, KeyError> {
        let key = <Ed25519Key as VerifyingKey<Ed25519>>::from_slice(public);
        key.map(Form::Ed25519).map(Self::of).map_err(|_| KeyError::NotAKey)
    }

    /// A P-256 public key (ES256) as SEC 1 writes it: 4 and the two coordinates, 65 bytes, or the
    /// compressed 33.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`].
    pub fn es256(public: &[u8]) -> Result<Self, KeyError> {
        let key = <Es256Key as VerifyingKey<Es256>>::from_slice(public);
        key.map(|key| Self::of(Form::Es256(Box::new(key)))).map_err(|_| KeyError::NotAKey)
    }

    /// The same under a name: a token that names another in its `kid` is not tried on it.
    #[must_use]
    pub fn named(mut self, id: &str) -> Self {
        self.id = Some(id.into());
        self
    }

    const fn of(form: Form) -> Self {
        Self { id: None, form }
    }

    pub(super) fn is_for(&self, algorithm: &str) -> bool {
        match self.form {
            Form::Hs256(_) => algorithm == "HS256",
            // RFC 8037 called it EdDSA; RFC 9864 says which.
            Form::Ed25519(_) => matches!(algorithm, "EdDSA" | "Ed25519"),
            Form::Es256(_) => algorithm == "ES256",
        }
    }

    pub(super) fn answers_to(&self, id: Option<&str>) -> bool {
        id.is_none() || self.id.is_none() || self.id.as_deref() == id
    }

    pub(super) fn validate(
        &self,
        token: &UntrustedToken<'_, Critical>,
    ) -> Result<Claims<Others>, Denied> {
        let valid = match &self.form {
            Form::Hs256(key) => Hs256.validator(key).validate(token),
            Form::Ed25519(key) if token.algorithm() == "EdDSA" => {
                Ed25519.validator(key).validate(token)
            }
            Form::Ed25519(key) => {
                let algorithm: Renamed<Ed25519> = Ed25519::with_specific_name();
                algorithm.validator(key).validate(token)
            }
            Form::Es256(key) => Es256.validator(key.as_ref()).validate(token),
        };
        valid.map(|token| token.into_parts().1).map_err(|error| match error {
            ValidationError::MalformedClaims(_) => Denied::Malformed { field: "claims" },
            _ => Denied::Forged,
        })
    }
}

/// Why something is no [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A secret that is shorter than what it produces.
    #[error("a secret of HS256 has 32 bytes at least")]
    Short,
    /// Bytes that are no point of the curve.
    #[error("not a public key")]
    NotAKey,
}
