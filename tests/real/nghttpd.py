# SPDX-License-Identifier: MIT
"""nghttpd: HTTP/2 in the clear on port 8001, padded, pushing, sending back what is posted."""

PORT = 8001


def serve(start, www, push=(), padding=200):
    """Serves `www`; push: pairs of a path and the one that is pushed with it."""
    words = [f"--push={path}={pushed}" for path, pushed in push]
    return start("nghttpd", "--no-tls", "--echo-upload", f"--padding={padding}", "-d", www, *words,
                 "--trailer", "x-sum: 1", str(PORT))
