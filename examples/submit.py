"""Submits a service to a Shoal cluster from Python.

    python3 examples/submit.py [NAME] [REPLICAS] [IMAGE] [COMMAND...]

Needs grpcio and grpcio-tools (Debian: python3-grpcio python3-grpc-tools). The stubs are made from
proto/ at start; the current context says how to reach the cluster.
"""

import json
import os
import sys
import time
import uuid
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).parent.parent / "proto"))
protos, services = grpc.protos_and_services("shoal/v1/control.proto")
specs = grpc.protos("shoal/v1/specs.proto")

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
stubs = [services.ControlStub(grpc.secure_channel(host, credentials, options)) for host in context["hosts"]]


def call(method, request):
    """Asks one manager after the other; the request id makes asking again harmless."""
    failure = None
    for stub in stubs * 2:
        try:
            return getattr(stub, method)(request, timeout=5)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            failure = error
    raise failure


spec = specs.ServiceSpec(
    name=name,
    replicated=specs.Replicated(replicas=replicas),
    task=specs.TaskSpec(container=specs.ContainerSpec(image=image, args=command)),
)
service = call("CreateService", protos.CreateServiceRequest(request_id=str(uuid.uuid4()), spec=spec)).service
print(f"created {service.spec.name} ({service.id})")
running = 0
while running < replicas:
    time.sleep(0.2)
    running = call("GetService", protos.GetRequest(id=service.id)).running
    print(f"{running} of {replicas} running")
