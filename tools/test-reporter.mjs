import { writeFileSync } from 'node:fs';

/**
 * Counts tests, and collects the skipped ones by suite with the reason: the note of `context.skip(note)`, or
 * `[skipped: reason]` in the suite's title. Writes them where `BPFLEET_TEST_RESULT` says; `tools/test.mjs` prints them.
 */
export default class TestReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const result = { passed: 0, failed: unhandledErrors.length, skipped: new Map() };
    for (const module of modules) {
      // A file that could not be loaded, or whose hooks failed, has errors and maybe no tests.
      if (module.errors().length > 0) result.failed++;
      for (const test of module.children.allTests()) this.#count(test, result);
      for (const suite of module.children.allSuites()) result.failed += suite.errors().length;
    }
    const { passed, failed } = result;
    writeFileSync(
      process.env.BPFLEET_TEST_RESULT,
      JSON.stringify({ passed, failed, skipped: [...result.skipped.values()] }),
    );
  }

  #count(test, result) {
    const { state, note } = test.result();
    if (state === 'passed') result.passed++;
    else if (state === 'failed') result.failed++;
    else {
      const title = /^(.*?)\s*\[skipped: (.*)\]/.exec(test.fullName);
      const name = `${test.module.relativeModuleId}${title ? ` > ${title[1]}` : ''}`;
      const reason = note ?? title?.[2] ?? `no reason given for "${test.fullName}"`;
      const entry = result.skipped.get(name + reason) ?? { name, reason, tests: 0 };
      entry.tests++;
      result.skipped.set(name + reason, entry);
    }
  }
}
