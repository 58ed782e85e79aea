"""Post images to `seasift serve` and print what is in them. Needs nothing but Python."""

import json
import secrets
import sys
import urllib.request
from pathlib import Path

URL = "http://127.0.0.1:8000/v1/predict"


def ask(paths: list[Path]) -> dict:
    """The result document of some images."""
    boundary = secrets.token_hex(16)
    body = b""
    for path in paths:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'.encode()
        body += path.read_bytes() + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    with urllib.request.urlopen(urllib.request.Request(URL, body, headers)) as answer:
        return json.load(answer)


if __name__ == "__main__":
    for image in ask([Path(name) for name in sys.argv[1:]])["images"]:
        print(
            image["file"],
            *(f"{found['name']} {found['score']:.2f}" for found in image["objects"]),
            sep="\n  ",
        )
