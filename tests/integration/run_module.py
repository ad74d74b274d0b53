"""Runs one test module of the folder it is called in: a line a test, the reason of each skip, and a count at the end."""
import os
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path.cwd()), str(Path(__file__).resolve().parent)]


class Result(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def say(self, word, test, more=""):
        if word == "FAIL":
            os.environ["TEST_FAILED"] = "1"
        print(f"{word} {test.id()} ({time.monotonic() - getattr(self, 'started', time.monotonic()):.1f} s){more}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed = getattr(self, "passed", 0) + 1
        self.say("ok  ", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("FAIL", test, "\n" + self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.say("FAIL", test, "\n" + self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say("skip", test, f": {reason}")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.say("FAIL", subtest, "\n" + self._exc_info_to_string(err, test))


# A shell starts what it puts into the background deaf to ^C, and so all that this starts; some tests are about ^C.
signal.signal(signal.SIGINT, signal.default_int_handler)
suite = unittest.defaultTestLoader.loadTestsFromName(sys.argv[1])
if len(sys.argv) > 2:
    def flatten(tests):
        for test in tests:
            if isinstance(test, unittest.TestSuite):
                yield from flatten(test)
            else:
                yield test
    suite = unittest.TestSuite(test for test in flatten(suite) if sys.argv[2] in test.id())
result = Result()
suite.run(result)
print(f"{getattr(result, 'passed', 0)} passed, {len(result.failures) + len(result.errors)} failed, {len(result.skipped)} skipped")
sys.exit(0 if result.wasSuccessful() else 1)
