"""The official SDK fine-tunes in the sandbox. SANDBOX_BASE_URL names it."""

import csv
import json
import time

import openai
import pytest
from test_sandbox import KEYS, client_with, refused, upload

CHAT = {"messages": [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "2"}]}
PREFERENCE = {
    "input": {"messages": CHAT["messages"][:1]},
    "preferred_output": CHAT["messages"][1:],
    "non_preferred_output": [{"role": "assistant", "content": "3"}],
}
# A job that ends almost at once.
QUICK = {"sandbox_ms": "50"}
THRICE = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}
SAME = {"type": "string_check", "name": "same", "operation": "eq"}
SAME |= {"input": "{{sample.output_text}}", "reference": "{{item.answer}}"}
# The guide has it, the SDK's types do not.
ANSWER = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}}}


@pytest.fixture
def client():
    """Takes no answer that does not fit the types of the SDK."""
    with client_with(next(KEYS), _strict_response_validation=True) as client:
        yield client


def examples(client, example=CHAT, count=10, purpose="fine-tune"):
    content = "".join(json.dumps(example) + "\n" for _ in range(count))
    return upload(client, content.encode(), "examples.jsonl", purpose=purpose).id


def start(client, **options):
    options = {"model": "gpt-4o-mini-2024-07-18", "training_file": examples(client), "metadata": QUICK, **options}
    return client.fine_tuning.jobs.create(**options)


def until(client, job, *statuses):
    """Waits for what must come; the pace of a job is the sandbox's."""
    deadline = time.monotonic() + 60
    while job.status not in statuses:
        assert time.monotonic() < deadline, job.status
        time.sleep(0.05)
        job = client.fine_tuning.jobs.retrieve(job.id)
    return job


def test_a_job_succeeds(client):
    validation = examples(client, count=2)
    job = start(client, method=THRICE, validation_file=validation, suffix="demo", seed=7, metadata=QUICK | {"team": "a"})
    assert job.id.startswith("ftjob-")
    assert (job.status, job.finished_at, job.fine_tuned_model) == ("validating_files", None, None)
    assert (job.seed, job.metadata, job.validation_file) == (7, QUICK | {"team": "a"}, validation)
    assert (job.method.type, job.hyperparameters.n_epochs, job.result_files) == ("supervised", 3, [])

    job = until(client, job, "succeeded")
    assert job.fine_tuned_model.startswith("ft:gpt-4o-mini-2024-07-18:sandbox:demo:")
    assert job.finished_at >= job.created_at
    assert job.trained_tokens > 0

    events = list(client.fine_tuning.jobs.list_events(job.id, limit=7))
    assert events[0].message == "The job has successfully completed"
    assert events[-1].message == f"Created fine-tuning job: {job.id}"
    steps = [event.data["step"] for event in events if event.type == "metrics"]
    assert steps == list(range(30, 0, -1))
    assert len({event.id for event in events}) == len(events)

    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id, limit=2))
    assert [checkpoint.step_number for checkpoint in checkpoints] == [30, 20, 10]
    assert checkpoints[0].fine_tuned_model_checkpoint == job.fine_tuned_model
    assert checkpoints[1].fine_tuned_model_checkpoint.endswith(":ckpt-step-20")
    # Validation loss rises again: the last checkpoint is not the best.
    losses = [checkpoint.metrics.full_valid_loss for checkpoint in checkpoints]
    assert losses[1] < losses[0] < losses[2]

    [file] = job.result_files
    assert client.files.retrieve(file).purpose == "fine-tune-results"
    rows = list(csv.DictReader(client.files.content(file).text.splitlines()))
    assert [int(row["step"]) for row in rows] == list(range(1, 31))
    assert float(rows[0]["train_loss"]) > float(rows[-1]["train_loss"])
    assert client.fine_tuning.jobs.retrieve(job.id) == job


@pytest.mark.parametrize(("count", "epochs"), [(10, 10), (33, 3), (34, 3), (12_501, 1)])
def test_small_files_are_seen_more_often(client, count, epochs):
    assert start(client, training_file=examples(client, count=count)).hyperparameters.n_epochs == epochs


def test_the_same_seed_gives_the_same_curves(client):
    curves = []
    for seed in (1, 1, 2):
        job = until(client, start(client, seed=seed), "succeeded")
        curves.append(client.files.content(job.result_files[0]).text)
    assert curves[0] == curves[1] != curves[2]


QUESTION = {"messages": CHAT["messages"][:1], "answer": "2"}
REASONING = {"model": "o4-mini-2025-04-16"}


@pytest.mark.parametrize(
    ("example", "options"),
    [
        (PREFERENCE, {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1, "n_epochs": 1}}}}),
        (QUESTION, {**REASONING, "method": {"type": "reinforcement", "reinforcement": {"grader": SAME}}}),
        (
            QUESTION,
            {**REASONING, "method": {"type": "reinforcement", "reinforcement": {"grader": SAME, "response_format": ANSWER}}},
        ),
    ],
)
def test_every_method_takes_its_examples(client, example, options):
    job = start(client, training_file=examples(client, example), **options)
    assert until(client, job, "succeeded", "failed").status == "succeeded"
    method = options.get("method", {"type": "supervised"})["type"]
    assert job.method.type == method
    assert until(client, start(client, **options, training_file=examples(client, {"a": 1})), "succeeded", "failed").error


def test_a_bad_file_fails_the_job(client):
    job = until(client, start(client, training_file=examples(client, count=9)), "failed")
    assert (job.error.code, job.error.param) == ("invalid_n_examples", "training_file")
    assert "9 example(s), but must have at least 10" in job.error.message
    file = upload(client, b'{"messages": []}\n' * 10, "a.jsonl", purpose="fine-tune").id
    job = until(client, start(client, training_file=file), "failed")
    assert job.error.code == "invalid_training_file"
    assert "Line 1" in job.error.message
    assert client.fine_tuning.jobs.list_events(job.id).data[0].level == "error"
    job = until(client, start(client, validation_file=file), "failed")
    assert (job.error.code, job.error.param) == ("invalid_validation_file", "validation_file")


def test_a_job_is_paused_resumed_and_cancelled():
    # The SDK's types know no paused job.
    with client_with(next(KEYS)) as client:
        jobs = client.fine_tuning.jobs
        job = until(client, start(client, metadata={}), "running")
        assert jobs.pause(job.id).status == "paused"
        time.sleep(0.1)
        before = jobs.list_events(job.id).data
        assert before[0].message == "Fine-tuning job paused"
        assert jobs.list_events(job.id).data == before
        refused(lambda: jobs.pause(job.id), None, "its status is paused", "invalid_job_state")
        assert jobs.resume(job.id).status == "running"
        refused(lambda: jobs.resume(job.id), None, "its status is running", "invalid_job_state")
        cancelled = jobs.cancel(job.id)
        assert (cancelled.status, cancelled.fine_tuned_model) == ("cancelled", None)
        for call in (jobs.cancel, jobs.pause, jobs.resume):
            refused(lambda: call(job.id), None, "its status is cancelled", "invalid_job_state")


def test_a_job_is_checked(client):
    create = client.fine_tuning.jobs.create
    file = examples(client)
    refused(lambda: create(model="gpt-4o-mini", training_file="file-x"), "training_file", "invalid training_file: file-x")
    other = examples(client, purpose="batch")
    refused(lambda: create(model="gpt-4o-mini", training_file=other), "training_file", "expected purpose 'fine-tune'")
    for model in ("gpt-2", "gpt-4o-maxi", "davinci-002", "gpt-4o-2024-05-13", "gpt-6-luna", "o4-mini"):
        refused(lambda: create(model=model, training_file=file), None, "not available", "model_not_available")
    refused(lambda: create(model="gpt-4o", training_file=openai.omit), "training_file", "Missing required parameter")
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 51}}}
    place = "method.supervised.hyperparameters.n_epochs"
    refused(lambda: create(model="gpt-4o", training_file=file, method=method), place, "but got 51")
    method = {"type": "reinforcement", "reinforcement": {}}
    place = "method.reinforcement.grader"
    refused(lambda: create(model="gpt-4o", training_file=file, method=method), place, "Missing required parameter")
    refused(lambda: create(model="gpt-4o", training_file=file, suffix="x" * 65), "suffix", "maximum length 64")
    integration = {"type": "wandb", "wandb": {}}
    refused(lambda: create(model="gpt-4o", training_file=file, integrations=[integration]), "integrations[0].wandb.project")
    with pytest.raises(openai.NotFoundError, match="Could not find fine tune: ftjob-x"):
        client.fine_tuning.jobs.retrieve("ftjob-x")


def test_jobs_are_listed(client):
    ids = [start(client, metadata=QUICK | {"n": str(n % 2)}).id for n in range(3)]
    assert [job.id for job in client.fine_tuning.jobs.list(limit=2)] == ids[::-1]
    assert [job.id for job in client.fine_tuning.jobs.list(metadata={"n": "0"})] == [ids[2], ids[0]]
    assert [job.id for job in client.fine_tuning.jobs.list(after=ids[1])] == [ids[0]]


ADMINS = (f"sk-admin-{key}" for key in KEYS)
CHECKPOINT = "ft:gpt-4o-mini-2024-07-18:org::id:ckpt-step-80"


def test_permissions_take_an_admin_key(client):
    with pytest.raises(openai.PermissionDeniedError, match="admin key"):
        client.fine_tuning.checkpoints.permissions.list(CHECKPOINT)
    with client_with(next(ADMINS), _strict_response_validation=True) as admin:
        permissions = admin.fine_tuning.checkpoints.permissions
        made = list(permissions.create(CHECKPOINT, project_ids=["proj_a", "proj_b"]))
        assert [permission.project_id for permission in made] == ["proj_a", "proj_b"]
        listed = lambda **options: [one.to_dict() for one in permissions.list(CHECKPOINT, **options)]
        first, second = (one.to_dict() for one in made)
        assert listed(order="ascending", limit=1) == [first, second]
        assert listed() == [second, first]
        assert listed(project_id="proj_b") == [second]
        assert list(permissions.list("ft:other")) == []
        gone = permissions.delete(made[0].id, fine_tuned_model_checkpoint=CHECKPOINT)
        assert (gone.id, gone.deleted) == (made[0].id, True)
        with pytest.raises(openai.NotFoundError):
            permissions.delete(made[0].id, fine_tuned_model_checkpoint=CHECKPOINT)
        with pytest.raises(openai.NotFoundError):
            permissions.create("gpt-4o", project_ids=["proj_a"])


def reward(client, grader, sample, **item):
    return client.fine_tuning.alpha.graders.run(grader=grader, model_sample=sample, item=item)


@pytest.mark.parametrize(
    ("operation", "sample", "answer", "expected"),
    [
        ("eq", "Paris", "Paris", 1),
        ("eq", "paris", "Paris", 0),
        ("ne", "paris", "Paris", 1),
        ("like", "in Paris.", "Paris", 1),
        ("like", "in paris.", "Paris", 0),
        ("ilike", "in paris.", "Paris", 1),
    ],
)
def test_strings_are_compared(client, operation, sample, answer, expected):
    run = reward(client, SAME | {"operation": operation}, sample, answer=answer)
    assert (run.reward, run.metadata.scores, run.metadata.type) == (expected, {"same": expected}, "string_check")


def test_texts_are_compared(client):
    close = {"type": "text_similarity", "name": "close", "input": "{{sample.output_json.a}}", "reference": "{{item.answer}}"}
    for metric in ("fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_l", "cosine"):
        score = lambda text: reward(client, close | {"evaluation_metric": metric}, json.dumps({"a": text}), answer="the cat sat").reward
        assert score("the cat sat") == pytest.approx(1, abs=0.02)
        assert 0 < score("the cat sat down") < 1
    close["evaluation_metric"] = "rouge_l"
    assert reward(client, close, '{"a": "xyz"}', answer="the cat sat").reward == 0
    # Case counts but for ROUGE.
    for metric, expected in [("fuzzy_match", 0.8), ("bleu", 0), ("rouge_1", 1)]:
        run = reward(client, close | {"evaluation_metric": metric}, '{"a": "Paris"}', answer="paris")
        assert run.reward == pytest.approx(expected)
    run = reward(client, close | {"evaluation_metric": "bleu"}, "not json", answer="x")
    assert run.metadata.errors.invalid_variable_error


def test_graders_are_combined(client):
    both = {"type": "multi", "name": "both", "graders": {"a": SAME, "b": SAME | {"operation": "ilike"}}}
    run = reward(client, both | {"calculate_output": "0.75 * a + 0.25 * b"}, "PARIS", answer="Paris")
    assert (run.reward, run.sub_rewards) == (0.25, {"a": 0, "b": 1})
    run = reward(client, both | {"calculate_output": "max(a, -b, 0.1) * (3 - b) / 4"}, "PARIS", answer="Paris")
    assert run.reward == pytest.approx(0.05)
    for wrong in ("a +", "c", "(a", "a b", "1 / a", "max()", "-" * 200 + "a"):
        run = reward(client, both | {"calculate_output": wrong}, "x", answer="y")
        assert (run.reward, run.metadata.errors.formula_parse_error) == (0, True)


def test_what_the_sandbox_cannot_grade_it_says(client):
    python = {"type": "python", "name": "code", "source": "def grade(sample, item):\n    return 1.0\n"}
    run = reward(client, python, "x")
    assert (run.reward, run.metadata.errors.python_grader_server_error) == (0, True)
    judge = {"type": "score_model", "name": "judge", "model": "gpt-4o", "input": [{"role": "user", "content": "?"}]}
    assert reward(client, judge, "x").metadata.errors.api_model_grader_server_error


def test_graders_are_validated(client):
    validate = client.fine_tuning.alpha.graders.validate
    assert validate(grader=SAME).grader.to_dict() == SAME
    refused(lambda: validate(grader=SAME | {"operation": "is"}), "grader.operation", "'eq', 'ne', 'like', and 'ilike'")
    refused(lambda: validate(grader={"type": "string_check"}), "grader.name", "Missing required parameter")
    refused(lambda: validate(grader={"type": "python", "name": "a", "source": "pass"}), "grader.source", "must define")
    multi = {"type": "multi", "name": "a", "graders": {"b": {"type": "x"}}, "calculate_output": "b"}
    refused(lambda: validate(grader=multi), "grader.graders.b.type", "Supported values")
