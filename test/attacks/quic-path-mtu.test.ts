/**
 * Somebody who is not on the path tells the gateway by ICMP that the path of a QUIC connection takes tiny packets
 * only (CVE-2024-53259). RFC 9000, section 14.2.1: such messages must not make datagrams smaller than QUIC's least.
 *
 * Forging needs a raw socket, and leaves the kernel with a false belief for minutes: a process of its own gets a
 * network of its own.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../support/addresses.ts";
import { forgeTooBig } from "../support/forged-too-big.ts";
import { startH3 } from "../support/h3-gateway.ts";
import type { H3User } from "../support/h3-user.ts";
import { respond } from "../support/scripts.ts";
import { UdpLine } from "../support/udp-line.ts";

const SELF = fileURLToPath(import.meta.url);
/** Tells the process that has the network of its own. */
const INSIDE = "EXPRESSGATEWAY_TEST_PATH_MTU";
const UNSHARE = process.getuid?.() === 0 ? ["--net"] : ["--user", "--map-root-user", "--net"];
const BOUND = { timeout: 120_000 };

/** What a datagram of QUIC has at least where there is something to say (RFC 9000 section 14). */
const LEAST_OCTETS = 1200;
const BODY_OCTETS = 4 * 1024 * 1024;
const DOWNLOADS = 8;

const body = randomBytes(BODY_OCTETS);

/** Octets of datagrams that the gateway sends. */
class Sizes {
  all = 0;
  /** Of those that are not small. */
  large = 0;
  largest = 0;

  add(octets: number): void {
    this.all += octets;
    if (octets >= LEAST_OCTETS) this.large += octets;
    this.largest = Math.max(this.largest, octets);
  }
}

async function download(user: H3User): Promise<void> {
  const answer = await user.over(user.request("/"), 30_000);
  assert.ok(Buffer.from(answer.body, "latin1").equals(body));
}

/** Fragments of IP that this network has made. */
function fragments(): number {
  const v4 = readFileSync("/proc/net/snmp", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("Ip: "))
    .map((line) => line.split(" "));
  const at = v4[0]?.indexOf("FragCreates") ?? -1;
  const v6 = /^Ip6FragCreates\s+(\d+)/m.exec(readFileSync("/proc/net/snmp6", "utf8"));
  return Number(v4[1]?.[at]) + Number(v6?.[1]);
}

/** `believed`: what the kernel makes of it, when it has taken the messages for genuine. */
async function attack(
  t: TestContext,
  host: string,
  mtus: readonly number[],
  believed: number,
): Promise<void> {
  const port = await freePort();
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const backend = { script: respond("200 OK", body) };
  const scene = await startH3(t, { backend, port, listener: { address } });
  const line = await UdpLine.open(t, port, host);
  const user = await scene.users.h3(line.port);
  const [before, during] = [new Sizes(), new Sizes()];
  let sizes = before;
  line.passes = (from, bytes) => {
    if (from === "gateway") sizes.add(bytes.length);
    return true;
  };
  await download(user);
  const piecesBefore = fragments();
  sizes = during;
  const sender = { host, port };
  const stop = await forgeTooBig(t, { sender, receiver: { host, port: line.seenPort }, mtus });
  for (let i = 0; i < DOWNLOADS; i++) await download(user);
  const forged = await stop();
  t.diagnostic(`${forged.sent} messages; the kernel believes in ${forged.pathMtu} octets`);
  assert.equal(forged.pathMtu, believed);
  assert.equal(during.largest, before.largest);
  assert.ok(before.largest >= LEAST_OCTETS);
  assert.ok(during.large > 0.95 * during.all, `${during.large} of ${during.all} octets in large datagrams`);
  const serving = await scene.gateway.waitForLog("it", ({ fields }) => fields["message"] === "serving");
  // node:dgram cannot tell the kernel to leave such datagrams whole: on `net` they are large, and in pieces.
  if (serving.fields["transport"] !== "net") assert.equal(fragments(), piecesBefore);
  assert.equal(user.closed, null);
}

/** Why this cannot be tried here; empty: it can. */
function cannot(): string {
  for (const [command, ...args] of [
    ["unshare", ...UNSHARE, "ip", "link", "set", "lo", "up"],
    ["python3", "-c", ""],
  ] as [string, ...string[]][]) {
    const { status, error, stderr } = spawnSync(command, args, { encoding: "utf8" });
    if (status !== 0) return `${command}: ${error?.message ?? stderr.trim()}`;
  }
  return "";
}

if (process.env[INSIDE] === undefined) {
  it("forged messages of small paths leave datagrams as they are", BOUND, async (t) => {
    const why = cannot();
    if (why !== "") return t.skip(`no network of its own with forged ICMP: ${why}`);
    const { NODE_TEST_CONTEXT: _outer, ...env } = process.env;
    const command = 'ip link set lo up && exec "$0" "$1"';
    const child = spawn("unshare", [...UNSHARE, "sh", "-c", command, process.execPath, SELF], {
      env: { ...env, [INSIDE]: "1" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => child.kill("SIGKILL"));
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    assert.equal(code, 0, output);
    for (const line of output.split("\n")) if (line.includes("messages;")) t.diagnostic(line.trim());
  });
} else {
  describe("forged messages of small paths", BOUND, () => {
    // Not the address of others here, whose datagrams are in pieces once the kernel believes what it is told.
    it("over IPv4", (t) => attack(t, "127.0.0.2", [68, 600], 552));
    it("over IPv6", (t) => attack(t, "::1", [1280, 600, 68], 1280));
  });
}
