"""The official SDK keeps agents, environments and automations in the sandbox."""

import base64
import time

import openai
import pytest
from test_sandbox import KEYS, client_with, refused


@pytest.fixture
def agents():
    with client_with(next(KEYS), _strict_response_validation=True) as client:
        yield client.beta.agents


TOOLS = [
    {"type": "function", "name": "look", "description": "Look it up.", "parameters": {"type": "object"}},
    {"type": "tool_search"},
    {"type": "programmatic_tool_calling"},
    {"type": "mcp", "server_label": "docs", "transport": {"type": "http", "server_url": "https://mcp.example.com"}},
    {"type": "mcp", "server_label": "own", "transport": {"type": "stdio", "command": "run", "cwd": "/workspace"}},
    {"type": "web_search", "mode": "cached", "location": {"city": "Bern"}},
    {"type": "computer_use"},
    {"type": "automations"},
]
ZIP = {"type": "base64", "media_type": "application/zip", "data": base64.b64encode(b"PK").decode()}


def test_an_agent_lives_and_dies(agents):
    made = agents.create(
        model="gpt-6-astra",
        name="writer",
        tools=TOOLS,
        reasoning={"effort": "high"},
        text={"format": {"type": "json_schema", "schema": {"type": "object"}}},
        multi_agent={"enabled": True},
        compaction={"async_": True},
        metadata={"a": "b"},
    )
    assert [tool.type for tool in made.tools] == [tool["type"] for tool in TOOLS]
    assert made.reasoning.effort == "high" and made.text.verbosity == "medium" and made.compaction.async_
    plain = agents.create(model="gpt-6-astra")
    assert (plain.name, plain.instructions, plain.tools, plain.service_tier) == (None, None, [], "auto")
    assert [agent.id for agent in agents.list()] == [plain.id, made.id]
    changed = agents.update(made.id, name=None, tools=[], instructions="Be brief.")
    assert (changed.name, changed.tools, changed.instructions, changed.model) == (None, [], "Be brief.", "gpt-6-astra")
    assert agents.retrieve(made.id) == changed
    assert agents.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError, match=made.id):
        agents.retrieve(made.id)
    refused(lambda: agents.create(model="gpt-6-astra", tools=[{"type": "shell"}]), "tools[0].type", "Supported")
    refused(lambda: agents.create(model="gpt-6-astra", text={"format": {"type": "xml"}}), "text.format.type", "Supported")


def test_environments_hold_files(agents):
    environments = agents.environments
    template = environments.templates.create(
        name="python",
        packages={"python": ["numpy"]},
        network={"access": "restricted", "allowed_domains": ["a.example.com"]},
        env={"A": "b"},
        files=[{"type": "inline", "path": "/workspace/a.txt", "data": "YQ=="}],
        skills=[{"type": "inline", "name": "s", "description": "d", "source": ZIP}],
        plugins=[{"type": "inline", "name": "p", "description": "d", "source": ZIP}],
        setup_commands=[{"command": "make"}],
        desktop={"enabled": True},
    )
    assert (template.packages.python, template.network.access, template.files[0].size_bytes) == (["numpy"], "restricted", 1)
    changed = environments.templates.update(template.id, network=None, name=None)
    assert (changed.network.access, changed.name, changed.packages.python) == ("disabled", None, ["numpy"])
    assert [one.id for one in environments.templates.list()] == [template.id]
    assert environments.templates.retrieve(template.id) == changed

    wanted = {"type": "openai_hosted", "environment_template_id": template.id}
    made = environments.create(environment=wanted, idempotency_key="one")
    assert (made.status, made.type, made.files[0].path) == ("ready", "openai_hosted", "/workspace/a.txt")
    assert environments.create(environment=wanted, idempotency_key="one").id == made.id
    assert environments.retrieve(made.id) == made
    for name in ("b", "c"):
        put = environments.files.create(made.id, type="inline", path=f"/workspace/in/{name}.txt", data="YWI=")
        assert put.size_bytes == 2
    paths = [file.path for file in environments.files.list(made.id, order="asc", limit=2)]
    assert paths == ["/workspace/a.txt", "/workspace/in/b.txt", "/workspace/in/c.txt"]
    assert [file.path for file in environments.files.list(made.id, path="/workspace/in", order="asc")] == paths[1:]
    assert environments.templates.delete(template.id).deleted
    refused(
        lambda: environments.files.create(made.id, type="inline", path="a.txt", data="YQ=="), "path", "/workspace"
    )


def test_automations_run_by_hand(agents):
    automations = agents.automations
    agent = agents.create(model="gpt-6-astra")
    daily = automations.create(
        type="periodic",
        name="daily",
        expression="0 9 * * *",
        timezone="Europe/Berlin",
        target={"type": "new_session", "agent_id": agent.id, "environment": {"type": "none"}, "input": "Good morning"},
    )
    assert (daily.status, daily.created_by.type, daily.target.input[0].content[0].text) == ("active", "developer", "Good morning")
    once = automations.create(
        type="once",
        name="once",
        run_at=int(time.time()) + 3600,
        target={"type": "existing_session", "session_id": "asess_1", "instructions": "Go on."},
    )
    assert [one.id for one in automations.list()] == [once.id, daily.id]
    assert automations.pause(daily.id).status == "paused"
    assert automations.resume(daily.id).status == "active"
    assert automations.update(daily.id, expression="0 8 * * *").expression == "0 8 * * *"
    run = automations.invocations.create(once.id)
    assert (run.status, run.session_id, run.source.type) == ("completed", "asess_1", "manual")
    assert automations.invocations.retrieve(run.id, automation_id=once.id) == run
    assert [one.id for one in automations.invocations.list(once.id)] == [run.id]
    assert automations.delete(daily.id).deleted
    refused(
        lambda: automations.create(type="once", name="a", run_at=1, target={"type": "existing_session", "session_id": "a", "instructions": "b"}),
        "run_at",
        "future",
    )
