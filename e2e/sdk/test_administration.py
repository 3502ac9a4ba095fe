"""The official SDK administers the organization that each admin key has in the sandbox."""

import itertools

import openai
import pytest
from test_sandbox import RUN, client_with, refused

KEYS = (f"sk-admin-{RUN}-{n}" for n in itertools.count())
CHANNEL = {"type": "email", "recipients": ["ada@example.com"], "subject_prefix": "[spend]"}
ALERT = {"currency": "USD", "interval": "month", "threshold_amount": 5000, "notification_channel": CHANNEL}
LIMIT = {"currency": "USD", "interval": "month", "threshold_amount": 20_000}


@pytest.fixture
def organization():
    key = next(KEYS)
    with client_with(None, admin_api_key=key, _strict_response_validation=True) as client:
        yield client.admin.organization


def ids(page):
    return [it.id for it in page]


def missing(call, text):
    with pytest.raises(openai.NotFoundError, match=text):
        call()


def event(organization, kind):
    """The details of the newest event of a kind."""
    return organization.audit_logs.list(event_types=[kind]).data[0].model_dump(by_alias=True)[kind]


# Projects


def test_a_project_is_made_changed_and_archived(organization):
    projects = organization.projects
    assert ids(projects.list()) == ["proj_support", "proj_research", "proj_storefront"]
    made = projects.create(name="Search", residency="EU_STORAGE_PROCESSING", external_key_id=None)
    assert made.id.startswith("proj_") and (made.status, made.archived_at) == ("active", None)
    assert made.residency == "EU_STORAGE_PROCESSING"
    assert projects.retrieve(made.id) == made
    assert projects.update(made.id, name="Find").name == "Find"
    archived = projects.archive(made.id)
    assert archived.status == "archived" and archived.archived_at
    assert made.id not in ids(projects.list())
    assert made.id in ids(projects.list(include_archived=True, limit=2))
    assert projects.retrieve(made.id).name == "Find"
    refused(lambda: projects.update(made.id, name="Other"), None, "archived")
    refused(lambda: projects.users.create(made.id, role="member", user_id="user-ada"), None, "archived")
    assert ids(projects.users.list(made.id)) == []
    refused(lambda: projects.create(name=openai.omit), "name", "Missing")
    missing(lambda: projects.retrieve("proj_none"), "proj_none")
    missing(lambda: projects.users.list("proj_none"), "proj_none")
    assert event(organization, "project.archived")["id"] == made.id
    assert event(organization, "project.created")["data"]["name"] == "Search"


def test_users_of_a_project_have_an_owner(organization):
    users = organization.projects.users
    assert set(ids(users.list("proj_research"))) == {"user-dev", "user-emi"}
    added = users.create("proj_research", role="member", email="farid@example.com")
    assert (added.id, added.name, added.role) == ("user-farid", "Farid Rahimi", "member")
    refused(lambda: users.create("proj_research", role="member", user_id="user-farid"), None, "already")
    refused(lambda: users.create("proj_research", role="boss", user_id="user-ada"), "role", "owner")
    refused(lambda: users.create("proj_research", role="member"), "user_id", "Exactly one")
    missing(lambda: users.create("proj_research", role="member", user_id="user-none"), "user-none")
    missing(lambda: users.create("proj_research", role="member", email="none@example.com"), "none@example.com")
    refused(lambda: users.update("user-dev", project_id="proj_research", role="member"), None, "last owner")
    refused(lambda: users.delete("user-dev", project_id="proj_research"), None, "last owner")
    assert users.update("user-farid", project_id="proj_research", role="owner").role == "owner"
    assert users.delete("user-dev", project_id="proj_research").deleted
    missing(lambda: users.retrieve("user-dev", project_id="proj_research"), "user-dev")
    assert users.retrieve("user-farid", project_id="proj_research").role == "owner"
    keys = organization.projects.api_keys
    assert "key_dev" in ids(keys.list("proj_research", owner_project_access="inactive"))
    assert event(organization, "user.added")["data"]["role"] == "member"


def test_a_key_is_rotated(organization):
    accounts, keys = organization.projects.service_accounts, organization.projects.api_keys
    made = accounts.create("proj_support", name="mailer", expires_in_seconds=3600)
    assert (made.role, made.api_key.value[:11]) == ("member", "sk-svcacct-")
    assert made.api_key.expires_at - made.api_key.created_at == 3600
    old = keys.retrieve(made.api_key.id, project_id="proj_support")
    assert (old.owner.type, old.owner.service_account.id) == ("service_account", made.id)
    assert old.redacted_value.endswith(made.api_key.value[-3:]) and old.redacted_value != made.api_key.value
    new = accounts.api_keys.create(made.id, project_id="proj_support", name="second", scopes=["api.model.request"])
    assert (new.name, new.expires_at) == ("second", None) and new.value != made.api_key.value
    assert keys.delete(old.id, project_id="proj_support").deleted
    assert ids(keys.list("proj_support")) == [new.id, "key_bot"]
    changed = keys.update(new.id, project_id="proj_support", expires_in_seconds=60, scopes=[])
    assert changed.expires_at - changed.created_at in (60, 61)
    assert accounts.update(made.id, project_id="proj_support", name="post", role="owner").role == "owner"
    bare = accounts.create("proj_support", name="bare", create_service_account_only=True)
    assert (bare.role, bare.api_key) == ("none", None)
    assert accounts.retrieve(made.id, project_id="proj_support").name == "post"
    assert accounts.delete(made.id, project_id="proj_support").deleted
    assert ids(accounts.list("proj_support")) == [bare.id, "svc_acct_bot"]
    missing(lambda: keys.retrieve(new.id, project_id="proj_support"), new.id)
    missing(lambda: accounts.api_keys.create(made.id, project_id="proj_support"), made.id)
    assert made.api_key.value not in str(organization.audit_logs.list().to_dict())


def test_keys_are_shown_by_the_access_of_their_owners(organization):
    keys = organization.projects.api_keys
    listed = lambda **more: set(ids(keys.list("proj_research", **more)))
    assert listed() == listed(owner_project_access="active") == {"key_dev", "key_emi"}
    assert listed(owner_project_access="inactive") == {"key_ben_old"}
    assert len(listed(owner_project_access="any")) == 3


def test_limits_and_permissions_of_a_project(organization):
    projects = organization.projects
    limits = projects.rate_limits.list_rate_limits("proj_support").data
    assert limits[0].model == "gpt-5.4" and limits[0].id == "rl-gpt-5.4"
    assert ids(projects.rate_limits.list_rate_limits("proj_support", limit=2)) == ids(limits)
    changed = projects.rate_limits.update_rate_limit("rl-gpt-5.4", project_id="proj_support", max_requests_per_1_minute=5)
    assert (changed.max_requests_per_1_minute, changed.max_tokens_per_1_minute) == (5, limits[0].max_tokens_per_1_minute)
    told = event(organization, "rate_limit.updated")
    assert (told["id"], told["changes_requested"]["max_requests_per_1_minute"]) == ("rl-gpt-5.4", 5)

    assert projects.data_retention.retrieve("proj_support").type == "organization_default"
    assert projects.data_retention.update("proj_support", retention_type="none").type == "none"
    tools = projects.hosted_tool_permissions.update("proj_support", mcp={"enabled": False})
    assert (tools.mcp.enabled, tools.web_search.enabled) == (False, True)
    assert projects.hosted_tool_permissions.retrieve("proj_support") == tools
    missing(lambda: projects.model_permissions.retrieve("proj_support"), "no model permissions")
    models = projects.model_permissions.update("proj_support", mode="allow_list", model_ids=["gpt-5.4"])
    assert projects.model_permissions.retrieve("proj_support") == models
    assert projects.model_permissions.delete("proj_support").deleted
    tiers = projects.service_tier_settings.update("proj_support", default="fast", enabled_tiers=["flex"])
    assert projects.service_tier_settings.retrieve("proj_support") == tiers
    assert projects.service_tier_settings.update("proj_support", enabled_tiers="all").default == "fast"


# What may be spent


@pytest.mark.parametrize("project", [(), ("proj_research",)], ids=["organization", "project"])
def test_spending_is_watched_and_limited(organization, project):
    at = organization.projects if project else organization
    more = {"project_id": project[0]} if project else {}
    missing(lambda: at.spend_limit.retrieve(*project), "no spend limit")
    limit = at.spend_limit.update(*project, **LIMIT)
    assert (limit.threshold_amount, limit.enforcement.status) == (20_000, "inactive")
    assert at.spend_limit.retrieve(*project) == limit
    assert at.spend_limit.delete(*project).deleted
    there = ids(at.spend_alerts.list(*project))
    made = at.spend_alerts.create(*project, **ALERT)
    assert made.notification_channel.recipients == ["ada@example.com"]
    assert at.spend_alerts.update(made.id, **more, **{**ALERT, "threshold_amount": 6000}).threshold_amount == 6000
    assert at.spend_alerts.retrieve(made.id, **more).threshold_amount == 6000
    assert ids(at.spend_alerts.list(*project)) == [made.id, *there]
    assert at.spend_alerts.delete(made.id, **more).deleted
    refused(lambda: at.spend_alerts.create(*project, **{**ALERT, "currency": "EUR"}), "currency", "USD")
    refused(lambda: at.spend_limit.update(*project, **{**LIMIT, "threshold_amount": 0}), "threshold_amount")


# Users and what was done


def test_users_of_the_organization_have_an_owner(organization):
    users = organization.users
    assert len(ids(users.list(limit=4))) == 6
    assert ids(users.list(emails=["emi@example.com"])) == ["user-emi"]
    changed = users.update("user-emi", technical_level="expert", developer_persona="researcher")
    assert (changed.role, changed.technical_level) == ("reader", "expert")
    assert users.update("user-chiara", role="reader").role == "reader"
    refused(lambda: users.update("user-ada", role="reader"), None, "last owner")
    refused(lambda: users.delete("user-ada"), None, "last owner")
    assert users.delete("user-emi").deleted
    missing(lambda: users.retrieve("user-emi"), "user-emi")
    missing(lambda: organization.projects.users.retrieve("user-emi", project_id="proj_research"), "user-emi")
    assert "key_emi" in ids(organization.projects.api_keys.list("proj_research", owner_project_access="inactive"))


def test_the_log_is_searched(organization):
    logs = organization.audit_logs
    everything = list(logs.list())
    assert len(everything) == 9 and [it.effective_at for it in everything] == sorted(
        (it.effective_at for it in everything), reverse=True
    )
    kinds = lambda **wanted: [it.type for it in logs.list(**wanted)]
    assert kinds(event_types=["rate_limit.updated"], project_ids=["proj_research"]) == ["rate_limit.updated"]
    assert kinds(actor_emails=["dev@example.com"]) == kinds(actor_ids=["user-dev"]) == ["rate_limit.updated"]
    assert kinds(resource_ids=["key_emi"]) == ["api_key.created"]
    middle = everything[4].effective_at
    assert len(kinds(effective_at={"gt": middle})) == 4 and len(kinds(effective_at={"lte": middle})) == 5
    assert len(kinds(effective_at={"gte": middle, "lt": middle + 1})) == 1
    assert ids(logs.list(limit=2)) == ids(everything)
    page = logs.list(limit=2, before=everything[4].id)
    assert ids(page.data) == [everything[2].id, everything[3].id]


def test_a_project_key_administers_nothing():
    with client_with(None, admin_api_key="sk-proj-1") as client:
        with pytest.raises(openai.PermissionDeniedError, match="admin key"):
            client.admin.organization.projects.list()
