"""Begins a call in the era of sessions, gives it up when a line comes in, and stays until the input ends."""

import asyncio
import sys

import anyio
from python_client import connect


async def main(url):
    async with connect({"url": url, "headers": {"Authorization": "Bearer sk-any"}}, "legacy") as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "vector-store-list", {})
            await anyio.to_thread.run_sync(sys.stdin.readline)
            group.cancel_scope.cancel()
        print("gave up", flush=True)
        await anyio.to_thread.run_sync(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
