/** What `--help` prints. */
export const USAGE = `Usage:
  expressgateway [FILE]        serve what FILE says (default: config/default.toml of the package)
  expressgateway check [FILE]  read FILE, check it, resolve its names; print what it would serve
  expressgateway explain FILE METHOD URL [-H 'Name: value' ...] [--client IP] [--listener NAME]
                               [--http 1.1|2|3] [--all] [--json]
                               say which listener, route, service and backends would take the request,
                               and why other routes do not
  expressgateway schema        print the JSON Schema of the configuration, for editors
  expressgateway demo          serve config/demo.toml before three small backends of its own
  expressgateway --version
  expressgateway --help

Signals:
  SIGHUP            read FILE again and take it over without losing a request; open logs anew
  SIGUSR1           read the certificates again, open the access log anew
  SIGUSR2           nothing
  SIGTERM, SIGINT   finish what is under way, then end; another one, a second later, ends at once

Environment:
  LB_LOG_FORMAT     json (default), text or plain
  LB_LOG            trace, debug, info (default), warn, error or off

Exit codes:
  0    ended in an orderly way, the check found no error, or a route takes the explained request
  1    the configuration cannot be used, or an address cannot be bound
  2    the command line is wrong
  3    no route takes the explained request
  130  a second SIGINT cut the drain short
  143  a second SIGTERM cut the drain short
`;
