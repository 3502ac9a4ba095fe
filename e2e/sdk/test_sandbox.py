"""The official SDK uses the sandbox as a newcomer would use the API. SANDBOX_BASE_URL names it."""

import asyncio
import hashlib
import http.client
import io
import itertools
import json
import os
import urllib.parse
import warnings

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

BASE_URL = os.environ["SANDBOX_BASE_URL"]
RUN = os.urandom(4).hex()
KEYS = (f"sk-test-{RUN}-{n}" for n in itertools.count())

REFUND = b"Refunds are paid within fourteen days of the return. Keep the receipt."
SHIPPING = b"Parcels are shipped every morning from the warehouse in Rotterdam."
CAT = b"The office cat is called Minsky and sleeps on the printer."


@pytest.fixture
def client():
    """Each test has an account of its own."""
    with OpenAI(api_key=next(KEYS), base_url=BASE_URL, max_retries=0) as client:
        yield client


def client_with(key, **options):
    return OpenAI(api_key=key, base_url=BASE_URL, **{"max_retries": 0, **options})


def upload(client, content=REFUND, name="policy.txt", **options):
    return client.files.create(file=(name, content), **{"purpose": "assistants", **options})


def store_with(client, *contents, **options):
    """A store in which each content is a file, indexed."""
    files = [upload(client, content, f"{n}.txt") for n, content in enumerate(contents)]
    store = client.vector_stores.create(**options)
    if files:
        batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[file.id for file in files])
        assert batch.status == "completed"
    return store, files


def refused(call, param, message="", code=None):
    with pytest.raises(openai.BadRequestError) as caught:
        call()
    assert caught.value.param == param
    assert message in caught.value.message
    assert caught.value.type == "invalid_request_error"
    if code:
        assert caught.value.code == code


def request(method, path, body=None, key="sk-raw", headers=()):
    """A request the SDK would not send: (status, headers, parsed body)."""
    url = urllib.parse.urlsplit(BASE_URL)
    connection = http.client.HTTPConnection(url.netloc, timeout=60)
    auth = {"Authorization": f"Bearer {key}"} if key is not None else {}
    connection.request(method, url.path + path, body=body, headers={**auth, **dict(headers)})
    response = connection.getresponse()
    answer = response.status, response.headers, json.loads(response.read() or b"null")
    connection.close()
    return answer


# Files


def test_a_file_lives_and_dies(client):
    made = upload(client, b"hello", "hello.jsonl", purpose="fine-tune")
    assert made.id.startswith("file-")
    assert (made.object, made.bytes, made.filename) == ("file", 5, "hello.jsonl")
    assert (made.purpose, made.status, made.expires_at) == ("fine-tune", "processed", None)

    assert client.files.retrieve(made.id) == made
    assert client.files.wait_for_processing(made.id) == made
    assert client.files.content(made.id).read() == b"hello"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert client.files.retrieve_content(made.id) == "hello"
    assert [file.id for file in client.files.list()] == [made.id]

    gone = client.files.delete(made.id)
    assert (gone.id, gone.object, gone.deleted) == (made.id, "file", True)
    assert list(client.files.list()) == []
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError, match=f"No such File object: {made.id}"):
            call(made.id)


def test_the_bytes_of_any_file_come_back(client):
    content = bytes(range(256)) * 3000
    made = upload(client, content, 'odd "näme".bin', purpose="vision")
    assert made.bytes == len(content)
    assert client.files.content(made.id).content == content
    with client.files.with_streaming_response.content(made.id) as response:
        assert int(response.headers["content-length"]) == len(content)
        assert b"".join(response.iter_bytes()) == content


def test_an_upload_may_be_large(client):
    content = os.urandom(1 << 20) * 64
    made = client.files.create(file=("large.bin", io.BytesIO(content)), purpose="batch")
    assert made.bytes == 64 << 20
    digest = hashlib.sha256()
    with client.files.with_streaming_response.content(made.id) as response:
        for chunk in response.iter_bytes():
            digest.update(chunk)
    assert digest.digest() == hashlib.sha256(content).digest()


def test_an_upload_may_be_too_large():
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    body = itertools.chain([head], itertools.repeat(bytes(1 << 20), 512), [b"x\r\n--b--\r\n"])
    status, _, answer = request("POST", "/files", body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert status == 413
    assert "536870912" in answer["error"]["message"]


@pytest.mark.parametrize("purpose", ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"])
def test_every_purpose(client, purpose):
    made = upload(client, b"{}", "a.jsonl", purpose=purpose)
    upload(client, b"{}", "b.jsonl", purpose="vision" if purpose != "vision" else "batch")
    assert [file.id for file in client.files.list(purpose=purpose)] == [made.id]
    assert (made.expires_at is None) == (purpose != "batch")
    if purpose in ("assistants", "user_data"):
        refused(lambda: client.files.content(made.id), None, f"Not allowed to download files of purpose: {purpose}")
    else:
        assert client.files.content(made.id).text == "{}"


def test_a_file_expires_when_told(client):
    made = upload(client, expires_after={"anchor": "created_at", "seconds": 3600})
    assert made.expires_at == made.created_at + 3600
    for seconds, code in ((3599, "integer_below_min_value"), (2592001, "integer_above_max_value")):
        policy = {"anchor": "created_at", "seconds": seconds}
        refused(lambda: upload(client, expires_after=policy), "expires_after[seconds]", str(seconds), code)
    policy = {"anchor": "last_active_at", "seconds": 3600}
    refused(lambda: upload(client, expires_after=policy), "expires_after[anchor]", "created_at")
    refused(lambda: upload(client, expires_after={"anchor": "created_at"}), "expires_after[seconds]")
    refused(lambda: upload(client, expires_after={"seconds": 3600}), "expires_after[anchor]")


def test_an_upload_is_checked(client):
    refused(lambda: upload(client, purpose="other"), "purpose", "'assistants', 'batch'")
    refused(lambda: upload(client, purpose=openai.omit), "purpose", "Missing required parameter")
    refused(lambda: upload(client, extra_body={"colour": "red"}), "colour", "Unknown", "unknown_parameter")
    refused(lambda: client.post("/files", body={"purpose": "batch"}, cast_to=object), None, "multipart")
    assert list(client.files.list()) == []


def test_files_are_paged(client):
    ids = [upload(client, b"x", f"{n}.txt").id for n in range(7)]
    first = client.files.list(limit=3)
    assert ([file.id for file in first.data], first.has_more) == (ids[:3:-1], True)
    assert [file.id for file in first] == ids[::-1]
    assert [file.id for file in client.files.list(limit=2, order="asc")] == ids
    assert [file.id for file in client.files.list(after=ids[2])] == ids[1::-1]
    for limit in (0, 10_001):
        refused(lambda: client.files.list(limit=limit), "limit", f"but got {limit} instead")
    refused(lambda: client.files.list(order="up"), "order", "'asc', and 'desc'")
    refused(lambda: client.files.list(after="file-unknown"), "after")
    refused(lambda: client.files.list(extra_query={"before": "x"}), "before", "Unknown query parameter")


# Vector stores


def test_a_store_lives_and_dies(client):
    made = client.vector_stores.create(
        name="manuals",
        description="what we know",
        metadata={"team": "support"},
        expires_after={"anchor": "last_active_at", "days": 7},
    )
    assert made.id.startswith("vs_")
    assert (made.object, made.name, made.status, made.usage_bytes) == ("vector_store", "manuals", "completed", 0)
    assert made.metadata == {"team": "support"}
    assert made.file_counts.model_dump() == dict(cancelled=0, completed=0, failed=0, in_progress=0, total=0)
    assert made.expires_at == made.last_active_at + 7 * 24 * 3600
    assert client.vector_stores.retrieve(made.id) == made

    changed = client.vector_stores.update(made.id, name="guides", expires_after=None)
    assert (changed.name, changed.metadata, changed.expires_after) == ("guides", {"team": "support"}, None)
    assert client.vector_stores.update(made.id, metadata=None).metadata == {}

    gone = client.vector_stores.delete(made.id)
    assert (gone.id, gone.object, gone.deleted) == (made.id, "vector_store.deleted", True)
    for call in (client.vector_stores.retrieve, client.vector_stores.update, client.vector_stores.delete):
        with pytest.raises(openai.NotFoundError, match=made.id):
            call(made.id)


def test_a_store_indexes_the_files_it_is_made_with(client):
    file = upload(client)
    store = client.vector_stores.create(file_ids=[file.id])
    assert (store.status, store.file_counts.in_progress) == ("in_progress", 1)
    attached = client.vector_stores.files.poll(file.id, vector_store_id=store.id)
    assert (attached.status, attached.usage_bytes) == ("completed", len(REFUND))
    store = client.vector_stores.retrieve(store.id)
    assert (store.status, store.file_counts.completed, store.usage_bytes) == ("completed", 1, len(REFUND))


def test_a_store_is_checked(client):
    create = client.vector_stores.create
    refused(lambda: create(name=5), "name", "expected a string, but got an integer", "invalid_type")
    refused(lambda: create(metadata={"a": 1}), "metadata.a", "expected a string")
    refused(lambda: create(metadata={"a": "x" * 513}), "metadata.a", "513")
    refused(lambda: create(metadata={"k" * 65: "x"}), "metadata", "64")
    refused(lambda: create(metadata={str(n): "x" for n in range(17)}), "metadata", "17 properties")
    refused(lambda: create(expires_after={"anchor": "created_at", "days": 1}), "expires_after.anchor")
    refused(lambda: create(expires_after={"anchor": "last_active_at", "days": 366}), "expires_after.days")
    refused(lambda: create(file_ids="file-1"), "file_ids", "expected an array")
    refused(lambda: create(file_ids=[1]), "file_ids[0]")
    refused(lambda: create(file_ids=["file-1"] * 501), "file_ids", "501", "array_above_max_length")
    refused(lambda: create(extra_body={"colour": 1}), "colour", "Unknown parameter: 'colour'.", "unknown_parameter")
    with pytest.raises(openai.NotFoundError, match="file-unknown"):
        create(file_ids=["file-unknown"])
    assert list(client.vector_stores.list()) == []


def test_stores_are_paged_both_ways(client):
    ids = [client.vector_stores.create(name=str(n)).id for n in range(5)]
    assert [store.id for store in client.vector_stores.list(limit=2)] == ids[::-1]
    assert [store.id for store in client.vector_stores.list(limit=2, order="asc")] == ids

    page = client.vector_stores.list(order="asc", limit=2, before=ids[4])
    assert [store.id for store in page.data] == ids[2:4]
    assert page.has_more
    raw = client.vector_stores.with_raw_response.list(order="asc", after=ids[0], before=ids[3]).http_response.json()
    assert [store["id"] for store in raw["data"]] == ids[1:3]
    assert (raw["object"], raw["first_id"], raw["last_id"], raw["has_more"]) == ("list", ids[1], ids[2], False)
    refused(lambda: client.vector_stores.list(limit=101), "limit")


def test_a_caller_may_delete_while_he_pages(client):
    for n in range(7):
        client.vector_stores.create(name=str(n))
    for store in client.vector_stores.list(limit=3):
        client.vector_stores.delete(store.id)
    assert list(client.vector_stores.list()) == []


# Files of a vector store


def test_a_store_file_lives_and_dies(client):
    store, (file,) = client.vector_stores.create(), [upload(client)]
    files = client.vector_stores.files
    made = files.create(store.id, file_id=file.id, attributes={"lang": "en", "year": 2024, "draft": False})
    assert (made.id, made.object, made.vector_store_id) == (file.id, "vector_store.file", store.id)
    assert (made.status, made.last_error) == ("in_progress", None)
    assert made.attributes == {"lang": "en", "year": 2024, "draft": False}
    assert made.chunking_strategy.static.max_chunk_size_tokens == 800
    assert made.chunking_strategy.static.chunk_overlap_tokens == 400

    assert files.poll(file.id, vector_store_id=store.id).status == "completed"
    assert [part.text for part in files.content(file.id, vector_store_id=store.id)] == [REFUND.decode()]
    assert files.update(file.id, vector_store_id=store.id, attributes={"lang": "nl"}).attributes == {"lang": "nl"}
    assert files.update(file.id, vector_store_id=store.id, attributes=None).attributes == {}

    gone = files.delete(file.id, vector_store_id=store.id)
    assert (gone.id, gone.object, gone.deleted) == (file.id, "vector_store.file.deleted", True)
    with pytest.raises(openai.NotFoundError, match=file.id):
        files.retrieve(file.id, vector_store_id=store.id)
    assert list(client.vector_stores.search(store.id, query="refunds")) == []
    assert client.files.retrieve(file.id) == file


def test_the_helpers_of_store_files(client):
    store = client.vector_stores.create()
    files = client.vector_stores.files
    polled = files.upload_and_poll(vector_store_id=store.id, file=("a.txt", REFUND), attributes={"n": 1})
    assert (polled.status, polled.attributes) == ("completed", {"n": 1})
    uploaded = files.upload(vector_store_id=store.id, file=("b.txt", CAT))
    assert files.poll(uploaded.id, vector_store_id=store.id).status == "completed"
    again = files.create_and_poll(uploaded.id, vector_store_id=store.id, attributes={"n": 2})
    assert (again.status, again.attributes) == ("completed", {"n": 2})
    assert {file.id for file in files.list(store.id)} == {polled.id, uploaded.id}


def test_deleting_a_file_takes_it_out_of_its_stores(client):
    store, (refund, cat) = store_with(client, REFUND, CAT)
    client.files.delete(cat.id)
    assert [file.id for file in client.vector_stores.files.list(store.id)] == [refund.id]
    assert list(client.vector_stores.search(store.id, query="cat")) == []
    assert client.vector_stores.retrieve(store.id).file_counts.total == 1


def test_a_file_is_cut_as_asked(client):
    words = [f"word{n:05}" for n in range(1000)]
    file = upload(client, " ".join(words).encode())
    store = client.vector_stores.create()
    static = {"max_chunk_size_tokens": 300, "chunk_overlap_tokens": 60}
    attached = client.vector_stores.files.create_and_poll(
        file.id, vector_store_id=store.id, chunking_strategy={"type": "static", "static": static}
    )
    assert attached.chunking_strategy.static.model_dump() == static

    # A token is up to four characters of a word: each of these words takes three.
    chunks = [part.text.split() for part in client.vector_stores.files.content(file.id, vector_store_id=store.id)]
    assert {len(chunk) for chunk in chunks[:-1]} == {100}
    assert all(one[-20:] == next_one[:20] for one, next_one in itertools.pairwise(chunks))
    assert list(dict.fromkeys(itertools.chain(*chunks))) == words

    (hit,) = client.vector_stores.search(store.id, query="word00555", max_num_results=1).data
    assert "word00555" in hit.content[0].text.split()
    assert hit.content[0].text.split() in chunks


def test_text_is_kept_whatever_its_letters(client):
    text = "Größe  und\n\n日本語のテキスト " * 400 + "end  "
    store = client.vector_stores.create()
    static = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        attached = client.vector_stores.files.upload_and_poll(
            vector_store_id=store.id,
            file=("text.md", text.encode(encoding)),
            chunking_strategy={"type": "static", "static": static},
        )
        chunks = list(client.vector_stores.files.content(attached.id, vector_store_id=store.id))
        assert len(chunks) > 10
        assert "".join(part.text for part in chunks) == text


def test_a_store_file_is_checked(client):
    store, file = client.vector_stores.create(), upload(client)

    def create(**options):
        return client.vector_stores.files.create(store.id, **{"file_id": file.id, **options})

    def static(size, overlap):
        return {"type": "static", "static": {"max_chunk_size_tokens": size, "chunk_overlap_tokens": overlap}}

    path = "chunking_strategy.static"
    refused(lambda: create(chunking_strategy=static(99, 0)), f"{path}.max_chunk_size_tokens", ">= 100")
    refused(lambda: create(chunking_strategy=static(4097, 0)), f"{path}.max_chunk_size_tokens", "<= 4096")
    refused(lambda: create(chunking_strategy=static(200, 101)), f"{path}.chunk_overlap_tokens", "half")
    refused(lambda: create(chunking_strategy=static(200, -1)), f"{path}.chunk_overlap_tokens", ">= 0")
    refused(lambda: create(chunking_strategy={"type": "static"}), path, "Missing required parameter")
    refused(lambda: create(chunking_strategy={"type": "other"}), "chunking_strategy.type", "'auto', and 'static'")
    refused(lambda: create(chunking_strategy={"type": "auto", "static": {}}), path, "Unknown parameter")
    refused(lambda: create(attributes={"a": ["x"]}), "attributes.a", "a string, a number, or a boolean")
    refused(lambda: create(attributes={str(n): n for n in range(17)}), "attributes", "at most 16")
    refused(lambda: create(file_id=openai.omit), "file_id", "Missing required parameter: 'file_id'.")
    refused(lambda: create(extra_body={"purpose": "x"}), "purpose", "Unknown parameter: 'purpose'.")
    for id, file_id in ((store.id, "file-unknown"), ("vs_unknown", file.id)):
        with pytest.raises(openai.NotFoundError):
            client.vector_stores.files.create(id, file_id=file_id)
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.files.content(file.id, vector_store_id=store.id)
    refused(
        lambda: client.post(f"/vector_stores/{store.id}/files/{file.id}", body={}, cast_to=object),
        "attributes",
        "Missing required parameter",
    )
    assert list(client.vector_stores.files.list(store.id)) == []


def test_what_cannot_be_read_fails(client):
    store = client.vector_stores.create()
    for content, code in ((b"%PDF-1.7\n\x00\xff\xfe", "unsupported_file"), (b" \n", "invalid_file")):
        attached = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("f.pdf", content))
        assert attached.status == "failed"
        assert attached.last_error.code == code
    store = client.vector_stores.retrieve(store.id)
    assert (store.status, store.file_counts.failed, store.file_counts.total) == ("completed", 2, 2)


def test_what_no_store_takes_is_refused(client):
    store = client.vector_stores.create()
    for name, extension in (("a.PDF", ".PDF"), ("a.csv", ".csv"), ("a.h", ".h"), ("a", "none")):
        file = upload(client, CAT, name)
        for attach in (
            lambda: client.vector_stores.files.create(store.id, file_id=file.id),
            lambda: client.vector_stores.file_batches.create(store.id, file_ids=[file.id]),
            lambda: client.vector_stores.create(file_ids=[file.id]),
        ):
            refused(attach, "file_ids", f"[{extension}] are not supported", "unsupported_file")
    assert list(client.vector_stores.files.list(store.id)) == []
    assert len(list(client.vector_stores.list())) == 1


# File batches


def test_a_batch_of_file_ids(client):
    store, files = client.vector_stores.create(), [upload(client, content) for content in (REFUND, SHIPPING, CAT)]
    batches = client.vector_stores.file_batches
    made = batches.create(store.id, file_ids=[file.id for file in files], attributes={"n": 1})
    assert made.id.startswith("vsfb_")
    assert (made.object, made.vector_store_id, made.status) == ("vector_store.files_batch", store.id, "in_progress")
    assert (made.file_counts.in_progress, made.file_counts.total) == (3, 3)

    done = batches.poll(made.id, vector_store_id=store.id)
    assert (done.status, done.file_counts.completed) == ("completed", 3)
    assert batches.retrieve(made.id, vector_store_id=store.id) == done
    listed = list(batches.list_files(made.id, vector_store_id=store.id, limit=2))
    assert [file.id for file in listed] == [file.id for file in files[::-1]]
    assert all(file.attributes == {"n": 1} for file in listed)
    assert batches.cancel(made.id, vector_store_id=store.id).status == "completed"


def test_a_batch_with_settings_for_each_file(client):
    store, (one, two) = client.vector_stores.create(), [upload(client, content) for content in (REFUND, CAT)]
    static = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 10}
    made = client.vector_stores.file_batches.create_and_poll(
        store.id,
        files=[
            {"file_id": one.id, "attributes": {"n": 1}},
            {"file_id": two.id, "chunking_strategy": {"type": "static", "static": static}},
        ],
    )
    assert made.file_counts.completed == 2
    listed = {file.id: file for file in client.vector_stores.files.list(store.id)}
    assert listed[one.id].attributes == {"n": 1}
    assert listed[two.id].chunking_strategy.static.model_dump() == static


def test_uploading_a_batch(client):
    store, known = client.vector_stores.create(), upload(client, CAT)
    made = client.vector_stores.file_batches.upload_and_poll(
        store.id, files=[(f"{n}.txt", f"number {n}".encode()) for n in range(5)], file_ids=[known.id]
    )
    assert (made.status, made.file_counts.completed) == ("completed", 6)


def test_a_batch_can_be_cancelled(client):
    store, file = client.vector_stores.create(), upload(client)
    batches = client.vector_stores.file_batches
    # On a machine that stalls, indexing may be done before the request to cancel it arrives.
    for _ in range(10):
        made = batches.create(store.id, file_ids=[file.id])
        cancelled = batches.cancel(made.id, vector_store_id=store.id)
        if cancelled.status != "completed":
            break
    assert (cancelled.status, cancelled.file_counts.cancelled) == ("cancelled", 1)
    # Another file, indexed later than the cancelled one would have been.
    client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("cat.txt", CAT))
    assert client.vector_stores.files.retrieve(file.id, vector_store_id=store.id).status == "cancelled"
    assert list(client.vector_stores.search(store.id, query="refunds")) == []


def test_files_are_filtered_by_status(client):
    store, good, bad = client.vector_stores.create(), upload(client), upload(client, b"\x00")
    batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[good.id, bad.id])
    assert (batch.status, batch.file_counts.failed) == ("completed", 1)
    for status, ids in (("completed", [good.id]), ("failed", [bad.id]), ("in_progress", []), ("cancelled", [])):
        assert [file.id for file in client.vector_stores.files.list(store.id, filter=status)] == ids
        listed = client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id, filter=status)
        assert [file.id for file in listed] == ids
    refused(lambda: client.vector_stores.files.list(store.id, filter="done"), "filter", "'in_progress'")


def test_a_batch_is_checked(client):
    store, file = client.vector_stores.create(), upload(client)

    def create(**options):
        return client.vector_stores.file_batches.create(store.id, **options)

    refused(create, "file_ids", "Missing required parameter")
    refused(lambda: create(file_ids=[]), "file_ids", "empty array", "empty_array")
    refused(lambda: create(file_ids=[file.id], files=[{"file_id": file.id}]), "files", "Mutually exclusive")
    refused(lambda: create(files=[{"file_id": file.id}, {}]), "files[1].file_id", "Missing required parameter")
    refused(lambda: create(files=[{"file_id": file.id, "x": 1}]), "files[0].x", "Unknown parameter: 'files[0].x'.")
    refused(lambda: create(file_ids=["f"] * 2001), "file_ids", "2001")
    with pytest.raises(openai.NotFoundError):
        create(file_ids=[file.id, "file-unknown"])
    assert list(client.vector_stores.files.list(store.id)) == []
    for call in ("retrieve", "cancel", "list_files"):
        with pytest.raises(openai.NotFoundError, match="vsfb_unknown"):
            getattr(client.vector_stores.file_batches, call)("vsfb_unknown", vector_store_id=store.id)


# Search


def test_search_finds_the_right_passage(client):
    store, (refund, shipping, cat) = store_with(client, REFUND, SHIPPING, CAT)
    page = client.vector_stores.search(store.id, query="when is a refund paid?")
    hit = page.data[0]
    assert (hit.file_id, hit.filename, hit.attributes) == (refund.id, "0.txt", {})
    assert [(part.type, part.text) for part in hit.content] == [("text", REFUND.decode())]
    assert 0 < hit.score <= 1

    hits = client.vector_stores.search(store.id, query=["printer cats", "Rotterdam"], rewrite_query=True)
    assert {hit.file_id for hit in hits} == {shipping.id, cat.id}
    raw = client.vector_stores.with_raw_response.search(store.id, query="cat").http_response.json()
    assert raw["object"] == "vector_store.search_results.page"
    assert (raw["search_query"], raw["has_more"], raw["next_page"]) == (["cat"], False, None)
    assert list(client.vector_stores.search(store.id, query="zeppelin")) == []


def test_search_ranks_and_limits(client):
    contents = [f"apple {'pear ' * n}".encode() for n in range(12)]
    store, files = store_with(client, *contents)
    hits = client.vector_stores.search(store.id, query="apple").data
    assert len(hits) == 10
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert hits[0].file_id == files[0].id
    assert len(client.vector_stores.search(store.id, query="apple", max_num_results=50).data) == 12

    options = {"ranker": "default-2024-11-15", "score_threshold": scores[2]}
    assert len(client.vector_stores.search(store.id, query="apple", ranking_options=options).data) == 3
    nothing = client.vector_stores.search(store.id, query="apple", ranking_options={"score_threshold": 1.0})
    assert list(nothing) == []


FILTERS = [
    ({"type": "eq", "key": "lang", "value": "en"}, "ab"),
    ({"type": "ne", "key": "lang", "value": "en"}, "cd"),
    ({"type": "eq", "key": "draft", "value": True}, "b"),
    ({"type": "gt", "key": "year", "value": 2023}, "bc"),
    ({"type": "gte", "key": "year", "value": 2023}, "abc"),
    ({"type": "lt", "key": "year", "value": 2024.5}, "ab"),
    ({"type": "lte", "key": "year", "value": 2023}, "a"),
    ({"type": "in", "key": "lang", "value": ["nl", "de"]}, "c"),
    ({"type": "nin", "key": "lang", "value": ["nl", "de"]}, "abd"),
    ({"type": "in", "key": "year", "value": [2023, 2025]}, "ac"),
    ({"type": "eq", "key": "year", "value": "2023"}, ""),
    ({"type": "gt", "key": "unknown", "value": 1}, ""),
    (
        {
            "type": "and",
            "filters": [
                {"type": "gte", "key": "year", "value": 2023},
                {
                    "type": "or",
                    "filters": [
                        {"type": "eq", "key": "lang", "value": "nl"},
                        {"type": "eq", "key": "draft", "value": True},
                    ],
                },
            ],
        },
        "bc",
    ),
]


def test_search_is_filtered_by_attributes(client):
    attributes = {
        "a.txt": {"lang": "en", "year": 2023, "draft": False},
        "b.txt": {"lang": "en", "year": 2024, "draft": True},
        "c.txt": {"lang": "nl", "year": 2025},
        "d.txt": {},
    }
    store = client.vector_stores.create()
    files = [{"file_id": upload(client, b"apple", name).id, "attributes": of} for name, of in attributes.items()]
    client.vector_stores.file_batches.create_and_poll(store.id, files=files)
    for filters, names in FILTERS:
        hits = client.vector_stores.search(store.id, query="apple", filters=filters)
        assert "".join(sorted(hit.filename[0] for hit in hits)) == names, filters
    client.vector_stores.files.update(files[3]["file_id"], vector_store_id=store.id, attributes={"lang": "nl"})
    hits = client.vector_stores.search(store.id, query="apple", filters={"type": "eq", "key": "lang", "value": "nl"})
    assert {hit.filename for hit in hits} == {"c.txt", "d.txt"}


def test_a_search_is_checked(client):
    store = client.vector_stores.create()

    def search(**options):
        return client.vector_stores.search(store.id, **{"query": "x", **options})

    def filtered(**filters):
        return lambda: search(filters=filters)

    refused(lambda: search(query=openai.omit), "query", "Missing required parameter: 'query'.")
    refused(lambda: search(query=5), "query", "expected a string or an array of strings")
    refused(lambda: search(query=[]), "query", "empty array")
    refused(lambda: search(max_num_results=51), "max_num_results", "<= 50")
    refused(lambda: search(max_num_results="5"), "max_num_results", "expected an integer")
    refused(lambda: search(rewrite_query="yes"), "rewrite_query", "expected a boolean")
    refused(lambda: search(ranking_options={"ranker": "best"}), "ranking_options.ranker", "'auto'")
    refused(lambda: search(ranking_options={"score_threshold": 1.5}), "ranking_options.score_threshold", "<= 1.0")
    refused(filtered(type="like", key="a", value="b"), "filters.type", "'eq'")
    refused(filtered(type="eq", key="a"), "filters.value", "Missing required parameter")
    refused(filtered(type="in", key="a", value="b"), "filters.value", "expected an array")
    refused(filtered(type="eq", key="a", value=["b"]), "filters.value", "got an array")
    refused(filtered(type="and", filters=[{"type": "eq"}]), "filters.filters[0].key", "Missing required parameter")
    with pytest.raises(openai.NotFoundError, match="Vector store with id 'vs_unknown' not found."):
        client.vector_stores.search("vs_unknown", query="x")


# The surroundings


def test_the_async_client(client):
    async def use():
        async with AsyncOpenAI(api_key=client.api_key, base_url=BASE_URL, max_retries=0) as hasty:
            store = await hasty.vector_stores.create()
            file = await hasty.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("a.txt", CAT))
            return file.id, [hit.file_id async for hit in hasty.vector_stores.search(store.id, query="cat")]

    file_id, hits = asyncio.run(use())
    assert hits == [file_id]


def test_each_key_sees_its_own(client):
    file = upload(client)
    with client_with(next(KEYS)) as stranger:
        assert list(stranger.files.list()) == []
        assert upload(stranger).id != file.id
        with pytest.raises(openai.NotFoundError):
            stranger.files.retrieve(file.id)


def test_a_key_is_needed():
    with pytest.raises(openai.AuthenticationError) as caught:
        client_with("canary-0123456789-canary").files.list()
    assert (caught.value.code, caught.value.type) == ("invalid_api_key", "invalid_request_error")
    assert "can********nary" in caught.value.message
    for key in (None, ""):
        status, _, body = request("GET", "/files", key=key)
        assert (status, body["error"]["type"]) == (401, "invalid_request_error")
        assert (body["error"]["param"], body["error"]["code"]) == (None, None)
        assert "You didn't provide an API key" in body["error"]["message"]
    for key in ("sk-", "sk-a b", "pk-secret", "sk-a/b"):
        status, _, body = request("GET", "/files", key=key)
        assert (status, body["error"]["code"]) == (401, "invalid_api_key")
        assert "secret" not in json.dumps(body)


def test_an_admin_key_opens_no_project():
    with client_with("sk-admin-x") as admin, pytest.raises(openai.PermissionDeniedError, match="key of a project"):
        admin.files.list()


def test_every_answer_says_what_it_is():
    for method, path, key, expected in (
        ("GET", "/files", "sk-x", 200),
        ("GET", "/files", None, 401),
        ("GET", "/nowhere", "sk-x", 404),
        ("PUT", "/files", "sk-x", 405),
    ):
        status, headers, _ = request(method, path, key=key)
        assert status == expected
        assert headers["x-request-id"].startswith("req_")
        assert headers["openai-processing-ms"].isdigit()
        assert headers["openai-version"]
        assert headers["x-openai-mcp-sandbox"] == "1"


def test_what_is_not_there():
    _, _, body = request("GET", "/nowhere/x?y=1")
    error = {"message": "Invalid URL (GET /v1/nowhere/x)", "type": "invalid_request_error", "param": None, "code": None}
    assert body == {"error": error}
    status, headers, body = request("DELETE", "/vector_stores")
    assert (status, body["error"]["type"]) == (405, "invalid_request_error")
    assert "Not allowed to DELETE on /v1/vector_stores" in body["error"]["message"]
    assert "POST" in headers["allow"]


@pytest.mark.parametrize(
    "path, body, kind",
    [
        ("/vector_stores", b"{", "application/json"),
        ("/vector_stores", b"[]", "application/json"),
        ("/vector_stores", b"\xff", "application/json"),
        ("/vector_stores", b"[" * 100_000, "application/json"),
        ("/vector_stores", b"{}", "text/plain"),
        ("/files", b"--b--", "multipart/form-data"),
        ("/files", b"broken", "multipart/form-data; boundary=b"),
        ("/vector_stores/%ff", b"{}", "application/json"),
    ],
)
def test_a_broken_request_is_answered(path, body, kind):
    status, _, answer = request("POST", path, body, headers={"Content-Type": kind})
    assert status == 400
    assert answer["error"]["message"]
    assert answer["error"]["type"] == "invalid_request_error"


def test_failures_by_header(client):
    def create(headers, **options):
        return client.with_options(**options).vector_stores.create(extra_headers=headers)

    with pytest.raises(openai.RateLimitError) as caught:
        create({"x-sandbox-fail": "429"})
    assert (caught.value.code, caught.value.response.headers["retry-after"]) == ("rate_limit_exceeded", "1")
    for status, error in (
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ):
        with pytest.raises(error) as caught:
            create({"x-sandbox-fail": str(status)})
        assert caught.value.status_code == status
    assert list(client.vector_stores.list()) == []

    # The SDK retries what fails for a time, and gives up when that is too long.
    wish = {"x-sandbox-fail": "429; times=2; retry-after-ms=1"}
    raw = client.with_options(max_retries=2).vector_stores.with_raw_response.create(extra_headers=wish)
    assert raw.retries_taken == 2
    assert len(list(client.vector_stores.list())) == 1
    with pytest.raises(openai.InternalServerError):
        create({"x-sandbox-fail": "502; times=3; retry-after-ms=1"}, max_retries=2)
    for wrong in ("200", "600", "x", "429; times=x", "429; retry-after=-1", "429; colour=red"):
        refused(lambda: create({"x-sandbox-fail": wrong}), "x-sandbox-fail")


def test_failures_by_key():
    with client_with(f"sk-sandbox-fail-503-2-{RUN}", max_retries=2) as client:
        assert client.vector_stores.with_raw_response.create().retries_taken == 2
        assert client.vector_stores.with_raw_response.create().retries_taken == 0
    with client_with("sk-sandbox-fail-429") as client, pytest.raises(openai.RateLimitError):
        upload(client, bytes(8 << 20))
    with client_with("sk-sandbox-fail-999") as client, pytest.raises(openai.AuthenticationError):
        client.files.list()


def test_delays(client):
    with client_with("sk-sandbox-slow-60000", timeout=0.2) as slow, pytest.raises(openai.APITimeoutError):
        slow.files.list()
    answer = client.files.with_raw_response.list(extra_headers={"x-sandbox-delay-ms": "50"})
    assert int(answer.headers["openai-processing-ms"]) >= 50
    refused(lambda: client.files.list(extra_headers={"x-sandbox-delay-ms": "soon"}), "x-sandbox-delay-ms")
