"""The scenario with the official Python client, in either era."""

import json
from contextlib import asynccontextmanager

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from plans import play


def value(result):
    """The value of a successful result, which must be the same in both of its forms."""
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


def refused(result, *words):
    assert result.is_error, result
    for word in words:
        assert word in result.content[0].text, result.content[0].text


class Progress:
    """Collects progress and checks that it only ever grows."""

    def __init__(self):
        self.seen = []

    async def __call__(self, progress, total, message):
        assert not self.seen or progress > self.seen[-1], f"progress went from {self.seen[-1]} to {progress}"
        self.seen.append(progress)


@asynccontextmanager
async def connect(server, mode):
    if "url" not in server:
        async with Client(StdioServerParameters(**server), mode=mode) as client:
            yield client
        return
    async with httpx2.AsyncClient(headers=server["headers"], timeout=60) as http:
        async with Client(streamable_http_client(server["url"], http_client=http), mode=mode) as client:
            yield client


async def main(plan):
    mode = "auto" if plan["protocol"] == "2026-07-28" else "legacy"
    async with connect(plan["vector_store"], mode) as stores, connect(plan["files"], mode) as uploads:
        assert stores.protocol_version == plan["protocol"], stores.protocol_version
        tools = {tool.name for tool in (await stores.list_tools()).tools}
        assert {"vector-store-create", "vector-store-search", "vector-store-wait"} <= tools
        assert "file-upload" not in tools, "a server lists the tools of its own domain alone"

        store = value(await stores.call_tool("vector-store-create", {"name": "Handbook é 🦀"}))
        assert store["name"] == "Handbook é 🦀"
        uploading, waiting = Progress(), Progress()
        upload = {"file": plan["upload"], "purpose": "assistants"}
        file = value(await uploads.call_tool("file-upload", upload, progress_callback=uploading))
        assert file["filename"] == "handbook.md"
        ids = {"vector_store_id": store["id"], "file_id": file["id"]}
        static = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
        value(await stores.call_tool("vector-store-file-add", {**ids, "chunking_strategy": static}))
        ready = value(await stores.call_tool("vector-store-wait", ids, progress_callback=waiting))
        assert ready["done"] is True and ready["object"]["status"] == "completed"
        assert uploading.seen or waiting.seen, "no progress was reported to a client that asked for it"

        search = {"vector_store_id": store["id"], "query": "return a lamp for a refund"}
        found = value(await stores.call_tool("vector-store-search", search))
        assert found["data"][0]["filename"] == "handbook.md"
        passage = " ".join(found["data"][0]["content"][0]["text"].split())
        assert "within thirty days of delivery" in passage, passage

        refused(await stores.call_tool("vector-store-search", {**search, "max_num_results": 500}), "max_num_results", "50")
        refused(await stores.call_tool("vector-store-search", {**search, "max_results": 5}), "max_results", "max_num_results")
        refused(await stores.call_tool("vector-store-get", {"vector_store_id": "vs_absent"}), "vs_absent")
        try:
            await stores.call_tool("no-such-tool", {})
            raise AssertionError("an unknown tool was called")
        except MCPError:
            pass

        assert value(await stores.call_tool("vector-store-delete", {"vector_store_id": store["id"]}))["deleted"]
        assert value(await uploads.call_tool("file-delete", {"file_id": file["id"]}))["deleted"]

    # The slow upstream answers after five seconds: the list overtakes the call, which its caller then abandons.
    async with connect(plan["slow"], mode) as sluggish:
        async with anyio.create_task_group() as group:

            async def call():
                await sluggish.call_tool("vector-store-list", {})
                raise AssertionError("the call was not cancelled")

            group.start_soon(call)
            await anyio.lowlevel.checkpoint()
            await sluggish.list_tools(cache_mode="bypass")
            group.cancel_scope.cancel()
        assert (await sluggish.list_tools(cache_mode="bypass")).tools
    print(f"ok {plan['protocol']}")


if __name__ == "__main__":
    play(main)
