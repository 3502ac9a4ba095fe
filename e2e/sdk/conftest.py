"""Each test has clients of its own; what they can share is made once."""

import functools
import gc

import httpcore2
import openai  # noqa: F401

# Every client reads the certificates of all authorities, and the sandbox speaks no TLS.
httpcore2.default_ssl_context = functools.cache(httpcore2.default_ssl_context)

# The SDK's types are no garbage: they are not looked through again and again.
gc.freeze()
