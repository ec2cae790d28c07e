/**
 * `nnrp cert`: certificates for development, as files.
 *
 * @module
 */
import { type Command, CommandError } from "../command.ts";

/** The command. */
export const certCommand: Command = {
  name: "cert",
  summary: "make certificates for development",
  description:
    "Makes an authority and a server certificate for localhost, 127.0.0.1, ::1 and the names given (ECDSA P-256), writes ca.pem, " +
    "cert.pem and key.pem, and prints how a server, a client and a browser use them. The authority's key is thrown away: whoever " +
    "trusts ca.pem trusts nothing but these certificates. They live at most 14 days, so that browsers take them by their hash.",
  options: [
    { name: "out", short: "o", type: "string", placeholder: "DIR", help: "folder to write to", default: "." },
    {
      name: "host",
      type: "list",
      placeholder: "NAME",
      help: "one more name or address of the server; may be given several times",
    },
    { name: "days", type: "number", placeholder: "N", help: "life in days, at most 14", default: 10 },
    {
      name: "client",
      type: "list",
      placeholder: "NAME",
      help: "also a certificate for this client (NAME.pem, NAME-key.pem); may be given several times",
    },
    { name: "force", type: "boolean", help: "overwrite files that are there" },
    { name: "json", type: "boolean", help: "one JSON object instead of text" },
  ],
  examples: [
    "cert",
    "cert --out certs --host render-7.lan --host 10.0.0.7",
    "cert --out certs --client alice --days 1 --force",
  ],
  demonstrations: [{ line: "cert --out certs", changing: true }],
  async run(input) {
    const { out, host, days, client, force, json } = input.options;
    if (!(Number(days) > 0 && Number(days) <= 14)) {
      throw new CommandError(`--days must be more than 0 and at most 14, not ${days}`, 2);
    }
    const { writeCertificates } = await import("../cert/write_certificates.ts");
    return await writeCertificates({
      out: String(out),
      hosts: host as readonly string[],
      days: Number(days),
      clients: client as readonly string[],
      force: force === true,
      json: json === true,
    }, input);
  },
};
