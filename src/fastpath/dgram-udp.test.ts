import { Clock } from "../base/clock.ts";
import { DgramUdp } from "./dgram-udp.ts";
import { testUdp } from "./udp.contract.ts";

testUdp({ name: "node:dgram", make: () => new DgramUdp(new Clock()), native: false });
