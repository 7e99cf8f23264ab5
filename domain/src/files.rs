//! Files that learners send: what they are by their first bytes, and which part of one is asked for.

/// Longest picture, bytes.
pub const MAX_PICTURE_BYTES: usize = 2 * 1024 * 1024;
/// Most bytes of recordings that are kept of one learner.
pub const MAX_RECORDINGS_BYTES: u64 = 50 * 1024 * 1024;

/// The type of a picture; `None` for what is no picture that we serve.
#[must_use]
pub fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    let at = |from: usize, mark: &[u8]| bytes.get(from..from + mark.len()) == Some(mark);
    if at(0, b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if at(0, &[0xFF, 0xD8, 0xFF]) {
        Some("image/jpeg")
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        Some("image/webp")
    } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
        Some("image/gif")
    } else {
        None
    }
}

/// The type under which a recording with this extension is served.
#[must_use]
pub fn recording_type(extension: &str) -> &'static str {
    match extension {
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "webm" => "audio/webm",
        _ => "audio/mp4",
    }
}

/// A part of a file: from here, so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// First byte.
    pub offset: u64,
    /// Bytes, at least one.
    pub length: u64,
}

/// What a `Range` header asks for (RFC 9110, section 14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Everything: no header, several ranges, or one that makes no sense.
    Whole,
    /// A part.
    Part(Part),
    /// A part that does not exist.
    Nothing,
}

/// Reads a `Range` header for a file of so many bytes.
#[must_use]
pub fn range(header: Option<&str>, size: u64) -> Asked {
    let spec = header.and_then(|header| header.trim().strip_prefix("bytes="));
    let Some((first, last)) = spec.and_then(|spec| spec.trim().split_once('-')) else { return Asked::Whole };
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok());
    match (first, last) {
        ("", "") => Asked::Whole,
        ("", suffix) => match number(suffix).flatten() {
            None => Asked::Whole,
            Some(0) => Asked::Nothing,
            Some(_) if size == 0 => Asked::Nothing,
            Some(many) => {
                let length = many.min(size);
                Asked::Part(Part { offset: size - length, length })
            }
        },
        (first, last) => {
            let last = if last.is_empty() { Some(u64::MAX) } else { number(last).flatten() };
            match (number(first).flatten(), last) {
                (Some(first), Some(last)) if first <= last => {
                    if first >= size {
                        return Asked::Nothing;
                    }
                    let last = last.min(size - 1);
                    Asked::Part(Part { offset: first, length: last - first + 1 })
                }
                _ => Asked::Whole,
            }
        }
    }
}

/// Whether an `If-None-Match` header names this tag.
#[must_use]
pub fn matches_tag(header: Option<&str>, tag: &str) -> bool {
    header.is_some_and(|header| {
        header.split(',').map(str::trim).any(|given| given == "*" || given.trim_start_matches("W/") == tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_told_by_their_bytes() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\nrest"[..], Some("image/png")),
            (&[0xFF, 0xD8, 0xFF, 0xE0], Some("image/jpeg")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"GIF89a", Some("image/gif")),
            (b"<!doctype html>", None),
            (b"<svg xmlns=", None),
            (b"", None),
        ] {
            assert_eq!(picture_type(bytes), kind);
        }
    }

    #[test]
    fn ranges_of_ten_bytes() {
        let part = |offset, length| Asked::Part(Part { offset, length });
        for (header, asked) in [
            ("bytes=0-3", part(0, 4)),
            ("bytes=4-", part(4, 6)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-99", part(0, 10)),
            ("bytes=9-99", part(9, 1)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=5-4", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("lines=0-1", Asked::Whole),
        ] {
            assert_eq!(range(Some(header), 10), asked, "{header}");
        }
        assert_eq!(range(None, 10), Asked::Whole);
    }

    #[test]
    fn tags() {
        assert!(matches_tag(Some("\"a\", W/\"b\""), "\"b\""));
        assert!(matches_tag(Some("*"), "\"b\""));
        assert!(!matches_tag(Some("\"a\""), "\"b\""));
        assert!(!matches_tag(None, "\"b\""));
    }
}
