//! Points in time, injected by the caller.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

/// Milliseconds since 1970, UTC. Written as ISO 8601 with milliseconds and `Z`; read from that or from Extended JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(i64);

/// A day, ms.
const DAY_MS: i64 = 86_400_000;
/// Asia/Kolkata is ahead of UTC by this, all year, ms.
const INDIA_MS: i64 = 19_800_000;

impl Timestamp {
    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Reads what a client sends: ISO 8601 with or without time and zone (then UTC). A bare day is its first instant.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let at = |date: NaiveDate| date.and_hms_opt(0, 0, 0).map(|time| time.and_utc().timestamp_millis());
        DateTime::parse_from_rfc3339(text)
            .map(|time| time.timestamp_millis())
            .ok()
            .or_else(|| {
                NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
                    .ok()
                    .map(|time| time.and_utc().timestamp_millis())
            })
            .or_else(|| {
                NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M")
                    .ok()
                    .map(|time| time.and_utc().timestamp_millis())
            })
            .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(at))
            .map(Self)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This time plus `millis` milliseconds.
    #[must_use]
    pub const fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this time; negative when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds from `earlier` to this time, rounded half up, never negative.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        let millis = self.since(earlier);
        if millis < 0 { 0 } else { (millis + 500) / 1000 }
    }

    /// The day in India, where nearly all learners are: `2026-11-24`.
    #[must_use]
    pub fn indian_day(self) -> String {
        let there = DateTime::<Utc>::from_timestamp_millis(self.plus(INDIA_MS).0).unwrap_or_default();
        there.format("%Y-%m-%d").to_string()
    }

    /// Seconds until the next day begins in India.
    #[must_use]
    pub const fn seconds_left_of_indian_day(self) -> i64 {
        (DAY_MS - self.plus(INDIA_MS).0.rem_euclid(DAY_MS)) / 1000
    }

    /// ISO 8601 with milliseconds and `Z`.
    #[must_use]
    pub fn to_iso(self) -> String {
        DateTime::<Utc>::from_timestamp_millis(self.0)
            .unwrap_or_default()
            .to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_iso())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Extended {
                #[serde(rename = "$date")]
                date: Extended,
            },
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Extended {
            Text(String),
            Long {
                #[serde(rename = "$numberLong")]
                millis: String,
            },
        }
        match Form::deserialize(deserializer)? {
            Form::Text(text) | Form::Extended { date: Extended::Text(text) } => {
                DateTime::parse_from_rfc3339(&text)
                    .map(|time| Self(time.timestamp_millis()))
                    .map_err(de::Error::custom)
            }
            Form::Extended { date: Extended::Long { millis } } => {
                millis.parse().map(Self).map_err(de::Error::custom)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_form_has_milliseconds_and_z() {
        let time = Timestamp::from_millis(1_700_000_000_007);
        let json = serde_json::to_string(&time).unwrap();
        assert_eq!(json, "\"2023-11-14T22:13:20.007Z\"");
        for form in [
            json.as_str(),
            r#"{"$date": {"$numberLong": "1700000000007"}}"#,
            r#"{"$date": "2023-11-14T22:13:20.007Z"}"#,
        ] {
            assert_eq!(serde_json::from_str::<Timestamp>(form).unwrap(), time);
        }
    }

    #[test]
    fn clients_send_times_in_several_forms() {
        for (text, iso) in [
            ("2026-01-02", Some("2026-01-02T00:00:00.000Z")),
            ("2026-01-02T03:04:05.678Z", Some("2026-01-02T03:04:05.678Z")),
            ("2026-01-02T03:04:05+05:30", Some("2026-01-01T21:34:05.000Z")),
            ("2026-01-02T03:04:05", Some("2026-01-02T03:04:05.000Z")),
            ("2026-01-02T03:04", Some("2026-01-02T03:04:00.000Z")),
            ("2026-13-02", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(Timestamp::from_text(text).map(Timestamp::to_iso).as_deref(), iso, "{text}");
        }
    }

    #[test]
    fn seconds_round_half_up_and_never_go_negative() {
        let start = Timestamp::from_millis(1000);
        assert_eq!(start.plus(1499).seconds_since(start), 1);
        assert_eq!(start.plus(1500).seconds_since(start), 2);
        assert_eq!(start.seconds_since(start.plus(10)), 0);
    }
}
