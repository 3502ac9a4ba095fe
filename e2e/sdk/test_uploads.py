"""The official SDK uploads files in parts to the sandbox. SANDBOX_BASE_URL names it."""

import hashlib

from test_conversations import client, gone  # noqa: F401
from test_sandbox import refused


def create(client, bytes=10, **options):
    return client.uploads.create(
        **{"bytes": bytes, "filename": "a.jsonl", "mime_type": "application/jsonl", "purpose": "batch", **options}
    )


def add(client, upload, data):
    return client.uploads.parts.create(upload.id, data=data).id


def test_parts_become_a_file(client):
    upload = create(client)
    assert (upload.object, upload.status, upload.file) == ("upload", "pending", None)
    assert upload.expires_at - upload.created_at == 3600
    second, first = add(client, upload, b"world"), add(client, upload, b"hello")
    md5 = hashlib.md5(b"helloworld").hexdigest()
    done = client.uploads.complete(upload.id, part_ids=[first, second], md5=md5)
    assert (done.status, done.file.bytes, done.file.filename) == ("completed", 10, "a.jsonl")
    assert client.files.content(done.file.id).read() == b"helloworld"
    assert client.files.retrieve(done.file.id) == done.file
    refused(lambda: add(client, upload, b"x"), None, "status 'completed'")


def test_the_sdks_own_way(client):
    content = b"0123456789" * 10
    done = client.uploads.upload_file_chunked(
        file=content, filename="a.txt", bytes=100, mime_type="text/plain", purpose="user_data", part_size=30
    )
    assert (done.status, done.file.bytes) == ("completed", 100)


def test_what_uploads_refuse(client):
    upload = create(client)
    part = add(client, upload, b"hello")
    complete = lambda **more: lambda: client.uploads.complete(upload.id, **more)  # noqa: E731
    refused(complete(part_ids=[part]), "part_ids", "The parts have 5 bytes")
    refused(complete(part_ids=["part_none"]), "part_ids", "No such part")
    refused(complete(part_ids=[part, part], md5="0"), "md5", "not the one that was given")
    assert client.uploads.cancel(upload.id).status == "cancelled"
    refused(complete(part_ids=[part]), None, "status 'cancelled'")
    gone(lambda: client.uploads.cancel("upload_none"), "No such Upload")
    refused(lambda: create(client, 0), "bytes", ">= 1")
    refused(lambda: create(client, purpose="novel"), "purpose", "Invalid value")
