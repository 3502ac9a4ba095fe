"""The official SDK asks the sandbox what its organization used and spent."""

import itertools
import time
from decimal import Decimal

import openai
import pytest
from test_sandbox import RUN, client_with, refused

KEYS = (f"sk-admin-{RUN}-usage-{n}" for n in itertools.count())
DAY = 86_400
KINDS = {
    "completions": "input_tokens",
    "embeddings": "input_tokens",
    "moderations": "input_tokens",
    "images": "images",
    "audio_speeches": "characters",
    "audio_transcriptions": "seconds",
    "vector_stores": "usage_bytes",
    "code_interpreter_sessions": "num_sessions",
    "file_search_calls": "num_requests",
    "web_search_calls": "num_requests",
}


@pytest.fixture(scope="module")
def usage():
    with client_with(None, admin_api_key=next(KEYS), _strict_response_validation=True) as client:
        yield client.admin.organization.usage


@pytest.fixture
def today():
    return int(time.time()) // DAY * DAY


def everything(call, **asked):
    """All buckets, page after page."""
    buckets, page = [], openai.omit
    while True:
        answer = call(page=page, **asked)
        buckets += answer.data
        if not answer.has_more:
            assert answer.next_page is None
            return buckets
        page = answer.next_page


def results(buckets):
    return [it for bucket in buckets for it in bucket.results]


def test_each_kind_was_used_and_is_told_in_its_own_numbers(usage, today):
    for kind, number in KINDS.items():
        buckets = everything(getattr(usage, kind), start_time=today - 30 * DAY, end_time=today, limit=31)
        assert len(buckets) == 30, kind
        assert all(bucket.end_time - bucket.start_time == DAY for bucket in buckets)
        assert sum(getattr(it, number) for it in results(buckets)) > 0, kind
    assert results(usage.decisions(start_time=today - 30 * DAY, end_time=today).data) == []


def test_groups_filters_and_shorter_buckets_make_up_the_same(usage, today):
    asked = {"start_time": today - 3 * DAY, "end_time": today}
    whole = sum(it.input_tokens for it in results(everything(usage.completions, **asked)))
    total = lambda **more: sum(it.input_tokens for it in results(everything(usage.completions, **asked, **more)))
    for group_by in (["model"], ["project_id", "user_id", "api_key_id"], ["batch", "service_tier", "api_source"]):
        assert total(group_by=group_by) == whole
    assert total(bucket_width="1h", limit=168) == whole
    assert total(bucket_width="1m", limit=1440) == whole
    projects = ("proj_storefront", "proj_research", "proj_support")
    assert sum(total(project_ids=[project]) for project in projects) == whole
    assert 0 < total(models=["gpt-5.4"], user_ids=["svc_acct_shop"], batch=False) < whole
    assert total(batch=True) == total(api_key_ids=["key_none"]) == 0
    grouped = results(everything(usage.completions, **asked, group_by=["api_key_id"]))
    assert all(it.api_key_id and it.model is None for it in grouped)
    sources = results(everything(usage.images, **asked, sources=["image.edit"], group_by=["source", "size"]))
    assert {(it.source, it.size) for it in sources} == {("image.edit", "1024x1024")}


def test_costs_are_the_same_however_they_are_grouped(usage, today):
    asked = {"start_time": today - 89 * DAY, "end_time": today}
    total = lambda **more: sum(Decimal(repr(it.amount.value)) for it in results(everything(usage.costs, **asked, **more)))
    whole = total(limit=180)
    assert whole > 1000
    for group_by in (["line_item"], ["project_id"], ["api_key_id", "user_id"], ["api_source"]):
        assert total(limit=7, group_by=group_by) == whole
    item = "gpt-5.4, input_tokens"
    one = results(everything(usage.costs, **asked, line_items=[item], group_by=["line_item"]))
    assert {(it.line_item, it.amount.currency) for it in one} == {(item, "usd")} and one[0].quantity > 0
    assert total(line_items=["gpt-5.4"]) == 0


def test_there_are_ninety_days_and_a_large_one(usage, today):
    assert results(everything(usage.costs, start_time=today - 200 * DAY, end_time=today - 90 * DAY, limit=180)) == []
    days = usage.costs(start_time=today - 20 * DAY, end_time=today, limit=20, project_ids=["proj_research"]).data
    amount = lambda day: sum(it.amount.value for it in day.results)
    assert max(days, key=amount).start_time == today - 12 * DAY


def test_what_the_api_refuses_is_refused(usage, today):
    refused(lambda: usage.completions(start_time=openai.omit), "start_time", "Missing")
    refused(lambda: usage.completions(start_time=today, end_time=today), "end_time", "after")
    refused(lambda: usage.completions(start_time=today, limit=32), "limit", "above maximum")
    refused(lambda: usage.completions(start_time=today, bucket_width="1h", limit=169), "limit", "above maximum")
    refused(lambda: usage.completions(start_time=today, page="page_no"), "page", "page")
    refused(lambda: usage.costs(start_time=today, bucket_width="1h"), "bucket_width", "1d")
    refused(lambda: usage.vector_stores(start_time=today, group_by=["model"]), "group_by[0]", "project_id")
