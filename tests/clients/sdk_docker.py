"""Docker's own Python SDK. Argument: the archive of the image base:1."""
import io
import sys
import tarfile
import threading
import time

import docker
from docker.errors import APIError, BuildError, ContainerError, ImageNotFound, NotFound

client = docker.from_env()
api = client.api


def refused(status, kind, call, *args, **named):
    """The call is answered with that status, by that class of error."""
    try:
        call(*args, **named)
    except kind as error:
        assert error.response.status_code == status, error
        return error.explanation
    raise AssertionError(f"{call} was not refused")


def archive(name, data):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        about = tarfile.TarInfo(name)
        about.size = len(data)
        tar.addfile(about, io.BytesIO(data))
    return stream.getvalue()


# The machine.
assert client.ping()
assert client.version()["Os"] == "linux"
assert client.info()["Images"] == 0
began = int(time.time())

# Images.
with open(sys.argv[1], "rb") as file:
    (base,) = client.images.load(file)
assert base.tags == ["base:1"] and base.labels == {"maker": "tests"}
assert base.tag("shop/base", tag="2")
assert sorted(client.images.get(base.id).tags) == ["base:1", "shop/base:2"]
assert [step["CreatedBy"] for step in base.history()][0] == "COPY greeting /srv"
saved = b"".join(client.images.get("shop/base:2").save(named="shop/base:2"))
client.images.remove("shop/base:2")
assert client.images.load(saved)[0].id == base.id
assert len(client.images.list("shop/base")) == 1
assert client.images.list(filters={"dangling": True}) == [], client.images.list(filters={"dangling": True})
client.images.remove("shop/base:2")
refused(404, ImageNotFound, client.images.get, "none:1")
assert api.import_image_from_data(archive("file", b"small"), repository="small", tag="1")
assert len(client.images.list()) == 2

# A command that ends.
assert client.containers.run("base:1", "echo hello", remove=True) == b"hello\n"
try:
    client.containers.run("base:1", ["sh", "-c", "echo wrong >&2; exit 3"], remove=True)
    raise AssertionError("it ended with 3")
except ContainerError as error:
    assert (error.exit_status, error.stderr) == (3, b"wrong\n")
lines = client.containers.run("base:1", ["sh", "-c", "echo a; echo b"], remove=True, stream=True)
assert b"".join(lines) == b"a\nb\n"

# One that stays.
LOOP = "echo ready; trap 'exit 4' TERM; while :; do sleep 1000 & wait; done"
web = client.containers.run(
    "base:1", ["sh", "-c", LOOP], name="web", detach=True, labels={"tier": "front"}, environment={"A": "b"},
    mem_limit="64m", ports={"80/tcp": ("127.0.0.1", 8090)}, volumes={"data": {"bind": "/data", "mode": "rw"}},
    tmpfs={"/t": "size=1m"}, hostname="web", restart_policy={"Name": "on-failure", "MaximumRetryCount": 1},
    healthcheck={"test": ["CMD", "true"], "interval": 100_000_000},
)
assert web.status == "created"
web.reload()
assert web.status == "running" and web.attrs["HostConfig"]["Memory"] == 64 << 20
assert web.ports == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8090"}]}
assert [one.name for one in client.containers.list(filters={"label": "tier=front"})] == ["web"]
assert next(iter(web.logs(stream=True, follow=True))) == b"ready\n"
assert web.logs(tail=1, timestamps=True).endswith(b"Z ready\n")
while web.attrs["State"]["Health"]["Status"] != "healthy":
    web.reload()
refused(409, APIError, client.containers.create, "base:1", name="web")
refused(409, APIError, web.remove)

# Processes in it.
assert web.exec_run("cat /srv/greeting").output == b"hello\n"
assert web.exec_run(["sh", "-c", "exit 6"]).exit_code == 6
both = web.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True)
assert both.output == (b"out\n", b"err\n")
streamed = web.exec_run(["sh", "-c", "echo 1; echo 2"], stream=True)
assert b"".join(streamed.output) == b"1\n2\n"
assert web.exec_run("env", environment=["X=y"], workdir="/tmp", user="nobody").output.count(b"X=y\n") == 1
made = api.exec_create(web.id, "cat", stdin=True)["Id"]
line = api.exec_start(made, socket=True)
line._sock.sendall(b"through\n")
line._sock.shutdown(1)
assert b"through\n" in line.read()
line.close()
assert api.exec_inspect(made)["ExitCode"] == 0
assert len(web.top()["Processes"]) >= 2

# Files.
assert web.put_archive("/tmp", archive("given", b"by archive"))
assert web.exec_run("cat /tmp/given").output == b"by archive"
chunks, about = web.get_archive("/tmp/given")
assert about["size"] == 10
with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
    assert tar.extractfile("given").read() == b"by archive"
refused(404, NotFound, web.get_archive, "/none")
assert {"Path": "/tmp/given", "Kind": 1} in web.diff()
copy = web.commit("copy", tag="1", author="me")
assert copy.tags == ["copy:1"]

# Attached, with input.
reader = client.containers.create("base:1", ["sh", "-c", "read x; echo got $x"], stdin_open=True)
line = reader.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
reader.start()
line._sock.sendall(b"word\n")
assert b"got word\n" in line.read()
line.close()
assert reader.wait()["StatusCode"] == 0
reader.remove()

# Statistics, limits, signals.
numbers = web.stats(stream=False)
assert numbers["name"] == "/web" and numbers["pids_stats"]["current"] >= 1
assert next(web.stats(decode=True))["read"]
web.update(mem_limit="96m", memswap_limit="192m")
web.pause()
web.reload()
assert web.status == "paused"
web.unpause()
web.rename("site")
assert client.containers.get("site").id == web.id
refused(404, NotFound, client.containers.get, "web")

# Networks and volumes.
pool = docker.types.IPAMPool(subnet="10.81.0.0/24")
shop = client.networks.create("shop", ipam=docker.types.IPAMConfig(pool_configs=[pool]), labels={"a": "1"})
shop.connect(web, aliases=["site"], ipv4_address="10.81.0.9")
shop.reload()
assert [one.name for one in shop.containers] == ["site"]
assert client.containers.run("base:1", "ping -c 1 -W 20 site", network="shop", remove=True)
refused(403, APIError, shop.remove)
shop.disconnect(web)
shop.remove()
data = client.volumes.get("data")
assert data.attrs["Driver"] == "local"
refused(409, APIError, data.remove)
assert [one.name for one in client.volumes.list(filters={"dangling": False})] == ["data"]

# Who waits is told, and events tell all of it.
told = []
waiter = threading.Thread(target=lambda: told.append(web.wait()["StatusCode"]))
waiter.start()
web.stop(timeout=60)
waiter.join()
assert told == [4], told
web.remove(v=True)
events = client.events(since=began, until=int(time.time()) + 1, decode=True, filters={"container": web.id})
actions = [event["Action"].split(":")[0] for event in events]
assert actions[:2] == ["create", "start"] and actions[-1] == "destroy", actions
for action in ("exec_start", "pause", "unpause", "rename", "kill", "die", "stop"):
    assert action in actions, action

# Builds.
file = b"FROM base:1\nARG A=x\nRUN echo $A > /built\nCMD cat /built\n"
built, told = client.images.build(
    fileobj=io.BytesIO(file), tag="built:1", buildargs={"A": "b"}, labels={"of": "us"}, network_mode="none", rm=True
)
assert built.tags == ["built:1"] and built.labels == {"maker": "tests", "of": "us"}, built.labels
text = "".join(line.get("stream", "") for line in told)
assert "Step 3/4 : RUN echo $A > /built\n" in text and "Successfully tagged built:1\n" in text, text
assert client.containers.run("built:1", remove=True) == b"b\n"
try:
    client.images.build(fileobj=io.BytesIO(b"FROM base:1\nRUN exit 4\n"), network_mode="none", rm=True)
    raise AssertionError("it ended with 4")
except BuildError as error:
    assert "returned a non-zero code: 4" in error.msg, error.msg
refused(400, APIError, client.images.build, fileobj=io.BytesIO(b"FORM base:1\n"))
client.images.remove("built:1")

# What is left.
assert client.df()["Containers"] == []
data.remove()
client.images.remove("copy:1")
client.images.remove("small:1")
client.images.remove(base.id)
assert client.images.list() == [] and client.volumes.list() == []
print("all is well")
