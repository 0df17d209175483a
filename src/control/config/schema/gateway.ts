/**
 * The schema of the whole file. Everything else about the configuration follows from it: what is read,
 * its types, the documentation, the editor's schema and the reference file.
 */
import { table } from "../define.ts";
import { listenersSchema } from "./listeners.ts";
import { middlewaresSchema } from "./middlewares.ts";
import { adminSchema, dnsSchema, observabilitySchema, poolSchema, securitySchema } from "./operations.ts";
import { passthroughSchema } from "./passthrough.ts";
import { providersSchema } from "./providers.ts";
import { routersSchema } from "./routers.ts";
import { runtimeSchema } from "./runtime.ts";
import { servicesSchema } from "./services.ts";

export const gatewaySchema = table({
  doc: "The configuration of ExpressGateway.",
  renamed: {
    listener: "did you mean [[listeners]]?",
    entrypoints: "did you mean [[listeners]]?",
    router: "did you mean [routers.NAME]?",
    routes: "did you mean [routers.NAME]?",
    service: "did you mean [services.NAME]?",
    upstreams: "did you mean [services.NAME]?",
    middleware: "did you mean [middlewares.NAME]?",
    metrics: "did you mean [observability]?",
  },
  fields: {
    listeners: listenersSchema,
    routers: routersSchema,
    services: servicesSchema,
    middlewares: middlewaresSchema,
    runtime: runtimeSchema,
    observability: observabilitySchema,
    admin: adminSchema,
    security: securitySchema,
    pool: poolSchema,
    dns: dnsSchema,
    passthrough: passthroughSchema,
    providers: providersSchema,
  },
});
