//! Points in time, injected by the caller.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

/// Milliseconds since 1970, UTC. Written as ISO 8601 with milliseconds and `Z`; read from that or from Extended JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
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
    fn seconds_round_half_up_and_never_go_negative() {
        let start = Timestamp::from_millis(1000);
        assert_eq!(start.plus(1499).seconds_since(start), 1);
        assert_eq!(start.plus(1500).seconds_since(start), 2);
        assert_eq!(start.seconds_since(start.plus(10)), 0);
    }
}
