//! Forms with files, whole and in memory: bodies are bounded at the rim.

/// One part of a form.
#[derive(Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its field.
    pub name: String,
    /// It has a file name.
    pub is_file: bool,
    /// Its bytes.
    pub content: &'a [u8],
}

/// Most parts that are read.
const MAX_PARTS: usize = 20;

/// The parts of a body of this content type; `None` when it is no such form.
pub fn read<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    let boundary = parameter(content_type.strip_prefix("multipart/form-data")?, "boundary")?;
    let delimiter = format!("--{boundary}").into_bytes();
    let first = find(body, &delimiter)?;
    let mut rest = body.get(first + delimiter.len()..)?;
    let mut parts = Vec::new();
    let inner = [b"\r\n".as_slice(), &delimiter].concat();
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n")?;
        let end = find(rest, &inner)?;
        let (part, after) = (rest.get(..end)?, rest.get(end + inner.len()..)?);
        let head_end = find(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(part.get(..head_end)?).ok()?;
        let disposition =
            head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
        parts.push(Part {
            name: parameter(disposition, "name")?,
            is_file: parameter(disposition, "filename").is_some(),
            content: part.get(head_end + 4..)?,
        });
        if parts.len() > MAX_PARTS {
            return None;
        }
        rest = after;
    }
    Some(parts)
}

/// The text of a part.
pub fn text(content: &[u8]) -> String {
    String::from_utf8_lossy(content).into_owned()
}

/// A parameter of a header, quoted or not.
fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').find_map(|piece| {
        let (key, value) = piece.split_once('=')?;
        (key.trim().eq_ignore_ascii_case(name)).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=xYz";

    #[test]
    fn parts_are_read() {
        let body = b"--xYz\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRI\r\n--FF\r\n--xYz\r\ncontent-disposition: form-data; name=\"targetWord\"\r\n\r\napple\r\n--xYz--\r\n";
        let parts = read(KIND, body).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0], Part { name: "audio".into(), is_file: true, content: b"RI\r\n--FF" });
        assert_eq!(parts[1], Part { name: "targetWord".into(), is_file: false, content: b"apple" });
    }

    #[test]
    fn what_is_no_form_is_none() {
        for (kind, body) in [
            ("application/json", &b"{}"[..]),
            ("multipart/form-data", b""),
            (KIND, b""),
            (KIND, b"--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nnever ends"),
            (KIND, b"--xYz\r\n\r\nno head\r\n--xYz--"),
        ] {
            assert_eq!(read(kind, body), None);
        }
        assert_eq!(read(KIND, b"--xYz--"), Some(vec![]));
    }
}
