//! Share links of a cloud drive, turned into links that a player or image view can open (contract: x-media-links).

/// What a link is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// In a player.
    Video,
    /// As a picture.
    Image,
    /// As a file.
    Pdf,
    /// As a small picture.
    Thumbnail,
}

const HOSTS: [&str; 3] = ["drive.google.com", "docs.google.com", "docs.googleusercontent.com"];

/// The direct form of a link; other links, and those without a file id, are kept as they are.
#[must_use]
pub fn direct(url: &str, target: Target) -> String {
    match file_id(url) {
        Some(id) if is_drive(url) => match target {
            Target::Video | Target::Image => format!("https://drive.google.com/uc?export=view&id={id}"),
            Target::Pdf => format!("https://drive.google.com/uc?export=download&id={id}"),
            Target::Thumbnail => format!("https://drive.google.com/thumbnail?id={id}&sz=w400-h300"),
        },
        _ => url.to_owned(),
    }
}

fn is_drive(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
    HOSTS.contains(&host.to_ascii_lowercase().as_str())
}

fn file_id(url: &str) -> Option<&str> {
    let after = |mark: &str| {
        let (_, rest) = url.split_once(mark)?;
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c))).unwrap_or(rest.len());
        rest.get(..end).filter(|id| !id.is_empty())
    };
    after("/file/d/")
        .or_else(|| after("?id="))
        .or_else(|| after("&id="))
        .or_else(|| after("/document/d/"))
        .or_else(|| after("/presentation/d/"))
}

/// Whether a text is a web address with a public host name.
#[must_use]
pub fn is_web_address(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    let good = |label: &&str| {
        !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-') && !label.starts_with('-')
    };
    text.len() <= 2048
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && labels.len() >= 2
        && labels.iter().all(good)
        && labels.last().is_some_and(|last| last.len() >= 2 && !last.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drive_links_become_direct() {
        let video = "https://drive.google.com/uc?export=view&id=A-b_1";
        for (given, target, expected) in [
            ("https://drive.google.com/file/d/A-b_1/view?usp=sharing", Target::Video, video),
            ("https://drive.google.com/open?id=A-b_1", Target::Image, video),
            (video, Target::Video, video),
            (
                "https://docs.google.com/document/d/A-b_1/edit",
                Target::Pdf,
                "https://drive.google.com/uc?export=download&id=A-b_1",
            ),
            (
                "https://docs.google.com/presentation/d/A-b_1",
                Target::Thumbnail,
                "https://drive.google.com/thumbnail?id=A-b_1&sz=w400-h300",
            ),
            (
                "https://docs.google.com/spreadsheets/d/A-b_1",
                Target::Pdf,
                "https://docs.google.com/spreadsheets/d/A-b_1",
            ),
            (
                "https://evil.example/drive.google.com/file/d/A",
                Target::Video,
                "https://evil.example/drive.google.com/file/d/A",
            ),
            ("https://example.com/v.mp4?id=5", Target::Video, "https://example.com/v.mp4?id=5"),
        ] {
            assert_eq!(direct(given, target), expected, "{given}");
        }
    }

    #[test]
    fn web_addresses() {
        for (text, good) in [
            ("https://example.com/a?b=c", true),
            ("http://example.co.in:8080", true),
            ("ftp://example.com", false),
            ("example.com/a", false),
            ("https://localhost/a", false),
            ("https://10.0.0.1/a", false),
            ("https://exa mple.com", false),
            ("javascript:alert(1)", false),
            ("", false),
        ] {
            assert_eq!(is_web_address(text), good, "{text}");
        }
    }
}
