"""What schemathesis asks about, made again whenever it was taken away; and ends for streams that nothing but their clients would end."""

import http.client
import json
import os
import socket

import schemathesis

# What ends them, whatever else is asked.
ENDS = {
    "SystemEvents": ("until", "1"),
    "ContainerLogs": ("follow", "0"),
    "ContainerStats": ("stream", "0"),
    "ContainerAttach": ("stream", "0"),
    "ContainerWait": ("condition", "not-running"),
}
# Behind these something may be gone.
TAKES = ("Delete", "Prune", "Rename", "Disconnect", "Stop", "Kill")


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["CORTEN_SOCKET"])


def post(path, document=None):
    connection = Connection("corten")
    body = json.dumps(document or {})
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status


def make():
    """What is there already stays."""
    post("/images/busybox/tag?repo=other&tag=1")
    post("/networks/create", {"Name": "net"})
    for name in ("vol", "used"):
        post("/volumes/create", {"Name": name})
    true = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": "none"}}
    post("/containers/create?name=made", true)
    if post("/containers/create?name=ended", true) == 201:
        post("/containers/ended/start")
    # It ends by its own signal, at once.
    used = {"Image": "busybox", "Cmd": ["sleep", "1000"], "StopSignal": "KILL"}
    post("/containers/create?name=box", {**used, "HostConfig": {"NetworkMode": "net", "Binds": ["used:/v"]}})
    post("/containers/box/start")


@schemathesis.hook
def before_call(context, case, **kwargs):
    operation = case.operation.definition.raw.get("operationId")
    name, value = ENDS.get(operation, (None, None))
    if name and (case.query is None or hasattr(case.query, "keys")):
        case.query = {**(case.query or {}), name: value}
    if operation == "ContainerWait":
        # One that runs would be waited for.
        case.path_parameters = {"name": "ended"}


@schemathesis.hook
def after_call(context, case, response):
    if case.operation.definition.raw.get("operationId", "").endswith(TAKES) and response.status_code < 300:
        make()


# An archive is sent as the bytes that it is.
schemathesis.serializer.alias("application/x-tar", "application/octet-stream")

make()
