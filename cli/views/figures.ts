/** Numbers as people read them. */

const steps = [[86_400, "d"], [3600, "h"], [60, "m"], [1, "s"]] as const;

/** `3d 4h ago`: the two largest units. */
export function ago(seconds: number): string {
  let rest = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  for (const [size, unit] of steps) {
    if (rest >= size && parts.length < 2) parts.push(`${Math.floor(rest / size)}${unit}`);
    rest %= size;
  }
  return parts.length === 0 ? "just now" : `${parts.join(" ")} ago`;
}

/** A share of 0 to 1. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

export function rtt(millis: number | null): string {
  return millis === null ? "-" : `${millis.toFixed(2)}ms`;
}
