#!/usr/bin/env python3
"""Makes this folder's files from the logs of a recording: convert.py LOGS FOLDER

A log of the proxy is a file wire-v4-SCENARIO-VERSION.jsonl with one HTTP exchange a line: `time`, `listener`, `request`
and `response`, these two with `line`, `headers` (pairs, in order), `body` (parsed) and `body_text`. A log of the control
sockets is a file admin-v4-SCENARIO-VERSION.json or commands-v4-VERSION.json, a list of `channel`, `server`, `request`
and `response`. What becomes of them is told in README.md.
"""

import email.utils
import glob
import ipaddress
import json
import os
import sys

TIMES = ("cltt", "expire")
# What a control agent answers that stands before the server, not the server.
AGENT = ("You did not include", "forwarding socket", "unable to forward")
YEAR = 365 * 24 * 3600


def main(logs, folder):
    for path in sorted(glob.glob(os.path.join(logs, "wire-*v4-*.jsonl"))):
        name = os.path.basename(path).removesuffix(".jsonl").removeprefix("wire-").replace("v4-", "")
        with open(path) as log:
            exchanges = [json.loads(line) for line in log]
        lines = list(convert(name, exchanges))
        with open(os.path.join(folder, name + ".jsonl"), "w") as out:
            out.writelines(compact(line) + "\n" for line in lines)


    for path in sorted(glob.glob(os.path.join(logs, "admin-*v4-*.json")) + glob.glob(os.path.join(logs, "commands-v4-*.json"))):
        name = os.path.basename(path).removesuffix(".json").replace("v4-", "")
        with open(path) as log:
            entries = [entry for entry in json.load(log) if wanted(entry, name.startswith("admin-"))]
        with open(os.path.join(folder, name + ".jsonl"), "w") as out:
            out.writelines(compact(line) + "\n" for line in commands(entries))


def compact(line):
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False)


def convert(name, exchanges):
    base = int(exchanges[0]["time"])
    servers, hosts, seen = {}, {}, {}
    for number, exchange in enumerate(exchanges):
        listener = exchange["listener"]
        leases = hosts.setdefault(listener.split(":")[0], {})
        server = servers.setdefault(listener, Server(leases))
        server.returns_to(state_after_maintenance(exchanges[number:], listener))
        line = one(exchange, server, base)
        if line is None:
            continue
        # The same again, at another time, tells nothing new.
        key = json.dumps({k: v for k, v in line.items() if k != "at"}, sort_keys=True)
        if "date-time" in key:
            key = key.replace(relative(line["at"]), "")
        if "given" in line or key not in seen:
            seen[key] = True
            yield line


def state_after_maintenance(exchanges, listener):
    """The state that a server names when the maintenance that begins here is cancelled: it was in it before."""
    notices = [e for e in exchanges if e["listener"] == listener and named(e) == "ha-maintenance-notify"]
    if len(notices) < 2 or notices[0] is not exchanges[0] or notices[0]["request"]["body"]["arguments"]["cancel"]:
        return None
    answers = notices[1]["response"]["body"]
    return answers[0].get("arguments", {}).get("state") if isinstance(answers, list) else None


def named(exchange):
    body = exchange["request"]["body"]
    return body.get("command") if isinstance(body, dict) else None


def wanted(entry, is_pair):
    """Commands of High Availability and of leases; what is no command; what was seen of states meanwhile."""
    if entry.get("channel") != "unix":
        return bool(states(entry))
    request = entry["request"]
    command = request.get("command") if isinstance(request, dict) else None
    return not isinstance(command, str) or command.startswith(("ha-", "dhcp-", "lease4-", "no-such")) or is_pair and command == "status-get"


def states(entry):
    """The last of the states that were sampled: for each server its state, scopes and unsent updates."""
    samples = next((value for key, value in entry.items() if key.startswith("state_changes")), None)
    return samples[-1][1:] if samples else []


def commands(entries):
    """The exchanges of the control sockets, each with what had to be so before."""
    base = next((lease["cltt"] for entry in entries for lease in listed(entry.get("response"))), 0)
    servers, seen = {}, set()
    for number, entry in enumerate(entries):
        for place, sample in enumerate(states(entry)):
            if isinstance(sample, list) and len(sample) == 3:
                standing = dict(zip(("state", "scopes", "unsent"), sample))
                servers.setdefault(f"server{place + 1}", Server({})).sampled = standing
        if "server" not in entry:
            continue
        server = servers.setdefault(entry["server"], Server({}))
        request, response = entry["request"], entry["response"] or None
        line = {"to": entry["server"]}
        given = {}
        if isinstance(request, dict):
            line["ask"] = variable(request, base)
            given = server.before_command(request, response) if response else {}
            if server.sampled and "standing" not in given:
                given["standing"] = server.sampled
            server.sampled = None
            later = [lease for e in entries[number:] if e.get("server") == entry["server"] for lease in listed(e["response"])]
            address = (request.get("arguments") or {}).get("ip-address") if changes(request) else None
            times = [lease["cltt"] - base for lease in later if lease["ip-address"] == address]
            if times and "expire" not in request["arguments"]:
                line["at"] = times[0]
        else:
            line["text"] = request
        if response and "high-availability" in response.get("arguments", {}):
            told = response["arguments"]
            response = {"arguments": {key: told[key] for key in ("dhcp-state", "high-availability") if key in told}}
        if given:
            line["given"] = variable(given, base)
        line["answer"] = variable(response, base)
        if response and "date-time" in str(response):
            line["date"] = response["arguments"]["date-time"]
            line["answer"]["arguments"]["date-time"] = "t+0"
        key = json.dumps({k: v for k, v in line.items() if k != "date"}, sort_keys=True)
        line.pop("date", None)
        if given or key not in seen:
            seen.add(key)
            yield line


def standing(servers):
    """Where a server stands in a relationship, by its status."""
    local, remote = servers["local"], servers.get("remote", {})
    return {
        "state": local["state"],
        "scopes": local["scopes"],
        "partner": {"state": remote.get("last-state", ""), "scopes": remote.get("last-scopes", [])},
        "silent": remote.get("communication-interrupted", False),
    }


def changes(request):
    return request.get("command") in ("lease4-add", "lease4-update", "lease4-del")


def listed(response):
    """The leases of an answer."""
    told = response.get("arguments") if isinstance(response, dict) else None
    if not isinstance(told, dict):
        return []
    return [told] if "cltt" in told else told.get("leases", [])


def one(exchange, server, base):
    request, response = exchange["request"], exchange["response"]
    if not response or not response.get("line") or any(words in response["body_text"] for words in AGENT):
        return None
    headers = dict(response["headers"])
    at = int(email.utils.parsedate_to_datetime(headers["Date"]).timestamp()) - base
    line = {"at": at, "to": exchange["listener"]}
    names = [header for header, _ in request["headers"]]
    if "Accept-Encoding" in names:
        line["client"] = True
    if request["line"] != "POST / HTTP/1.1":
        line["line"] = request["line"]
    line["headers"] = [pair for pair in request["headers"] if pair[0] != "Accept-Encoding"]
    body, answer = request["body"], response["body"]
    given = {}
    if isinstance(body, dict):
        line["ask"] = variable(body, base)
        given = server.before(body, answer)
    else:
        line["text"] = request["body_text"]
    if given:
        line["given"] = variable(given, base)
    if response["line"] != "HTTP/1.1 200 OK":
        line["status"] = response["line"]
    if [header for header, _ in response["headers"]] != ["Content-Length", "Content-Type", "Date"]:
        line["answer-headers"] = response["headers"]
    if isinstance(answer, list) and isinstance(body, dict) and body.get("command") == "version-get":
        del answer[0]["arguments"]
    line["answer"] = variable(answer, base)
    return line


class Server:
    """What is known of a server: where its state machine stands, and its leases."""

    def __init__(self, leases):
        self.standing, self.leases, self.scopes, self.next, self.sampled = {}, leases, {}, None, None

    def returns_to(self, state):
        self.next = state

    def before(self, body, answers):
        """What has to be so that was not so yet, for the server to give this answer."""
        answer = answers[0] if isinstance(answers, list) else answers
        command, arguments, given = body.get("command"), body.get("arguments") or {}, {}
        text, told = answer.get("text", ""), answer.get("arguments", {})
        if command == "ha-heartbeat" and answer["result"] == 0:
            standing = {key: told[key] for key in ("state", "scopes")}
            standing["unsent"] = told["unsent-update-count"]
            self.scopes[told["state"]] = told["scopes"]
            if standing != self.standing:
                self.standing = given["standing"] = standing
        elif command == "ha-maintenance-notify" and self.next not in (None, self.standing.get("state")):
            scopes = self.scopes[self.next]
            self.standing = given["standing"] = {**self.standing, "state": self.next, "scopes": scopes}
        elif command == "ha-reset" and text == "HA state machine already in WAITING state.":
            self.standing = given["standing"] = {**self.standing, "state": "waiting", "scopes": []}
        elif command == "lease4-get-page" and answer["result"] in (0, 3):
            given = self.page(arguments, told["leases"])
        elif command in ("lease4-update", "lease4-del") and "ip-address" in arguments:
            given = self.change(command, arguments, text)
        elif command == "lease4-del" and text == "IPv4 lease deleted.":
            held = [a for a, it in self.leases.items() if it["hw-address"] == arguments.get("identifier")]
            for address in held:
                del self.leases[address]
        return given

    def before_command(self, request, response):
        """The same for a command of an administrator."""
        command, arguments = request.get("command"), request.get("arguments") or {}
        told = response.get("arguments") or {}
        if "high-availability" in told:
            return self.status(told)
        if command == "ha-heartbeat" and response["result"] == 0:
            return self.before(request, response)
        text, address, given = response.get("text", ""), arguments.get("ip-address"), {}
        if command.startswith("lease4-get"):
            given = self.listing(command, arguments, listed(response), response["result"])
        elif command == "lease4-add" and text.endswith(" added.") and address in self.leases:
            given["lacks"] = [address]
        elif command in ("lease4-update", "lease4-del") and address:
            given = self.change(command, arguments, text)
        if changes(request) and response["result"] == 0 and command != "lease4-del":
            # What became of it is for the one who answers to show.
            self.leases[address] = None
        if command == "lease4-wipe":
            self.leases.clear()
        return given

    def status(self, told):
        first, *others = [standing(relationship["ha-servers"]) for relationship in told["high-availability"]]
        if others:
            first["also"] = others[0]
        return {"standing": first}

    def listing(self, command, arguments, leases, result):
        told = {lease["ip-address"]: lease for lease in leases}
        if command == "lease4-get-page" and result in (0, 3):
            return self.page(arguments, leases)
        lacks = [a for a in self.leases if a not in told] if command == "lease4-get-all" and not arguments else []
        if command == "lease4-get" and result == 3 and arguments.get("ip-address") in self.leases:
            lacks = [arguments["ip-address"]]
        holds = [lease for a, lease in told.items() if self.leases.get(a, 0) not in (lease, None)]
        for address in lacks:
            del self.leases[address]
        self.leases.update({lease["ip-address"]: lease for lease in holds})
        return {key: value for key, value in (("holds", holds), ("lacks", lacks)) if value}

    def page(self, arguments, leases):
        first = number("0.0.0.0" if arguments["from"] == "start" else arguments["from"])
        last = number(leases[-1]["ip-address"]) if len(leases) == arguments["limit"] else 2**32
        told = {lease["ip-address"]: lease for lease in leases}
        lacks = [a for a in self.leases if first < number(a) <= last and a not in told]
        holds = [lease for a, lease in told.items() if self.leases.get(a, 0) not in (lease, None)]
        for address in lacks:
            del self.leases[address]
        self.leases.update({lease["ip-address"]: lease for lease in holds})
        return {key: value for key, value in (("holds", holds), ("lacks", lacks)) if value}

    def change(self, command, arguments, text):
        address, given = arguments["ip-address"], {}
        lease = {key: value for key, value in arguments.items() if key not in ("expire", "force-create", "origin", "foo")}
        if "expire" in arguments and "valid-lft" in arguments:
            lease["cltt"] = arguments["expire"] - arguments["valid-lft"]
        if text in ("IPv4 lease updated.", "IPv4 lease deleted.") and address not in self.leases:
            given["holds"] = [lease]
        if text in ("IPv4 lease added.", "IPv4 lease not found.") and address in self.leases:
            given["lacks"] = [address]
        if text in ("IPv4 lease deleted.", "IPv4 lease not found."):
            self.leases.pop(address, None)
        elif text in ("IPv4 lease added.", "IPv4 lease updated."):
            self.leases[address] = lease
        return given


def variable(value, base):
    """The same with each time told from the beginning of the recording."""
    if isinstance(value, list):
        return [variable(item, base) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: moment(key, item, base) for key, item in value.items()}


def moment(key, value, base):
    if key in TIMES and isinstance(value, int) and abs(value - base) < 200 * YEAR and value > YEAR:
        return relative(value - base)
    if key == "date-time":
        return relative(int(email.utils.parsedate_to_datetime(value).timestamp()) - base)
    return variable(value, base)


def relative(seconds):
    return f"t{seconds:+}"


def number(address):
    return int(ipaddress.ip_address(address))


if __name__ == "__main__":
    main(*sys.argv[1:])
