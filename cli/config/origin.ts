/** Where a configured value came from: what `config show` prints and an error points at. */
export type Origin =
  | { readonly from: "default" }
  | { readonly from: "file"; readonly file: string; readonly line: number }
  | { readonly from: "environment"; readonly variable: string }
  | { readonly from: "flag"; readonly flag: string };

/** `selvage.yaml:12`, `SELVAGE_IPAM__RANGE`, `--range`, `default`. */
export function formatOrigin(origin: Origin): string {
  switch (origin.from) {
    case "default":
      return "default";
    case "file":
      return `${origin.file}:${origin.line}`;
    case "environment":
      return origin.variable;
    case "flag":
      return origin.flag;
  }
}

/** One value of one layer. A list is one value; so is an empty map. */
export interface Setting {
  /** Keys from the root; list items by index. */
  readonly path: readonly string[];
  readonly value: unknown;
  readonly origin: Origin;
  /** The schema of its plugin says so: `writeOnly`, or the format `password`. */
  readonly secret?: boolean;
}

/** `discovery[0].seeds`, as errors and `config show` write it. */
export function formatPath(path: readonly (string | number)[]): string {
  return path.reduce<string>(
    (text, step) =>
      /^\d+$/.test(String(step)) ? `${text}[${step}]` : text === "" ? String(step) : `${text}.${step}`,
    "",
  );
}
