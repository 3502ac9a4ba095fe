"""The classic examples of the Assistants documentation, played with the official Python client."""

from plans import play
from python_client import connect, refused, value


class Assistants:
    """The tools, by their names."""

    def __init__(self, client):
        self.client = client

    async def raw(self, tool, progress=None, **arguments):
        return await self.client.call_tool(tool, arguments, progress_callback=progress)

    async def call(self, tool, progress=None, **arguments):
        return value(await self.raw(tool, progress, **arguments))

    async def wait(self, run):
        while True:
            waited = await self.call("run-wait", thread_id=run["thread_id"], run_id=run["id"])
            if waited["done"] or waited["next"]["tool"] != "run-wait":
                return waited["object"]

    async def answer(self, run):
        """The text of the one message that a run wrote."""
        messages = await self.call("message-list", thread_id=run["thread_id"], run_id=run["id"], full=True)
        (message,) = messages["data"]
        assert message["role"] == "assistant" and message["assistant_id"] == run["assistant_id"], message
        return message["content"][0]["text"]


async def math_tutor(api, files):
    upload = {"text": "x,y\n1,14\n", "filename": "points.csv"}
    file = value(await files.call_tool("file-upload", {"file": upload, "purpose": "assistants"}))
    tutor = await api.call(
        "assistant-create",
        model="gpt-5",
        name="Math Tutor",
        instructions="You are a personal math tutor. Write and run code to answer math questions.",
        tools=[{"type": "code_interpreter"}],
        tool_resources={"code_interpreter": {"file_ids": [file["id"]]}},
    )
    thread = await api.call("thread-create")
    message = await api.call(
        "message-create",
        thread_id=thread["id"],
        role="user",
        content="I need to calculate `3x + 11 = 14` in python code. Can you help me?",
    )
    run = await api.call(
        "run-create",
        thread_id=thread["id"],
        assistant_id=tutor["id"],
        instructions="Please address the user as Jane Doe.",
        full=True,
    )
    assert run["status"] in ("queued", "in_progress") and run["instructions"].endswith("Jane Doe."), run
    run = await api.wait(run)
    assert run["status"] == "completed" and run["usage"]["total_tokens"] > 0, run
    assert (await api.answer(run))["value"]
    steps = await api.call("run-step-list", thread_id=thread["id"], run_id=run["id"], order="asc")
    assert [step["type"] for step in steps["data"]] == ["tool_calls", "message_creation"], steps
    (call,) = steps["data"][0]["step_details"]["tool_calls"]
    assert call["type"] == "code_interpreter" and call["code_interpreter"]["outputs"], call
    messages = await api.call("message-list", thread_id=thread["id"], order="asc", limit=1)
    assert messages["first_id"] == message["id"] and messages["has_more"], messages
    rest = await api.call("message-list", thread_id=thread["id"], order="asc", after=messages["last_id"])
    assert [it["run_id"] for it in rest["data"]] == [run["id"]] and not rest["has_more"], rest


async def file_search(api, files, stores, handbook):
    file = value(await files.call_tool("file-upload", {"file": handbook, "purpose": "assistants"}))
    store = value(await stores.call_tool("vector-store-create", {"name": "Handbook", "file_ids": [file["id"]]}))
    value(await stores.call_tool("vector-store-wait", {"vector_store_id": store["id"]}))
    clerk = await api.call(
        "assistant-create",
        model="gpt-5",
        instructions="You answer questions about the handbook.",
        tools=[{"type": "file_search", "file_search": {"max_num_results": 3}}],
        tool_resources={"file_search": {"vector_store_ids": [store["id"]]}},
    )
    # One file comes with the assistant, another with the message.
    notes = {"text": "The lamp of the lighthouse is called Agatha. " * 3, "filename": "notes.txt"}
    notes = value(await files.call_tool("file-upload", {"file": notes, "purpose": "assistants"}))
    run = await api.call(
        "thread-run-create",
        assistant_id=clerk["id"],
        thread={
            "messages": [
                {
                    "role": "user",
                    "content": "How can I return a lamp for a refund?",
                    "attachments": [{"file_id": notes["id"], "tools": [{"type": "file_search"}]}],
                }
            ]
        },
    )
    thread = await api.call("thread-get", thread_id=run["thread_id"])
    assert len(thread["tool_resources"]["file_search"]["vector_store_ids"]) == 1, thread
    run = await api.wait(run)
    assert run["status"] == "completed", run
    text = await api.answer(run)
    cited = [it["file_citation"]["file_id"] for it in text["annotations"] if it["type"] == "file_citation"]
    assert cited and set(cited) <= {file["id"], notes["id"]}, text
    include = ["step_details.tool_calls[*].file_search.results[*].content"]
    ids = {"thread_id": run["thread_id"], "run_id": run["id"]}
    for more, seen in ({}, False), ({"include": include}, True):
        steps = await api.call("run-step-list", **ids, order="asc", **more)
        results = steps["data"][0]["step_details"]["tool_calls"][0]["file_search"]["results"]
        assert results and all(("content" in result) == seen for result in results), results
    step = await api.call("run-step-get", **ids, step_id=steps["data"][0]["id"])
    assert step["id"] == steps["data"][0]["id"]
    messages = await api.call("message-list", thread_id=run["thread_id"], order="asc")
    attached = {"thread_id": run["thread_id"], "message_id": messages["data"][0]["id"]}
    listed = await api.call("message-file-list", **attached)
    assert [it["id"] for it in listed["data"]] == [notes["id"]], listed
    assert (await api.call("message-file-get", **attached, file_id=notes["id"]))["message_id"] == attached["message_id"]


async def weather(api):
    def function(name, description):
        parameters = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
        return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}

    bot = await api.call(
        "assistant-create",
        model="gpt-5",
        instructions="You are a weather bot. Use the functions to answer questions.",
        tools=[
            function("get_current_temperature", "Get the current temperature for a location"),
            function("get_rain_probability", "Get the probability of rain for a location"),
        ],
    )
    thread = await api.call("thread-create", metadata={"user": "1"})
    question = "What is the temperature in Paris and in London?"
    await api.call("message-create", thread_id=thread["id"], role="user", content=question)
    run = await api.wait(await api.call("run-create", thread_id=thread["id"], assistant_id=bot["id"]))
    assert run["status"] == "requires_action", run
    calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    assert len(calls) == 2, calls
    ids = {"thread_id": thread["id"], "run_id": run["id"]}

    # The run locks its thread.
    busy = await api.raw("message-create", thread_id=thread["id"], role="user", content="And in Rome?")
    refused(busy, f"Can't add messages to {thread['id']} while a run {run['id']} is active")
    busy = await api.raw("run-create", thread_id=thread["id"], assistant_id=bot["id"])
    refused(busy, f"Thread {thread['id']} already has an active run {run['id']}")

    outputs = [{"tool_call_id": call["id"], "output": "57"} for call in calls]
    partial = await api.raw("run-submit-tool-outputs", **ids, tool_outputs=outputs[:1])
    refused(partial, "Expected tool outputs", calls[1]["id"])
    run = await api.wait(await api.call("run-submit-tool-outputs", **ids, tool_outputs=outputs))
    while run["status"] == "requires_action":
        calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
        outputs = [{"tool_call_id": call["id"], "output": "0.06"} for call in calls]
        run = await api.wait(await api.call("run-submit-tool-outputs", **ids, tool_outputs=outputs))
    assert run["status"] == "completed", run
    assert "57" in (await api.answer(run))["value"]
    steps = await api.call("run-step-list", **ids, order="asc")
    first = steps["data"][0]["step_details"]["tool_calls"]
    assert [call["function"]["output"] for call in first] == ["57", "57"], first

    # A run that is cancelled while it waits leaves the thread usable.
    await api.call("message-create", thread_id=thread["id"], role="user", content="What is the temperature in Oslo?")
    run = await api.wait(await api.call("run-create", thread_id=thread["id"], assistant_id=bot["id"]))
    assert run["status"] == "requires_action", run
    run = await api.call("run-cancel", thread_id=thread["id"], run_id=run["id"])
    assert (await api.wait(run))["status"] == "cancelled", run
    await api.call("message-create", thread_id=thread["id"], role="user", content="Thank you")
    run = await api.call("run-create", thread_id=thread["id"], assistant_id=bot["id"], tool_choice="none")
    assert (await api.wait(run))["status"] == "completed"
    runs = await api.call("run-list", thread_id=thread["id"])
    assert [run["status"] for run in runs["data"]] == ["completed", "cancelled", "completed"], runs


async def streaming(api):
    poet = await api.call("assistant-create", model="gpt-5", name="Poet")
    thread = await api.call("thread-create", messages=[{"role": "user", "content": "A poem [[long 60]] [[slow 5]]"}])
    told = []

    async def progress(done, total, message):
        told.append(message)

    run = await api.call("run-create", progress, thread_id=thread["id"], assistant_id=poet["id"], stream=True)
    assert run["status"] == "completed", run
    text = await api.answer(run)
    assert text["value"] in "".join(told), (text, told)


async def cancelling(api):
    poet = await api.call("assistant-create", model="gpt-5", name="Poet")
    thread = await api.call("thread-create", messages=[{"role": "user", "content": "A poem [[long 4000]] [[slow 50]]"}])
    run = await api.call("run-create", thread_id=thread["id"], assistant_id=poet["id"])
    run = await api.call("run-cancel", thread_id=thread["id"], run_id=run["id"])
    assert run["status"] in ("cancelling", "cancelled"), run
    run = await api.wait(run)
    assert run["status"] == "cancelled", run
    refused(await api.raw("run-cancel", thread_id=thread["id"], run_id=run["id"]), "Cannot cancel run with status")
    await api.call("thread-delete", thread_id=thread["id"])
    refused(await api.raw("thread-get", thread_id=thread["id"]), "No thread found with id", thread["id"])


async def main(plan):
    mode = "auto" if plan["protocol"] == "2026-07-28" else "legacy"
    async with (
        connect(plan["assistants"], mode) as assistants,
        connect(plan["files"], mode) as files,
        connect(plan["vector_store"], mode) as stores,
    ):
        api = Assistants(assistants)
        await math_tutor(api, files)
        await file_search(api, files, stores, plan["upload"])
        await weather(api)
        await streaming(api)
        await cancelling(api)
    print(f"ok {plan['protocol']}")


if __name__ == "__main__":
    play(main)
