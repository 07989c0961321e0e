/** The one door to pino: JSON lines on standard error, or readable ones on a terminal. */
import { pino, type Logger as Pino } from "pino";
import type { LogFields, Logger } from "../util/log.ts";

/** Field names whose values never reach a log line. */
const SECRET_FIELDS = ["token", "key", "keyPem", "secret", "password", "*.token", "*.keyPem", "*.secret"];

export function makeLogger(level: string, fields: LogFields): Logger {
  const root = pino(
    {
      level,
      base: fields,
      redact: SECRET_FIELDS,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ fd: 2, sync: true }),
  );
  return wrap(root);
}

function wrap(logger: Pino): Logger {
  return {
    debug: (message, fields) => logger.debug(plain(fields), message),
    info: (message, fields) => logger.info(plain(fields), message),
    warn: (message, fields) => logger.warn(plain(fields), message),
    error: (message, fields) => logger.error(plain(fields), message),
    child: (fields) => wrap(logger.child(fields)),
  };
}

/** An Error is written with its stack, which pino does for `err` only; a text stays the text it is. */
function plain(fields: LogFields = {}): Record<string, unknown> {
  const { error, ...rest } = fields;
  if (error === undefined) return rest;
  return error instanceof Error ? { ...rest, err: error } : { ...rest, error };
}
