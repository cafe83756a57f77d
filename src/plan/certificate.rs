//! Certificates and keys for the API over TCP: whether they are what they should
//! be, are valid now, and belong together. No signature is judged, and nothing
//! of a key is kept.

use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Decode, Document, Reader, SliceReader, Tag, Tagged};

/// Why a file will not do.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Unfit {
    /// No PEM block of the kind it should have.
    #[error("holds no {0} in PEM form")]
    None(&'static str),
    /// A block that cannot be read.
    #[error("holds a {0} that cannot be read")]
    Broken(&'static str),
    /// Its time has not come, which may be the clock's fault.
    #[error("is not valid before {0}")]
    Early(String),
    /// Its time is over.
    #[error("expired on {0}")]
    Expired(String),
    /// The key needs a password, which dockerd does not ask for.
    #[error("is encrypted, and dockerd asks for no password")]
    Encrypted,
    /// The key is another's.
    #[error("does not belong to the certificate")]
    Mismatch,
}

const CERTIFICATE: &str = "certificate";
const KEY: &str = "private key";

/// More blocks than any bundle of certificates has.
const MOST: usize = 1000;

/// rsaEncryption.
const RSA: &str = "1.2.840.113549.1.1.1";

/// The public half of a key, by what tells it from others.
#[derive(Debug, PartialEq, Eq)]
enum Public {
    /// The modulus.
    Rsa(Vec<u8>),
    /// A point on a curve, or whatever else stands in the certificate.
    Point(Vec<u8>),
}

/// Certificates that clients are judged by: each that is read must be whole, and
/// one at least valid at `now`, in seconds since 1970.
///
/// # Errors
/// [`Unfit`]
pub fn authority(pem: &str, now: u64) -> Result<(), Unfit> {
    let mut why = Unfit::None(CERTIFICATE);
    for certificate in certificates(pem)? {
        match valid(&certificate, now) {
            Ok(()) => return Ok(()),
            Err(unfit) => why = unfit,
        }
    }
    Err(why)
}

/// The daemon's own certificate: the first of the file.
///
/// # Errors
/// [`Unfit`]
pub fn own(pem: &str, now: u64) -> Result<(), Unfit> {
    valid(&first(pem)?, now)
}

/// The key of the daemon's own certificate. One that does not tell its public
/// half (Ed25519) is left to dockerd.
///
/// # Errors
/// [`Unfit`]
pub fn key(pem: &str, certificate: &str) -> Result<(), Unfit> {
    let is_key = |label: &str| label == "PRIVATE KEY" || label.ends_with(" PRIVATE KEY");
    let block = blocks(pem).into_iter().find(|block| is_key(block.label));
    let block = block.ok_or(Unfit::None(KEY))?;
    if block.label.starts_with("ENCRYPTED") || block.body.contains("ENCRYPTED") {
        return Err(Unfit::Encrypted);
    }
    let document = block.document().ok_or(Unfit::Broken(KEY))?;
    let own = match block.label {
        "PRIVATE KEY" => of_pkcs8(document.as_bytes()),
        _ => of_traditional(document.as_bytes()),
    };
    let own = own.map_err(|()| Unfit::Broken(KEY))?;
    match own.is_none_or(|own| Some(own) == public(&first(certificate).ok())) {
        true => Ok(()),
        false => Err(Unfit::Mismatch),
    }
}

fn first(pem: &str) -> Result<Certificate, Unfit> {
    let first = certificates(pem)?.into_iter().next();
    first.ok_or(Unfit::None(CERTIFICATE))
}

fn certificates(pem: &str) -> Result<Vec<Certificate>, Unfit> {
    let blocks = blocks(pem).into_iter();
    let ours = blocks.filter(|block| block.label == "CERTIFICATE");
    let read = |block: Block<'_>| {
        let document = block.document()?;
        Certificate::from_der(document.as_bytes()).ok()
    };
    let all: Option<Vec<Certificate>> = ours.map(read).collect();
    all.ok_or(Unfit::Broken(CERTIFICATE))
}

fn valid(certificate: &Certificate, now: u64) -> Result<(), Unfit> {
    let validity = &certificate.tbs_certificate.validity;
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
    if now < seconds(validity.not_before) {
        return Err(Unfit::Early(validity.not_before.to_string()));
    }
    match now > seconds(validity.not_after) {
        true => Err(Unfit::Expired(validity.not_after.to_string())),
        false => Ok(()),
    }
}

/// A block of PEM.
struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

/// The blocks of a text; what stands between them says nothing.
fn blocks(mut text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    while let Some((_, rest)) = text.split_once("-----BEGIN ") {
        let Some((label, rest)) = rest.split_once("-----") else {
            break;
        };
        let Some((body, rest)) = rest.split_once("-----END ") else {
            break;
        };
        blocks.push(Block { label, body });
        text = rest;
        if blocks.len() == MOST {
            break;
        }
    }
    blocks
}

impl Block<'_> {
    /// What it holds; lines may have any length, as Go takes them.
    fn document(&self) -> Option<Document> {
        let body: Vec<u8> = self
            .body
            .bytes()
            .filter(|b| !b.is_ascii_whitespace())
            .collect();
        let lines: Vec<&[u8]> = body.chunks(64).collect();
        let body = String::from_utf8(lines.join(&b'\n')).ok()?;
        let pem = format!("-----BEGIN X-----\n{body}\n-----END X-----\n");
        Document::from_pem(&pem).ok().map(|(_, document)| document)
    }
}

fn public(certificate: &Option<Certificate>) -> Option<Public> {
    let info = &certificate
        .as_ref()?
        .tbs_certificate
        .subject_public_key_info;
    let key = info.subject_public_key.raw_bytes();
    match info.algorithm.oid.to_string() == RSA {
        true => items(key)?.first().map(|n| Public::Rsa(n.value().to_vec())),
        false => Some(Public::Point(key.to_vec())),
    }
}

/// `PrivateKeyInfo` (RFC 5208): version, algorithm, the key in its own form.
fn of_pkcs8(der: &[u8]) -> Result<Option<Public>, ()> {
    let items = items(der).ok_or(())?;
    let key = items.get(2).filter(|key| key.tag() == Tag::OctetString);
    match key.ok_or(())?.value() {
        // An Ed25519 key is a string of its own.
        key if key.first() != Some(&0x30) => Ok(None),
        key => of_traditional(key),
    }
}

/// `RSAPrivateKey` (RFC 8017) or `ECPrivateKey` (RFC 5915).
fn of_traditional(der: &[u8]) -> Result<Option<Public>, ()> {
    let items = items(der).ok_or(())?;
    let second = items.get(1).ok_or(())?;
    if second.tag() == Tag::Integer {
        return Ok(Some(Public::Rsa(second.value().to_vec())));
    }
    let point = items.iter().find(|item| item.tag().octet() == 0xa1);
    let point = point.and_then(|item| AnyRef::from_der(item.value()).ok());
    // The first octet counts the bits that are not used: none.
    Ok(point.and_then(|bits| Some(Public::Point(bits.value().get(1..)?.to_vec()))))
}

/// What a SEQUENCE holds.
fn items(der: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let sequence = AnyRef::from_der(der).ok()?;
    if sequence.tag() != Tag::Sequence {
        return None;
    }
    let mut reader = SliceReader::new(sequence.value()).ok()?;
    let mut items = Vec::new();
    while !reader.is_finished() {
        items.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-12-01, and a time when all of them are over.
    const NOW: u64 = 1_796_083_200;
    const LATER: u64 = 4_000_000_000;

    macro_rules! pem {
        ($name:literal) => {
            include_str!(concat!("../../tests/tls/", $name, ".pem"))
        };
    }

    #[test]
    fn certificates_have_their_time() {
        for cert in [pem!("rsa-cert"), pem!("ec-cert"), pem!("ed-cert")] {
            assert_eq!(own(cert, NOW), Ok(()));
            assert_eq!(authority(cert, NOW), Ok(()));
            let late = own(cert, LATER).expect_err("expired").to_string();
            assert!(late.starts_with("expired on 2036-"), "{late}");
            assert!(matches!(own(cert, 0), Err(Unfit::Early(_))));
        }
        let both = format!(
            "a note\n{}{}",
            pem!("rsa-cert"),
            pem!("ec-cert").replace('\n', "\r\n")
        );
        assert_eq!(authority(&both, NOW), Ok(()));
        assert!(matches!(authority(&both, LATER), Err(Unfit::Expired(_))));
    }

    #[test]
    fn keys_belong_to_certificates() {
        let (rsa, ec, ed) = (pem!("rsa-cert"), pem!("ec-cert"), pem!("ed-cert"));
        for own in [pem!("rsa-key"), pem!("rsa-key.pkcs1")] {
            assert_eq!(key(own, rsa), Ok(()));
            assert_eq!(key(own, ec), Err(Unfit::Mismatch));
        }
        for own in [pem!("ec-key"), pem!("ec-key.sec1")] {
            assert_eq!(key(own, ec), Ok(()));
            assert_eq!(key(own, rsa), Err(Unfit::Mismatch));
        }
        assert_eq!(key(pem!("other-key"), ec), Err(Unfit::Mismatch));
        assert_eq!(key(pem!("ed-key"), ed), Ok(()));
        assert_eq!(key(pem!("ec-key.encrypted"), ec), Err(Unfit::Encrypted));
    }

    #[test]
    fn what_is_something_else() {
        assert_eq!(own("", NOW), Err(Unfit::None(CERTIFICATE)));
        assert_eq!(own(pem!("ec-key"), NOW), Err(Unfit::None(CERTIFICATE)));
        assert_eq!(key(pem!("ec-cert"), pem!("ec-cert")), Err(Unfit::None(KEY)));
        let cut = &pem!("ec-cert")[..200];
        assert_eq!(own(cut, NOW), Err(Unfit::None(CERTIFICATE)));
        let short = format!("{cut}\n-----END CERTIFICATE-----\n");
        assert_eq!(own(&short, NOW), Err(Unfit::Broken(CERTIFICATE)));
        let nothing = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----";
        assert_eq!(key(nothing, pem!("ec-cert")), Err(Unfit::Broken(KEY)));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, at in 0_usize..400) {
            let _ = of_pkcs8(&bytes);
            let _ = of_traditional(&bytes);
            let body = pem!("ec-cert");
            let at = at.min(body.len() - 1);
            let text = format!("{}{}{}", &body[..at], String::from_utf8_lossy(&bytes), &body[at + 1..]);
            let _ = own(&text, NOW);
            let _ = key(&text, &text);
        }
    }
}
