import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault, FAULT_CODES } from "../../base/fault.ts";
import { RequestHead, ResponseHead } from "../../wire/http/message.ts";
import { localReply } from "./local-reply.ts";

function reply(fault: Fault, method = "GET", accept?: string): { head: ResponseHead; body: string } {
  const request = new RequestHead();
  request.method = method;
  if (accept !== undefined) request.fields.addNamed("Accept", accept);
  const head = new ResponseHead();
  head.status = 200;
  head.fields.addNamed("X-Of-The-Backend", "1");
  const body = localReply(fault, request, head, Date.UTC(2026, 0, 2, 3, 4, 5));
  return { head, body: body.toString() };
}

test("every fault that has a status has an answer, and none tells what was seen", () => {
  for (const code of FAULT_CODES) {
    const fault = new Fault(code, "10.0.0.1:80 said something secret");
    if (fault.status === 0) continue;
    const { head, body } = reply(fault);
    assert.equal(head.status, fault.status);
    assert.equal(head.bodyLength, body.length);
    assert.equal(body, `${fault.row.text}\n`);
    const fields = head.fields.toArray();
    assert.ok(!JSON.stringify([fields, body]).match(/secret|10\.0\.0\.1|Backend/));
    assert.deepEqual(fields[0], ["Date", "Fri, 02 Jan 2026 03:04:05 GMT"]);
    assert.equal(
      fields.some(([name, value]) => name === "Retry-After" && value === "1"),
      fault.status === 503,
    );
  }
});

test("clients that ask for JSON get JSON", () => {
  for (const accept of ["application/json", "text/html, Application/JSON;q=0.9"]) {
    const { head, body } = reply(new Fault("no_route"), "GET", accept);
    assert.deepEqual(JSON.parse(body), { error: "No route matched" });
    assert.deepEqual(head.fields.toArray()[1], ["Content-Type", "application/json"]);
  }
  for (const accept of ["*/*", "text/html", ""]) {
    assert.equal(reply(new Fault("no_route"), "GET", accept).body, "No route matched\n");
  }
});

test("the answer to HEAD announces its length and has no body", () => {
  const { head, body } = reply(new Fault("no_route"), "HEAD");
  assert.equal(head.hasBody, false);
  assert.equal(head.declaredLength, true);
  assert.equal(head.bodyLength, body.length);
});
