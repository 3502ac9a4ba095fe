"""What agents ask for, done with the official Python client by one who sees tools and their results alone: in the fewest
calls that it takes, and with no error that was not asked for."""

import base64
import hashlib
import hmac
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path

from plans import play
from python_client import connect, refused, value

MODEL = "gpt-6-luna"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a place",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}


class Tools:
    """The tools of all servers, by their names."""

    def __init__(self, clients):
        self.clients = clients
        self.answered = 0

    async def walk(self, steps, fewest, *arguments):
        """Goes a way in at most a fifth more calls than who knows it by heart; those that are to be refused do not count."""
        before = self.answered
        await steps(self, *arguments)
        calls = self.answered - before
        assert calls <= 1.2 * fewest, f"{steps.__name__}: {calls} calls, where {fewest} would do"

    async def raw(self, tool, **arguments):
        return await self.clients[tool].call_tool(tool, arguments)

    async def call(self, tool, **arguments):
        self.answered += 1
        return value(await self.raw(tool, **arguments))

    async def shown(self, tool, **arguments):
        """What a result tells beside what it shows."""
        self.answered += 1
        result = await self.raw(tool, **arguments)
        assert not result.is_error, result.content
        return json.loads(result.content[0].text)

    async def follow(self, result, **more):
        """The call that a result says comes next."""
        return await self.call(result["next"]["tool"], **{**result["next"]["arguments"], **more})

    async def until_done(self, result):
        while "next" in result:
            result = await self.follow(result)
        return result["object"]


async def research(tools, folder):
    file = await tools.call("file-upload", file=str(folder / "handbook.md"), purpose="assistants")
    chunks = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
    store = await tools.call("vector-store-create", name="Handbook", file_ids=[file["id"]], chunking_strategy=chunks)
    await tools.call("vector-store-wait", vector_store_id=store["id"])
    answer = await tools.call(
        "response-create",
        model=MODEL,
        input="Within how many days can a lamp be returned for a refund?",
        tools=[{"type": "file_search", "vector_store_ids": [store["id"]]}],
        include=["file_search_call.results"],
    )
    assert "thirty days" in " ".join(answer["text"].split()), answer
    assert [it["file_id"] for it in answer["annotations"]] == [file["id"]], answer
    assert answer["items"][0]["results"][0]["filename"] == "handbook.md", answer


async def function_loop(tools):
    """Two calls at once, answered in one round, from the response and in a conversation."""
    conversation = await tools.call("conversation-create")
    for place in ({}, {"conversation": conversation["id"]}):
        asked = await tools.call(
            "response-create", model=MODEL, input="What is the weather in Paris and London?", tools=[WEATHER], **place
        )
        calls = asked["items"]
        assert [call["arguments"] for call in calls] == [{"place": "Paris"}, {"place": "London"}], asked
        wanted = asked["next"]["arguments"]["input"]
        outputs = [{**item, "output": {"degrees": 9 + at}} for at, item in enumerate(wanted)]
        # Half of the outputs are none; the refusal tells which is missing, and what to do.
        next = asked["next"]["arguments"]
        half = await tools.raw("response-create", **{**next, "input": outputs[:1]})
        refused(half, calls[1]["call_id"], "as `next` says")
        answer = await tools.follow(asked, input=outputs, tools=[WEATHER])
        assert '{"degrees":9}' in answer["text"] and '{"degrees":10}' in answer["text"] and "next" not in answer, answer
    items = await tools.call("conversation-item-list", conversation_id=conversation["id"], order="asc")
    kinds = ["message", "function_call", "function_call", "function_call_output", "function_call_output", "message"]
    assert [item["type"] for item in items["data"]] == kinds, items


async def approval(tools):
    server = {"type": "mcp", "server_label": "deepwiki", "server_url": "https://mcp.example.com/mcp"}
    for approve, said in ((True, "reaches no server"), (False, "did not allow")):
        asked = await tools.call("response-create", model=MODEL, input="Ask deepwiki what MCP is", tools=[server])
        answers = [{**item, "approve": approve} for item in asked["next"]["arguments"]["input"]]
        answer = await tools.follow(asked, input=answers, tools=[server])
        assert said in answer["text"] and "next" not in answer, answer


async def skill(tools, folder):
    made = await tools.call("skill-create", folder=str(folder))
    assert made["name"] == "pdf-forms", made

    def shell(id):
        skills = [{"type": "skill_reference", "skill_id": id}]
        return [{"type": "shell", "environment": {"type": "container_auto", "skills": skills}}]

    answer = await tools.call("response-create", model=MODEL, input="Fill the form", tools=shell(made["id"]))
    assert answer["status"] == "completed", answer
    refused(await tools.raw("response-create", model=MODEL, input="Fill it", tools=shell("skill_0")), "skill_0")


async def background(tools):
    """One is waited for, and another cancelled."""
    poem = {"model": MODEL, "input": "A poem [[long 60]] [[slow 20]]", "background": True}
    begun = await tools.call("response-create", **poem)
    assert begun["next"]["tool"] == "response-wait", begun
    waited = await tools.until_done(begun)
    assert waited["status"] == "completed" and "A poem" in waited["text"], waited

    long = {**poem, "input": "A poem [[long 4000]] [[slow 50]]"}
    begun = await tools.call("response-create", **long)
    cancelled = await tools.call("response-cancel", response_id=begun["id"])
    assert cancelled["status"] == "cancelled", cancelled
    waited = await tools.call("response-wait", response_id=begun["id"])
    assert waited["done"] is True and waited["object"]["status"] == "cancelled", waited


async def batch(tools, folder):
    lines = [
        json.dumps({"custom_id": f"r{at}", "method": "POST", "url": "/v1/responses", "body": {"model": MODEL, "input": f"Say {at}"}})
        for at in range(500)
    ]
    lines[10] = "{broken"
    lines[20] = lines[1]
    lines[30] = lines[30].replace(MODEL, "gpt-6-sol")
    (folder / "batch.jsonl").write_text("\n".join(lines), encoding="utf-8")
    arguments = {"endpoint": "/v1/responses", "file": str(folder / "batch.jsonl")}
    faults = await tools.raw("batch-prepare", **arguments)
    refused(faults, "3 of 500", "line 11: not JSON", "line 21: `custom_id`", "line 31: `body.model`", "`skip_invalid`")
    prepared = await tools.call("batch-prepare", **arguments, skip_invalid=True, create=True)
    assert (prepared["requests"], len(prepared["skipped"])) == (497, 3), prepared
    ended = await tools.until_done(prepared)
    assert ended["request_counts"] == {"completed": 497, "failed": 0, "total": 497}, ended
    results = await tools.call("batch-results", batch_id=prepared["batch_id"], offset=490)
    assert [row["custom_id"] for row in results["data"]][-1] == "r499" and "Say 499" in results["data"][-1]["text"], results


async def webhook(tools):
    made = await tools.call("webhook-create", name="done", url="https://example.com/hook", event_types="response.completed")
    secret = made["signing_secret"]
    body, at = '{"type":"response.completed","data":{"id":"resp_1"}}', str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, f"wh_1.{at}.{body}".encode(), hashlib.sha256).digest()).decode()
    headers = {"webhook-id": "wh_1", "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"}
    genuine = await tools.call("webhook-verify", payload=body, headers=headers, secrets=secret)
    assert genuine["valid"] is True and genuine["event"]["data"]["id"] == "resp_1", genuine
    forged = body.replace("resp_1", "resp_2")
    refused(await tools.raw("webhook-verify", payload=forged, headers=headers, secrets=secret), "not genuine")


async def assistant(tools):
    tutor = await tools.call("assistant-create", model=MODEL, name="Tutor", instructions="Teach")
    thread = {"messages": [{"role": "user", "content": "Hello"}]}
    run = await tools.call("thread-run-create", assistant_id=tutor["id"], thread=thread)
    waited = await tools.follow(run)
    assert waited["done"] is True and "Hello" in waited["messages"][0]["text"], waited


async def content(tools, folder):
    """A picture and a voice, into files, and the voice back into words."""
    drawn = await tools.shown("image-generate", prompt="a red fox", save_to=str(folder / "made" / "fox.png"))
    spoken = await tools.shown("audio-speech-create", model="tts-1", voice="alloy", input="Hello", save_to=str(folder / "made" / "hi.mp3"))
    for path in (drawn["data"][0]["saved_to"]["path"], spoken["saved_to"]["path"]):
        assert Path(path).stat().st_size > 1000, path
    varied = await tools.shown("image-edit", image=drawn["data"][0]["saved_to"]["path"], prompt="more red")
    assert varied["data"][0]["id"].startswith("img_"), varied
    heard = await tools.call("audio-transcribe", file=spoken["saved_to"]["path"], model="gpt-transcribe")
    assert heard["text"], heard


async def structured(tools):
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "people": {"type": "number"}}}
    said = [{"role": "user", "content": "Berlin has 3.7 million people"}]
    made = await tools.call("chat-structured-output", model=MODEL, messages=said, schema=schema)
    assert made["output"]["people"] == 3.7, made
    asked = [{"role": "user", "content": "What is the weather in Paris and London?"}]
    functions = [{"type": "function", "function": {name: WEATHER[name] for name in ("name", "description", "parameters")}}]
    called = await tools.call("chat-function-call", model=MODEL, messages=asked, tools=functions)
    outputs = [{"tool_call_id": call["tool_call_id"], "output": {"degrees": 9}} for call in called["calls"]]
    answer = await tools.follow(called, outputs=outputs)
    assert len(outputs) == 2 and answer["done"] is True and "degrees" in answer["text"], answer


async def embeddings(tools):
    notes = ["The lamp is red", "Delivery takes three days", "Returns within thirty days"]
    added = await tools.call("embedding-collection-add", collection="notes", items=notes)
    assert added["succeeded"] == 3, added
    found = await tools.call("embedding-search", collection="notes", query="how long is delivery", max_num_results=1)
    assert found["data"][0]["text"] == notes[1], found


async def fine_tuning(tools, folder):
    lines = [{"messages": [{"role": "user", "content": f"q{at}"}, {"role": "assistant", "content": f"a{at}"}]} for at in range(12)]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    refused(await tools.raw("fine-tune-create", model="gpt-4.1-mini-2025-04-14", training_file="train.jsonl"), "file-upload with purpose fine-tune")
    file = await tools.call("file-upload", file=str(folder / "train.jsonl"), purpose="fine-tune")
    job = await tools.call("fine-tune-create", model="gpt-4.1-mini-2025-04-14", training_file=file["id"])
    waited = await tools.call("fine-tune-wait", fine_tuning_job_id=job["id"])
    assert waited["done"] is True, waited
    metrics = await tools.shown("fine-tune-metrics", fine_tuning_job_id=job["id"])
    # The best step need not be the last one.
    assert metrics["best_checkpoint"]["model"].startswith(metrics["fine_tuned_model"]), metrics


async def moderation(tools):
    checked = await tools.call("moderation-check", input="I will kill you")
    assert checked["flagged"] is True, checked
    batch = await tools.call("moderation-batch", items=["hello", "I will kill you"])
    assert (batch["flagged"], batch["data"][0]["index"]) == (1, 1), batch
    history = await tools.call("moderation-history", flagged=True)
    assert len(history["data"]) == 2, history


async def main(plan):
    folder = Path(plan["folder"])
    (folder / "handbook.md").write_text(plan["handbook"], encoding="utf-8")
    (folder / "pdf-forms" / "scripts").mkdir(parents=True)
    (folder / "pdf-forms" / "SKILL.md").write_text("---\nname: pdf-forms\ndescription: Fills PDF forms\n---\nRun it.\n")
    (folder / "pdf-forms" / "scripts" / "fill.py").write_text("print(1)\n")
    async with AsyncExitStack() as stack:
        clients = {}
        for place in plan["places"]:
            client = await stack.enter_async_context(connect(place, "auto"))
            clients.update((tool.name, client) for tool in (await client.list_tools()).tools)
        tools = Tools(clients)
        # What fails within the groups of so many clients is too deep to be shown.
        failure = None
        try:
            await tools.walk(research, 4, folder)
            await tools.walk(function_loop, 6)
            await tools.walk(approval, 4)
            await tools.walk(skill, 2, folder / "pdf-forms")
            await tools.walk(background, 5)
            await tools.walk(batch, 3, folder)
            await tools.walk(webhook, 2)
            await tools.walk(assistant, 3)
            await tools.walk(content, 4, folder)
            await tools.walk(structured, 3)
            await tools.walk(embeddings, 2)
            await tools.walk(fine_tuning, 4, folder)
            await tools.walk(moderation, 3)
        except Exception as error:
            failure = error
    if failure:
        raise failure
    print(f"ok {plan['protocol']}")


if __name__ == "__main__":
    play(main)
