import { expect } from "chai";
import {
  parseEnvFile,
  parseMount,
  parsePort,
  parsePortName,
  splitWords,
  withEnv,
} from "../../../src/cli/value-syntax.ts";
import type { Mount, PortSpec } from "../../../src/model/index.ts";

describe("cli/value-syntax", () => {
  const tcp: PortSpec = { target: 80, published: 0, protocol: "TCP", hostIp: "" };
  const ports: [string, Partial<PortSpec>][] = [
    ["80", {}],
    [":80", {}],
    ["0:80", {}],
    ["8080:80", { published: 8080 }],
    ["8080:80/udp", { published: 8080, protocol: "UDP" }],
    ["8080:80/TCP", { published: 8080 }],
    ["127.0.0.1:8080:80", { published: 8080, hostIp: "127.0.0.1" }],
    ["127.0.0.1::80", { hostIp: "127.0.0.1" }],
    ["[::1]:8080:80", { published: 8080, hostIp: "::1" }],
    ["target=80", {}],
    ["published=8080,target=80,protocol=udp,mode=host", { published: 8080, protocol: "UDP" }],
    ["target=80,published=8080,host-ip=127.0.0.1", { published: 8080, hostIp: "127.0.0.1" }],
  ];
  for (const [text, wanted] of ports) {
    it(`reads the port ${text}`, () => expect(parsePort(text)).to.deep.equal({ ...tcp, ...wanted }));
  }

  const wrongPorts: [string, RegExp][] = [
    ["", /is not \[IP:\]/],
    ["http", /is not \[IP:\]/],
    ["80:80:80:80", /is not \[IP:\]/],
    ["80/sctp", /"sctp" is not tcp or udp/],
    ["0", /target: 0 is not a port from 1/],
    ["70000:80", /published: 70000 is not a port/],
    ["8000-8010:80", /range of ports/],
    ["target=80,protocol=sctp", /"sctp" is not tcp or udp/],
    ["published=80", /has no target/],
    ["target=80,prot=tcp", /unknown key "prot"/],
    ["target=80,mode=ingress", /mode=ingress is not there yet/],
    ["target=80,mode=odd", /mode "odd"/],
    ["target=x", /target: "x" is not a whole number/],
  ];
  for (const [text, message] of wrongPorts) {
    it(`refuses the port "${text}"`, () => expect(() => parsePort(text)).to.throw(message));
  }

  it("names a port to remove by its target and perhaps its protocol", () => {
    expect(parsePortName("80")).to.deep.equal({ target: 80, protocol: null });
    expect(parsePortName("53/udp")).to.deep.equal({ target: 53, protocol: "UDP" });
    expect(() => parsePortName("80:80")).to.throw(/is not TARGET/);
  });

  const volume: Mount = {
    type: "VOLUME",
    source: "",
    target: "/data",
    readOnly: false,
    tmpfsSizeBytes: 0,
    shared: false,
    driver: "",
    driverOptions: {},
    local: false,
  };
  const mounts: [string, Partial<Mount>][] = [
    ["data:/data", { source: "data" }],
    ["data:/data:ro", { source: "data", readOnly: true }],
    ["/srv:/data:rw", { type: "BIND", source: "/srv" }],
    ["type=volume,source=data,target=/data", { source: "data" }],
    ["type=bind,src=/nfs,dst=/data,shared", { type: "BIND", source: "/nfs", shared: true }],
    ["type=bind,src=/srv/a=b,dst=/data,readonly", { type: "BIND", source: "/srv/a=b", readOnly: true }],
    ["type=bind,source=/srv,destination=/data,ro=false", { type: "BIND", source: "/srv" }],
    ["type=tmpfs,target=/data,tmpfs-size=64m", { type: "TMPFS", tmpfsSizeBytes: 64 * 2 ** 20 }],
    [
      'type=volume,source=nfs,target=/data,volume-driver=local,volume-opt=type=nfs,"volume-opt=o=addr=10.0.0.1,rw"',
      { source: "nfs", driver: "local", driverOptions: { type: "nfs", o: "addr=10.0.0.1,rw" } },
    ],
    ["source=disk,target=/data,volume-driver=zfs:1,local", { source: "disk", driver: "zfs:1", local: true }],
    ['"source=a","target=/data"', { source: "a" }],
    ["target=/data", {}],
  ];
  for (const [text, wanted] of mounts) {
    it(`reads the mount ${text}`, () => expect(parseMount(text)).to.deep.equal({ ...volume, ...wanted }));
  }

  const wrongMounts: [string, RegExp][] = [
    ["/data", /is not SOURCE:TARGET/],
    ["a:/b:rx", /is not SOURCE:TARGET/],
    ["a:/b:ro:z", /is not SOURCE:TARGET/],
    ["type=volume,source=a", /has no target/],
    ["type=npipe,target=/a", /"npipe" is not bind, volume or tmpfs/],
    ['target=/a,"volume-opt=o=a,b', /double quote out of place/],
    ['target=/a,volume-opt="o=a"', /double quote out of place/],
    ["target=/a,bind-propagation=shared", /unknown key "bind-propagation"/],
    ["target=/a,readonly=perhaps", /"perhaps" is not true or false/],
    ["type=tmpfs,target=/a,tmpfs-size=big", /"big" is not a size/],
  ];
  for (const [text, message] of wrongMounts) {
    it(`refuses the mount "${text}"`, () => expect(() => parseMount(text)).to.throw(message));
  }

  const words: [string, string[]][] = [
    ["", []],
    ["a  b\tc", ["a", "b", "c"]],
    [`sh -c 'a "b" c'`, ["sh", "-c", 'a "b" c']],
    [`"a 'b'" c`, ["a 'b'", "c"]],
    [String.raw`a\ b "c\"d" 'e\f' "\n"`, ["a b", 'c"d', String.raw`e\f`, String.raw`\n`]],
    [`--x="a b"c`, ["--x=a bc"]],
    [`''`, [""]],
    [`'a\nb'`, ["a\nb"]],
  ];
  for (const [text, wanted] of words) {
    it(`splits ${JSON.stringify(text)} as a shell does`, () =>
      expect(splitWords(text, "--args")).to.deep.equal(wanted));
  }

  it("refuses words with an open quote", () => {
    expect(() => splitWords(`a "b`, "--args")).to.throw(/--args/);
    expect(() => splitWords("a\\", "--args")).to.throw(/--args/);
  });

  it("reads an env file with comments, blank lines and names that take the caller's value", () => {
    const text = "\uFEFF# first\r\nA=1\r\n\r\n  B=x # not a comment\nHOME\nC=\n";
    const entries = parseEnvFile(text, "f.env");
    expect(entries).to.deep.equal(["A=1", "B=x # not a comment", "HOME", "C="]);
    expect(withEnv([], { add: entries }, { HOME: "/root" })).to.deep.equal([
      "A=1",
      "B=x # not a comment",
      "HOME=/root",
      "C=",
    ]);
  });

  it("names file and line of an env file that is wrong", () => {
    expect(() => parseEnvFile("A=1\nexport B=2", "f.env")).to.throw(/f\.env:2/);
  });
});
