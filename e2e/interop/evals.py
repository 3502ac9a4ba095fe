"""The examples of the Evals documentation, played with the official Python client; its SDK's types judge the objects."""

import json

from openai.types import EvalCreateResponse, EvalListResponse, EvalRetrieveResponse
from openai.types.evals import RunCreateResponse, RunListResponse, RunRetrieveResponse
from openai.types.evals.runs import OutputItemListResponse, OutputItemRetrieveResponse
from plans import play
from python_client import connect, value


def judge(kind, given):
    """Reads an object strictly. The API itself has nulls where these types know none."""
    filled = json.loads(json.dumps(given))
    for holder in (filled, filled.get("sample") or {}):
        if "error" in holder:
            holder["error"] = holder["error"] or {"code": "", "message": ""}
        for name in ("seed", "max_completion_tokens"):
            if name in holder:
                holder[name] = holder[name] or 0
    kind.model_validate(filled, strict=True)
    return given


class Evals:
    """The tools, by their names."""

    def __init__(self, client):
        self.client = client

    async def call(self, tool, **arguments):
        return value(await self.client.call_tool(tool, arguments))

    async def create(self, **arguments):
        made = judge(EvalCreateResponse, await self.call("eval-create", full=True, **arguments))
        assert judge(EvalRetrieveResponse, await self.call("eval-get", eval_id=made["id"])) == made
        return made

    async def run(self, made, data_source, **arguments):
        begun = await self.call("eval-run-create", eval_id=made["id"], data_source=data_source, full=True, **arguments)
        ids = {"eval_id": made["id"], "run_id": judge(RunCreateResponse, begun)["id"]}
        while True:
            waited = await self.call("eval-run-wait", full=True, **ids)
            if waited["done"]:
                break
        run = judge(RunRetrieveResponse, waited["object"])
        assert run["status"] == "completed", run
        items = (await self.call("eval-output-list", full=True, limit=100, **ids))["data"]
        for item in items:
            judge(OutputItemListResponse, item)
        one = await self.call("eval-output-get", output_item_id=items[0]["id"], **ids)
        assert judge(OutputItemRetrieveResponse, one) == items[0]
        return run, items


def template(*messages):
    return {"type": "template", "template": [{"role": role, "content": content} for role, content in messages]}


def content(*items):
    return {"type": "file_content", "content": [{"item": item} for item in items]}


async def classification(api):
    """https://platform.openai.com/docs/guides/evals"""
    item = {"ticket_text": {"type": "string"}, "correct_label": {"type": "string"}}
    made = await api.create(
        name="IT Ticket Categorization",
        data_source_config={
            "type": "custom",
            "item_schema": {"type": "object", "properties": item, "required": list(item)},
            "include_sample_schema": True,
        },
        testing_criteria=[
            {
                "type": "string_check",
                "name": "Match output to human label",
                "input": "{{ sample.output_text }}",
                "operation": "eq",
                "reference": "{{ item.correct_label }}",
            }
        ],
    )
    for kind in ("completions", "responses"):
        source = {
            "type": kind,
            "model": "gpt-4o",
            "input_messages": template(
                ("developer", "Categorize tickets as Hardware, Software or Other."), ("user", "{{ item.ticket_text }}")
            ),
            "source": content(
                {"ticket_text": "My monitor won't turn on! [[say Hardware]]", "correct_label": "Hardware"},
                {"ticket_text": "I'm in vim and I can't quit! [[say Other]]", "correct_label": "Software"},
            ),
        }
        run, items = await api.run(made, source)
        assert run["result_counts"] == {"total": 2, "errored": 0, "failed": 1, "passed": 1}, run
        assert [it["status"] for it in items] == ["pass", "fail"], items
        assert run["per_model_usage"][0]["invocation_count"] == 2, run
        assert items[0]["sample"]["output"][0]["content"] == "Hardware", items
    listed = await api.call("eval-run-list", eval_id=made["id"], full=True)
    for run in listed["data"]:
        judge(RunListResponse, run)
    assert len(listed["data"]) == 2, listed
    evals = await api.call("eval-list", full=True, order="desc", limit=1)
    assert judge(EvalListResponse, evals["data"][0])["id"] == made["id"], evals


async def summaries(api):
    made = await api.create(
        name="Summaries",
        data_source_config={
            "type": "custom",
            "item_schema": {"type": "object", "properties": {"notes": {"type": "string"}}},
            "include_sample_schema": True,
        },
        testing_criteria=[
            {
                "type": "score_model",
                "name": "Quality",
                "model": "gpt-4o",
                "range": [1, 7],
                "pass_threshold": 5.5,
                "input": [
                    {"role": "system", "content": "Rate the summary from 1 to 7."},
                    {"role": "user", "content": "{{sample.output_text}} [[say {{item.verdict}}]]"},
                ],
            }
        ],
    )
    verdict = '{"steps": [{"description": "read", "conclusion": "good"}], "result": %s}'
    source = {
        "type": "completions",
        "model": "gpt-4o",
        "input_messages": template(("user", "Summarize: {{item.notes}}")),
        "source": content(
            {"notes": "a", "verdict": verdict % 6}, {"notes": "b", "verdict": verdict % 2}, {"notes": "c", "verdict": "?"}
        ),
    }
    run, items = await api.run(made, source)
    assert run["result_counts"] == {"total": 3, "errored": 1, "failed": 1, "passed": 1}, run
    assert items[0]["results"][0]["score"] == 6 and items[0]["results"][0]["steps"], items
    assert items[2]["status"] == "error" and not items[2]["results"] and items[2]["errors"], items
    (usage,) = run["per_model_usage"]
    assert usage["invocation_count"] == 6, usage


async def tool_calls(api):
    made = await api.create(
        name="Symbols",
        data_source_config={"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": True},
        testing_criteria=[
            {
                "type": "string_check",
                "name": "symbol",
                "input": "{{sample.output_tools[0].function.arguments.symbol}}",
                "operation": "eq",
                "reference": "{{item.symbol}}",
            }
        ],
    )
    parameters = {"type": "object", "properties": {"symbol": {"type": "string"}}, "required": ["symbol"]}
    tool = {"name": "get_stock_price", "description": "The price of a stock", "parameters": parameters}
    for kind, tools in (("completions", [{"type": "function", "function": tool}]), ("responses", [{"type": "function", **tool}])):
        source = {
            "type": kind,
            "model": "gpt-4o",
            "input_messages": template(("user", "What is the stock price of {{item.asked}} now?")),
            "sampling_params": {"tools": tools},
            "source": content({"asked": "'ACME'", "symbol": "ACME"}, {"asked": "'ACME'", "symbol": "NASA"}),
        }
        run, items = await api.run(made, source)
        assert [it["status"] for it in items] == ["pass", "fail"], items
        assert items[0]["sample"]["finish_reason"] == "tool_calls", items


async def comparison(api):
    made = await api.create(
        name="Two prompts",
        data_source_config={"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": True},
        testing_criteria=[
            {
                "type": "string_check",
                "name": "right",
                "input": "{{sample.output_text}}",
                "operation": "eq",
                "reference": "{{item.n}}",
            }
        ],
    )

    async def answered(wrong):
        rows = [{"item": {"n": n}, "sample": {"output_text": "?" if n < wrong else str(n)}} for n in range(24)]
        run, _ = await api.run(made, {"type": "jsonl", "source": {"type": "file_content", "content": rows}})
        return run["id"]

    first, same, worse = await answered(2), await answered(2), await answered(12)
    told = await api.call("eval-run-compare", eval_id=made["id"], run_ids=[first, same, worse])
    equal, lost = told["comparisons"]
    assert equal["verdict"] == "no difference beyond chance" and equal["p"] == 1, equal
    assert lost["verdict"] == "worse" and lost["p"] < 0.01 and lost["lost"]["count"] == 10, lost
    assert lost["difference"]["high"] < 0, lost


async def main(plan):
    mode = "auto" if plan["protocol"] == "2026-07-28" else "legacy"
    async with connect(plan["evals"], mode) as client:
        api = Evals(client)
        for example in (classification, summaries, tool_calls, comparison):
            await example(api)
    print(f"ok {plan['protocol']}")


if __name__ == "__main__":
    play(main)
