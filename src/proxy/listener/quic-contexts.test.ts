import assert from "node:assert/strict";
import { test } from "node:test";
import { QUIC } from "../../../test/support/memory-plan.ts";
import type { QuicServerContext, QuicServerSettings } from "../../fastpath/quic-engine.ts";
import type { QuicPlan } from "../quic-plan.ts";
import { QuicContexts } from "./quic-contexts.ts";

/** Notes what contexts are made of. */
class Noted {
  readonly made: QuicServerSettings[] = [];
  readonly #settings = new Map<QuicServerContext | null, QuicServerSettings>();

  serverContext(settings: QuicServerSettings): QuicServerContext {
    if (settings.identity.keyPem === "bad") throw new Error("this is no key");
    if (settings.alpn.includes("\u0000")) throw new Error("this is no protocol");
    const context: QuicServerContext = { role: "server" };
    this.made.push(settings);
    this.#settings.set(context, settings);
    return context;
  }

  /** Certificate and protocols. */
  of(context: QuicServerContext | null): string {
    const settings = this.#settings.get(context);
    return settings === undefined ? "" : `${settings.identity.certPem} ${settings.alpn.join()}`;
  }
}

function plan(
  identities: readonly (readonly [string, ...string[]])[],
  more: Partial<QuicPlan> = {},
): QuicPlan {
  return {
    ...QUIC,
    identities: identities.map(([certPem, ...names]) => ({ certPem, keyPem: "key", names })),
    ...more,
  };
}

test("an exact name wins over a wildcard, the first certificate over a later one, and is the default", () => {
  const noted = new Noted();
  const contexts = new QuicContexts(
    noted,
    plan([
      ["first", "one.example"],
      ["wild", "*.example"],
      ["exact", "two.example", "one.example"],
      ["late", "*.example"],
    ]),
  );
  for (const [name, certificate] of [
    ["one.example", "first"],
    ["two.example", "exact"],
    ["three.example", "wild"],
    ["a.three.example", "first"],
    ["example", "first"],
    [".example", "first"],
    ["", "first"],
    ["elsewhere.test", "first"],
  ] as const) {
    assert.equal(noted.of(contexts.choose(name, ["h3"])), `${certificate} h3`, name);
  }
  assert.equal(noted.made.length, 4);
});

test("a client that offers none of the protocols gets a context all the same, which refuses it in words of TLS", () => {
  const noted = new Noted();
  const contexts = new QuicContexts(noted, plan([["only"]]));
  assert.equal(noted.of(contexts.choose("", ["http/0.9"])), "only h3");
});

test("a raw proxy speaks what a client offers first", () => {
  const noted = new Noted();
  const contexts = new QuicContexts(
    noted,
    plan(
      [
        ["one", "one.example"],
        ["two", "two.example"],
      ],
      { alpn: [] },
    ),
  );
  assert.equal(noted.of(contexts.choose("", ["doq", "h3"])), "one doq");
  assert.equal(noted.of(contexts.choose("two.example", ["doq"])), "two doq");
  assert.equal(contexts.choose("", ["doq"]), contexts.choose("one.example", ["doq"]));
  assert.equal(contexts.choose("", []), null);
  assert.equal(contexts.choose("", ["\u0000"]), null);
});

test("clients of a raw proxy cannot make it keep any number of contexts", () => {
  const noted = new Noted();
  const contexts = new QuicContexts(noted, plan([["only"]], { alpn: [] }));
  const first = contexts.choose("", ["p0"]);
  for (let i = 1; i < 64; i += 1) contexts.choose("", [`p${i}`]);
  assert.equal(contexts.choose("", ["p0"]), first);
  contexts.choose("", ["p64"]);
  const again = contexts.choose("", ["p0"]);
  assert.notEqual(again, first);
  assert.equal(noted.of(again), "only p0");
});

test("a certificate that the engine refuses is named", () => {
  for (const alpn of [["h3"], []]) {
    const bad = { certPem: "", keyPem: "bad", names: ["a.example", "b.example"] };
    assert.throws(() => new QuicContexts(new Noted(), { ...plan([["good"]]), identities: [bad], alpn }), {
      message: "the certificate for a.example, b.example: this is no key",
    });
  }
});
