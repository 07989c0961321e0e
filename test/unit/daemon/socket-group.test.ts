import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { giveToAdmins, groupId } from "../../../src/daemon/socket-group.ts";

describe("daemon/socket-group", () => {
  const folder = mkdtempSync(join(tmpdir(), "shoal-group-"));
  after(() => rmSync(folder, { recursive: true }));

  it("finds a group by its whole name", () => {
    const groups = "root:x:0:\nshoals:x:7:\nshoal:x:990:ann,bob\nbroken\n";
    expect(groupId(groups, "shoal")).to.equal(990);
    expect(groupId(groups, "hoal")).to.equal(null);
    expect(groupId("shoal:x::\n", "shoal")).to.equal(null);
  });

  it("gives a file to the group, and leaves it alone where there is no such group", async () => {
    const path = join(folder, "socket");
    const groupFile = join(folder, "group");
    writeFileSync(path, "");
    const own = statSync(path).gid;
    writeFileSync(groupFile, "root:x:0:\n");
    expect(await giveToAdmins(path, groupFile)).to.equal(false);
    // One's own group is what one may always give to.
    writeFileSync(groupFile, `shoal:x:${own}:\n`);
    expect(await giveToAdmins(path, groupFile)).to.equal(true);
    expect(statSync(path).gid).to.equal(own);
    expect(await giveToAdmins(join(folder, "none"), groupFile)).to.equal(false);
  });
});
