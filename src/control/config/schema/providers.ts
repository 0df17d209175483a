/** `[providers]`. Feature rows A15.1 to A15.6. */
import { boolean, duration, integer, oneOf, optionalTable, string, table, tables } from "../define.ts";
import { filePath, hostName, httpUrl, possiblyEmpty } from "../format.ts";

const pollSeconds = { unit: "s", min: 1, max: 86_400 } as const;

const fileProvider = optionalTable({
  doc: "Reloads when the configuration changes on disk.",
  fields: {
    watch: boolean({ default: true, doc: "Whether files are watched.", example: "true" }),
    directory: string({
      format: filePath,
      doc: "Another folder to watch.",
      example: '"/etc/expressgateway/conf.d"',
    }),
  },
});

const dnsProvider = optionalTable({
  doc: "Backends from a name's addresses.",
  fields: {
    hostname: string({ format: hostName, required: true, doc: "The name.", example: '"app.internal"' }),
    port: integer({ min: 1, max: 65_535, default: 80, doc: "Their port.", example: "8080" }),
    refresh_interval_secs: duration({
      ...pollSeconds,
      default: 30,
      doc: "Time between two looks.",
      example: "10",
    }),
    scheme: oneOf({
      values: ["http", "https", "h2c"],
      default: "http",
      doc: "How they are spoken to.",
      example: '"http"',
    }),
  },
});

const discoveryProvider = optionalTable({
  doc: "Services that describe themselves under `/.well-known/`.",
  fields: {
    poll_interval_secs: duration({
      ...pollSeconds,
      default: 30,
      doc: "Time between two looks.",
      example: "10",
    }),
    timeout_secs: duration({ ...pollSeconds, default: 5, doc: "Time for an answer.", example: "2" }),
    seeds: tables({
      doc: "Where to look.",
      maxItems: 4096,
      item: table({
        doc: "One service.",
        fields: {
          url: string({
            format: httpUrl,
            required: true,
            doc: "Its base.",
            example: '"http://10.0.0.5:8080"',
          }),
        },
      }),
    }),
  },
});

const dockerProvider = optionalTable({
  doc: "Backends from the labels of Docker containers.",
  fields: {
    host: string({
      default: "/var/run/docker.sock",
      doc: "The Docker API: a socket or `tcp://host:port`.",
      example: '"/var/run/docker.sock"',
    }),
    label_prefix: string({ default: "a3s", doc: "What the labels begin with.", example: '"expressgateway"' }),
    poll_interval_secs: duration({
      ...pollSeconds,
      default: 10,
      doc: "Time between two looks.",
      example: "5",
    }),
  },
});

const kubernetesProvider = optionalTable({
  doc: "Routes from Kubernetes Ingress objects.",
  fields: {
    namespace: string({
      format: possiblyEmpty,
      default: "",
      defaultText: "all",
      doc: "Namespace to read.",
      example: '"default"',
    }),
    label_selector: string({
      format: possiblyEmpty,
      default: "",
      defaultText: "all",
      doc: "Which objects.",
      example: '"app=web"',
    }),
    watch_interval_secs: duration({
      ...pollSeconds,
      default: 30,
      doc: "Time between two looks.",
      example: "10",
    }),
    ingress_route_crd: boolean({ default: false, doc: "Reads IngressRoute objects too.", example: "true" }),
  },
});

export const providersSchema = table({
  doc: "Where routers, services and backends come from besides this file.",
  fields: {
    file: fileProvider,
    dns: dnsProvider,
    discovery: discoveryProvider,
    docker: dockerProvider,
    kubernetes: kubernetesProvider,
  },
});
