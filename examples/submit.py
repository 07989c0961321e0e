"""Submits a service to a Shoal cluster from Python.

    python3 examples/submit.py [NAME] [REPLICAS] [IMAGE] [COMMAND...]

Needs grpcio, protobuf and a protoc (Debian: python3-grpcio protobuf-compiler libprotobuf-dev; pip: grpcio grpcio-tools).
The messages are made from proto/ at start; the current context says how to reach the cluster.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

try:
    import grpc
except ImportError:
    sys.exit(f"{sys.executable} has no grpc: {sys.executable} -m pip install grpcio grpcio-tools,\n"
             "or with Debian's own python: apt-get install python3-grpcio protobuf-compiler libprotobuf-dev,\nthen /usr/bin/python3 " + sys.argv[0])

# Debian's python3-grpc-tools is too old for `optional` in these files, so a plain protoc comes first.
protoc = ["protoc"] if shutil.which("protoc") else [sys.executable, "-m", "grpc_tools.protoc"]
source = Path(__file__).resolve().parent.parent / "proto"
generated = tempfile.TemporaryDirectory()
files = [f"shoal/v1/{part}.proto" for part in ("access", "types", "specs", "objects", "control")]
subprocess.run([*protoc, f"-I{source}", f"--python_out={generated.name}", *files], check=True)
sys.path.insert(0, generated.name)
from shoal.v1 import control_pb2, specs_pb2 as specs  # noqa: E402

home = Path(os.environ.get("SHOAL_CONFIG", Path.home() / ".shoal"))
current = os.environ.get("SHOAL_CONTEXT") or (home / "current").read_text().strip()
context = json.loads((home / "contexts" / f"{current}.json").read_text())
words = sys.argv[1:]
name = words[0] if words else "hello-py"
replicas = int(words[1]) if len(words) > 1 else 2
image = words[2] if len(words) > 2 else "shoal/busybox:local"
command = words[3:] or ["sleep", "3600"]

credentials = grpc.ssl_channel_credentials(
    context["rootCertificatePem"].encode(), context["keyPem"].encode(), context["certificatePem"].encode()
)
# Every manager answers, and each proves that it is one.
options = [("grpc.ssl_target_name_override", "manager.shoal")]
channels = [grpc.secure_channel(host, credentials, options) for host in context["hosts"]]


def call(method, request, answer):
    """Asks one manager after the other; the request id makes asking again harmless."""
    failure = None
    for channel in channels * 2:
        invoke = channel.unary_unary(
            f"/shoal.v1.Control/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        try:
            return invoke(request, timeout=5)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            failure = error
    raise failure


spec = specs.ServiceSpec(
    name=name,
    replicated=specs.Replicated(replicas=replicas),
    # init: most programs ignore SIGTERM as process 1, and would take the grace period of 10 s to stop.
    task=specs.TaskSpec(container=specs.ContainerSpec(image=image, args=command, init=True)),
)
create = control_pb2.CreateServiceRequest(request_id=str(uuid.uuid4()), spec=spec)
service = call("CreateService", create, control_pb2.CreateServiceResponse).service
print(f"created {service.spec.name} ({service.id})")
running = 0
until = time.monotonic() + 60
while running < replicas:
    if time.monotonic() > until:
        sys.exit(f"it does not run yet; find out with: shoal why {name}")
    time.sleep(0.2)
    running = call("GetService", control_pb2.GetRequest(id=service.id), control_pb2.GetServiceResponse).running
    print(f"{running} of {replicas} running")
