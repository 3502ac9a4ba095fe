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


def test_somebody_is_invited(organization):
    invites = organization.invites
    made = invites.create(email="gil@example.com", role="reader", projects=[{"id": "proj_support", "role": "member"}])
    assert (made.status, made.projects[0].id) == ("pending", "proj_support") and made.expires_at > made.created_at
    assert invites.retrieve(made.id) == made and ids(invites.list()) == [made.id]
    assert invites.create(email="hao@example.com", role="owner").projects == []
    refused(lambda: invites.create(email="ada@example.com", role="reader"), None, "already")
    refused(lambda: invites.create(email="nobody", role="reader"), "email", "Invalid")
    missing(
        lambda: invites.create(email="x@example.com", role="reader", projects=[{"id": "proj_none", "role": "owner"}]),
        "proj_none",
    )
    assert invites.delete(made.id).deleted
    missing(lambda: invites.retrieve(made.id), made.id)
    assert event(organization, "invite.sent")["data"]["email"] == "hao@example.com"


def test_an_admin_key_is_shown_once(organization):
    keys = organization.admin_api_keys
    made = keys.create(name="second", expires_in_seconds=600)
    assert made.value.startswith("sk-admin-") and made.expires_at == made.created_at + 600
    got = keys.retrieve(made.id)
    assert not hasattr(got, "value") and got.redacted_value.endswith(made.value[-3:])
    assert (got.owner.id, got.owner.role) == ("user-ada", "owner")
    assert ids(keys.list()) == [made.id, "key_admin"] and ids(keys.list(order="asc", limit=1)) == ["key_admin", made.id]
    assert keys.delete(made.id).deleted
    missing(lambda: keys.retrieve(made.id), made.id)
    assert made.value not in str(organization.audit_logs.list().to_dict())


def test_how_long_data_is_kept(organization):
    retention = organization.data_retention
    assert retention.retrieve().type == "modified_abuse_monitoring"
    assert retention.update(retention_type="zero_data_retention").type == "zero_data_retention"
    assert retention.retrieve().type == "zero_data_retention"
    refused(lambda: retention.update(retention_type="none"), "retention_type", "zero_data_retention")


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


# Access


@pytest.mark.parametrize("project", [(), ("proj_support",)], ids=["organization", "project"])
def test_roles_are_made_and_assigned(organization, project):
    at = organization.projects if project else organization
    more = {"project_id": project[0]} if project else {}
    predefined = [it for it in at.roles.list(*project) if it.predefined_role]
    assert {it.name for it in predefined} >= {"owner"}
    made = at.roles.create(*project, role_name="Watcher", permissions=["api.usage.read"], description="Looks")
    assert made.resource_type == ("api.project" if project else "api.organization") and not made.predefined_role
    assert at.roles.retrieve(made.id, **more).permissions == ["api.usage.read"]
    refused(lambda: at.roles.create(*project, role_name="Watcher", permissions=[]), None, "already")
    refused(lambda: at.roles.create(*project, role_name="Other", permissions=openai.omit), "permissions", "Missing")
    refused(lambda: at.roles.update(predefined[0].id, **more, role_name="boss"), None, "predefined")
    refused(lambda: at.roles.delete(predefined[0].id, **more), None, "predefined")
    changed = at.roles.update(made.id, **more, role_name="Reader", permissions=["api.usage.read", "api.logs.read"])
    assert (changed.name, changed.description, len(changed.permissions)) == ("Reader", "Looks", 2)
    assert ids(at.roles.list(*project, limit=1, order="asc"))[0] == predefined[-1].id
    assert len(ids(at.roles.list(*project, limit=1))) == len(ids(at.roles.list(*project)))

    for kind, holder in ("users", "user-emi"), ("groups", "group_support"):
        roles = getattr(at, kind).roles
        given = roles.create(holder, **more, role_id=made.id)
        assert given.role.id == made.id and given.object == kind[:-1] + ".role"
        assert ids(roles.list(holder, **more)) == [made.id]
        held = {f"{kind[:-1]}_id": holder, **more}
        assert roles.retrieve(made.id, **held).name == "Reader"
        told = event(organization, "role.assignment.created")
        assert (told["principal_id"], told["principal_type"]) == (holder, kind[:-1])
        assert roles.delete(made.id, **held).deleted
        missing(lambda: roles.retrieve(made.id, **held), made.id)
        missing(lambda: roles.create(holder, **more, role_id="role_none"), "role_none")
        roles.create(holder, **more, role_id=made.id)
    assert at.roles.delete(made.id, **more).deleted
    assert ids(at.users.roles.list("user-emi", **more)) == ids(at.groups.roles.list("group_support", **more)) == []
    missing(lambda: at.users.roles.list("user-none", **more), "user-none")


def test_users_are_grouped(organization):
    groups, of_projects = organization.groups, organization.projects.groups
    assert [it.name for it in groups.list()] == ["Support"]
    made = groups.create(name="Data")
    assert not made.is_scim_managed and groups.retrieve(made.id).name == "Data"
    refused(lambda: groups.create(name="Data"), None, "already")
    refused(lambda: groups.update(made.id, name="Support"), None, "already")
    assert groups.update(made.id, name="Facts").name == "Facts"
    added = groups.users.create(made.id, user_id="user-dev")
    assert (added.group_id, added.user_id) == (made.id, "user-dev")
    groups.users.create(made.id, user_id="user-ben")
    assert ids(groups.users.list(made.id, limit=1)) == ["user-ben", "user-dev"]
    assert groups.users.retrieve("user-dev", group_id=made.id).email == "dev@example.com"
    assert groups.users.delete("user-dev", group_id=made.id).deleted
    missing(lambda: groups.users.retrieve("user-dev", group_id=made.id), "user-dev")
    missing(lambda: groups.users.create(made.id, user_id="user-none"), "user-none")

    there = of_projects.create("proj_research", group_id=made.id, role="role_project_viewer")
    assert (there.group_name, there.project_id) == ("Facts", "proj_research")
    assert of_projects.retrieve(made.id, project_id="proj_research").group_id == made.id
    assert [it.group_id for it in of_projects.list("proj_research")] == [made.id]
    roles = of_projects.roles.list(made.id, project_id="proj_research")
    assert ids(roles) == ["role_project_viewer"]
    missing(lambda: of_projects.create("proj_research", group_id=made.id, role="role_none"), "role_none")
    assert of_projects.delete(made.id, project_id="proj_research").deleted
    missing(lambda: of_projects.retrieve(made.id, project_id="proj_research"), made.id)
    organization.users.delete("user-ben")
    assert ids(groups.users.list(made.id)) == []
    assert groups.delete(made.id).deleted
    missing(lambda: groups.users.list(made.id), made.id)
    assert event(organization, "group.created")["data"]["group_name"] == "Data"


def test_a_user_is_given_a_role_of_ones_own(organization):
    organization.users.update("user-farid", role_id="role_key_manager")
    assert ids(organization.users.roles.list("user-farid")) == ["role_key_manager"]
    missing(lambda: organization.users.update("user-farid", role_id="role_none"), "role_none")


# Security

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"


def test_certificates_are_activated(organization):
    certificates, of_projects = organization.certificates, organization.projects.certificates
    made = certificates.create(certificate=PEM, name="edge")
    assert made.object == "certificate" and made.certificate_details.content is None and made.active is None
    assert certificates.retrieve(made.id, include=["content"]).certificate_details.content == PEM
    assert certificates.retrieve(made.id).certificate_details.content is None
    assert certificates.update(made.id, name="core").name == "core"
    assert [(it.id, it.active) for it in certificates.list()] == [(made.id, False)]
    active = certificates.activate(certificate_ids=[made.id]).data
    assert [(it.id, it.active) for it in active] == [(made.id, True)]
    assert of_projects.activate("proj_support", certificate_ids=[made.id]).data[0].active
    assert [it.active for it in of_projects.list("proj_support")] == [True]
    assert [it.active for it in of_projects.list("proj_research")] == [False]
    refused(lambda: certificates.delete(made.id), None, "active")
    assert not certificates.deactivate(certificate_ids=[made.id]).data[0].active
    refused(lambda: certificates.delete(made.id), None, "active")
    assert not of_projects.deactivate("proj_support", certificate_ids=[made.id]).data[0].active
    assert certificates.delete(made.id).id == made.id
    missing(lambda: certificates.retrieve(made.id), made.id)
    missing(lambda: certificates.activate(certificate_ids=[made.id]), made.id)
    refused(lambda: certificates.create(certificate="no"), "certificate", "PEM")
    assert event(organization, "certificates.activated")["certificates"][0]["name"] == "core"


GCP = {
    **{name: "x" for name in ("audience", "kms_key_location", "kms_key_name", "kms_key_ring_name", "kms_project_id")},
    **{f"workload_identity_{name}": "x" for name in ("pool_id", "project_number", "provider_id")},
}
OF_KMS = {
    "aws": {"external_id": "x", "kms_arn": "arn", "role_arn": "arn"},
    "azure": {"key_name": "n", "tenant_id": "t", "vault_uri": "https://v"},
    "gcp": GCP,
    "oci": {"key_ocid": "o", "region": "r", "vault_ocid": "v"},
}


@pytest.mark.parametrize("kind", OF_KMS)
def test_a_key_of_another_cloud_is_registered(organization, kind):
    keys = organization.external_keys
    made = keys.create(name="k", type=kind, **OF_KMS[kind])
    assert (made.type, made.purpose) == (kind, "ekm")
    assert keys.retrieve(made.id) == made and ids(keys.list(purpose="ekm")) == [made.id]
    assert ids(keys.list(purpose="psp_decryption")) == []
    assert keys.validate(made.id).status == "valid"
    assert keys.delete(made.id) == made
    missing(lambda: keys.validate(made.id), made.id)
    needed = next(iter(OF_KMS[kind]))
    refused(lambda: keys.create(name="k", type=kind, **{**OF_KMS[kind], needed: openai.omit}), needed, "Missing")


OF_CLOUDS = {
    "aws": {"bucket": "b", "role_arn": "arn"},
    "azure": dict.fromkeys(("account_name", "container", "resource_group", "subscription_id", "tenant_id"), "x"),
    "gcp": {"bucket": "b", **{name: "x" for name in GCP if name.startswith("workload")}},
    "oci": {"bucket": "b", "region": "r", "tenancy_ocid": "t"},
}


@pytest.mark.parametrize("kind", OF_CLOUDS)
def test_a_store_of_another_cloud_is_registered(organization, kind):
    stores = organization.external_storage
    made = stores.create(project_id="proj_support", provider={"type": kind, **OF_CLOUDS[kind]})
    assert (made.status, made.provider.type) == ("pending", kind)
    assert stores.validate(made.id).status == "validated"
    assert stores.retrieve(made.id).status == "validated"
    assert ids(stores.list(project_id="proj_support")) == [made.id] and ids(stores.list(project_id="proj_research")) == []
    missing(lambda: stores.create(project_id="proj_none", provider={"type": kind, **OF_CLOUDS[kind]}), "proj_none")
    assert stores.delete(made.id).deleted
    missing(lambda: stores.retrieve(made.id), made.id)


def test_tokens_stand_for_a_service_account(organization):
    providers = organization.workload_identity_providers
    rules = providers.federation_rules
    said = {"audience": "https://api.openai.com/v1", "issuer": "https://token.example.com", "name": "CI"}
    made = providers.create(type="oidc", **said)
    assert made.enabled and made.verification.type == "discovery" and made.attribute_transformations == []
    changed = providers.update(
        made.id,
        enabled=False,
        attribute_transformations=[{"attribute": "repository", "expression": "claims.repository"}],
        verification={"type": "uploaded_jwks", "jwks": {"keys": []}},
    )
    assert not changed.enabled and changed.verification.jwks == {"keys": []} and changed.name == "CI"
    assert providers.retrieve(made.id) == changed and ids(providers.list()) == [made.id]

    to = {"project_id": "proj_storefront", "service_account_id": "svc_acct_shop"}
    rule = rules.create(made.id, attribute_matchers={"repository": "acme/web", "protected": True}, **to)
    assert rule.permissions.type == "service_account_default" and rule.workload_identity_provider_id == made.id
    of = {"workload_identity_provider_id": made.id}
    turned = rules.update(rule.id, **of, enabled=False, permissions={"type": "restricted", "scopes": ["api.model.request"]})
    assert not turned.enabled and turned.permissions.scopes == ["api.model.request"]
    assert rules.retrieve(rule.id, **of) == turned
    assert ids(rules.list(made.id, service_account_id="svc_acct_shop")) == [rule.id]
    assert ids(rules.list(made.id, service_account_id="svc_acct_bot")) == []
    missing(lambda: rules.create(made.id, attribute_matchers={}, **{**to, "service_account_id": "svc_acct_none"}), "none")
    refused(lambda: providers.delete(made.id), None, "federation rules")
    assert rules.delete(rule.id, **of).deleted
    assert providers.delete(made.id).deleted
    missing(lambda: rules.list(made.id), made.id)
    refused(lambda: providers.create(type="oidc", **{**said, "issuer": openai.omit}), "issuer", "Missing")


def test_a_project_key_administers_nothing():
    with client_with(None, admin_api_key="sk-proj-1") as client:
        with pytest.raises(openai.PermissionDeniedError, match="admin key"):
            client.admin.organization.projects.list()
