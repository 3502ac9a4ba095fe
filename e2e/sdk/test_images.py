"""The official SDK draws with the sandbox. SANDBOX_BASE_URL names it."""

import base64
import io
import itertools
import os
import struct
import zlib

import openai
import pytest
from openai import OpenAI
from openai.types import ImagesResponse

BASE_URL = os.environ["SANDBOX_BASE_URL"]
RUN = os.urandom(4).hex()
KEYS = (f"sk-images-{RUN}-{n}" for n in itertools.count())
SIGNATURES = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff", "webp": b"RIFF"}


@pytest.fixture
def client():
    with OpenAI(api_key=next(KEYS), base_url=BASE_URL, max_retries=0) as client:
        yield client


def png(width, height, pixel):
    """A PNG of RGBA pixels."""
    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width)) for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return SIGNATURES["png"] + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pixels(data):
    """Width, height and rows of a PNG of 8 bits, each pixel a tuple."""
    assert data.startswith(SIGNATURES["png"])
    at, packed, head = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            head = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    width, height, bits, colours, *_ = head
    assert bits == 8
    size = {2: 3, 6: 4}[colours]
    flat, stride, rows = zlib.decompress(packed), width * size, []
    above = bytes(stride)
    for y in range(height):
        kind, line = flat[y * (stride + 1)], bytearray(flat[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for i in range(stride):
            left = line[i - size] if i >= size else 0
            corner = above[i - size] if i >= size else 0
            if kind == 1:
                line[i] = (line[i] + left) & 255
            elif kind == 2:
                line[i] = (line[i] + above[i]) & 255
            elif kind == 3:
                line[i] = (line[i] + (left + above[i]) // 2) & 255
            elif kind == 4:
                guess = left + above[i] - corner
                near = min((left, above[i], corner), key=lambda value: abs(guess - value))
                line[i] = (line[i] + near) & 255
        above = bytes(line)
        rows.append([tuple(line[x * size : (x + 1) * size]) for x in range(width)])
    return width, height, rows


def images(answer):
    return [base64.b64decode(image.b64_json) for image in answer.data]


def refused(call, param, message=""):
    with pytest.raises(openai.APIStatusError) as caught:
        call()
    assert 400 <= caught.value.status_code < 500
    assert caught.value.param == param
    assert message in caught.value.message


PICTURE = png(64, 48, lambda x, y: (x * 4, y * 5, 99, 255))
MASK = png(64, 48, lambda x, y: (0, 0, 0, 0 if x < 16 and y < 16 else 255))


def test_a_prompt_is_drawn(client):
    asked = {"prompt": "a fox in the snow", "model": "gpt-image-2.6-flare", "quality": "low"}
    answer = client.images.generate(**asked)
    [image] = images(answer)
    assert struct.unpack_from(">II", image, 16) == (1024, 1024)
    assert (answer.size, answer.quality, answer.output_format, answer.background) == ("1024x1024", "low", "png", "opaque")
    usage = answer.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.input_tokens_details.text_tokens == usage.input_tokens > 0
    [small] = images(client.images.generate(**asked, size="256x256"))
    assert images(client.images.generate(**asked, size="256x256")) == [small]
    assert len({pixel for row in pixels(small)[2][::16] for pixel in row[::16]}) > 50


def test_size_number_and_format_are_as_asked(client):
    for kind, signature in SIGNATURES.items():
        answer = client.images.generate(prompt="p", n=3, size="256x128", output_format=kind)
        drawn = images(answer)
        assert len(set(drawn)) == 3
        assert all(image.startswith(signature) for image in drawn)
        assert (answer.size, answer.output_format) == ("256x128", kind)
    [image] = images(client.images.generate(prompt="p", size="256x128"))
    assert pixels(image)[:2] == (256, 128)
    large, small = (
        images(client.images.generate(prompt="p", size="256x128", output_format="jpeg", output_compression=percent))
        for percent in (100, 10)
    )
    assert len(small[0]) < len(large[0])


def test_a_background_may_be_clear(client):
    answer = client.images.generate(prompt="p", size="128x128", background="transparent")
    _, _, rows = pixels(images(answer)[0])
    assert (rows[0][0][3], rows[64][64][3], answer.background) == (0, 255, "transparent")
    refused(
        lambda: client.images.generate(prompt="p", background="transparent", output_format="jpeg"), "background", "jpeg"
    )


def test_svg_is_text(client):
    answer = client.images.generate(prompt="<b>", size="64x64", output_format="svg", svg={"model": "gpt-6-luna"})
    [image] = images(answer)
    assert image.startswith(b"<svg") and b"SANDBOX: &lt;b>" in image
    assert answer.svg_usage.model == "gpt-6-luna"
    refused(lambda: client.images.generate(prompt="p", output_format="svg", n=2), "n")


def test_a_stream_tells_of_partial_images(client):
    events = list(client.images.generate(prompt="p", size="64x64", stream=True, partial_images=2))
    assert [event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert [event.partial_image_index for event in events[:2]] == [0, 1]
    drawn = [base64.b64decode(event.b64_json) for event in events]
    assert len(set(drawn)) == 3 and all(pixels(image)[:2] == (64, 64) for image in drawn)
    assert events[-1].usage.output_tokens > 200
    plain = images(client.images.generate(prompt="p", size="64x64"))
    assert drawn[-1:] == plain
    [only] = client.images.generate(prompt="p", size="64x64", stream=True)
    assert only.type == "image_generation.completed"
    edited = list(client.images.edit(image=("a.png", PICTURE), prompt="p", stream=True, partial_images=1))
    assert [event.type for event in edited] == ["image_edit.partial_image", "image_edit.completed"]


def test_an_edit_changes_what_the_mask_opens(client):
    answer = client.images.edit(image=("a.png", PICTURE), mask=("m.png", MASK), prompt="a hat", input_fidelity="high")
    before, (width, height, after) = pixels(PICTURE)[2], pixels(images(answer)[0])
    assert (width, height, answer.size) == (64, 48, "64x48")
    # The band at the lower edge says who drew it.
    for y in range(24):
        for x in range(64):
            assert (after[y][x] != before[y][x][:3]) == (x < 16 and y < 16), (x, y)
    assert answer.usage.input_tokens_details.image_tokens == 300


def test_an_edit_without_a_mask_tints_everything(client):
    answer = client.images.edit(image=("a.png", PICTURE), prompt="p", size="96x64", n=2)
    assert [pixels(image)[:2] for image in images(answer)] == [(96, 64)] * 2


def test_several_images_and_markup(client):
    others = [(f"{n}.png", PICTURE) for n in range(16)]
    answer = client.images.edit(image=others, prompt="p")
    assert answer.usage.input_tokens_details.image_tokens == 16 * 300
    strokes = png(64, 48, lambda x, y: (255, 0, 0, 255 if x == 5 else 0))
    marked = client.images.edit(image=("a.png", PICTURE), markup=("m.png", strokes), prompt="p")
    assert pixels(images(marked)[0])[2][3][5] == (255, 0, 0)
    refused(lambda: client.images.edit(image=[*others, others[0]], prompt="p"), "image", "17")


def test_images_come_by_their_ids_and_urls_in_json(client):
    kept = client.files.create(file=("a.png", PICTURE), purpose="vision").id
    url = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
    body = {"prompt": "p", "images": [{"file_id": kept}, {"image_url": url}], "moderation": "low"}

    def edit(**changes):
        return client.post("/images/edits", cast_to=ImagesResponse, body=body | changes)

    answer = edit()
    assert pixels(images(answer)[0])[:2] == (64, 48)
    assert answer.usage.input_tokens_details.image_tokens == 2 * 300
    refused(lambda: edit(images=[{"file_id": kept, "image_url": url}]), "images[0].image_url", "exactly one")
    refused(lambda: edit(images=[{"image_url": "https://example.com/a.png"}]), "images[0].image_url", "base64 data URL")
    with pytest.raises(openai.NotFoundError, match="No such File object: file-none"):
        edit(images=[{"file_id": "file-none"}])


def test_files_are_checked(client):
    edit, picture = client.images.edit, ("a.png", PICTURE)
    refused(lambda: edit(image=("a.png", b"hello"), prompt="p"), "image", "png, webp or jpg")
    # Its size stands in its head: 8,000 by 8,000.
    huge = PICTURE[:16] + struct.pack(">II", 8000, 8000) + PICTURE[24:29]
    huge += struct.pack(">I", zlib.crc32(huge[12:29])) + PICTURE[33:]
    refused(lambda: edit(image=("a.png", huge), prompt="p"), "image", "more than 25 megapixels")
    # The SDK says what a file is by its name.
    for image in (io.BytesIO(PICTURE), ("a.png", PICTURE, "application/octet-stream"), ("a.txt", PICTURE)):
        refused(lambda: edit(image=image, prompt="p"), "image", "unsupported mimetype ('")
    refused(lambda: edit(image=picture, mask=io.BytesIO(MASK), prompt="p"), "mask", "application/octet-stream")
    small = png(8, 8, lambda x, y: (0, 0, 0, 0))
    refused(lambda: edit(image=picture, mask=("m.png", small), prompt="p"), "mask", "8x8, expected")
    refused(lambda: edit(image=picture, mask=("m.png", MASK), markup=("k.png", MASK), prompt="p"), "markup", "combined")


def test_arguments_are_checked(client):
    make = client.images.generate
    refused(lambda: make(prompt=""), "prompt")
    refused(lambda: make(prompt=openai.omit), "prompt", "Missing required")
    refused(lambda: make(prompt="p", n=11), "n")
    refused(lambda: make(prompt="p", size="100x100"), "size", "divisible by 16")
    refused(lambda: make(prompt="p", size="1600x160"), "size", "1:3 and 3:1")
    refused(lambda: make(prompt="p", size="4096x4096"), "size", "3840x2160")
    refused(lambda: make(prompt="p", size="large"), "size")
    refused(lambda: make(prompt="p", quality="hd"), "quality", "'xhigh'")
    refused(lambda: make(prompt="p", partial_images=2), "partial_images", "stream")
    refused(lambda: make(prompt="p", output_compression=50), "output_compression", "png")
    refused(lambda: make(prompt="p", frame_count=3), "frame_count", "gif")
    refused(lambda: make(prompt="p", output_format="gif"), "output_format", "preview")
    refused(lambda: make(prompt="p", style="vivid"), "style", "retired")
    refused(lambda: make(prompt="p", extra_body={"colour": "red"}), "colour", "Unknown")
    for model in ("gpt-image-1", "dall-e-3", "gpt-6-luna", "gpt-image-9"):
        with pytest.raises(openai.NotFoundError) as caught:
            make(prompt="p", model=model)
        assert caught.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="safety system") as caught:
        make(prompt="[[refuse]]")
    assert caught.value.code == "moderation_blocked"


def test_variations_are_retired(client):
    with pytest.warns(DeprecationWarning), pytest.raises(openai.NotFoundError, match="retired"):
        client.images.create_variation(image=("a.png", PICTURE))
