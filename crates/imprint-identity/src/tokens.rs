//! Tokens: what they say, how they are written, signed and read back.
//!
//! A token is `base64url(version, key number, claims, HMAC-SHA256 of all before)`. It says everything a request needs
//! to be authorised, so no database is read. Whether it still counts is the business of [`crate::revoked`].

use std::collections::HashMap;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use imprint_model::{Caller, Grants, ProjectId, Timestamp, UserId};
use sha2::Sha256;

/// Longest token that is looked at, in characters. Far above any that is issued.
pub(crate) const TOKEN_LEN_MAX: usize = 8_192;
/// Most role names in one token.
pub(crate) const ROLES_MAX: usize = 64;

const VERSION: u8 = 1;
const MAC_BYTES: usize = 32;
/// Ends the claims of a user whom documents bound.
const BOUND_MARK: u8 = 1;

/// On whose behalf a token acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Nobody's: it only proves who the user is.
    Unscoped,
    /// A project's, which is in a domain.
    Project {
        /// The project.
        id: String,
        /// Its domain.
        domain_id: String,
    },
    /// A domain's.
    Domain {
        /// The domain.
        id: String,
    },
    /// The whole installation's.
    System,
}

/// How the user proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By password.
    Password,
    /// By an earlier token.
    Token,
    /// By an application credential.
    AppCredential,
    /// By the signature of an access key.
    AccessKey,
}

/// Identifies one token in audits and revocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuditId(pub [u8; 16]);

impl AuditId {
    /// 22 characters.
    pub fn to_text(self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

/// What a proof of identity says: the content of a token, or what an access key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Who.
    pub user_id: String,
    /// The user's domain.
    pub user_domain_id: String,
    /// On whose behalf.
    pub scope: Scope,
    /// Names of the roles held there, implied ones included.
    pub roles: Vec<String>,
    /// How it was proved, first way first.
    pub methods: Vec<Method>,
    /// Since when.
    pub issued_at: Timestamp,
    /// Until when, exclusive.
    pub expires_at: Timestamp,
    /// This token.
    pub audit_id: AuditId,
    /// The first token of the chain this one was got with, if it was got with a token.
    pub parent_audit_id: Option<AuditId>,
    /// The application credential or access key it rests on.
    pub credential_id: Option<String>,
    /// Whether policy documents bound what it is good for, see [`imprint_model::Grants`].
    pub bound: bool,
    /// The last revocation its maker had seen: only later ones can hit it. So no clock takes part in the question.
    pub(crate) revocations_seen: i64,
}

impl Claims {
    /// What authorisation looks at; the grants must be those of its user when it is bound.
    pub(crate) fn caller(&self, grants: Option<Arc<Grants>>, request_id: &str) -> Caller {
        Caller {
            user: UserId(self.user_id.clone()),
            project: self.project_id().map(ProjectId::from),
            roles: self.roles.clone(),
            grants,
            request_id: request_id.to_owned(),
        }
    }

    /// The project it acts for.
    pub fn project_id(&self) -> Option<&str> {
        match &self.scope {
            Scope::Project { id, .. } => Some(id),
            Scope::Unscoped | Scope::Domain { .. } | Scope::System => None,
        }
    }

    /// Whether the role is among those it carries.
    pub fn has_role(&self, name: &str) -> bool {
        self.roles.iter().any(|held| held == name)
    }

    /// As a token holds it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_claims(&mut bytes, self);
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let claims = read_claims(&mut reader)?;
        reader.0.is_empty().then_some(claims)
    }
}

/// The keys that sign tokens.
pub(crate) struct TokenKeys {
    keys: HashMap<u32, Hmac<Sha256>>,
    signing: u32,
}

impl TokenKeys {
    /// `signing` must be among `keys`.
    pub(crate) fn new(keys: impl IntoIterator<Item = (u32, Vec<u8>)>, signing: u32) -> Self {
        let keys = keys
            .into_iter()
            .map(|(id, key)| (id, Hmac::new_from_slice(&key).expect("HMAC takes a key of any length")))
            .collect::<HashMap<_, _>>();
        assert!(keys.contains_key(&signing), "the signing key is one of the keys");
        Self { keys, signing }
    }

    /// Writes and signs.
    pub(crate) fn sign(&self, claims: &Claims) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.signing.to_be_bytes());
        write_claims(&mut bytes, claims);
        let mut mac = self.keys[&self.signing].clone();
        mac.update(&bytes);
        bytes.extend_from_slice(&mac.finalize().into_bytes());
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// Checks the signature, then reads. `None` for whatever was not signed by one of the keys.
    pub(crate) fn open(&self, token: &str) -> Option<Claims> {
        if token.len() > TOKEN_LEN_MAX {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
        let (signed, mac) = bytes.split_last_chunk::<MAC_BYTES>()?;
        let mut reader = Reader(signed);
        if reader.byte()? != VERSION {
            return None;
        }
        let mut expected = self.keys.get(&u32::from_be_bytes(reader.array()?))?.clone();
        expected.update(signed);
        // takes the same time wherever the first difference is
        expected.verify_slice(mac).ok()?;
        Claims::from_bytes(reader.0)
    }
}

fn write_claims(out: &mut Vec<u8>, claims: &Claims) {
    let Claims {
        user_id,
        user_domain_id,
        scope,
        roles,
        methods,
        issued_at,
        expires_at,
        audit_id,
        parent_audit_id,
        credential_id,
        bound,
        revocations_seen,
    } = claims;
    write_text(out, user_id);
    write_text(out, user_domain_id);
    match scope {
        Scope::Unscoped => out.push(0),
        Scope::Project { id, domain_id } => {
            out.push(1);
            write_text(out, id);
            write_text(out, domain_id);
        }
        Scope::Domain { id } => {
            out.push(2);
            write_text(out, id);
        }
        Scope::System => out.push(3),
    }
    let roles = &roles[..roles.len().min(ROLES_MAX)];
    out.push(u8::try_from(roles.len()).expect("ROLES_MAX fits a byte"));
    roles.iter().for_each(|role| write_text(out, role));
    out.push(u8::try_from(methods.len().min(4)).expect("at most 4"));
    out.extend(methods.iter().take(4).map(|method| *method as u8));
    out.extend_from_slice(&issued_at.0.to_be_bytes());
    out.extend_from_slice(&expires_at.0.to_be_bytes());
    out.extend_from_slice(&audit_id.0);
    match parent_audit_id {
        None => out.push(0),
        Some(id) => {
            out.push(1);
            out.extend_from_slice(&id.0);
        }
    }
    write_text(out, credential_id.as_deref().unwrap_or(""));
    out.extend_from_slice(&revocations_seen.to_be_bytes());
    // only then, so that nodes of an older release read all other tokens; these they refuse, as they must
    if *bound {
        out.push(BOUND_MARK);
    }
}

fn read_claims(from: &mut Reader<'_>) -> Option<Claims> {
    let user_id = from.text()?;
    let user_domain_id = from.text()?;
    let scope = match from.byte()? {
        0 => Scope::Unscoped,
        1 => Scope::Project { id: from.text()?, domain_id: from.text()? },
        2 => Scope::Domain { id: from.text()? },
        3 => Scope::System,
        _ => return None,
    };
    let role_count = usize::from(from.byte()?);
    if role_count > ROLES_MAX {
        return None;
    }
    let roles = (0..role_count).map(|_| from.text()).collect::<Option<Vec<_>>>()?;
    let method_count = usize::from(from.byte()?);
    if method_count > 4 {
        return None;
    }
    let methods = (0..method_count).map(|_| method_of(from.byte()?)).collect::<Option<Vec<_>>>()?;
    let issued_at = Timestamp(i64::from_be_bytes(from.array()?));
    let expires_at = Timestamp(i64::from_be_bytes(from.array()?));
    let audit_id = AuditId(from.array()?);
    let parent_audit_id = match from.byte()? {
        0 => None,
        _ => Some(AuditId(from.array()?)),
    };
    let credential_id = Some(from.text()?).filter(|id| !id.is_empty());
    let revocations_seen = i64::from_be_bytes(from.array()?);
    let bound = match from.0.first() {
        None => false,
        Some(&BOUND_MARK) => from.byte().is_some(),
        Some(_) => return None,
    };
    Some(Claims {
        user_id,
        user_domain_id,
        scope,
        roles,
        methods,
        issued_at,
        expires_at,
        audit_id,
        parent_audit_id,
        credential_id,
        bound,
        revocations_seen,
    })
}

fn method_of(byte: u8) -> Option<Method> {
    [Method::Password, Method::Token, Method::AppCredential, Method::AccessKey]
        .into_iter()
        .find(|method| *method as u8 == byte)
}

/// Marks a text of 32 lower-case hexadecimal digits, which most ids are: it is written as 16 bytes.
const HEX_MARK: u8 = 255;
/// Longest other text, in bytes.
const TEXT_MAX: usize = 254;

fn write_text(out: &mut Vec<u8>, text: &str) {
    if text.len() == 32
        && let Ok(bytes) = data_encoding::HEXLOWER.decode(text.as_bytes())
    {
        out.push(HEX_MARK);
        out.extend_from_slice(&bytes);
        return;
    }
    // ids and role names are bounded where they are made; a longer one is cut and then matches nothing
    let bytes = &text.as_bytes()[..text.floor_char_boundary(TEXT_MAX)];
    out.push(u8::try_from(bytes.len()).expect("TEXT_MAX fits a byte"));
    out.extend_from_slice(bytes);
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.byte()?;
        if length == HEX_MARK {
            return Some(data_encoding::HEXLOWER.encode(&self.array::<16>()?));
        }
        let (text, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            user_id: "0123456789abcdef0123456789abcdef".to_owned(),
            user_domain_id: "default".to_owned(),
            scope: Scope::Project { id: "p".repeat(64), domain_id: "default".to_owned() },
            roles: vec!["admin".to_owned(), "rôle".to_owned()],
            methods: vec![Method::Password, Method::Token],
            issued_at: Timestamp(1),
            expires_at: Timestamp(2),
            audit_id: AuditId([9; 16]),
            parent_audit_id: Some(AuditId([8; 16])),
            credential_id: None,
            bound: false,
            revocations_seen: 77,
        }
    }

    fn keys() -> TokenKeys {
        TokenKeys::new([(1, vec![1; 32]), (2, vec![2; 32])], 2)
    }

    #[test]
    fn a_token_says_what_was_signed() {
        for scope in [Scope::Unscoped, Scope::System, Scope::Domain { id: "d".to_owned() }, claims().scope] {
            for bound in [false, true] {
                let claims = Claims { scope: scope.clone(), bound, ..claims() };
                assert_eq!(keys().open(&keys().sign(&claims)), Some(claims));
            }
        }
    }

    #[test]
    fn a_token_can_stand_in_a_header_and_a_path() {
        let token = keys().sign(&claims());
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        assert!(token.len() < 400, "{}", token.len());
    }

    #[test]
    fn a_key_that_no_longer_signs_still_opens_and_an_unknown_one_does_not() {
        let old = TokenKeys::new([(1, vec![1; 32])], 1).sign(&claims());
        assert!(keys().open(&old).is_some());
        let foreign = TokenKeys::new([(2, vec![3; 32])], 2).sign(&claims());
        let unknown = TokenKeys::new([(3, vec![2; 32])], 3).sign(&claims());
        assert_eq!((keys().open(&foreign), keys().open(&unknown)), (None, None));
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let token = keys().sign(&claims());
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).expect("our own");
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(keys().open(&BASE64URL_NOPAD.encode(&changed)), None, "byte {place}");
            assert_eq!(keys().open(&BASE64URL_NOPAD.encode(&bytes[..place])), None, "cut at {place}");
        }
        for bad in ["", "AQ", "gAAAAABm", &format!("{token}="), &"A".repeat(1 << 20)] {
            assert_eq!(keys().open(bad), None);
        }
    }
}
