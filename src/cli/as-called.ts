/** Hints name commands: as the user called this one, so that they can be copied. */
const HINTED =
  /(?<![\w/.-])(?<!npx )shoal (?=(?:service|task|node|cluster|why|events|context|backup|restore|recover|debug|init|join|leave|dev|daemon|help)\b|--)/g;

/** @param environment npm says there what npx runs; in a checkout `shoal` alone is no command. */
export function asCalled(
  text: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const { npm_lifecycle_event: event, npm_lifecycle_script: script = "" } = environment;
  return event === "npx" && /^['"]?shoal\b/.test(script) ? text.replaceAll(HINTED, "npx shoal ") : text;
}
