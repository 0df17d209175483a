import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressBook } from "./address-book.ts";

test("numeric addresses and paths are their own answer", () => {
  const book = new AddressBook();
  for (const host of ["127.0.0.1", "::1", "2001:db8::1", "/run/app.sock"]) {
    assert.equal(book.next(host, 7), host);
  }
});

test("the addresses of a name take their turn", () => {
  const book = new AddressBook();
  book.set("app", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((turn) => book.next("app", turn)),
    ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.1", "10.0.0.2"],
  );
});

test("a name that is not known, or has no address, has no answer", () => {
  const book = new AddressBook();
  book.set("empty", []);
  for (const name of ["empty", "unknown", "toString", "__proto__", ""])
    assert.equal(book.next(name, 0), null);
});

test("a plan's answers do not replace newer ones, and names of no plan are forgotten", () => {
  const book = new AddressBook();
  book.adopt({ app: ["10.0.0.1"], old: ["10.0.0.9"] });
  book.set("app", ["10.0.0.2"]);
  book.adopt({ app: ["10.0.0.1"], fresh: ["10.0.0.3"] });
  assert.equal(book.next("app", 0), "10.0.0.2");
  assert.equal(book.next("fresh", 0), "10.0.0.3");
  assert.equal(book.next("old", 0), null);
});
