import { expect } from "chai";
import { unframed } from "../../../../../src/agent/executor/docker/exec-probe.ts";
import {
  addressOf,
  defaultGateway,
  reachOf,
  type NetworkInfo,
  type Surroundings,
} from "../../../../../src/agent/executor/docker/reach.ts";

const info: NetworkInfo = {
  NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.5", Gateway: "172.17.0.1" } } },
};
const host: Surroundings = {
  interfaces: ["127.0.0.1/8", "192.168.1.10/24", "172.17.0.1/16"],
  isInContainer: false,
  gateway: "192.168.1.1",
  engineHost: "",
};
/** An agent in a container of its own, with the engine's socket. */
const inside: Surroundings = {
  interfaces: ["127.0.0.1/8", "172.18.0.7/16"],
  isInContainer: true,
  gateway: "172.18.0.1",
  engineHost: "",
};
const port = { target: 80, published: 30_080, protocol: "TCP" as const, hostIp: "" };

describe("agent/executor/docker/reach", () => {
  it("goes straight to the container from the machine of its engine, to any port", () => {
    expect(addressOf(9_999, reachOf(info, host), [])).to.deep.equal({ host: "172.17.0.5", port: 9_999, lingerMs: 0 });
  });

  it("goes straight to it from a container on the same network", () => {
    const neighbour = { ...inside, interfaces: ["172.18.0.7/16", "172.17.0.9/16"] };
    expect(reachOf(info, neighbour).direct).to.equal("172.17.0.5");
  });

  it("goes by the published port from a container elsewhere, through its gateway, and does not trust a mere accept", () => {
    const reach = reachOf(info, inside);
    expect(addressOf(80, reach, [port])).to.deep.equal({ host: "172.18.0.1", port: 30_080, lingerMs: 250 });
  });

  it("has no way to a port that is not published, or to one of UDP, from there", () => {
    const reach = reachOf(info, inside);
    expect(addressOf(81, reach, [port])).to.equal(null);
    expect(addressOf(80, reach, [{ ...port, protocol: "UDP" }])).to.equal(null);
  });

  it("goes where a port is published, if that is one address", () => {
    const reach = reachOf(info, inside);
    expect(addressOf(80, reach, [{ ...port, hostIp: "10.0.0.3" }])).to.include({ host: "10.0.0.3", port: 30_080 });
  });

  it("goes by loopback where an engine hides its networks, as one without root does", () => {
    const rootless = { ...host, interfaces: ["127.0.0.1/8", "192.168.1.10/24"] };
    expect(addressOf(80, reachOf(info, rootless), [port])).to.include({ host: "127.0.0.1", port: 30_080 });
  });

  it("never takes this machine's address for one of an engine elsewhere", () => {
    const remote = { ...host, engineHost: "engine.example" };
    expect(reachOf(info, remote)).to.deep.equal({ direct: null, publishedAt: "engine.example" });
  });

  it("takes the first of several networks that is near", () => {
    const several: NetworkInfo = {
      NetworkSettings: {
        Networks: {
          far: { IPAddress: "10.9.0.5", Gateway: "10.9.0.1" },
          none: { IPAddress: "", Gateway: "" },
          near: { IPAddress: "172.18.0.5", Gateway: "172.18.0.1" },
        },
      },
    };
    expect(reachOf(several, inside).direct).to.equal("172.18.0.5");
  });

  it("reads the default route of Linux", () => {
    const head = "Iface\tDestination\tGateway\tFlags\n";
    expect(defaultGateway(`${head}eth0\t00000000\t010012AC\t0003\n`)).to.equal("172.18.0.1");
    expect(defaultGateway(`${head}eth0\t000012AC\t00000000\t0001\n`)).to.equal("");
    expect(defaultGateway("")).to.equal("");
  });
});

describe("agent/executor/docker/exec-probe", () => {
  const frame = (text: string): Buffer => {
    const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
    header.writeUInt32BE(text.length, 4);
    return Buffer.concat([header, Buffer.from(text)]);
  };

  it("joins the frames of a command's output, a cut one as far as it goes", () => {
    expect(unframed(Buffer.concat([frame("one "), frame("two")]))).to.equal("one two");
    expect(unframed(Buffer.concat([frame("one"), frame("cut short").subarray(0, 11)]))).to.equal("onecut");
    expect(unframed(Buffer.alloc(5))).to.equal("");
  });
});
