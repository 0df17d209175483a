/** The part of the TLS contract with peers of other makers: OpenSSL's client, and curl. Where one is not installed, its tests say so. */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { test, type TestContext } from "node:test";
import { certificateFolder, writeIdentity, writePrivate } from "../../test/support/certificates-files.ts";
import {
  asking,
  assertTlsError,
  authority,
  BOUND,
  certificate,
  handshakeOf,
  identity,
  NAME,
  serve,
  type Served,
  ticketKey,
  type TlsTraits,
} from "./tls-peers.contract.ts";
import { TLS_VERSIONS } from "./tls.ts";
import type { Transport } from "./transport.ts";
import { Observed } from "./transport-peers.contract.ts";

/** A tool that takes longer hangs. */
const TOOL_TIMEOUT_MS = 20_000;

type ToolTest = (transport: Transport, context: TestContext) => Promise<void>;

export function testTools(traits: TlsTraits): void {
  testOpenssl(traits);
  testCurl(traits);
}

function withTool(traits: TlsTraits, tool: string): (what: string, body: ToolTest) => void {
  const found = spawnSync(tool, [tool === "openssl" ? "version" : "--version"]).status === 0;
  return (what, body) => {
    const options = { ...BOUND, skip: found ? false : `${tool} is not installed` };
    test(`${traits.name}, TLS, ${tool}: ${what}`, options, async (context) => {
      const transport = traits.make();
      context.after(() => transport.close());
      await body(transport, context);
    });
  };
}

/** Standard output and error of a tool. */
class Said extends Observed {
  text = "";
  closed = false;

  constructor(child: ChildProcessWithoutNullStreams) {
    super();
    child.stdin.on("error", () => {});
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes: Buffer) => {
        this.text += bytes.toString("latin1");
        this.happened();
      });
    }
    child.once("close", () => {
      this.closed = true;
      this.happened();
    });
  }
}

/** What a tool says until it ends. `until`: its standard input ends as soon as it has said this. */
async function run(tool: string, args: readonly string[], input = "", until = /^/): Promise<string> {
  const child = spawn(tool, args, { timeout: TOOL_TIMEOUT_MS });
  const said = new Said(child);
  child.stdin.write(input);
  await said.until(`${tool} to say ${until}`, () => until.test(said.text) || said.closed);
  child.stdin.end();
  await said.until(`${tool} to end`, () => said.closed);
  return said.text;
}

/** What the owners answer: the same whatever was asked. */
function answerAll(transport: Transport, served: Served, text: string): void {
  served.acceptor.onSecured = (own) => {
    own.onDataHook = () => {
      transport.sendFrom(own.connection, Buffer.from(text), 0, text.length);
      transport.end(own.connection);
    };
  };
}

function testOpenssl(traits: TlsTraits): void {
  const it = withTool(traits, "openssl");
  const VERSION_FLAG = { "TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3" } as const;

  for (const version of TLS_VERSIONS) {
    it(`${version}: it verifies us, agrees on ALPN, gets a staple and an answer`, async (transport, context) => {
      const ca = writePrivate(certificateFolder(context), "ca.pem", authority.rootPem);
      const served = await serve(transport, {
        certificates: [certificate(identity, [NAME], authority.ocsp(identity))],
        alpn: ["h2", "http/1.1"],
      });
      answerAll(transport, served, "the answer");
      const trust = ["-CAfile", ca, "-verify_return_error", "-verify_hostname", NAME];
      const wishes = ["-servername", NAME, "-alpn", "http/1.1", "-status", VERSION_FLAG[version]];
      const connect = ["s_client", "-connect", `127.0.0.1:${served.port}`];
      const said = await run("openssl", [...connect, ...trust, ...wishes], "the question\n", /the answer/);
      assert.match(said, /Verification: OK/);
      assert.match(said, /ALPN protocol: http\/1\.1/);
      assert.match(said, /Cert Status: good/);
      assert.match(said, /the answer/);
      assert.equal(served.last().tls?.version, version);
      assert.equal(served.last().text, "the question\n");
    });

    it(`${version}: its session resumes`, async (transport, context) => {
      const folder = certificateFolder(context);
      const served = await serve(transport, { ticketKeys: [ticketKey()] });
      answerAll(transport, served, "the answer");
      const path = `${folder}/session`;
      const connect = ["s_client", "-connect", `127.0.0.1:${served.port}`, VERSION_FLAG[version]];
      await run("openssl", [...connect, "-sess_out", path], "x\n", /the answer/);
      const said = await run("openssl", [...connect, "-sess_in", path], "x\n", /the answer/);
      assert.match(said, /^Reused, /m);
      assert.equal(served.last().tls?.resumed, true);
    });
  }

  it("its renegotiation is refused", async (transport) => {
    const served = await serve(transport);
    const connect = ["s_client", "-connect", `127.0.0.1:${served.port}`, "-tls1_2"];
    const said = await run("openssl", connect, "R\n", /RENEGOTIATING[\s\S]*(?:error|renegotiation)/i);
    assert.match(said, /RENEGOTIATING/);
    assert.match(said, /no renegotiation/i);
    const own = served.last();
    await own.until("the close", () => own.closed !== null);
    assert.equal(own.events.filter((event) => event === "connect").length, 1);
  });

  it("its KeyUpdates are obeyed", async (transport) => {
    const served = await serve(transport);
    served.acceptor.onSecured = (own) => {
      own.onDataHook = () => {
        const text = `heard ${own.receivedBytes}`;
        transport.sendFrom(own.connection, Buffer.from(text), 0, text.length);
      };
    };
    const child = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${served.port}`, "-tls1_3"], {
      timeout: TOOL_TIMEOUT_MS,
    });
    const said = new Said(child);
    const { acceptor } = served;
    await acceptor.until("the connection", () => acceptor.recorders.length === 1);
    const own = served.last();
    await handshakeOf(own);
    child.stdin.write("one\n");
    await own.until("bytes", () => own.text === "one\n");
    child.stdin.write("K\n");
    await said.until("the KeyUpdate", () => said.text.includes("KEYUPDATE"));
    child.stdin.write("two\n");
    await own.until("bytes", () => own.text === "one\ntwo\n");
    await said.until("our answer", () => said.text.includes("heard 8"));
    child.stdin.end();
    await said.until("the end", () => said.closed);
  });
}

function testCurl(traits: TlsTraits): void {
  const it = withTool(traits, "curl");
  const RESPONSE = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

  const fetch = (port: number, args: readonly string[]): Promise<string> => {
    const place = ["--noproxy", "*", "--resolve", `${NAME}:${port}:127.0.0.1`, `https://${NAME}:${port}/`];
    return run("curl", ["--silent", "--show-error", "--http1.1", "--max-time", "15", ...args, ...place]);
  };

  it("it verifies us and gets its answer, in every version", async (transport, context) => {
    const ca = writePrivate(certificateFolder(context), "ca.pem", authority.rootPem);
    const served = await serve(transport, { alpn: ["http/1.1"] });
    answerAll(transport, served, RESPONSE);
    for (const [flag, max, version] of [
      ["--tlsv1.2", "1.2", "TLSv1.2"],
      ["--tlsv1.3", "1.3", "TLSv1.3"],
    ] as const) {
      assert.equal(await fetch(served.port, ["--cacert", ca, flag, "--tls-max", max]), "ok");
      assert.equal(served.last().tls?.version, version);
      assert.match(served.last().text, /^GET \/ HTTP\/1\.1\r\n/);
    }
    assert.match(await fetch(served.port, []), /certificate/);
  });

  it("its certificate is checked", async (transport, context) => {
    const folder = certificateFolder(context);
    const ca = writePrivate(folder, "ca.pem", authority.rootPem);
    const shown = authority.issue({ commonName: "curl", purpose: "client" });
    const { certPath, keyPath } = writeIdentity(folder, "client", shown);
    const served = await serve(transport, asking("require"));
    answerAll(transport, served, RESPONSE);
    const args = ["--cacert", ca, "--cert", certPath, "--key", keyPath];
    assert.equal(await fetch(served.port, args), "ok");
    assert.deepEqual(served.last().tls?.peerCertificate, shown.der);
    assert.match(await fetch(served.port, ["--cacert", ca]), /./);
    const own = served.last();
    await own.until("the close", () => own.closed !== null);
    assertTlsError(own);
  });
}
