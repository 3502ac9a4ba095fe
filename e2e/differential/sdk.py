"""Makes the request of each case with the official SDK, against a recorder.

Usage: sdk.py BASE_URL KEY ADMIN_KEY CASES. Every request carries its case's number in `x-case`: cases are counted
through the files of the folder CASES in the order of their names. What only the SDK has to be told is in a case's `sdk`;
`admin` says which key it takes; `post` is the path and the body of a request that it has no method for. The last line is
a JSON object with what the SDK itself refused to send, by case number.
"""

import base64
import json
import pathlib
import sys

import openai


def upload(spec):
    if isinstance(spec, list):
        return [upload(one) for one in spec]
    data = base64.b64decode(spec["base64"]) if "base64" in spec else spec["text"].encode()
    parts = (spec["filename"], data)
    return (*parts, spec["mime_type"]) if "mime_type" in spec else parts


def main(base_url, key, admin_key, folder):
    files = sorted(pathlib.Path(folder).glob("*.json"))
    cases = [case for file in files for case in json.loads(file.read_text(encoding="utf-8"))]
    options = {"base_url": base_url, "organization": "org-e2e", "project": "proj_e2e", "max_retries": 0}
    clients = [openai.OpenAI(api_key=key, admin_api_key=admin_key, **options) for key in (key, admin_key)]
    refused = {}
    for number, case in enumerate(cases):
        arguments = dict(case["arguments"])
        arguments |= case.get("sdk", {})
        arguments |= {name: upload(spec) for name, spec in case.get("uploads", {}).items()}
        resource, *parts = clients[case.get("admin", False)], *case["method"].split(".")
        for name in parts[:-1]:
            resource = getattr(resource, name)
        headers = {"x-case": str(number)}
        try:
            # The answer of a recorder says nothing, so nothing is to be read from it.
            if "post" in case:
                resource.post(**case["post"], cast_to=object, options={"headers": headers})
            else:
                getattr(resource.with_raw_response, parts[-1])(**arguments, extra_headers=headers)
        except Exception as error:  # What the SDK makes of it is the finding, whatever its type.
            refused[number] = f"{type(error).__name__}: {error}"
    print(json.dumps(refused))


if __name__ == "__main__":
    main(*sys.argv[1:])
