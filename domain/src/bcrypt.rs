//! Resumable bcrypt.
//!
//! One hash at cost 12 takes about 240 ms. In a Worker that would stall every other request of the isolate, so the
//! work is cut into steps: the caller runs a few rounds, lets the event loop turn, and comes back. The result is
//! plain bcrypt (`$2b$`), readable by and from the old server (contract: x-must-keep, existing hashes must verify).

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use blowfish::Blowfish;

/// bcrypt reads only this many bytes of a password.
pub const MAX_PASSWORD_BYTES: usize = 72;
/// The work factor of new hashes.
pub const DEFAULT_COST: u32 = 12;

const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);
/// "OrpheanBeholderScryDoubt", the text that bcrypt encrypts.
const MAGIC: [u32; 6] = [0x4f72_7068, 0x6561_6e42, 0x6568_6f6c, 0x6465_7253, 0x6372_7944, 0x6f75_6274];

/// A hash computation that can be paused between rounds.
pub struct Bcrypt {
    state: Blowfish,
    key: Vec<u8>,
    salt: [u8; 16],
    cost: u32,
    remaining: u64,
}

impl Bcrypt {
    /// Starts a hash of `password`. Bytes past the 72nd are not read, as in every bcrypt.
    #[must_use]
    pub fn start(password: &str, salt: [u8; 16], cost: u32) -> Self {
        let cost = cost.clamp(4, 31);
        let mut key: Vec<u8> = password.bytes().chain([0]).take(MAX_PASSWORD_BYTES).collect();
        key.truncate(MAX_PASSWORD_BYTES);
        let mut state = Blowfish::bc_init_state();
        state.salted_expand_key(&salt, &key);
        Self { state, key, salt, cost, remaining: 1 << cost }
    }

    /// Runs up to `rounds` rounds and says whether more are left. A round costs about 60 µs.
    pub fn advance(&mut self, rounds: u64) -> bool {
        let now = rounds.min(self.remaining);
        for _ in 0..now {
            self.state.bc_expand_key(&self.key);
            self.state.bc_expand_key(&self.salt);
        }
        self.remaining -= now;
        self.remaining > 0
    }

    /// The hash in the usual text form. Runs whatever rounds are left.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.advance(u64::MAX);
        let mut bytes = Vec::with_capacity(24);
        for pair in MAGIC.chunks_exact(2) {
            if let [left, right] = *pair {
                let mut block = [left, right];
                for _ in 0..64 {
                    block = self.state.bc_encrypt(block);
                }
                bytes.extend(block.iter().flat_map(|word| word.to_be_bytes()));
            }
        }
        bytes.truncate(23);
        format!("$2b${:02}${}{}", self.cost, BASE64.encode(self.salt), BASE64.encode(bytes))
    }
}

/// A stored hash, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Work factor.
    pub cost: u32,
    /// 16 random bytes.
    pub salt: [u8; 16],
}

/// Takes a stored hash (`$2a$`, `$2b$`, `$2x$`, `$2y$`) apart; `None` when it is not one.
#[must_use]
pub fn parse(stored: &str) -> Option<Parts> {
    let mut fields = stored.strip_prefix('$')?.splitn(3, '$');
    let (version, cost, rest) = (fields.next()?, fields.next()?, fields.next()?);
    if !matches!(version, "2a" | "2b" | "2x" | "2y") || rest.len() != 53 {
        return None;
    }
    let salt = BASE64.decode(rest.get(..22)?).ok()?.try_into().ok()?;
    Some(Parts { cost: cost.parse().ok().filter(|cost| (4..=31).contains(cost))?, salt })
}

/// Whether two hashes carry the same digest, compared without an early exit.
#[must_use]
pub fn same_digest(stored: &str, computed: &str) -> bool {
    // The version letter may differ between implementations; salt, cost and digest decide.
    match (stored.get(3..), computed.get(3..)) {
        (Some(a), Some(b)) => {
            a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hash(password: &str, salt: [u8; 16], cost: u32) -> String {
        let mut work = Bcrypt::start(password, salt, cost);
        while work.advance(3) {}
        work.finish()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn equals_the_reference_implementation(password in "\\PC{0,30}", salt: [u8; 16]) {
            let ours = hash(&password, salt, 4);
            prop_assert!(bcrypt::verify(&password, &ours).unwrap());
            let theirs = bcrypt::hash_with_salt(&password, 4, salt).unwrap().format_for_version(bcrypt::Version::TwoB);
            prop_assert!(same_digest(&theirs, &ours));
        }
    }

    #[test]
    fn verifies_a_hash_of_the_old_server() {
        // From the bcrypt test vectors, version 2a.
        let stored = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let parts = parse(stored).unwrap();
        assert!(same_digest(stored, &hash("U*U", parts.salt, parts.cost)));
        assert!(!same_digest(stored, &hash("U*V", parts.salt, parts.cost)));
    }

    #[test]
    fn reads_72_bytes_and_no_more() {
        let long = "x".repeat(100);
        assert_eq!(hash(&long, [7; 16], 4), hash(&long[..72], [7; 16], 4));
        assert_ne!(hash(&long, [7; 16], 4), hash(&long[..71], [7; 16], 4));
    }

    #[test]
    fn refuses_what_is_no_hash() {
        for text in [
            "",
            "plain",
            "$2b$12$short",
            "$1b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2a$99$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
