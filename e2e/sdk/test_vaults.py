"""The official SDK keeps vaults and credentials in the sandbox."""

import openai
import pytest
from test_sandbox import KEYS, client_with, refused

SERVER = "https://mcp.example.com"
SECRET = "ghp_q7VxZ2mN9pLr4TwK8sYd3FhJ6bGc"


@pytest.fixture
def vaults():
    with client_with(next(KEYS), _strict_response_validation=True) as client:
        yield client.beta.agents.vaults


def bearer(**more):
    return {"type": "static_bearer", "mcp_server_url": SERVER, "token": SECRET, **more}


def test_a_vault_lives_and_dies(vaults):
    made = vaults.create(name=" team ", metadata={"app": "a"})
    assert (made.name, made.metadata) == ("team", {"app": "a"})
    other = vaults.create()
    assert other.name is None and other.metadata == {}
    assert [vault.id for vault in vaults.list()] == [other.id, made.id]
    assert [vault.id for vault in vaults.list(metadata={"app": "a"})] == [made.id]
    # None is archived here.
    assert [vault.id for vault in vaults.list(status=["active", "archived"])] == [other.id, made.id]
    assert [vault.id for vault in vaults.list(status="active", metadata={"app": "a"})] == [made.id]
    assert not list(vaults.list(status=["archived"]))
    refused(lambda: vaults.list(status="gone"), "status[0]", "archived")
    changed = vaults.update(made.id, name=None, metadata={})
    assert (changed.name, changed.metadata) == (None, {})
    assert vaults.retrieve(made.id).name is None
    assert vaults.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError, match=made.id):
        vaults.retrieve(made.id)
    refused(lambda: vaults.create(name=" "), "name", "1 to 256")


def test_credentials_never_show_their_secrets(vaults):
    vault = vaults.create()
    credentials = vaults.credentials
    made = credentials.create(vault.id, name="github", auth=bearer())
    assert (made.vault_id, made.auth.type, made.auth.mcp_server_url) == (vault.id, "static_bearer", SERVER)
    oauth = credentials.create(
        vault.id,
        name="oauth",
        metadata={"a": "b"},
        auth={
            "type": "mcp_oauth",
            "mcp_server_url": SERVER,
            "access_token": SECRET,
            "expires_at": "2026-12-01T00:00:00Z",
            "refresh": {
                "client_id": "c",
                "refresh_token": SECRET,
                "token_endpoint": SERVER,
                "token_endpoint_auth": {"type": "client_secret_post", "client_secret": SECRET},
                "scope": "read",
            },
        },
    )
    assert oauth.auth.refresh.token_endpoint_auth.type == "client_secret_post"
    assert [one.id for one in credentials.list(vault.id, status=["active"])] == [oauth.id, made.id]
    variable = credentials.create(
        vault.id,
        name="variable",
        auth={
            "type": "environment_variable",
            "secret_name": "KEY",
            "secret_value": SECRET,
            "networking": {"type": "limited", "allowed_hosts": ["API.example.com"]},
        },
    )
    assert variable.auth.networking.allowed_hosts == ["api.example.com"]
    listed = list(credentials.list(vault.id, order="asc"))
    assert [one.id for one in listed] == [made.id, oauth.id, variable.id]
    assert SECRET not in str([made, oauth, variable, *listed])

    turned = credentials.update(
        oauth.id, vault_id=vault.id, auth={"type": "mcp_oauth", "access_token": "new", "refresh": {"scope": None}}
    )
    assert turned.auth.expires_at is None and turned.auth.refresh.scope is None
    assert credentials.retrieve(oauth.id, vault_id=vault.id) == turned
    assert credentials.update(made.id, vault_id=vault.id, metadata={"c": "d"}).metadata == {"c": "d"}
    assert credentials.delete(made.id, vault_id=vault.id).deleted
    with pytest.raises(openai.NotFoundError, match=made.id):
        credentials.retrieve(made.id, vault_id=vault.id)


def test_what_is_no_credential_is_refused(vaults):
    vault = vaults.create()
    create = lambda **auth: vaults.credentials.create(vault.id, name="a", auth=bearer(**auth))
    refused(lambda: create(mcp_server_url="http://a"), "auth.mcp_server_url", "HTTPS")
    refused(lambda: create(token=""), "auth.token", "one line")
    refused(lambda: create(type="basic"), "auth.type", "Supported values")
    made = create()
    other = {"type": "environment_variable", "secret_value": "a"}
    refused(lambda: vaults.credentials.update(made.id, vault_id=vault.id, auth=other), "auth.type", "static_bearer")
    with pytest.raises(openai.NotFoundError):
        vaults.credentials.create("vault_none", name="a", auth=bearer())
