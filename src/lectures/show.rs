//! How lectures are shown: links followed, premium parts only to those entitled.

use std::collections::HashMap;

use domain::{
    Id, Timestamp,
    accounts::Role,
    subscription::{Holder, Tier},
};
use futures_util::try_join;
use serde::Serialize;
use store::{
    StoreError,
    ejson::Num,
    lectures::{Lecture, Notes},
    regions::Region,
    users::{self, Account},
};
use utoipa::ToSchema;

use crate::{state::AppState, users::expand::RegionRef};

/// An instructor. His address is personal and not sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Instructor {
    #[serde(rename = "_id")]
    pub id: Id,
    pub name: String,
}

/// A region with its description, where one lecture is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DescribedRegion {
    #[serde(flatten)]
    region: RegionRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// A lecture, as shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownLecture<Region = RegionRef> {
    #[serde(rename = "_id")]
    id: Id,
    title: String,
    description: String,
    /// Blank for a premium lecture without a running plan.
    video_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail_url: Option<String>,
    duration: Num,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<Notes>,
    instructor: Option<Instructor>,
    /// Absent when not set, null when the region is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Option<Region>>,
    is_premium: bool,
    is_active: bool,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    difficulty: String,
    total_views: Num,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Who looks.
pub struct Viewer {
    /// Sees drafts and what is switched off.
    pub is_admin: bool,
    /// Sees premium lectures.
    pub is_entitled: bool,
}

impl Viewer {
    /// Somebody, or nobody.
    pub fn new(account: Option<&Account>) -> Self {
        let is_entitled = account.is_some_and(|account| {
            let info = &account.student_info;
            let holder =
                Holder { role: account.role, plan_expiry: info.plan_expiry_date, tier: Tier::default() };
            holder.is_subscribed(durable::now())
        });
        Self { is_admin: account.is_some_and(|account| account.role == Role::Admin), is_entitled }
    }

    /// Whether this lecture is there for him.
    pub fn sees(&self, lecture: &Lecture) -> bool {
        self.is_admin || lecture.is_active && lecture.is_published
    }
}

/// What lectures point to.
pub struct Links {
    instructors: HashMap<Id, Instructor>,
    regions: HashMap<Id, Region>,
}

impl Links {
    /// Looks once at users and once at regions.
    pub async fn of(state: &AppState, lectures: &[Lecture]) -> Result<Self, StoreError> {
        let ids: Vec<Id> = lectures.iter().filter_map(|lecture| lecture.instructor).collect();
        let instructors = async {
            if ids.is_empty() { Ok(Vec::new()) } else { users::references(&state.store, &ids).await }
        };
        let regions = state.regions(lectures.iter().filter_map(|lecture| lecture.region));
        let (instructors, regions) = try_join!(instructors, regions)?;
        let named = |user: users::UserRef| (user.id, Instructor { id: user.id, name: user.name });
        Ok(Self { instructors: instructors.into_iter().map(named).collect(), regions })
    }

    /// The instructor, unless he is gone.
    pub fn instructor(&self, lecture: &Lecture) -> Option<Instructor> {
        lecture.instructor.and_then(|id| self.instructors.get(&id)).cloned()
    }

    /// The region: absent when not set, null when it is gone.
    pub fn region(&self, lecture: &Lecture) -> Option<Option<RegionRef>> {
        lecture.region.map(|id| self.regions.get(&id).map(RegionRef::from))
    }

    /// As [`Self::region`], with its description.
    pub fn described(&self, lecture: &Lecture) -> Option<Option<DescribedRegion>> {
        lecture.region.map(|id| {
            let region = self.regions.get(&id)?;
            Some(DescribedRegion { region: region.into(), description: region.description.clone() })
        })
    }

    /// A lecture as this viewer may see it, with its region in either form.
    pub fn show<Region>(
        &self,
        viewer: &Viewer,
        lecture: Lecture,
        region: Option<Option<Region>>,
    ) -> ShownLecture<Region> {
        let open = viewer.is_entitled || !lecture.is_premium;
        ShownLecture {
            instructor: self.instructor(&lecture),
            region,
            id: lecture.id,
            title: lecture.title,
            description: lecture.description,
            video_url: if open { lecture.video_url } else { String::new() },
            thumbnail_url: lecture.thumbnail_url,
            duration: lecture.duration,
            notes: lecture.notes.filter(|_| open),
            is_premium: lecture.is_premium,
            is_active: lecture.is_active,
            tags: lecture.tags,
            category: lecture.category,
            difficulty: lecture.difficulty,
            total_views: lecture.total_views,
            created_at: lecture.created_at,
            updated_at: lecture.updated_at,
        }
    }
}
