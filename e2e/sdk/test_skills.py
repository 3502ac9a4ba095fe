"""The official SDK keeps skills in the sandbox."""

import io
import zipfile

import openai
import pytest
from test_sandbox import KEYS, client_with, refused


@pytest.fixture
def client():
    with client_with(next(KEYS), _strict_response_validation=True) as client:
        yield client


def manifest(name="pdf", description="Reads PDF"):
    return f"---\nname: {name}\ndescription: {description}\n---\nDo it.\n".encode()


def packed(**files):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_md", ".md"), content)
    return ("skill.zip", target.getvalue())


def listed(content):
    with zipfile.ZipFile(io.BytesIO(content.read())) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_a_skill_is_made_of_files(client):
    made = client.skills.create(files=[("pdf/SKILL.md", manifest()), ("pdf/scripts/run.py", b"print(1)")])
    assert made.id.startswith("skill_") and (made.name, made.description) == ("pdf", "Reads PDF")
    assert (made.default_version, made.latest_version) == ("1", "1")
    assert client.skills.retrieve(made.id) == made
    assert listed(client.skills.content.retrieve(made.id)) == {"pdf/SKILL.md": manifest(), "pdf/scripts/run.py": b"print(1)"}
    assert [it.id for it in client.skills.list()] == [made.id]
    deleted = client.skills.delete(made.id)
    assert (deleted.id, deleted.deleted) == (made.id, True)
    for call in (client.skills.retrieve, client.skills.content.retrieve, client.skills.versions.list):
        with pytest.raises(openai.NotFoundError, match=made.id):
            call(made.id)


def test_versions_follow_each_other(client):
    made = client.skills.create(files=packed(SKILL_md=manifest()))
    second = client.skills.versions.create(made.id, files=packed(a__SKILL_md=manifest("pdfs"), a__b="x"))
    assert (second.version, second.skill_id, second.name) == ("2", made.id, "pdfs")
    after = client.skills.retrieve(made.id)
    assert (after.default_version, after.latest_version, after.name) == ("1", "2", "pdf")
    assert client.skills.versions.retrieve("latest", skill_id=made.id) == second
    assert client.skills.update(made.id, default_version="2").name == "pdfs"
    third = client.skills.versions.create(made.id, default=True, files=[("SKILL.md", manifest("three"))])
    assert client.skills.retrieve(made.id).default_version == third.version == "3"
    assert [it.version for it in client.skills.versions.list(made.id)] == ["3", "2", "1"]
    assert set(listed(client.skills.versions.content.retrieve("2", skill_id=made.id))) == {"a/SKILL.md", "a/b"}
    refused(lambda: client.skills.versions.delete("3", skill_id=made.id), "version", "default version")
    gone = client.skills.versions.delete("2", skill_id=made.id)
    assert (gone.version, gone.deleted) == ("2", True)
    with pytest.raises(openai.NotFoundError):
        client.skills.versions.retrieve("2", skill_id=made.id)


def test_what_is_no_skill_is_refused(client):
    create = lambda *files: client.skills.create(files=list(files))  # noqa: E731
    refused(lambda: create(("README.md", b"x")), "files", "exactly one SKILL.md")
    refused(lambda: create(("SKILL.md", manifest()), ("a/SKILL.md", manifest())), "files", "exactly one SKILL.md")
    refused(lambda: create(("SKILL.md", b"Do it.")), "files", "'name'")
    refused(lambda: create(("SKILL.md", b"---\nname: a\n---\n")), "files", "'description'")
    refused(lambda: client.skills.create(files=("a.zip", b"no zip")), "files", "not a valid zip")
    made = client.skills.create(files=packed(SKILL_md=manifest()))
    with pytest.raises(openai.NotFoundError):
        client.skills.update(made.id, default_version="9")
