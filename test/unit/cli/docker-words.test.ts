import { Command } from "commander";
import { expect } from "chai";
import { instead } from "../../../src/cli/docker-words.ts";
import { createFlags, updateFlags } from "../../../src/cli/service-flags.ts";

/** Of docker service create and update 24, but for those that have to do with Docker's own client. */
const DOCKERS = `cap-add cap-drop config config-add config-rm constraint constraint-add constraint-rm container-label
  container-label-add container-label-rm credential-spec detach dns dns-add dns-option dns-option-add dns-option-rm dns-rm
  dns-search dns-search-add dns-search-rm endpoint-mode entrypoint env env-add env-file env-rm force generic-resource
  generic-resource-add generic-resource-rm group group-add group-rm health-cmd health-interval health-retries
  health-start-interval health-start-period health-timeout host-add host-rm hostname image init isolation label label-add
  label-rm limit-cpu limit-memory limit-pids log-driver log-opt max-concurrent mode mount mount-add mount-rm name network
  network-add network-rm no-healthcheck no-resolve-image placement-pref placement-pref-add placement-pref-rm publish
  publish-add publish-rm quiet read-only replicas replicas-max-per-node reserve-cpu reserve-memory restart-condition
  restart-delay restart-max-attempts restart-window rollback rollback-delay rollback-failure-action
  rollback-max-failure-ratio rollback-monitor rollback-order rollback-parallelism secret secret-add secret-rm
  stop-grace-period stop-signal sysctl sysctl-add sysctl-rm tty ulimit ulimit-add ulimit-rm update-delay
  update-failure-action update-max-failure-ratio update-monitor update-order update-parallelism user with-registry-auth
  workdir args`.split(/\s+/);

describe("cli/docker-words", () => {
  it("knows every flag of docker service create and update, or says what to do instead", () => {
    const flags = [createFlags(new Command()), updateFlags(new Command())].flatMap(({ options }) => options);
    const known = new Set(flags.map(({ long }) => long));
    const lost = DOCKERS.map((name) => `--${name}`).filter((flag) => !known.has(flag) && instead("", flag) === null);
    expect(lost).to.deep.equal([]);
  });

  it("says of no flag that is there that it is not", () => {
    const flags = [createFlags(new Command()), updateFlags(new Command())].flatMap(({ options }) => options);
    expect(flags.map(({ long }) => long ?? "").filter((flag) => instead("", flag) !== null)).to.deep.equal([]);
  });

  it("leads from the words for one task to what ends it", () => {
    for (const word of ["stop", "kill", "restart", "delete", "remove"])
      expect(instead("shoal task", word)).to.match(/^shoal task rm TASK/);
    expect(instead("shoal", "kill")).to.match(/^shoal task rm TASK/);
    expect(instead("shoal task", "frobnicate")).to.equal(null);
  });
});
