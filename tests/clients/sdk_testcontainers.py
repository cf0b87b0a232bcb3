"""testcontainers for Python, without its reaper and with one. Arguments: the archive of the image base:1; with or without.

The reaper's image is not to be had without a registry: base:1 has its name, with a program that does what the library waits for.
"""
import os
import sys
import urllib.request

reaps = sys.argv[2] == "with"
os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "false" if reaps else "true"
os.environ["RYUK_CONTAINER_IMAGE"] = "ryuk:1"
os.environ["TESTCONTAINERS_HOST_OVERRIDE"] = "127.0.0.1"

import docker
from testcontainers.core.container import DockerContainer, Reaper
from testcontainers.core.network import Network
from testcontainers.core.waiting_utils import wait_for_logs

client = docker.from_env()
with open(sys.argv[1], "rb") as file:
    client.images.load(file)
REAPER = ["sh", "-c", "echo 2026 Started!; while :; do echo ACK | nc -l -p 8080; done"]
if reaps:
    made = client.containers.create("base:1", ["true"])
    made.commit("ryuk", tag="1", conf={"Cmd": REAPER, "ExposedPorts": {"8080/tcp": {}}})
    made.remove()

with Network() as network:
    with (
        DockerContainer("base:1")
        .with_command(["sh", "-c", "echo serving; exec httpd -f -p 80 -h /srv"])
        .with_exposed_ports(80)
        .with_env("KIND", "test")
        .with_network(network)
        .with_network_aliases("site")
        .with_volume_mapping(os.getcwd(), "/given", "ro")
    ) as site:
        wait_for_logs(site, "serving")
        address = f"http://{site.get_container_host_ip()}:{site.get_exposed_port(80)}/greeting"
        assert urllib.request.urlopen(address).read() == b"hello\n"
        code, said = site.exec(["sh", "-c", "echo $KIND"])
        assert (code, said) == (0, b"test\n")
        assert "serving" in site.get_logs()[0].decode()
        other = DockerContainer("base:1").with_network(network).with_command("wget -q -O - http://site/greeting")
        with other:
            assert other.get_wrapped_container().wait()["StatusCode"] == 0
            assert b"hello" in other.get_logs()[0]
        labels = site.get_wrapped_container().labels
        assert labels["org.testcontainers"] == "true", labels
        reapers = [one for one in client.containers.list() if one.name.startswith("testcontainers-ryuk-")]
        assert len(reapers) == (1 if reaps else 0), reapers
if reaps:
    Reaper.delete_instance()
    client.images.remove("ryuk:1")
assert client.containers.list(all=True) == [], client.containers.list(all=True)
assert [one.name for one in client.networks.list(filters={"type": "custom"})] == []
print("all is well")
