import { expect } from "chai";
import { parseSchedule } from "../../../src/model/cron-schedule.ts";
import { AppError } from "../../../src/util/errors.ts";

const BERLIN = "Europe/Berlin";

function times(schedule: string, timeZone: string, from: string, count: number): string[] {
  const parsed = parseSchedule({ schedule, timeZone });
  const found: string[] = [];
  for (let ms = Date.parse(from); found.length < count;) {
    ms = parsed.next(ms) ?? Infinity;
    found.push(new Date(ms).toISOString().slice(0, 16));
  }
  return found;
}

function refusal(schedule: string, timeZone = ""): AppError {
  try {
    parseSchedule({ schedule, timeZone });
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error(`${schedule} was not refused`);
}

describe("model/cron-schedule", () => {
  it("fires at local times of its zone, and in UTC without one", () => {
    expect(times("30 2 * * *", BERLIN, "2026-01-10T12:00Z", 2)).to.deep.equal(["2026-01-11T01:30", "2026-01-12T01:30"]);
    expect(times("30 2 * * *", "", "2026-01-10T12:00Z", 1)).to.deep.equal(["2026-01-11T02:30"]);
    expect(times("@hourly", "", "2026-01-10T12:00Z", 2)).to.deep.equal(["2026-01-10T13:00", "2026-01-10T14:00"]);
  });

  it("takes seconds before the other fields", () => {
    const parsed = parseSchedule({ schedule: "*/20 * * * * *", timeZone: "" });
    expect(parsed.next(0)).to.equal(20_000);
    expect(parsed.next(20_000)).to.equal(40_000);
  });

  it("names the last time before one, and does not count that one itself", () => {
    const parsed = parseSchedule({ schedule: "*/5 * * * *", timeZone: "" });
    expect(parsed.previous(600_000)).to.equal(300_000);
    expect(parsed.previous(600_001)).to.equal(600_000);
  });

  describe("where summer time begins (02:00 becomes 03:00 on 29 March 2026)", () => {
    const NIGHT = "2026-03-28T23:30Z";
    it("a fixed time in the gap fires right after it, once", () => {
      expect(times("30 2 * * *", BERLIN, NIGHT, 2)).to.deep.equal(["2026-03-29T01:00", "2026-03-30T00:30"]);
      expect(times("30 2,14 * * *", BERLIN, NIGHT, 2)).to.deep.equal(["2026-03-29T01:00", "2026-03-29T12:30"]);
    });
    it("an interval goes on as the hours pass", () => {
      expect(times("0 * * * *", BERLIN, NIGHT, 3)).to.deep.equal([
        "2026-03-29T00:00",
        "2026-03-29T01:00",
        "2026-03-29T02:00",
      ]);
    });
  });

  describe("where summer time ends (03:00 becomes 02:00 on 25 October 2026)", () => {
    const NIGHT = "2026-10-24T22:00Z";
    it("a fixed time that comes twice fires the first time only", () => {
      expect(times("30 2 * * *", BERLIN, NIGHT, 2)).to.deep.equal(["2026-10-25T00:30", "2026-10-26T01:30"]);
    });
    it("an interval fires through both hours", () => {
      expect(times("30 * * * *", BERLIN, NIGHT, 4)).to.deep.equal([
        "2026-10-24T22:30",
        "2026-10-24T23:30",
        "2026-10-25T00:30",
        "2026-10-25T01:30",
      ]);
    });
  });

  it("knows zones with odd offsets and leap years", () => {
    expect(times("0 0 * * *", "Asia/Kathmandu", "2026-01-10T12:00Z", 1)).to.deep.equal(["2026-01-10T18:15"]);
    expect(times("0 0 29 2 *", "", "2026-01-01T00:00Z", 1)).to.deep.equal(["2028-02-29T00:00"]);
  });

  for (const schedule of [
    "",
    "* * * *",
    "* * * * * * 2027",
    "61 * * * *",
    "* * * * MOON",
    "2027-01-01T00:00:00",
    "@reboot",
    "@never",
    `${"1,".repeat(200)}1 * * * *`,
  ]) {
    it(`refuses "${schedule.slice(0, 30)}" by its path and says how to write one`, () => {
      const { code, details } = refusal(schedule);
      expect([code, details.path]).to.deep.equal(["invalid", "spec.cron.schedule"]);
      expect(details.next).to.include("*/5 * * * *");
    });
  }

  it("refuses what never comes", () => {
    expect(refusal("0 0 30 2 *").message).to.include("never comes");
  });

  it("refuses a time zone there is none of", () => {
    expect(refusal("* * * * *", "Mars/Olympus").details.path).to.equal("spec.cron.timeZone");
  });
});
