//! JSON Web Tokens as credentials: what holds, what does not, and why.
#![cfg(feature = "jwt")]

use std::time::Duration;

use airloom_chat::access::jwt::{Key, KeyError, Verifier};
use airloom_chat::access::{Anonymous, Authority, Denied, Visit};
use airloom_chat::{Author, Roles, RoomId, WallTime};
use jwt_compact::alg::{Ed25519, Es256, Hs256, Hs256Key, SigningKey, VerifyingKey};
use jwt_compact::{Algorithm, AlgorithmExt, Claims, Header, Renamed};
use proptest::prelude::*;
use serde_json::{Value, json};

const SECRET: &[u8] = b"thirty-two bytes, and not a bit less";
const NOW: u64 = 1_700_000_000;

fn room() -> RoomId {
    "lobby".parse().unwrap()
}

fn verify_at(verifier: &Verifier, seconds: u64, token: &str) -> Result<Author, Denied> {
    let now = WallTime::from_unix(Duration::from_secs(seconds));
    verifier.verify(Visit { room: &room(), now }, token)
}

fn verify(verifier: &Verifier, token: &str) -> Result<Author, Denied> {
    verify_at(verifier, NOW, token)
}

fn verifier() -> Verifier {
    Verifier::new("chat").with_key(Key::hs256(SECRET).unwrap())
}

fn claims() -> Value {
    json!({ "sub": "ann", "aud": "chat", "exp": NOW + 3600 })
}

fn with(member: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[member] = value.into();
    claims
}

fn without(member: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(member);
    claims
}

fn token_under(header: &Header, claims: Value) -> String {
    Hs256.token(header, &Claims::new(claims), &Hs256Key::new(SECRET)).unwrap()
}

fn token(claims: Value) -> String {
    token_under(&Header::empty(), claims)
}

#[test]
fn a_good_token_is_its_author() {
    let mut claims = claims();
    claims["name"] = json!("Ann the Great");
    claims["roles"] = json!(["moderator", "juggler", "vip"]);
    claims["rooms"] = json!(["foyer", "lobby"]);
    let author = verify(&verifier(), &token(claims)).unwrap();
    assert_eq!(author.id.as_str(), "ann");
    assert_eq!(author.name.unwrap().as_str(), "Ann the Great");
    assert_eq!(author.roles, Roles::MODERATOR.with(Roles::VIP));

    assert_eq!(
        verify(&verifier(), &token(with("aud", json!(["shop", "chat"])))).map(|_| ()),
        Ok(())
    );
}

#[test]
fn each_algorithm_holds() {
    let claims = || Claims::new(claims());
    let header = Header::empty();

    let secret = <<Ed25519 as Algorithm>::SigningKey as SigningKey<Ed25519>>::from_slice(&[7; 32]);
    let secret = secret.unwrap();
    let public = VerifyingKey::<Ed25519>::as_bytes(&secret.verifying_key()).into_owned();
    let verifier = Verifier::new("chat").with_key(Key::ed25519(&public).unwrap());
    let token = Ed25519.token(&header, &claims(), &secret).unwrap();
    assert_eq!(verify(&verifier, &token).unwrap().id.as_str(), "ann");
    let named: Renamed<Ed25519> = Ed25519::with_specific_name();
    let token = named.token(&header, &claims(), &secret).unwrap();
    assert_eq!(verify(&verifier, &token).unwrap().id.as_str(), "ann");

    let secret = <<Es256 as Algorithm>::SigningKey as SigningKey<Es256>>::from_slice(&[7; 32]);
    let secret = secret.unwrap();
    let public = VerifyingKey::<Es256>::as_bytes(secret.verifying_key()).into_owned();
    let verifier = Verifier::new("chat").with_key(Key::es256(&public).unwrap());
    let token = Es256.token(&header, &claims(), &secret).unwrap();
    assert_eq!(verify(&verifier, &token).unwrap().id.as_str(), "ann");
}

/// RFC 7515, A.1 and A.3: signed by others, and good but for the claims that are asked here.
#[test]
fn signatures_of_the_specification_hold() {
    let claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p\
                  c19yb290Ijp0cnVlfQ";
    let secret = base64(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    );
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{claims}.\
         dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let verifier = Verifier::new("chat").with_key(Key::hs256(&secret).unwrap());
    assert_eq!(verify(&verifier, &token), Err(Denied::Malformed { field: "claims" }));
    assert_eq!(verify(&self::verifier(), &token), Err(Denied::Forged));

    let mut public = vec![4];
    public.extend(base64("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"));
    public.extend(base64("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
    let token = format!(
        "eyJhbGciOiJFUzI1NiJ9.{claims}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8IS\
         lSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    let verifier = Verifier::new("chat").with_key(Key::es256(&public).unwrap());
    assert_eq!(verify(&verifier, &token), Err(Denied::Malformed { field: "claims" }));
}

#[test]
fn a_key_serves_its_own_algorithm_only() {
    // The public half of a pair, used as a secret: the classic confusion.
    let secret = <<Ed25519 as Algorithm>::SigningKey as SigningKey<Ed25519>>::from_slice(&[7; 32]);
    let public = secret.unwrap().verifying_key();
    let public = VerifyingKey::<Ed25519>::as_bytes(&public).into_owned();
    let verifier = Verifier::new("chat").with_key(Key::ed25519(&public).unwrap());
    let forged =
        Hs256.token(&Header::empty(), &Claims::new(claims()), &Hs256Key::new(&public)).unwrap();
    assert_eq!(verify(&verifier, &forged), Err(Denied::Algorithm));

    // No algorithm at all, in every spelling.
    let good = token(claims());
    let (_, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    for algorithm in ["none", "None", "NONE", "", "HS384", "hs256", "RS256"] {
        let header = encoded(&json!({ "alg": algorithm }).to_string());
        for signature in ["", signature] {
            let forged = format!("{header}.{payload}.{signature}");
            assert_eq!(verify(&self::verifier(), &forged), Err(Denied::Algorithm), "{algorithm:?}");
        }
    }
}

#[test]
fn what_is_altered_is_forged() {
    let good = token(claims());
    let dots: Vec<_> = good.match_indices('.').map(|(index, _)| index).collect();
    let other = encoded(&with("sub", "ben").to_string());
    let swapped = format!("{}.{other}.{}", &good[..dots[0]], &good[dots[1] + 1..]);
    assert_eq!(verify(&verifier(), &swapped), Err(Denied::Forged));
    let cut = &good[..=dots[1]];
    assert_eq!(verify(&verifier(), cut), Err(Denied::Forged));
    let another = Verifier::new("chat").with_key(Key::hs256(&[b'x'; 32]).unwrap());
    assert_eq!(verify(&another, &good), Err(Denied::Forged));
    assert_eq!(verify(&Verifier::new("chat"), &good), Err(Denied::Algorithm));
}

#[test]
fn time_is_kept_within_the_leeway() {
    let verifier = verifier().with_leeway(Duration::from_mins(1));
    let token = token(with("nbf", NOW));
    let at = |seconds| verify_at(&verifier, seconds, &token).map(|_| ());
    assert_eq!(at(NOW - 61), Err(Denied::TooEarly));
    assert_eq!(at(NOW - 60), Ok(()));
    assert_eq!(at(NOW + 3600 + 59), Ok(()));
    assert_eq!(at(NOW + 3600 + 60), Err(Denied::Expired));

    let strict = self::verifier().with_leeway(Duration::ZERO);
    assert_eq!(verify_at(&strict, NOW + 3599, &token).map(|_| ()), Ok(()));
    assert_eq!(verify_at(&strict, NOW + 3600, &token), Err(Denied::Expired));
}

#[test]
fn a_token_without_an_end_or_with_a_nonsensical_one_is_none() {
    let token = |claims| verify(&verifier(), &token(claims));
    assert_eq!(token(without("exp")), Err(Denied::Malformed { field: "exp" }));
    for end in [json!("tomorrow"), json!(null), json!(u64::MAX), json!(i64::MAX)] {
        assert!(matches!(token(with("exp", end)), Err(Denied::Malformed { .. })));
    }
    assert_eq!(token(with("exp", -1)), Err(Denied::Expired));
}

#[test]
fn it_is_for_this_audience_of_this_issuer_and_in_this_room() {
    let token = |claims| token(claims);
    let judged = |claims| verify(&verifier(), &token(claims)).map(|_| ());
    assert_eq!(judged(without("aud")), Err(Denied::Audience));
    assert_eq!(judged(with("aud", "shop")), Err(Denied::Audience));
    assert_eq!(judged(with("aud", json!(["shop", "Chat"]))), Err(Denied::Audience));
    assert_eq!(judged(with("rooms", json!(["foyer"]))), Err(Denied::Room));
    assert_eq!(judged(with("rooms", json!([]))), Err(Denied::Room));

    let choosy = verifier().with_issuer("us");
    assert_eq!(verify(&choosy, &token(claims())), Err(Denied::Issuer));
    assert_eq!(verify(&choosy, &token(with("iss", "them"))), Err(Denied::Issuer));
    assert_eq!(verify(&choosy, &token(with("iss", "us"))).map(|_| ()), Ok(()));
}

#[test]
fn keys_roll_over() {
    let (old, new) = (Key::hs256(&[b'o'; 32]).unwrap(), Key::hs256(SECRET).unwrap());
    let verifier = Verifier::new("chat").with_key(old.named("2023")).with_key(new.named("2024"));
    let under = |id: &str| token_under(&Header::empty().with_key_id(id), claims());
    assert_eq!(verify(&verifier, &under("2024")).map(|_| ()), Ok(()));
    assert_eq!(verify(&verifier, &under("2023")), Err(Denied::Forged), "of the other key");
    assert_eq!(verify(&verifier, &under("2025")), Err(Denied::UnknownKey));
    assert_eq!(verify(&verifier, &token(claims())).map(|_| ()), Ok(()), "every key is tried");
}

#[test]
fn what_is_no_token_is_malformed() {
    let verifier = verifier();
    let endless = format!("{}.{}.{}", "a".repeat(Verifier::LIMIT), "b", "c");
    for text in ["", ".", "..", "...", "a.b.c", "Bearer x", "ä.ö.ü", &endless] {
        assert!(matches!(verify(&verifier, text), Err(Denied::Malformed { .. })), "{text:.20}");
    }
    let mut crit = json!({ "alg": "HS256", "crit": ["exp"] }).to_string();
    crit = encoded(&crit);
    let good = token(claims());
    let (_, rest) = good.split_once('.').unwrap();
    let denied = Err(Denied::Malformed { field: "crit" });
    assert_eq!(verify(&verifier, &format!("{crit}.{rest}")), denied);
    for claims in
        [without("sub"), with("sub", ""), with("sub", "a\nb"), with("sub", 7), with("name", "")]
    {
        let denied = Err(Denied::Malformed { field: "claims" });
        assert_eq!(verify(&verifier, &token(claims)), denied);
    }
}

#[test]
fn keys_that_are_none_are_refused() {
    assert_eq!(Key::hs256(&[b'x'; 31]).unwrap_err(), KeyError::Short);
    assert_eq!(Key::ed25519(&[1; 31]).unwrap_err(), KeyError::NotAKey);
    assert_eq!(Key::es256(&[4; 65]).unwrap_err(), KeyError::NotAKey);
    let shown = format!("{:?}", Key::hs256(SECRET).unwrap());
    assert!(!shown.contains("thirty") && !shown.contains("116"), "{shown}");
}

#[test]
fn reading_without_a_token_is_a_policy() {
    let room = room();
    let visit = Visit { room: &room, now: WallTime::UNIX_EPOCH };
    assert_eq!(verifier().anonymous(visit), Anonymous::Reads);
    let closed = verifier().with_anonymous(Anonymous::Nothing);
    assert_eq!(closed.anonymous(visit), Anonymous::Nothing);
}

proptest! {
    #[test]
    fn any_text_is_refused(text in ".{0,200}") {
        prop_assert!(verify(&verifier(), &text).is_err());
    }

    #[test]
    fn any_change_to_a_character_is_noticed(index: prop::sample::Index, to in "[A-Za-z0-9_.-]") {
        let good = token(claims());
        let index = index.index(good.len());
        let mut bad = good.clone();
        bad.replace_range(index..=index, &to);
        // The last character holds two bits that count for nothing; base64 must refuse others.
        prop_assert!(bad == good || verify(&verifier(), &bad).is_err());
    }
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        _ => 63,
    };
    let bits = text.bytes().map(|byte| u32::from(digit(byte)));
    let mut bytes = Vec::new();
    let (mut held, mut count) = (0_u32, 0);
    for value in bits {
        held = held << 6 | value;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((held >> count) as u8);
        }
    }
    bytes
}

fn encoded(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            out.push(char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    out
}
