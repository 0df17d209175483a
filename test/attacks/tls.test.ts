/**
 * TLS: handshakes that are begun and not ended, or end in nothing; names that no callback expects
 * (CVE-2026-21637); renegotiation (CVE-2011-1473) and KeyUpdate floods on connections that stand.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { before, describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { promisify } from "node:util";
import { HOST } from "../support/addresses.ts";
import { AttackScene, type Traces } from "../support/attack-scene.ts";
import type { CleanupScope } from "../support/gateway.ts";
import { clientPreface } from "../support/h2-dsl.ts";
import { get, suiteScope } from "../support/suite.ts";
import { CONTENT, message, record, Tls13Client } from "../support/tls13-client.ts";
import { waitFor } from "../support/wait-for.ts";

const HELD = 100;
const KEY_UPDATES = 10_000;

const BROKEN_OFF: Traces = {
  counters: { tls_connection_failures_total: 1 },
  log: ({ fields }) =>
    fields["message"] === "a TLS connection with a client failed" && fields["reason"] !== "",
};

const scope = suiteScope();
let scene: AttackScene;
before(async () => {
  scene = await AttackScene.start(scope, {
    config: { runtime: { handshake_timeout_ms: 1000 } },
    // Clients that are slow are a matter of course: only then a line tells.
    env: { LB_LOG: "debug" },
  });
});

/** A TCP connection to the TLS listener; `ended` when the gateway has closed it. */
async function tcp(attack: CleanupScope): Promise<{ socket: Socket; ended: () => boolean }> {
  const socket = connectTcp({ port: scene.secure, host: HOST, noDelay: true });
  attack.after(() => Promise.resolve(void socket.destroy()));
  let ended = false;
  for (const event of ["end", "error", "close"]) socket.on(event, () => (ended = true));
  socket.resume();
  await once(socket, "connect");
  return { socket, ended: () => ended };
}

async function tls13(
  attack: CleanupScope,
  serverName: Buffer | null,
  alpn: string[] = [],
): Promise<Tls13Client> {
  const client = await Tls13Client.open(scene.secure, { host: HOST, serverName, alpn });
  attack.after(() => Promise.resolve(void client.socket.destroy()));
  return client;
}

/** The bytes of a ClientHello that nothing is wrong with. */
async function helloBytes(): Promise<Buffer> {
  const client = await Tls13Client.connect(scene.secure, HOST);
  client.socket.destroy();
  return client.hello({ serverName: Buffer.from("localhost") });
}

describe("handshakes", { timeout: 60_000 }, () => {
  it("that never begin, or stop half-way, are given up in time", async () => {
    await scene.withstands(
      async (attack) => {
        const hello = await helloBytes();
        const held = await Promise.all(Array.from({ length: HELD }, () => tcp(attack)));
        held.forEach(({ socket }, index) => {
          const bytes = [0, 1, 5, 6, hello.length - 1][index % 5] ?? 0;
          socket.write(hello.subarray(0, bytes));
        });
        await waitFor("all of them to be closed", () => held.every(({ ended }) => ended()), {
          timeoutMs: 10_000,
        });
      },
      {
        counters: { tls_handshake_timeouts_total: HELD },
        log: ({ fields }) => fields["reason"] === "it took longer than handshake_timeout_ms",
      },
    );
  });

  it("that come octet by octet are given up in the same time", async () => {
    await scene.withstands(
      async (attack) => {
        const hello = await helloBytes();
        const { socket, ended } = await tcp(attack);
        let sent = 0;
        await waitFor(
          "the connection to be closed",
          () => {
            if (!ended() && sent < hello.length - 1) socket.write(hello.subarray(sent, ++sent));
            return ended();
          },
          { everyMs: 20, timeoutMs: 10_000 },
        );
        assert.ok(sent < hello.length - 1, "the whole hello was sent");
      },
      { counters: { tls_handshake_timeouts_total: 1 } },
    );
  });

  it("that stop when the server has answered are given up in the same time", async () => {
    await scene.withstands(
      async (attack) => {
        const client = await Tls13Client.connect(scene.secure, HOST);
        attack.after(() => Promise.resolve(void client.socket.destroy()));
        client.socket.write(client.hello({ serverName: Buffer.from("localhost") }));
        await client.readRecord();
        await waitFor("the connection to be closed", () => client.ended, { timeoutMs: 10_000 });
      },
      { counters: { tls_handshake_timeouts_total: 1 } },
    );
  });

  it("that are none are refused, each with its reason", async () => {
    const garbage: Record<string, Buffer> = {
      "plaintext HTTP/1.1": Buffer.from(get("/")),
      "plaintext HTTP/2": clientPreface(),
      zeros: Buffer.alloc(20_000),
      noise: Buffer.concat([record(CONTENT.handshake, randomBytes(500))]),
      "application data": record(CONTENT.applicationData, Buffer.from("hello")),
      "a fatal alert": record(CONTENT.alert, Buffer.from([2, 40])),
      "a hello of zeros": record(CONTENT.handshake, message(1, Buffer.alloc(200))),
      "a hello of 16 MiB": record(CONTENT.handshake, Buffer.from("01ffffff0303", "hex")),
      "records of a hello without an end": Buffer.concat([
        record(CONTENT.handshake, Buffer.from("0100ffff0303", "hex")),
        ...Array.from({ length: 100 }, () => record(CONTENT.handshake, Buffer.alloc(16_000))),
      ]),
      "empty records": Buffer.concat(
        Array.from({ length: 1000 }, () => record(CONTENT.handshake, Buffer.alloc(0))),
      ),
      "warnings without an end": Buffer.concat(
        Array.from({ length: 1000 }, () => record(CONTENT.alert, Buffer.from([1, 112]))),
      ),
    };
    await scene.withstands(
      async (attack) => {
        for (const [what, bytes] of Object.entries(garbage)) {
          const { socket, ended } = await tcp(attack);
          socket.write(bytes);
          await waitFor(`the close after ${what}`, ended, { timeoutMs: 5000 });
        }
      },
      {
        counters: { tls_handshake_failures_total: Object.keys(garbage).length - 1 },
        log: ({ fields }) => fields["message"] === "a TLS handshake with a client failed",
      },
    );
  });

  it("of 300 clients that leave in the middle leave nothing behind", async () => {
    await scene.withstands(async (attack) => {
      const hello = await helloBytes();
      for (let i = 0; i < 6; i++) {
        const some = await Promise.all(Array.from({ length: 50 }, () => tcp(attack)));
        for (const { socket } of some) {
          socket.write(hello);
          socket.resetAndDestroy();
        }
      }
    });
  });
});

describe("names", { timeout: 60_000 }, () => {
  const NAMES: Readonly<Record<string, Buffer>> = {
    empty: Buffer.alloc(0),
    "of 255 octets": Buffer.alloc(255, "a"),
    "of 256 octets": Buffer.alloc(256, "a"),
    "of 10,000 octets": Buffer.alloc(10_000, "a"),
    "with NUL": Buffer.from("localhost\0.evil.example"),
    "of NUL": Buffer.alloc(4),
    __proto__: Buffer.from("__proto__"),
    constructor: Buffer.from("constructor"),
    toString: Buffer.from("toString"),
    hasOwnProperty: Buffer.from("hasOwnProperty"),
    "with a dot behind": Buffer.from("localhost."),
    "of dots": Buffer.from("...."),
    "of a dot": Buffer.from("."),
    "with a wildcard": Buffer.from("*.example"),
    "with a line end": Buffer.from("a\r\nx-injected: 1"),
    "that look like JSON": Buffer.from('","level":"fatal"}\n{"'),
    "that are IPv4 addresses": Buffer.from("127.0.0.1"),
    "that are IPv6 addresses": Buffer.from("[::1]"),
    "in UTF-8": Buffer.from("bücher.example"),
    "that are no UTF-8": Buffer.from([0xff, 0xfe, 0x80, 0xc0]),
    "that are paths": Buffer.from("../../etc/passwd"),
    "with percent signs": Buffer.from("%s%n%d%x"),
  };

  it("of any kind are served the default certificate, or refused", async () => {
    await scene.withstands(async (attack) => {
      for (const [what, name] of Object.entries(NAMES)) {
        for (const alpn of [["h2"], ["http/1.1"], []]) {
          const client = await tls13(attack, name, alpn).catch(() => undefined);
          // Who was refused has got its alert; who was not can ask, and the host has to agree.
          if (client === undefined || alpn[0] === "h2") continue;
          client.socket.write(client.text(get("/")));
          const { type, content } = await afterTickets(client);
          assert.equal(type, CONTENT.applicationData, what);
          assert.match(content.toString("latin1"), /^HTTP\/1\.1 (200|421) /, what);
        }
      }
    });
    for (const { text } of scene.gateway.log.lines) assert.doesNotMatch(text, /^x-injected|^\{"$/);
  });

  it("that do not agree with the authority are told so", async () => {
    await scene.withstands(async (attack) => {
      const client = await tls13(attack, Buffer.from("app.example"), ["http/1.1"]);
      client.socket.write(client.text("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
      const { content } = await afterTickets(client);
      assert.match(content.toString("latin1"), /^HTTP\/1\.1 (200|421) /);
    });
  });

  it("in protocols that nobody speaks are refused with an alert", async () => {
    await scene.withstands(
      async (attack) => {
        for (const protocol of ["h3", "__proto__", "\0", "a".repeat(255), "H2"])
          await assert.rejects(tls13(attack, Buffer.from("localhost"), [protocol]), protocol);
      },
      { counters: { tls_handshake_failures_total: 5 } },
    );
  });
});

/** The next record that is not one of those that a server sends by itself. */
async function afterTickets(client: Tls13Client): Promise<{ type: number; content: Buffer }> {
  for (;;) {
    const next = await client.readRecord();
    if (next.type !== CONTENT.handshake) return next;
  }
}

describe("connections that stand", { timeout: 60_000 }, () => {
  it("are ended by KeyUpdates without end, read or not", async () => {
    for (const reads of [true, false]) {
      for (const alpn of ["h2", "http/1.1"]) {
        await scene.withstands(async (attack) => {
          const client = await tls13(attack, Buffer.from("localhost"), [alpn]);
          if (!reads) client.socket.pause();
          client.socket.write(
            Buffer.concat(Array.from({ length: KEY_UPDATES }, () => client.keyUpdate(true))),
          );
          client.socket.resume();
          await waitFor("the connection to be ended", () => client.ended, { timeoutMs: 10_000 });
        }, BROKEN_OFF);
      }
    }
  });

  it("are ended by records without content, and by those that are broken", async () => {
    const BROKEN: Record<string, (client: Tls13Client) => Buffer> = {
      "no content": (client) =>
        Buffer.concat(
          Array.from({ length: 10_000 }, () => client.seal(CONTENT.applicationData, Buffer.alloc(0))),
        ),
      "a record in the clear": () => record(CONTENT.applicationData, Buffer.from(get("/smuggled"))),
      "a forged record": () => record(CONTENT.applicationData, randomBytes(200)),
      "a second ClientHello": (client) => client.seal(CONTENT.handshake, client.hello().subarray(5)),
      "a handshake message of 16 MiB": (client) =>
        client.seal(CONTENT.handshake, Buffer.from("18ffffff00", "hex")),
      "a fatal alert": (client) => client.seal(CONTENT.alert, Buffer.from([2, 80])),
    };
    await scene.withstands(
      async (attack) => {
        for (const [what, make] of Object.entries(BROKEN)) {
          for (const alpn of ["h2", "http/1.1"]) {
            const client = await tls13(attack, Buffer.from("localhost"), [alpn]);
            client.socket.write(make(client));
            await waitFor(`the end after ${what}`, () => client.ended, { timeoutMs: 10_000 });
          }
        }
      },
      { ...BROKEN_OFF, counters: { tls_connection_failures_total: 2 * Object.keys(BROKEN).length } },
    );
    assert.ok(!scene.backend.requests.some(({ target }) => target === "/smuggled"));
  });

  it("are not renegotiated, as node:tls finds", async () => {
    await scene.withstands(async (attack) => {
      for (const alpn of ["h2", "http/1.1"]) {
        const socket = connectTls({
          port: scene.secure,
          host: HOST,
          servername: "localhost",
          rejectUnauthorized: false,
          maxVersion: "TLSv1.2",
          ALPNProtocols: [alpn],
        });
        attack.after(() => Promise.resolve(void socket.destroy()));
        let ended = false;
        let renegotiated = false;
        socket.on("error", () => (ended = true));
        socket.on("close", () => (ended = true));
        await once(socket, "secureConnect");
        socket.resume();
        socket.renegotiate({}, (error) => (renegotiated = error === null));
        await waitFor("the connection to be ended", () => ended, { timeoutMs: 10_000 });
        assert.equal(renegotiated, false);
      }
    }, BROKEN_OFF);
  });

  it("are not renegotiated, as OpenSSL's s_client finds", async (t) => {
    const version = await promisify(execFile)("openssl", ["version"]).catch(() => undefined);
    if (version === undefined) return t.skip("openssl is not installed");
    await scene.withstands(async (attack) => {
      const client = spawn(
        "openssl",
        ["s_client", "-connect", `${HOST}:${scene.secure}`, "-tls1_2", "-servername", "localhost"],
        { stdio: ["pipe", "pipe", "pipe"] },
      );
      const exited = once(client, "exit");
      attack.after(async () => {
        client.kill("SIGKILL");
        await exited;
      });
      let output = "";
      for (const stream of [client.stdout, client.stderr])
        stream.setEncoding("latin1").on("data", (text: string) => (output += text));
      client.stdin.on("error", () => {});
      await waitFor("the handshake", () => /Verify return code/.test(output), { timeoutMs: 10_000 });
      client.stdin.write("R\n");
      await waitFor("it to be refused", () => client.exitCode !== null, {
        timeoutMs: 10_000,
        context: () => output.slice(-1000),
      });
      assert.match(output, /RENEGOTIATING/);
      assert.match(output, /no renegotiation|error|closed/i);
    }, BROKEN_OFF);
  });
});
