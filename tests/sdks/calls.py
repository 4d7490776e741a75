"""What both scripts share: a task in on stdin, what came of each call out on stdout.

The task is one JSON object; `keys` in it are tried in order. The answer is a JSON list with an
object for every call: service, key, call, and either `result` or the status and code of the
refusal. Whatever else goes wrong ends the script, with its traceback on stderr.
"""

import json
import sys


def task():
    return json.load(sys.stdin)


class Calls:
    def __init__(self, refused):
        """`refused` tells status and code of an exception, or None if it is no refusal."""
        self.refused = refused
        self.lines = []

    def make(self, service, key, call, function):
        """Makes one call and gives what it gave, or None if it was refused."""
        line = {"service": service, "key": key, "call": call}
        self.lines.append(line)
        try:
            line["result"] = function()
        except Exception as exception:
            refusal = self.refused(exception)
            if refusal is None:
                raise
            line["status"], line["code"] = refusal
        return line.get("result")

    def tell(self):
        json.dump(self.lines, sys.stdout)
