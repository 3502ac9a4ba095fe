//! The organization that each admin key begins with: six users, three projects with members, keys and limits, and a month
//! of its audit log. Times are so many days before it is first asked for.

use serde_json::{Value, json};

use super::{access, members, projects, spend, trail};
use crate::error::Result;
use crate::world::{World, now};

const DAY: u64 = 86_400;

/// Id, name, role in the organization, days since it was joined. Addresses are that of the first name at example.com.
pub(super) const USERS: &[(&str, &str, &str, u64)] = &[
    ("user-ada", "Ada Osei", "owner", 400),
    ("user-ben", "Ben Ortiz", "reader", 380),
    ("user-chiara", "Chiara Lindqvist", "owner", 300),
    ("user-dev", "Dev Patel", "reader", 210),
    ("user-emi", "Emi Tanaka", "reader", 200),
    ("user-farid", "Farid Rahimi", "reader", 125),
];

/// Id, name, days since it was made.
pub(super) const PROJECTS: &[(&str, &str, u64)] =
    &[("proj_storefront", "Storefront", 300), ("proj_research", "Research", 200), ("proj_support", "Support", 120)];

/// Project, user, role in the project.
const MEMBERS: &[(&str, &str, &str)] = &[
    ("proj_storefront", "user-ada", "owner"),
    ("proj_storefront", "user-ben", "member"),
    ("proj_storefront", "user-chiara", "member"),
    ("proj_research", "user-dev", "owner"),
    ("proj_research", "user-emi", "member"),
    ("proj_support", "user-chiara", "owner"),
    ("proj_support", "user-farid", "member"),
];

/// Project, id, name, days since it was made.
const ACCOUNTS: &[(&str, &str, &str, u64)] =
    &[("proj_storefront", "svc_acct_shop", "shop", 290), ("proj_support", "svc_acct_bot", "bot", 110)];

/// Project, id, name, owner, days since it was made and since it was used.
pub(super) const KEYS: &[(&str, &str, &str, &str, u64, u64)] = &[
    ("proj_storefront", "key_shop", "shop", "svc_acct_shop", 290, 0),
    ("proj_storefront", "key_ben", "Ben's laptop", "user-ben", 250, 2),
    ("proj_research", "key_dev", "experiments", "user-dev", 200, 1),
    ("proj_research", "key_emi", "notebooks", "user-emi", 190, 0),
    ("proj_research", "key_ben_old", "prototype", "user-ben", 180, 95),
    ("proj_support", "key_bot", "bot", "svc_acct_bot", 110, 0),
];

/// Model, requests and tokens a minute.
const LIMITS: &[(&str, u64, u64)] = &[
    ("gpt-5.4", 10_000, 2_000_000),
    ("gpt-5.4-mini", 30_000, 10_000_000),
    ("text-embedding-3-small", 5_000, 5_000_000),
    ("gpt-image-1.5", 250, 250_000),
];

/// Makes the organization, unless it is there.
pub(super) fn sow(world: &mut World) -> Result<()> {
    #[derive(Default)]
    struct Sown(bool);
    if std::mem::replace(&mut world.of::<Sown>().0, true) {
        return Ok(());
    }
    let ago = |days: u64| now().saturating_sub(days * DAY);
    for (id, name, role, days) in USERS {
        members::add(world, id, name, role, ago(*days));
    }
    members::sow_key(world, ago(90));
    access::sow(world, ago(100));
    for (id, name, days) in PROJECTS {
        projects::add(world, id, name, ago(*days));
        for (model, requests, tokens) in LIMITS {
            projects::limit(world, id, model, *requests, *tokens);
        }
    }
    for (project, user, role) in MEMBERS {
        let since = PROJECTS.iter().find(|(id, ..)| id == project).map_or(0, |(.., days)| *days);
        projects::join(world, project, user, role, ago(since))?;
    }
    for (project, id, name, days) in ACCOUNTS {
        projects::add_account(world, project, id, name, ago(*days));
    }
    for (project, id, name, owner, made, used) in KEYS {
        projects::add_key(world, project, id, name, owner, [ago(*made), ago(*used)]);
    }
    spend::sow(world);
    for (days, user, kind, project, details) in events() {
        trail::tell(world, ago(days), user, kind, project, details);
    }
    Ok(())
}

/// What happened lately: days ago, who did it, what, in which project, details.
fn events() -> Vec<(u64, &'static str, &'static str, Option<&'static str>, Value)> {
    vec![
        (29, "user-ada", "login.succeeded", None, json!({})),
        (27, "user-ada", "user.updated", None, json!({"id": "user-chiara", "changes_requested": {"role": "owner"}})),
        (
            21,
            "user-chiara",
            "service_account.created",
            Some("proj_support"),
            json!({"id": "svc_acct_bot", "data": {"role": "member"}}),
        ),
        (
            16,
            "user-emi",
            "api_key.created",
            Some("proj_research"),
            json!({"id": "key_emi", "data": {"scopes": ["api.model.request"]}}),
        ),
        (
            12,
            "user-ben",
            "login.failed",
            None,
            json!({"error_code": "wrong_password", "error_message": "Wrong password."}),
        ),
        (
            9,
            "user-chiara",
            "rate_limit.updated",
            Some("proj_support"),
            json!({"id": "rl-gpt-5.4-mini", "changes_requested": {"max_requests_per_1_minute": 30_000}}),
        ),
        (
            4,
            "user-dev",
            "rate_limit.updated",
            Some("proj_research"),
            json!({"id": "rl-gpt-5.4", "changes_requested": {"max_requests_per_1_minute": 10_000, "max_tokens_per_1_minute": 2_000_000}}),
        ),
        (
            3,
            "user-ada",
            "user.added",
            Some("proj_storefront"),
            json!({"id": "user-chiara", "data": {"role": "member"}}),
        ),
        (1, "user-ada", "api_key.deleted", Some("proj_storefront"), json!({"id": "key_old"})),
    ]
}
