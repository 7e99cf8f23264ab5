//! Lists of groups: those one could join, and the own ones.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    group::{Group, GroupSettings, GroupStatus},
    paging::{Page, Pagination},
};
use serde::{Deserialize, Serialize};
use store::groups::{self, Wanted};
use utoipa::{IntoParams, ToSchema};

use super::show::{ShownDiscussion, ShownMember, card, members_of_list};
use crate::{
    communication::UserCard,
    http::{
        body::{DataOnly, data},
        error::{ApiResult, ErrorBody},
        extract::{AuthUser, QueryOf},
    },
    records::given,
    state::Shared,
};

/// Which groups.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AvailableQuery {
    /// `beginner`, `intermediate` or `advanced`.
    level: Option<String>,
    /// Instead of waiting and active ones.
    status: Option<String>,
    /// A fragment of title or topic.
    search: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// A group of a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedGroup {
    id: Id,
    title: String,
    topic: String,
    description: String,
    level: String,
    max_participants: u16,
    is_private: bool,
    status: GroupStatus,
    host: UserCard,
    participants: Vec<ShownMember>,
    settings: GroupSettings,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_session: Option<ShownDiscussion>,
    created_at: Timestamp,
}

impl ListedGroup {
    fn of(group: Group) -> Self {
        Self {
            host: card(&group.host),
            participants: members_of_list(&group),
            id: group.id,
            title: group.title,
            topic: group.topic,
            description: group.description,
            level: group.level,
            max_participants: group.capacity,
            is_private: group.is_private,
            status: group.status,
            settings: group.settings,
            group_session: None,
            created_at: group.created_at,
        }
    }
}

/// A page of groups.
#[derive(Serialize, ToSchema)]
pub struct AvailableGroups {
    groups: Vec<ListedGroup>,
    pagination: Pagination,
}

/// Groups of the own region that one is not in, newest first.
#[utoipa::path(get, path = "/groups/available", tag = "groups", security(("bearer" = [])), params(AvailableQuery),
    responses((status = 200, body = DataOnly<AvailableGroups>), (status = 401, body = ErrorBody)))]
#[worker::send]
pub async fn available(
    State(state): State<Shared>,
    user: AuthUser,
    QueryOf(query): QueryOf<AvailableQuery>,
) -> ApiResult<Json<DataOnly<AvailableGroups>>> {
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), 20);
    let Some(region) = user.account.region else {
        return Ok(data(AvailableGroups { groups: Vec::new(), pagination: page.of_total(0) }));
    };
    let statuses = match given(query.status.as_ref()) {
        Some(status) => GroupStatus::from_text(&status).into_iter().collect(),
        None => vec![GroupStatus::Waiting, GroupStatus::Active],
    };
    let wanted = Wanted {
        region,
        without: user.account.id,
        statuses,
        level: given(query.level.as_ref()),
        search: given(query.search.as_ref()),
    };
    let (found, total) = groups::page(&state.store, &wanted, page).await?;
    let groups = found.into_iter().map(ListedGroup::of).collect();
    Ok(data(AvailableGroups { groups, pagination: page.of_total(total) }))
}

/// Groups.
#[derive(Serialize, ToSchema)]
pub struct OwnGroups {
    groups: Vec<ListedGroup>,
}

/// The groups that the caller is in and that are not over.
#[utoipa::path(get, path = "/groups/my/active", tag = "groups", security(("bearer" = [])),
    responses((status = 200, body = DataOnly<OwnGroups>), (status = 401, body = ErrorBody)))]
#[worker::send]
pub async fn own(State(state): State<Shared>, user: AuthUser) -> ApiResult<Json<DataOnly<OwnGroups>>> {
    let found = groups::live_of(&state.store, user.account.id).await?;
    let listed = |group: Group| {
        let group_session = Some(ShownDiscussion::of(&group));
        ListedGroup { group_session, ..ListedGroup::of(group) }
    };
    Ok(data(OwnGroups { groups: found.into_iter().map(listed).collect() }))
}
