//! Recordings, told apart by their first bytes: names and declared types may say anything.

/// The usual extension of a recording's format; `None` for what is no recording that we know.
#[must_use]
pub fn extension(bytes: &[u8]) -> Option<&'static str> {
    let at = |from: usize, mark: &[u8]| bytes.get(from..from + mark.len()) == Some(mark);
    if at(0, b"RIFF") && at(8, b"WAVE") {
        Some("wav")
    } else if at(4, b"ftyp") {
        Some("m4a")
    } else if at(0, b"OggS") {
        Some("ogg")
    } else if at(0, &[0x1A, 0x45, 0xDF, 0xA3]) {
        Some("webm")
    } else if at(0, b"ID3") || matches!(bytes, [0xFF, second, ..] if second & 0xE6 == 0xE2) {
        Some("mp3")
    } else if matches!(bytes, [0xFF, 0xF1 | 0xF9, ..]) {
        // Raw AAC frames; upstreams read them under this name.
        Some("m4a")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_bytes() {
        for (bytes, expected) in [
            (&b"RIFF\x24\0\0\0WAVEfmt "[..], Some("wav")),
            (b"\0\0\0\x20ftypM4A ", Some("m4a")),
            (b"OggS\0\x02", Some("ogg")),
            (&[0x1A, 0x45, 0xDF, 0xA3, 1], Some("webm")),
            (b"ID3\x04", Some("mp3")),
            (&[0xFF, 0xFB, 0x90], Some("mp3")),
            (&[0xFF, 0xF1, 0x50], Some("m4a")),
            (b"\x89PNG\r\n", None),
            (b"MZ", None),
            (b"RIFF\x24\0\0\0AVI ", None),
            (b"", None),
        ] {
            assert_eq!(extension(bytes), expected, "{bytes:?}");
        }
    }
}
