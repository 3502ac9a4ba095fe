"""A session of an agent, seen through its tools alone: an approval, an artifact, and a stream that breaks off."""

from plans import play
from python_client import connect, value


async def main(plan):
    mode = "auto" if plan["protocol"] == "2026-07-28" else "legacy"
    async with connect(plan["agent_sessions"], mode) as client:

        async def call(tool, arguments):
            async def told(progress, total, message):
                assert message is None or isinstance(message, str)

            return value(await client.call_tool(tool, arguments, progress_callback=told))

        first = {"agent": {"model": "gpt-6-astra"}, "environment": {"type": "openai_hosted"}, "input": "[[approve]]"}
        asks = await call("agent-session-create", first)
        assert not asks["done"] and asks["object"]["asked"][0]["request"]["name"] == "publish", asks
        answer = asks["next"]["arguments"]
        answer["events"][0]["response"]["decision"] = "approve"
        published = await call(asks["next"]["tool"], answer)
        assert published["done"] and published["object"]["text"] == "The page is published.", published

        session = published["object"]["session_id"]
        made = await call("agent-session-send", {"session_id": session, "input": "[[file a.txt some words]]"})
        (artifact,) = made["object"]["artifacts"]
        assert artifact["path"].endswith("/a.txt") and made["object"]["did"][0]["did"] == "ran: write a.txt", made
        ids = {"session_id": session, "artifact_id": artifact["id"]}
        content = await client.call_tool("agent-session-artifact-content", ids)
        assert content.content[0].text == "some words", content

        # Not waited for, and asked for afterwards.
        sent = await call("agent-session-send", {"session_id": session, "input": "And now?", "timeout": 0})
        assert not sent["done"] and sent["next"]["tool"] == "agent-session-wait", sent
        while not sent["done"]:
            sent = await call(sent["next"]["tool"], sent["next"]["arguments"])
        assert "And now?" in sent["object"]["text"], sent

        # The stream ends in the middle of the turn, and the turn goes on.
        told = await call("agent-session-send", {"session_id": session, "input": "[[drop]] [[slow 20]] End."})
        while not told["done"]:
            told = await call(told["next"]["tool"], told["next"]["arguments"])
        assert told["object"]["text"].count("You said") == 1 and "End." in told["object"]["text"], told
        items = value(await client.call_tool("agent-session-item-list", {"session_id": session}))["data"]
        assert sum(item.get("role") == "user" for item in items) == 4, items
        print("ok", client.protocol_version)


play(main)
