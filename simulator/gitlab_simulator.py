#!/usr/bin/python3
"""Runs the simulator of GitLab and GitHub until SIGTERM or SIGINT. See README.md."""

import argparse
import errno
import ipaddress
import json
import os
import signal
import sys
import threading
from pathlib import Path

from simulator.application import Simulator
from simulator.certificates import Authority
from simulator.control import Control
from simulator.github_app import APP_ID
from simulator.github_sample import ORGANIZATION_INSTALLATION, SUSPENDED_INSTALLATION, USER_INSTALLATION
from simulator.http_server import Server

SHOWN_TOKENS = ("good", "readOnly", "expiring", "expired", "revoked", "rateLimited")


def arguments():
    parser = argparse.ArgumentParser(description="A strict GitLab and a strict GitHub for the demo and the tests, on loopback.")
    parser.add_argument("--dir", required=True, type=Path, help="keeps the CA, the ports and the repositories")
    parser.add_argument("--port", type=int, help="HTTPS port; by default that of the last start, if it is free")
    parser.add_argument("--github-port", type=int, help="HTTPS port of the GitHub Enterprise Server; as --port")
    parser.add_argument("--control-port", type=int, help="port of the control API; as --port")
    parser.add_argument("--plain-http-port", type=int, help="also answers over plain HTTP on this port (0: any)")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--root", default="", help="a relative URL root, as /gitlab")
    parser.add_argument("--ready-file", type=Path, help="written when all ports answer")
    parser.add_argument("--demo", action="store_true", help="prints the sample tokens and the repository to try")
    options = parser.parse_args()
    if not ipaddress.ip_address(options.host).is_loopback:
        parser.error("--host must be a loopback address")
    if options.root and not options.root.startswith("/"):
        parser.error("--root must begin with /")
    return options


def write_atomically(path, text):
    draft = path.with_name(path.name + ".new")
    draft.write_text(text)
    os.replace(draft, path)


class Ports:
    """The ports of the last start, so that stored connections still work after the next one."""

    def __init__(self, folder):
        self.file = folder / "ports.json"
        try:
            self.known = json.loads(self.file.read_text())
        except (OSError, ValueError):
            self.known = {}

    def open(self, name, wanted, make):
        """make(port) with the wanted port, else with the remembered one, else with any."""
        if wanted is not None:
            return make(wanted)
        try:
            made = make(self.known.get(name, 0))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            made = make(0)
        return made

    def remember(self, **ports):
        write_atomically(self.file, json.dumps(ports))


def describe_github(simulator, base):
    """What the ready file says of the GitHub half."""
    return {
        "url": base,
        "repository": f"{base}/octo/hello.git",
        "tokens": {token.name: token.value for token in simulator.github.world.tokens.values()},
        "appId": str(APP_ID),
        "appKeyFile": str(simulator.github.app.key_file.resolve()),
        "installationId": USER_INSTALLATION,
        "installations": {
            "user": USER_INSTALLATION,
            "organization": ORGANIZATION_INSTALLATION,
            "suspended": SUSPENDED_INSTALLATION,
        },
    }


def print_samples(ready):
    print(f"GitLab simulator on {ready['url']}, controlled on {ready['controlUrl']}\nCA: {ready['caFile']}")
    for title, server in (("GitLab", ready), ("GitHub", ready["github"])):
        print(f"{title}: {server['url']}\nRepository: {server['repository']}")
        for name, value in server["tokens"].items():
            print(f"  {name:18} {value}")
    print(f"GitHub App {ready['github']['appId']}, key {ready['github']['appKeyFile']}", flush=True)


def main():
    options = arguments()
    options.dir.mkdir(parents=True, exist_ok=True)
    authority = Authority(options.dir)
    simulator = Simulator(options.dir, options.root)
    ports, tls = Ports(options.dir), authority.issue()

    def malformed(reason):
        simulator.journal.violate("malformed_request", None, reason)

    server = ports.open("https", options.port, lambda port: Server(simulator.handle, options.host, port, tls))
    github = ports.open("github", options.github_port, lambda port: Server(simulator.github.handle, options.host, port, tls))
    for one in (server, github):
        one.on_bad_request = malformed
    control = ports.open("control", options.control_port, lambda port: Control(simulator, authority, options.host, port))
    ports.remember(https=server.port, github=github.port, control=control.server.port)
    servers = [server, github, control.server]
    if options.plain_http_port is not None:
        servers.append(Server(simulator.handle, options.host, options.plain_http_port))

    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    for one in servers:
        one.start()

    base = f"https://{options.host}:{server.port}{options.root.rstrip('/')}"
    tokens = {token.name: token.value for token in simulator.world.tokens.values()}
    ready = {
        "url": base,
        "caFile": str(authority.ca_file.resolve()),
        "controlUrl": control.url,
        "repository": f"{base}/demo/hello.git",
        "tokens": {name: tokens[name] for name in SHOWN_TOKENS},
        "github": describe_github(simulator, f"https://{options.host}:{github.port}"),
    }
    if options.plain_http_port is not None:
        ready["plainUrl"] = f"http://{options.host}:{servers[-1].port}{options.root.rstrip('/')}"
    if options.demo:
        print_samples(ready)
    if options.ready_file:
        write_atomically(options.ready_file, json.dumps(ready) + "\n")
    over.wait()
    control.stop()
    for one in servers:
        one.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
