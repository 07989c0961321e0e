// Mocha's spec reporter plus one line, alone and last: what scripts/test adds up and CI reads.
import mocha from "mocha";

export default class CountingSpec extends mocha.reporters.Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
  }
}
