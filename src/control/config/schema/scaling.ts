/** `[services.NAME.scaling]`. Feature row A14.1. */
import { boolean, duration, integer, number, oneOf, optionalTable, string } from "../define.ts";
import { httpUrl } from "../format.ts";

export const scalingSchema = optionalTable({
  doc: "Starts and stops instances of the service by its load.",
  fields: {
    min_replicas: integer({
      min: 0,
      max: 10_000,
      default: 0,
      doc: "Fewest instances.",
      note: "0 stops the last one when nothing comes; the next request then waits for a start.",
      example: "1",
    }),
    max_replicas: integer({ min: 1, max: 10_000, default: 10, doc: "Most instances.", example: "20" }),
    container_concurrency: integer({
      min: 1,
      max: 1_000_000,
      default: 0,
      zeroMeans: "no limit",
      doc: "Requests that one instance serves at once.",
      note: "0: no limit, and the number of instances does not follow the load.",
      example: "50",
    }),
    target_utilization: number({
      min: 0,
      max: 1,
      excludeMin: true,
      default: 0.7,
      doc: "How full instances should be.",
      example: "0.8",
    }),
    scale_down_delay_secs: duration({
      unit: "s",
      min: 0,
      max: 86_400,
      default: 300,
      doc: "Time after the last request before instances are stopped.",
      example: "60",
    }),
    buffer_enabled: boolean({
      default: false,
      doc: "Whether requests wait for an instance to start. Needs `container_concurrency`.",
      example: "true",
    }),
    buffer_size: integer({
      min: 1,
      max: 1_000_000,
      default: 100,
      doc: "Requests that wait. One more gets 503.",
      example: "500",
    }),
    buffer_timeout_secs: duration({
      unit: "s",
      min: 1,
      max: 3600,
      default: 30,
      doc: "Time that a request waits. Then 504.",
      example: "10",
    }),
    executor: oneOf({
      values: ["box", "k8s"],
      default: "box",
      doc: "Who starts and stops instances: `box` over HTTP, `k8s` by the Scale of a Deployment.",
      example: '"k8s"',
    }),
    executor_endpoint: string({
      format: httpUrl,
      default: "http://127.0.0.1:9090",
      doc: "Where the `box` executor is.",
      example: '"http://10.0.0.2:9090"',
    }),
    executor_timeout_secs: duration({
      unit: "s",
      min: 1,
      max: 3600,
      default: 30,
      doc: "Time for an answer of the executor.",
      example: "10",
    }),
  },
});
