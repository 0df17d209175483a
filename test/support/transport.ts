/**
 * On which transport the gateways of the tests run: `auto`, unless EXPRESSGATEWAY_TEST_TRANSPORT names
 * one. A test that writes `[runtime].transport` itself keeps what it wrote. This is the one place that
 * reads the variable; `scripts/run-tests.ts --transport` sets it.
 */
import type { TransportSetting } from "../../src/fastpath/choose-transport.ts";

export const TRANSPORT_VARIABLE = "EXPRESSGATEWAY_TEST_TRANSPORT";

export const TRANSPORTS: readonly TransportSetting[] = ["auto", "net", "epoll", "io_uring"];

/** What the variable asks for. Throws when it is none of `TRANSPORTS`. */
export function transportUnderTest(): TransportSetting {
  const text = process.env[TRANSPORT_VARIABLE] ?? "auto";
  const found = TRANSPORTS.find((name) => name === text);
  if (found === undefined)
    throw new Error(`${TRANSPORT_VARIABLE} is "${text}"; allowed: ${TRANSPORTS.join(", ")}`);
  return found;
}

/** Keys for the block `[runtime]` of a configuration, to be written before the test's own. */
export function transportKeys(): { readonly transport?: TransportSetting } {
  const transport = transportUnderTest();
  return transport === "auto" ? {} : { transport };
}
