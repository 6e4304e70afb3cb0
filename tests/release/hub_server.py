"""A hub on this machine: what huggingface_hub asks of a server when it uploads and downloads a model.

Made after the client's own source (`_commit_api.py`, `lfs.py`, `file_download.py`, `_snapshot_download.py`):
create, validate-yaml, preupload, LFS batch and PUT, commit as NDJSON; info, tree, resolve with etag.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

Tree = dict[str, bytes]
REGULAR_BYTES = 2000  # larger files go the way of LFS


class Hub:
    """Repositories of the server: commits in order, each with its whole tree."""

    def __init__(self) -> None:
        self.commits: dict[str, list[tuple[str, Tree]]] = {}
        self.large: dict[str, bytes] = {}
        self.private: dict[str, bool] = {}
        self.asked: list[str] = []
        self.refuse: int | None = None
        self.lock = Lock()

    def tree(self, repository: str, revision: str = "main") -> tuple[str, Tree]:
        commits = self.commits[repository]
        return commits[-1] if revision == "main" else next(c for c in commits if c[0] == revision)

    def create(self, name: str, private: bool) -> bool:
        if name in self.commits:
            return False
        first = hashlib.sha1(name.encode()).hexdigest()
        self.commits[name] = [(first, {".gitattributes": b"*.safetensors filter=lfs\n"})]
        self.private[name] = private
        return True

    def commit(self, repository: str, lines: list[dict[str, Any]]) -> str:
        tree = dict(self.tree(repository)[1])
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                tree[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                tree[value["path"]] = self.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del tree[value["path"]]
            else:
                raise AssertionError(line["key"])
        revision = hashlib.sha1(json.dumps(lines).encode()).hexdigest()
        self.commits[repository].append((revision, tree))
        return revision


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _reply(self, content: bytes = b"", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _json(self, content: object, status: int = 200) -> None:
        self._reply(json.dumps(content).encode(), status, Content_Type="application/json")

    def _address(self, path: str) -> str:
        return f"http://{self.headers['Host']}/{path}"

    def _begin(self) -> tuple[list[str], bytes]:
        path = [unquote(p) for p in urlsplit(self.path).path.strip("/").split("/")]
        with self.hub.lock:
            self.hub.asked.append(f"{self.command} /{'/'.join(path)}")
        return path, self._body()

    def do_POST(self) -> None:
        path, body = self._begin()
        if self.hub.refuse:
            self._json({"error": "no"}, self.hub.refuse)
        elif path[-1] == "validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif path == ["api", "repos", "create"]:
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            new = self.hub.create(name, asked.get("visibility") == "private")
            self._json({"url": self._address(name)}, 200 if new else 409)
        elif path[-3:] == ["lfs", "objects", "batch"]:
            self._batch(json.loads(body))
        elif path[4] == "preupload":
            modes = [
                {"path": f["path"], "uploadMode": "lfs" if f["size"] > REGULAR_BYTES else "regular"}
                for f in json.loads(body)["files"]
            ]
            self._json({"files": [m | {"shouldIgnore": False} for m in modes]})
        elif path[4] == "commit":
            name = "/".join(path[2:4])
            revision = self.hub.commit(name, [json.loads(line) for line in body.splitlines()])
            self._json({"commitUrl": self._address(f"{name}/commit/{revision}"), "commitOid": revision})
        else:
            self._json({"error": self.path}, 404)

    def _batch(self, asked: dict[str, Any]) -> None:
        assert asked["operation"] == "upload"
        assert asked["hash_algo"] == "sha256"
        put = {o["oid"]: {"upload": {"href": self._address(f"large/{o['oid']}")}} for o in asked["objects"]}
        known = self.hub.large
        self._json(
            {
                "objects": [
                    o | ({} if o["oid"] in known else {"actions": put[o["oid"]]}) for o in asked["objects"]
                ]
            }
        )

    def do_PUT(self) -> None:
        path, body = self._begin()
        assert path[0] == "large"
        if hashlib.sha256(body).hexdigest() != path[1]:
            self._reply(status=400)
            return
        self.hub.large[path[1]] = body
        self._reply()

    def do_GET(self) -> None:
        path, _ = self._begin()
        if self.hub.refuse:
            self._json({"error": "no"}, self.hub.refuse)
        elif path[0] != "api":
            self._resolve("/".join(path[:2]), path[3], "/".join(path[4:]))
        elif (name := "/".join(path[2:4])) not in self.hub.commits:
            self._reply(b"{}", 404, X_Error_Code="RepoNotFound")
        elif path[4:5] == ["tree"]:
            self._json([_entry(*item) for item in self.hub.tree(name, path[5])[1].items()])
        else:
            revision, tree = self.hub.tree(name, path[5] if path[4:5] == ["revision"] else "main")
            files = [{"rfilename": file} for file in tree]
            self._json(
                {"_id": "1", "id": name, "sha": revision, "private": False, "tags": [], "siblings": files}
            )

    def do_HEAD(self) -> None:
        self.do_GET()

    def _resolve(self, name: str, revision: str, file: str) -> None:
        if name not in self.hub.commits:
            self._reply(b"{}", 404, X_Error_Code="RepoNotFound")
            return
        commit, tree = self.hub.tree(name, revision)
        if file not in tree:
            self._reply(b"{}", 404, X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
            return
        etag = hashlib.sha256(tree[file]).hexdigest()
        self._reply(tree[file], X_Repo_Commit=commit, ETag=f'"{etag}"', Accept_Ranges="bytes")


def _entry(path: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content)}
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    if len(content) > REGULAR_BYTES:
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return entry | {"oid": oid}


@contextmanager
def serving() -> Iterator[tuple[Hub, str]]:
    """A hub, and its address, as long as the block lasts."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
