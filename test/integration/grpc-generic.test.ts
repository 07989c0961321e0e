import { loadPackageDefinition, type ServiceError } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer, loadSync } from "@grpc/proto-loader";
import { expect } from "chai";
import { RotatingCredentials } from "../../src/pki/credentials.ts";
import type { CredentialFiles } from "../../src/pki/types.ts";
import { HealthStatus } from "../../src/proto/grpc-health.ts";
import type { Listener } from "../../src/proto/rpc.ts";
import { Router } from "../../src/proto/router.ts";
import { AppError } from "../../src/util/errors.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { descriptorSet, GenericClient } from "../support/generic-client.ts";
import {
  adminFiles,
  Cleanup,
  nodeFiles,
  serveTls,
  testAuthority,
  type TestAuthority,
} from "../support/grpc-harness.ts";

async function statusOf(promise: Promise<unknown>): Promise<number> {
  try {
    await promise;
  } catch (error) {
    return (error as ServiceError).code;
  }
  return 0;
}

describe("grpc: generic clients", () => {
  const cleanup = new Cleanup();
  let ca: TestAuthority;
  let manager: CredentialFiles;
  let router: Router;
  let health: HealthStatus;
  let listener: Listener;
  let anonymous: GenericClient;
  let admin: GenericClient;

  before(async () => {
    ca = await testAuthority();
    manager = await nodeFiles(ca, "manager", newId(realEnv));
  });

  beforeEach(async () => {
    router = new Router(silentLogger);
    health = new HealthStatus();
    listener = cleanup.add(await serveTls(router, new RotatingCredentials(manager), { health }));
    anonymous = cleanup.add(new GenericClient(listener.address, manager, true));
    admin = cleanup.add(new GenericClient(listener.address, await adminFiles(ca, "ada")));
  });

  afterEach(() => cleanup.run());

  describe("health", () => {
    const definition = loadSync("proto/grpc/health/v1/health.proto", { enums: String, defaults: true });
    const check = (service: string): Promise<Record<string, unknown>> =>
      anonymous.unary(definition, "grpc.health.v1.Health", "Check", { service });

    it("answers anyone for the whole server and for each service, from when it is served", async () => {
      expect(await check("")).to.deep.equal({ status: "SERVING" });
      expect(await check("shoal.v1.Control")).to.deep.equal({ status: "NOT_SERVING" });
      router.unary("Control.GetCluster", () => Promise.resolve({}));
      expect(await check("shoal.v1.Control")).to.deep.equal({ status: "SERVING" });
      expect(await statusOf(check("shoal.v1.Nope"))).to.equal(5);
    });

    it("says what it was set to, and tells a watcher each change once", async () => {
      const watching = anonymous.stream(definition, "grpc.health.v1.Health", "Watch");
      const seen: unknown[] = [];
      const third = new Promise<void>((resolve) =>
        watching.on("data", ({ status }: { status: string }) => {
          seen.push(status);
          if (seen.length === 1) health.set("", false);
          if (seen.length === 2) {
            health.set("", false);
            health.set("", true);
          }
          if (seen.length === 3) resolve();
        }),
      );
      watching.on("error", () => undefined);
      watching.write({ service: "" });
      watching.end();
      await third;
      expect(seen).to.deep.equal(["SERVING", "NOT_SERVING", "SERVING"]);
      watching.cancel();
      health.set("", false);
      expect(await check("")).to.deep.equal({ status: "NOT_SERVING" });
    });
  });

  describe("reflection", () => {
    for (const version of ["v1", "v1alpha"] as const) {
      it(`lists our services over ${version} to an identity of the cluster`, async () => {
        const info = await admin.ask(version, { listServices: "*" });
        const names = info.listServicesResponse?.service.map(({ name }) => name);
        expect(names).to.include.members(["shoal.v1.Control", "shoal.v1.Raft", "grpc.health.v1.Health"]);
      });

      it(`refuses ${version} to anyone else`, async () => {
        expect(await statusOf(anonymous.ask(version, { listServices: "*" }))).to.equal(16);
      });
    }

    it("refuses a removed identity", async () => {
      router.setIdentityCheck(() => new AppError("denied", "removed"));
      expect(await statusOf(admin.ask("v1", { listServices: "*" }))).to.equal(7);
    });

    it("gives descriptors with which a client that has no files makes a call", async () => {
      router.unary("Control.GetCluster", (_request, { caller }) =>
        Promise.resolve({ cluster: { id: caller.kind === "admin" ? caller.name : "" } }),
      );
      const info = await admin.ask("v1", { fileContainingSymbol: "shoal.v1.Control" });
      const files = info.fileDescriptorResponse?.fileDescriptorProto ?? [];
      const definition = loadFileDescriptorSetFromBuffer(descriptorSet(files), {});
      expect(loadPackageDefinition(definition)).to.have.nested.property("shoal.v1.Control");
      const answer = await admin.unary(definition, "shoal.v1.Control", "GetCluster", {});
      expect(answer["cluster"]).to.deep.include({ id: "ada" });
    });

    it("gives descriptors as protoc writes them, so that strict clients take them", async () => {
      const info = await admin.ask("v1", { fileContainingSymbol: "shoal.v1.NodeDescription" });
      const files = info.fileDescriptorResponse?.fileDescriptorProto ?? [];
      const definition = loadFileDescriptorSetFromBuffer(descriptorSet(files), { keepCase: true });
      const { type } = definition["shoal.v1.NodeDescription"] as unknown as {
        type: { field: { name: string; typeName: string }[]; nestedType: { name: string }[] };
      };
      expect(type.field.map(({ name }) => name)).to.include.members(["engine_id", "engine_labels"]);
      // protobufjs folds map entries away again, so the raw bytes have the word.
      expect(files.some((file) => file.includes("EngineLabelsEntry"))).to.equal(true);
      expect(files.some((file) => file.includes("google.protobuf.MethodOptions"))).to.equal(false);
    });

    it("answers a question about nothing with an error in the answer", async () => {
      const info = await admin.ask("v1", { fileContainingSymbol: "no.such.Thing" });
      expect(info.errorResponse?.errorCode).to.equal(5);
    });
  });
});
