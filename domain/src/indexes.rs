//! The indexes that the repositories rely on, created by `data-api indexes`. Where the old server declared one
//! (contract: x-collections), ours is the same, so that both can run on one database during a move.

/// Direction of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Ascending.
    Asc,
    /// Descending.
    Desc,
}

/// One index.
#[derive(Debug, Clone, Copy)]
pub struct Index {
    /// Collection.
    pub collection: &'static str,
    /// Fields in order.
    pub keys: &'static [(&'static str, Order)],
    /// Refuses a second document with the same keys.
    pub unique: bool,
    /// Leaves out documents without the field.
    pub sparse: bool,
}

use Order::{Asc, Desc};

const fn plain(collection: &'static str, keys: &'static [(&'static str, Order)]) -> Index {
    Index { collection, keys, unique: false, sparse: false }
}

const fn unique(collection: &'static str, keys: &'static [(&'static str, Order)]) -> Index {
    Index { collection, keys, unique: true, sparse: false }
}

const fn sparse(collection: &'static str, keys: &'static [(&'static str, Order)]) -> Index {
    Index { collection, keys, unique: true, sparse: true }
}

/// All indexes.
pub const INDEXES: &[Index] = &[
    unique("users", &[("email", Asc)]),
    unique("users", &[("phone", Asc)]),
    sparse("users", &[("teacherInfo.referralCode", Asc)]),
    plain("users", &[("teacherInfo.earlierCodes", Asc)]),
    plain("users", &[("passwordReset.hash", Asc)]),
    // The students whom a teacher brought, newest first.
    plain("users", &[("referredBy", Asc), ("createdAt", Desc)]),
    // The orders of the administrators' list, alone and by role or region.
    plain("users", &[("createdAt", Desc), ("_id", Desc)]),
    plain("users", &[("name", Asc), ("_id", Asc)]),
    // The counts that the list of regions shows.
    plain(
        "users",
        &[("isActive", Asc), ("region", Asc), ("role", Asc), ("studentInfo.averageGameScore", Asc)],
    ),
    plain("users", &[("role", Asc), ("createdAt", Desc), ("_id", Desc)]),
    plain("users", &[("region", Asc), ("createdAt", Desc), ("_id", Desc)]),
    // Pages through the active students of a region when its leaderboard is rebuilt.
    plain("users", &[("region", Asc), ("role", Asc), ("isActive", Asc), ("_id", Asc)]),
    unique("regions", &[("name", Asc)]),
    unique("regions", &[("code", Asc)]),
    unique("features", &[("key", Asc)]),
    unique("referrals", &[("referralCode", Asc)]),
    plain("referrals", &[("teacher", Asc), ("createdAt", Desc)]),
    plain("referrals", &[("createdAt", Desc), ("_id", Desc)]),
    plain("referrals", &[("totalUses", Desc), ("_id", Desc)]),
    plain("transactions", &[("referredBy", Asc), ("status", Asc), ("createdAt", Desc)]),
    unique("transactions", &[("razorpayOrderId", Asc)]),
    sparse("transactions", &[("razorpayPaymentId", Asc)]),
    plain("transactions", &[("status", Asc), ("createdAt", Asc)]),
    plain("transactions", &[("createdAt", Desc), ("_id", Desc)]),
    plain("transactions", &[("plan", Asc), ("createdAt", Desc)]),
    plain("chats", &[("userId", Asc), ("analytics.lastActivity", Desc), ("_id", Desc)]),
    plain("chats", &[("userId", Asc), ("createdAt", Desc)]),
    plain("evaluations", &[("user", Asc), ("createdAt", Desc)]),
    plain("recordings", &[("user", Asc), ("createdAt", Desc), ("_id", Desc)]),
    unique("paymentevents", &[("event", Asc)]),
    unique("idempotency", &[("key", Asc)]),
    plain("reconciliations", &[("at", Desc)]),
    plain("transactions", &[("referralCode", Asc)]),
    plain("transactions", &[("user", Asc), ("createdAt", Desc)]),
    plain("audit", &[("at", Desc), ("_id", Desc)]),
    plain("audit", &[("actor", Asc), ("at", Desc)]),
    plain("audit", &[("target", Asc), ("at", Desc)]),
    plain("audit", &[("action", Asc), ("at", Desc)]),
    sparse("sessions", &[("sessionId", Asc)]),
    // Participation counts of a page of students, and a learner's own sessions.
    plain("sessions", &[("participants.user", Asc), ("status", Asc), ("createdAt", Desc)]),
    plain("sessions", &[("participants.user", Asc), ("createdAt", Desc), ("_id", Desc)]),
    plain("sessions", &[("status", Asc), ("createdAt", Desc), ("_id", Desc)]),
    plain("sessions", &[("createdAt", Desc), ("_id", Desc)]),
    plain("sessions", &[("duration", Desc), ("_id", Desc)]),
    plain("sessions", &[("startedAt", Desc), ("_id", Desc)]),
    plain("sessions", &[("sessionType", Asc), ("createdAt", Desc), ("_id", Desc)]),
    plain("sessions", &[("hostRegion", Asc), ("createdAt", Desc), ("_id", Desc)]),
    plain("sessions", &[("region", Asc)]),
    plain("sessions", &[("host", Asc), ("sessionType", Asc), ("createdAt", Desc), ("_id", Desc)]),
    plain("sessions", &[("lectureSession.lecture", Asc), ("host", Asc)]),
    // Of an unfinished play: two starts at once begin one.
    sparse("sessions", &[("openKey", Asc)]),
    plain("games", &[("gameType", Asc), ("level", Asc), ("createdAt", Desc), ("_id", Desc)]),
    plain(
        "games",
        &[("gameType", Asc), ("isPremium", Asc), ("level", Asc), ("createdAt", Desc), ("_id", Desc)],
    ),
    plain("games", &[("createdAt", Desc), ("_id", Desc)]),
    plain("games", &[("title", Asc), ("_id", Asc)]),
    plain("games", &[("level", Asc), ("_id", Asc)]),
    plain("games", &[("totalPlays", Asc), ("_id", Asc)]),
    sparse("videolectures", &[("titleKey", Asc)]),
    plain("videolectures", &[("createdAt", Desc), ("_id", Desc)]),
    plain("videolectures", &[("title", Asc), ("_id", Asc)]),
    plain("videolectures", &[("totalViews", Asc), ("_id", Asc)]),
    plain("videolectures", &[("prerequisites", Asc)]),
    plain("videolectures", &[("relatedLectures", Asc)]),
    // Of a learner and a group.
    plain("sessions", &[("groupSession.groupId", Asc), ("status", Asc)]),
    unique("groups", &[("joinCode", Asc)]),
    plain("groups", &[("participants.user", Asc), ("status", Asc)]),
    plain("groups", &[("region", Asc), ("status", Asc), ("createdAt", Desc), ("_id", Desc)]),
    plain("plans", &[("priority", Desc)]),
    sparse("plans", &[("nameKey", Asc)]),
    sparse("plans", &[("razorpayPlanId", Asc)]),
    plain("users", &[("studentInfo.planExpiryDate", Asc)]),
    plain("users", &[("studentInfo.currentPlan", Asc), ("studentInfo.planExpiryDate", Asc)]),
    unique(
        "leaderboards",
        &[("region", Asc), ("leaderboardType", Asc), ("gameType", Asc), ("period.startDate", Asc)],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_index_is_declared_twice() {
        for (at, index) in INDEXES.iter().enumerate() {
            assert!(
                !INDEXES[at + 1..]
                    .iter()
                    .any(|other| other.collection == index.collection && other.keys == index.keys)
            );
        }
    }
}
