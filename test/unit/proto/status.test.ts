import { Metadata, status as Status } from "@grpc/grpc-js";
import { expect } from "chai";
import { fromGrpcStatus, toWireEnd } from "../../../src/proto/grpc-status.ts";
import { fromStatus, toStatus } from "../../../src/proto/status.ts";
import { AppError, ERROR_CODES } from "../../../src/util/errors.ts";

const context = { address: "10.0.0.1:7377", isPeerClosed: false };

function local(code: Status, details: string): { code: Status; details: string; metadata: Metadata } {
  return { code, details, metadata: new Metadata() };
}

describe("proto/status", () => {
  for (const code of ERROR_CODES) {
    it(`brings ${code} through trailers unchanged`, () => {
      const details = code === "internal" ? {} : { path: "spec.name", next: "read again" };
      const wire = toStatus(new AppError(code, "Something", details));
      const back = fromStatus(wire);
      expect(back.code).to.equal(code);
      expect(back.details).to.deep.equal(details);
      expect(wire.code).to.be.within(1, 16);
    });
  }

  it("reads a foreign server's status by its number", () => {
    expect(fromStatus({ code: 5, message: "no", trailers: {} }).code).to.equal("not-found");
    expect(fromStatus({ code: 99, message: "?", trailers: {} }).code).to.equal("internal");
  });

  it("survives details that are no object", () => {
    for (const text of ["", "nonsense", "null", "3"]) {
      const error = fromStatus({ code: 3, message: "m", trailers: { "shoal-details-bin": text } });
      expect(error.details).to.deep.equal({});
    }
  });
});

describe("proto/grpc-status", () => {
  it("takes a status with our trailer for deliberate, whatever the connection did", () => {
    const wire = toWireEnd(new AppError("unavailable", "This node is stopping"));
    const end = fromGrpcStatus(wire, { ...context, isPeerClosed: true });
    expect(end.reset).to.equal(false);
    expect(end.error?.message).to.equal("This node is stopping");
  });

  it("takes OK for an end in order", () => {
    expect(fromGrpcStatus(local(Status.OK, ""), context)).to.deep.equal({ error: null, reset: false });
  });

  const table: [string, Status, string, boolean, { reset: boolean; sent: string }][] = [
    [
      "a dropped connection the peer closed",
      Status.UNAVAILABLE,
      "Connection dropped",
      true,
      { reset: true, sent: "maybe" },
    ],
    [
      "a dropped connection nobody closed",
      Status.UNAVAILABLE,
      "Connection dropped",
      false,
      { reset: false, sent: "maybe" },
    ],
    ["ECONNRESET", Status.UNAVAILABLE, "read ECONNRESET", false, { reset: true, sent: "maybe" }],
    ["a kernel's timeout", Status.UNAVAILABLE, "read ETIMEDOUT", false, { reset: false, sent: "maybe" }],
    ["a server destroying sessions", Status.CANCELLED, "Call cancelled", true, { reset: true, sent: "maybe" }],
    ["a reset stream", Status.INTERNAL, "Received RST_STREAM with code 2", false, { reset: false, sent: "maybe" }],
    [
      "a refused connection",
      Status.UNAVAILABLE,
      "No connection established. Last error: Error: connect ECONNREFUSED 10.0.0.1:7377. Resolution note: ",
      false,
      { reset: true, sent: "no" },
    ],
    [
      "an unreachable host, although an earlier connection was closed by its peer",
      Status.UNAVAILABLE,
      "No connection established. Last error: Error: connect EHOSTUNREACH 10.0.0.1:7377 (2026-11-22T10:00:00.000Z)",
      true,
      { reset: false, sent: "no" },
    ],
  ];
  for (const [what, code, details, isPeerClosed, { reset, sent }] of table) {
    it(`calls ${what} unavailable, ${reset ? "a reset" : "no reset"}, sent ${sent}`, () => {
      const end = fromGrpcStatus(local(code, details), { ...context, isPeerClosed });
      expect(end.error?.code).to.equal("unavailable");
      expect(end.reset).to.equal(reset);
      expect(end.error?.details["sent"]).to.equal(sent);
      expect(end.error?.message)
        .to.contain("10.0.0.1:7377")
        .and.not.match(/Resolution note|T10:00/);
      expect(end.error?.details.next ?? "", "what to do where nothing was reached").to.match(
        sent === "no" ? /that a daemon runs there/ : /^$/,
      );
    });
  }

  it("says in plain words that a node other than the one that is meant answers", () => {
    const altname = (host: string): string =>
      `No connection established. Last error: Error: Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: Host: ${host}. is not in the cert's altnames: DNS:worker.shoal`;
    const worker = fromGrpcStatus(local(Status.UNAVAILABLE, altname("manager.shoal")), context).error;
    expect(worker?.message).to.equal("Cannot reach 10.0.0.1:7377: it is no manager");
    expect(worker?.details.next).to.equal("use the address of a manager: shoal node ls");
    const other = fromGrpcStatus(local(Status.UNAVAILABLE, altname("n1.node.shoal")), context).error;
    expect(other?.message).to.contain("another node answers there");
  });

  it("leaves other local statuses what they are", () => {
    expect(fromGrpcStatus(local(Status.DEADLINE_EXCEEDED, "late"), context).error?.code).to.equal("deadline");
    expect(fromGrpcStatus(local(Status.RESOURCE_EXHAUSTED, "big"), context).error?.code).to.equal("exhausted");
    expect(fromGrpcStatus(local(Status.UNIMPLEMENTED, "no"), context).error?.code).to.equal("unsupported");
  });

  it("drops details that would not fit into headers rather than the error", () => {
    const { metadata, code } = toWireEnd(new AppError("invalid", "m", { path: "x".repeat(10_000) }));
    expect(code).to.equal(3);
    expect(metadata.get("shoal-code")).to.deep.equal(["invalid"]);
    expect(metadata.get("shoal-details-bin")).to.deep.equal([]);
  });
});
