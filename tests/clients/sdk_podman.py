"""Podman's Python SDK, with what it asks by Docker's paths. Argument: the archive of the image base:1.

Most of it asks Podman's own paths (/libpod/), which are not Docker's API: those must be refused as what is not there.
"""
import json
import os
import sys

from podman import PodmanClient
from podman.api import stream_frames
from podman.errors import APIError, NotFound

client = PodmanClient(base_url=os.environ["DOCKER_HOST"])
api = client.api


def ask(method, path, status, body=None, **params):
    data = json.dumps(body) if isinstance(body, dict) else body
    kind = "application/json" if isinstance(body, dict) else "application/x-tar"
    answer = getattr(api, method)(path, params=params, data=data, headers={"Content-Type": kind}, compatible=True)
    assert answer.status_code == status, (path, answer.status_code, answer.text)
    return answer


def refused(kind, status, call, *args, **named):
    try:
        call(*args, **named)
    except kind as error:
        assert error.response.status_code == status, error
        return str(error)
    raise AssertionError(f"{call} was not refused")


# By Docker's paths.
assert api.head("/_ping", compatible=True).ok
assert api.get("/version", compatible=True).json()["Os"] == "linux"
with open(sys.argv[1], "rb") as file:
    ask("post", "/images/load", 200, file.read())
assert ask("get", "/images/json", 200).json()[0]["RepoTags"] == ["base:1"]
LOOP = "echo ready; trap 'exit 4' TERM; while :; do sleep 1000 & wait; done"
body = {"Image": "base:1", "Cmd": ["sh", "-c", LOOP], "Labels": {"tier": "front"}}
ask("post", "/containers/create", 201, body, name="web")
web = client.containers.get("web", compatible=True)
assert (web.name, web.status) == ("web", "created"), web.attrs
ask("post", "/containers/web/start", 204)
ask("post", "/containers/web/start", 304)
web.reload(compatible=True)
assert web.status == "running"
(listed,) = client.containers.list(compatible=True, filters={"label": "tier=front"})
assert listed.id == web.id and listed.attrs["Config"]["Labels"]["tier"] == "front"
assert client.containers.list(all=True, compatible=True, filters={"status": "exited"}) == []
told = api.get("/containers/web/logs", params={"stdout": True, "follow": True}, stream=True, compatible=True)
assert next(stream_frames(told)) == b"ready\n"
told.close()
made = ask("post", "/containers/web/exec", 201, {"Cmd": ["cat", "/srv/greeting"], "AttachStdout": True}).json()["Id"]
said = ask("post", f"/exec/{made}/start", 200, {"Detach": False, "Tty": False})
assert said.content.endswith(b"hello\n")
ask("post", "/networks/create", 201, {"Name": "shop"})
ask("post", "/networks/shop/connect", 200, {"Container": "web"})
ask("post", "/networks/shop/disconnect", 200, {"Container": "web"})
ask("delete", "/networks/shop", 204)
ask("post", "/volumes/create", 201, {"Name": "data"})
ask("delete", "/volumes/data", 204)
ask("delete", "/containers/web", 409)
ask("post", "/containers/web/stop", 204, t=60)
assert ask("post", "/containers/web/wait", 200).json()["StatusCode"] == 4
refused(NotFound, 404, client.containers.get, "none", compatible=True)
refused(APIError, 500, client.login, "one", "two", registry="localhost:1")
ask("delete", "/containers/web", 204, v=True)
ask("delete", "/images/base:1", 200)

# By its own.
assert not client.ping()
for call in (client.version, client.info, client.df, client.containers.list, client.networks.list, client.pods.list):
    refused(APIError, 404, call)
refused(APIError, 404, client.containers.run, "base:1", ["true"])
refused(APIError, 404, client.volumes.create, "data")
print("all is well")
