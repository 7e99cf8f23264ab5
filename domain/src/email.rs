//! E-mail folding: two spellings of one mailbox are one account (contract: x-wire-conventions.emailFolding).
//! Stored addresses are in folded form, so sign-in must fold the same way or existing learners are locked out.

// The old server knew these domains and no others: a longer list would lock out who is stored unfolded.
const HOTMAIL: &[&str] = &[
    "at", "be", "ca", "cl", "co.il", "co.nz", "co.th", "co.uk", "com", "com.ar", "com.au", "com.br",
    "com.gr", "com.mx", "com.pe", "com.tr", "com.vn", "cz", "de", "dk", "es", "fr", "hu", "id", "ie", "in",
    "it", "jp", "kr", "lv", "my", "ph", "pt", "sa", "sg", "sk",
];
const OUTLOOK: &[&str] = &[
    "at", "be", "cl", "co.il", "co.nz", "co.th", "com", "com.ar", "com.au", "com.br", "com.gr", "com.pe",
    "com.tr", "com.vn", "cz", "de", "dk", "es", "fr", "hu", "id", "ie", "in", "it", "jp", "kr", "lv", "my",
    "ph", "pt", "sa", "sg", "sk",
];
const LIVE: &[&str] = &["be", "co.uk", "com", "com.ar", "com.mx", "de", "es", "eu", "fr", "it", "nl"];
const YAHOO: &[&str] = &["ca", "co.uk", "com", "de", "fr", "in", "it"];
const YANDEX: &[&str] = &["yandex.ru", "yandex.ua", "yandex.kz", "yandex.com", "yandex.by", "ya.ru"];

/// Longest accepted address (RFC 5321).
pub const MAX_EMAIL: usize = 254;

/// Folds an address to its stored form, or `None` when it is not an e-mail address.
#[must_use]
pub fn fold(address: &str) -> Option<String> {
    let lower = address.trim().to_lowercase();
    let (local, domain) = lower.rsplit_once('@')?;
    if !is_local(local) || !is_domain(domain) || lower.len() > MAX_EMAIL {
        return None;
    }
    let folded = match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", without_single_dots(before(local, '+'))),
        "icloud.com" | "me.com" | "msn.com" | "passport.com" => format!("{}@{domain}", before(local, '+')),
        "ymail.com" | "rocketmail.com" => format!("{}@{domain}", before_last_hyphen(local)),
        _ if is_of(domain, "yahoo.", YAHOO) => format!("{}@{domain}", before_last_hyphen(local)),
        _ if is_of(domain, "hotmail.", HOTMAIL)
            || is_of(domain, "outlook.", OUTLOOK)
            || is_of(domain, "live.", LIVE) =>
        {
            format!("{}@{domain}", before(local, '+'))
        }
        _ if YANDEX.contains(&domain) => format!("{local}@yandex.ru"),
        _ => lower,
    };
    // "+tag@gmail.com" folds to nothing; that is no mailbox.
    (!folded.starts_with('@')).then_some(folded)
}

fn is_local(local: &str) -> bool {
    !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && local.chars().all(|c| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c))
}

fn is_domain(domain: &str) -> bool {
    domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
        && domain
            .rsplit('.')
            .next()
            .is_some_and(|top| top.len() >= 2 && !top.chars().all(|c| c.is_ascii_digit()))
}

fn is_of(domain: &str, brand: &str, endings: &[&str]) -> bool {
    domain.strip_prefix(brand).is_some_and(|ending| endings.contains(&ending))
}

fn before(local: &str, mark: char) -> &str {
    local.split(mark).next().unwrap_or(local)
}

fn before_last_hyphen(local: &str) -> &str {
    local.rsplit_once('-').map_or(local, |(head, _)| head)
}

/// Removes dots that stand alone; runs of dots stay, as the old server left them.
fn without_single_dots(local: &str) -> String {
    let chars: Vec<char> = local.chars().collect();
    let is_dot = |at: Option<usize>| at.and_then(|at| chars.get(at)) == Some(&'.');
    chars
        .iter()
        .enumerate()
        .filter(|(at, c)| **c != '.' || is_dot(at.checked_sub(1)) || is_dot(Some(at + 1)))
        .map(|(_, c)| *c)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_as_the_contract_says() {
        for (given, stored) in [
            (" Asha@Example.COM ", "asha@example.com"),
            ("a.sha.k+school@gmail.com", "ashak@gmail.com"),
            ("a..sha@googlemail.com", "a..sha@gmail.com"),
            ("asha+x@icloud.com", "asha@icloud.com"),
            ("asha+x@hotmail.co.uk", "asha@hotmail.co.uk"),
            ("asha+x@outlook.in", "asha@outlook.in"),
            ("a-sha-x@yahoo.co.in", "a-sha-x@yahoo.co.in"),
            ("a-sha-x@yahoo.in", "a-sha@yahoo.in"),
            ("asha+x@live.in", "asha+x@live.in"),
            ("asha-x@rocketmail.com", "asha@rocketmail.com"),
            ("asha@ya.ru", "asha@yandex.ru"),
            ("asha+x@example.com", "asha+x@example.com"),
        ] {
            // Runs of dots are not valid in a local part at all except where they already exist.
            assert_eq!(fold(given).as_deref(), Some(stored), "{given}");
        }
    }

    #[test]
    fn refuses_what_is_no_address() {
        for given in [
            "",
            "asha",
            "asha@",
            "@example.com",
            "asha@example",
            "asha @example.com",
            "a@b..com",
            ".a@b.com",
            "+x@gmail.com",
            "a@-b.com",
            "a@b.c",
        ] {
            assert_eq!(fold(given), None, "{given}");
        }
    }
}
