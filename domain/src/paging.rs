//! Page and limit of list routes (contract: x-common-defects, clamp page and limit).

use serde::Serialize;
use utoipa::ToSchema;

/// A page request after clamping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// 1-based page number.
    pub page: u32,
    /// Items per page, 1 to 100.
    pub limit: u32,
}

/// Where a page lies in the whole list, as sent to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Pagination {
    /// 1-based page number.
    pub page: u32,
    /// Items per page.
    pub limit: u32,
    /// Count of all items.
    pub total: u64,
    /// Count of pages; 0 when there is no item.
    pub pages: u64,
}

impl Page {
    /// The largest page a client may ask for.
    pub const MAX_LIMIT: u32 = 100;
    /// Far enough for every list, small enough that page × limit cannot overflow.
    const MAX_PAGE: u32 = 1_000_000;

    /// Reads what a client sent; text that is no number counts as absent.
    #[must_use]
    pub fn from_text(page: Option<&str>, limit: Option<&str>, default_limit: u32) -> Self {
        let number = |text: Option<&str>, default: u32, max: u32| {
            text.and_then(|text| text.trim().parse::<i64>().ok())
                .map_or(default, |value| u32::try_from(value.clamp(1, i64::from(max))).unwrap_or(max))
        };
        Self { page: number(page, 1, Self::MAX_PAGE), limit: number(limit, default_limit, Self::MAX_LIMIT) }
    }

    /// Count of items before this page.
    #[must_use]
    pub fn offset(self) -> u64 {
        u64::from(self.page - 1) * u64::from(self.limit)
    }

    /// The pagination block for a list of `total` items.
    #[must_use]
    pub fn of_total(self, total: u64) -> Pagination {
        Pagination { page: self.page, limit: self.limit, total, pages: total.div_ceil(u64::from(self.limit)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clamps_whatever_a_client_sends() {
        for (page, limit, expected) in [
            (None, None, (1, 20)),
            (Some("3"), Some("50"), (3, 50)),
            (Some("0"), Some("0"), (1, 1)),
            (Some("-5"), Some("1000"), (1, 100)),
            (Some("abc"), Some("1e3"), (1, 20)),
            (Some("99999999999"), None, (1_000_000, 20)),
        ] {
            let got = Page::from_text(page, limit, 20);
            assert_eq!((got.page, got.limit), expected);
        }
    }

    #[test]
    fn counts_pages_up() {
        let page = Page { page: 2, limit: 20 };
        assert_eq!(page.offset(), 20);
        assert_eq!(page.of_total(41).pages, 3);
        assert_eq!(page.of_total(0).pages, 0);
    }
}
