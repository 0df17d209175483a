/** The families about certificates and session tickets, read from `ControlMetrics`. Feature rows A3.6 and A18.8. */
import type { ControlMetrics } from "./control-metrics.ts";
import type { SampledFamily } from "./family.ts";

export const CERTIFICATE_FAMILIES: readonly SampledFamily<ControlMetrics>[] = [
  {
    name: "cert_rotation_succeeded_total",
    kind: "counter",
    help: "Rotations of certificates (SIGUSR1, or a watched file that changed) that were taken over.",
    labels: [],
    sample: (control, add) => add([], control.certRotationsSucceeded),
  },
  {
    name: "cert_rotation_failed_total",
    kind: "counter",
    help: "Rotations that were refused and changed nothing, by the reason (unreadable, permissions, malformed, mismatch of certificate and key, chain out of order; refused: by the data plane).",
    labels: ["reason"],
    sample: (control, add) => {
      for (const [reason, count] of control.certRotationsFailed) add([reason], count);
    },
  },
  {
    name: "cert_loaded_at_seconds",
    kind: "gauge",
    help: "When the certificates of the listener were last taken over, in seconds since 1970.",
    labels: ["listener"],
    sample: ({ certificates, certificatesLoadedMs }, add) => {
      for (const listener of new Set(certificates.map((certificate) => certificate.listener))) {
        if (listener !== "") add([listener], certificatesLoadedMs / 1000);
      }
    },
  },
  {
    name: "cert_not_after_seconds",
    kind: "gauge",
    help: "When a certificate in use expires, or the first of its chain, in seconds since 1970. The listener is empty for those that backends are shown.",
    labels: ["listener", "certificate"],
    sample: ({ certificates }, add) => {
      const told = new Set<string>();
      for (const { listener, path, notAfterMs } of certificates) {
        const series = JSON.stringify([listener, path]);
        if (!told.has(series)) add([listener, path], notAfterMs / 1000);
        told.add(series);
      }
    },
  },
  {
    name: "ticket_key_rotations_total",
    kind: "counter",
    help: "New keys for session tickets that came into use, over all listeners.",
    labels: [],
    sample: (control, add) => add([], control.ticketKeyRotations),
  },
];
